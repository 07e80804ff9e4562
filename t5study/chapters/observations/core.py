"""What an observation is, and the table of those that exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Observation:
    """What was seen: `values` holds what JSON can, `arrays` the small tensors a figure needs."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


OBSERVATIONS: dict[str, Callable[..., Observation]] = {}
"""Every observation by its name, `chapter.subject`; called `(model, tokenizer, **inputs)`."""


def observes(name: str) -> Callable[[Callable[..., Observation]], Callable]:
    """Enter a function into `OBSERVATIONS` under `name`."""

    def enter(function: Callable[..., Observation]) -> Callable[..., Observation]:
        function.name = name
        OBSERVATIONS[name] = function
        return function

    return enter
