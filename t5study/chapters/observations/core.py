"""What an observation is, and the table of those that exist."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from t5study.chapters.observations.probing import looking_at


@dataclass(frozen=True)
class Observation:
    """What was seen: `values` holds what JSON can, `arrays` the small tensors a figure needs."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


OBSERVATIONS: dict[str, Callable[..., Observation]] = {}
"""Every observation by its name, `chapter.subject`; called `(model, tokenizer, **inputs)`."""


def observes(name: str) -> Callable[[Callable[..., Observation]], Callable]:
    """Enter a function into `OBSERVATIONS` under `name`; it runs while its model is looked at."""

    def enter(function: Callable[..., Observation]) -> Callable[..., Observation]:
        @functools.wraps(function)
        def observation(model, *arguments: Any, **inputs: Any) -> Observation:
            with looking_at(model):
                return function(model, *arguments, **inputs)

        OBSERVATIONS[name] = observation
        return observation

    return enter
