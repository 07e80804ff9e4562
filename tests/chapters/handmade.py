"""Records and drawings that the tests of several chapters share."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

from t5study.chapters.style import PAGE, Picture

TOKENS = ["[CLS]", "▁The", "▁film", "▁cost", "▁$", "[SEP]"]


def record(arrays: dict[str, np.ndarray] | None = None, **values: Any) -> SimpleNamespace:
    """What `Study.observe` returns, as far as a figure asks."""
    return SimpleNamespace(values=values, arrays=arrays or {})


def rows_of_softmax(*shape: int) -> np.ndarray:
    scores = np.random.default_rng(0).random(shape)
    return scores / scores.sum(-1, keepdims=True)


def labels(axis) -> list[str]:
    return [tick.get_text() for tick in axis.get_ticklabels()]


def drawn(figure: Picture) -> list[Axes]:
    """Draw it, and return its axes.

    A label that Matplotlib cannot set (a lone dollar sign) fails here, and so does a figure wider
    than the page or with type that is too small to read there.
    """
    width = re.search(r'<svg[^>]* width="([\d.]+)pt"', figure.svg())
    assert float(width[1]) <= 72 * PAGE + 4
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
    assert min(sizes) * 96 / 72 >= 7
    return figure.axes


def cells(axes: Axes) -> np.ndarray:
    """The values of a heat map."""
    return np.asarray(axes.collections[-1].get_array())
