"""The look that all figures of the book share, and the small pieces they are drawn with.

A figure is the same picture on every machine: the settings are Matplotlib's defaults and those
below, whatever a user's `matplotlibrc` says, and no backend is asked. It shows itself as SVG.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

PAGE = 6.4
"""Width of a figure that fills the page's column, in inches of 96 pixels."""
SMALLEST, SMALL, NORMAL = 5.5, 7.5, 8.5
"""Sizes of type, in points of 4/3 pixels: the least that can be read, of remarks, of labels."""

P = ParamSpec("P")
T = TypeVar("T")

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
GREY, PALE, INK = "#767676", "#eceff1", "#333333"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, GREY)
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
# No dots: a picture would hold each as a curve of its own, hundreds of them.
HATCHES = ("", "////", "\\\\\\\\", "xxx", "---", "|||")

_SETTINGS = {
    "font.size": NORMAL,
    "axes.titlesize": NORMAL + 0.5,
    "axes.labelsize": NORMAL,
    "xtick.labelsize": SMALL + 0.5,
    "ytick.labelsize": SMALL + 0.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "axes.edgecolor": "#bdbdbd",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e0e0e0",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "t5study",
}


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


class Picture(Figure):
    """A figure that a notebook shows as SVG, with every front end and every backend alike."""

    def svg(self) -> str:
        """Return the figure as SVG, the same text every time."""
        text = io.StringIO()
        with _style():
            # Tight: the layout leaves the labels of squares too little room.
            self.savefig(
                text,
                format="svg",
                metadata={"Date": None, "Creator": None},
                bbox_inches="tight",
                pad_inches=0.04,
            )
        return text.getvalue()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"image/svg+xml": self.svg(), "text/plain": "A figure."}, raw=True)


def drawn(function: Callable[P, T]) -> Callable[P, T]:
    """Make a function draw in the book's style, and leave Matplotlib's settings as they were."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> T:
        with _style():
            return function(*args, **kwargs)

    return inside


def panels(rows: int, columns: int, width: float, height: float, **options: Any):
    """Return a figure of a size in inches and its axes as a flat array.

    `options` are those of `Figure.subplots`, such as `sharey`, or ratios of a grid.
    """
    figure = Picture(figsize=(min(width, PAGE), height))
    ratios = {name: options.pop(name) for name in ("height_ratios",) if name in options}
    axes = figure.subplots(rows, columns, squeeze=False, **options, **ratios)
    return figure, axes.ravel()


def word(token: str) -> str:
    """Return a token without the mark of the space before it."""
    return token.replace("▁", "") or "▁"


def words(tokens: Sequence[str]) -> list[str]:
    """Return tokens as labels of a figure, where a dollar sign would open mathematics."""
    return [word(token).replace("$", r"\$") for token in tokens]


def label_size(tokens: int, panel: float) -> float:
    """Return the size of labels, in points, that fit beside the cells of a panel, in inches."""
    return float(np.clip(58 * panel / (tokens + 4), SMALLEST, SMALL + 0.5))


def heat_map(
    axes: Axes,
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    notes: np.ndarray | None = None,
    size: float = SMALL,
    **options: Any,
) -> AxesImage:
    """Draw a table of numbers as coloured cells, the first row on top, with a note in each.

    `notes` are texts by cell, `size` their type; `options` are those of `imshow`.
    """
    down, across = values.shape
    cells = np.ma.masked_invalid(np.asarray(values, dtype=float))
    settings = {"cmap": "Blues", "aspect": "auto", **options}
    mesh = axes.imshow(cells, interpolation="none", extent=(0, across, down, 0), **settings)
    axes.grid(visible=False)
    axes.vlines(range(1, across), 0, down, color="white", lw=0.5)
    axes.hlines(range(1, down), 0, across, color="white", lw=0.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    if notes is not None:
        _annotate(axes, mesh, values, notes, size)
    return mesh


def _annotate(
    axes: Axes, mesh: AxesImage, values: np.ndarray, notes: np.ndarray, size: float
) -> None:
    for (row, column), note in np.ndenumerate(notes):
        value = values[row, column]
        if not note or np.isnan(value):
            continue
        red, green, blue, _ = mesh.cmap(mesh.norm(value))
        light = 0.3 * red + 0.59 * green + 0.11 * blue > 0.5
        axes.text(
            column + 0.5, row + 0.5, note,
            ha="center", va="center", fontsize=size, color=INK if light else "white",
        )  # fmt: skip


def token_grid(
    axes: Axes, weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], **options: Any
) -> AxesImage:
    """Draw weights between tokens: a row is who looks, a column what is looked at.

    `square` keeps the cells square, which they are unless it is False.
    """
    panel = axes.figure.get_figwidth() / axes.get_gridspec().ncols
    size = label_size(max(len(rows), len(columns)), panel)
    options["aspect"] = "equal" if options.pop("square", True) else "auto"
    mesh = heat_map(axes, weights, words(rows), words(columns), **options)
    axes.tick_params(axis="x", rotation=90, labelsize=size, pad=2)
    axes.tick_params(axis="y", labelsize=size, pad=2)
    return mesh


def bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], colours: Any, form: str
) -> None:
    """Draw horizontal bars, the first on top, each with its value behind it in a format."""
    drawn_bars = axes.barh(range(len(names)), values, color=colours)
    texts = [form.format(value) for value in values]
    axes.bar_label(drawn_bars, texts, padding=3, fontsize=SMALL)
    axes.set_yticks(range(len(names)), words(names))
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(axis="y", visible=False)


def plain_numbers(axes: Axes) -> None:
    """Make the upright axis logarithmic, with 1, 2 and 5 of each power of ten in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
