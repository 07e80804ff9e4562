"""Records and drawings that the tests of several chapters share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

TOKENS = ["[CLS]", "▁The", "▁film", "▁cost", "▁$", "[SEP]"]


def record(arrays: dict[str, np.ndarray] | None = None, **values: Any) -> SimpleNamespace:
    """What `Study.observe` returns, as far as a figure asks."""
    return SimpleNamespace(values=values, arrays=arrays or {})


def rows_of_softmax(*shape: int) -> np.ndarray:
    scores = np.random.default_rng(0).random(shape)
    return scores / scores.sum(-1, keepdims=True)


def labels(axis) -> list[str]:
    return [tick.get_text() for tick in axis.get_ticklabels()]


def drawn(figure):
    """Draw it: a label that Matplotlib cannot set (a lone dollar sign) fails here."""
    assert figure.svg().startswith("<?xml")
    return figure.axes
