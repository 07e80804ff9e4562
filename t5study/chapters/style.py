"""The look that all figures of the book share, and the small pieces they are drawn with.

Seaborn sets the theme and draws what it has a plot for. A figure is the same picture on every
machine, whatever a user's `matplotlibrc` says, and no backend is asked. It shows itself as SVG.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

PAGE = 6.4
"""Width of a figure that fills the page's column, in inches of 96 pixels."""
SMALLEST, SMALL, NORMAL = 6.5, 7.5, 8.5
"""Sizes of type, in points of 4/3 pixels: the least that can be read, of remarks, of labels."""

P = ParamSpec("P")
T = TypeVar("T")

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
GREY, PALE, INK = "#767676", "#eceff1", "#333333"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, GREY)
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
LINES: tuple[Any, ...] = ("", (4, 1.5), (5, 1.5, 1, 1.5), (1, 1.2), (6, 1), (1, 2.5))
"""The same dashes as seaborn is told them."""
# No dots: a picture would hold each as a curve of its own, hundreds of them.
HATCHES = ("", "////", "\\\\\\\\", "xxx", "---", "|||")

_SETTINGS = {
    # Seaborn would take whichever of its fonts the machine has.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": NORMAL,
    "axes.titlesize": NORMAL + 0.5,
    "axes.labelsize": NORMAL,
    "xtick.labelsize": SMALL + 0.5,
    "ytick.labelsize": SMALL + 0.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "axes.edgecolor": "#bdbdbd",
    "axes.labelcolor": INK,
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
    # Seaborn is imported where something is drawn: most of what imports this module draws nothing.
    import seaborn as sns

    with mpl.rc_context():
        mpl.rcdefaults()
        sns.set_theme(
            context="paper", style="whitegrid", palette=COLOURS, color_codes=False, rc=_SETTINGS
        )
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
                dpi=200,
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
    square: bool = False,
    **options: Any,
) -> ScalarMappable:
    """Draw a table of numbers as coloured cells, the first row on top, with a note in each.

    `notes` are texts by cell, `size` their type; `options` are those of `seaborn.heatmap`, such as
    `vmin`. Returns what a colour bar is drawn from.
    """
    import seaborn as sns

    cells = np.ma.getdata(np.asarray(values, dtype=float))
    settings = {"cmap": "Blues", "linewidths": 0.5, "linecolor": "white", **options}
    sns.heatmap(
        cells, ax=axes, annot=notes, fmt="", annot_kws={"fontsize": size}, cbar=False,
        square=square, xticklabels=False, yticklabels=False,
        # One picture of all cells: a path for each makes a figure of tokens ten times as large.
        rasterized=True, **settings,
    )  # fmt: skip
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, rotation=0)
    return axes.collections[-1]


def token_grid(
    axes: Axes, weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], **options: Any
) -> ScalarMappable:
    """Draw weights between tokens: a row is who looks, a column what is looked at.

    `square` keeps the cells square, which they are unless it is False.
    """
    panel = axes.figure.get_figwidth() / axes.get_gridspec().ncols
    size = label_size(max(len(rows), len(columns)), panel)
    options = {"square": True, **options}
    mesh = heat_map(axes, weights, words(rows), words(columns), **options)
    axes.tick_params(axis="x", rotation=90, labelsize=size, pad=2)
    axes.tick_params(axis="y", labelsize=size, pad=2)
    return mesh


def bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], colours: Any, form: str
) -> None:
    """Draw horizontal bars, the first on top, each with its value behind it in a format."""
    import seaborn as sns

    # By place and not by name, since a name may come twice.
    places = [str(place) for place in range(len(names))]
    palette = [colours] * len(places) if isinstance(colours, str) else list(colours)
    sns.barplot(
        x=list(values), y=places, hue=places, palette=palette, saturation=1, legend=False, ax=axes
    )
    for bar, value in zip(axes.containers, values, strict=True):
        axes.bar_label(bar, [form.format(value)], padding=3, fontsize=SMALL)
    axes.set_yticks(range(len(names)), words(names))
    axes.margins(x=0.14)
    axes.grid(axis="y", visible=False)


def lines(axes: Axes, table: pd.DataFrame, x: str, y: str, by: str, **options: Any) -> None:
    """Draw one line for each value of the column `by`, told apart by colour, mark and dashes.

    `options` are those of `seaborn.lineplot`. The legend is left to who draws.
    """
    import seaborn as sns

    count = table[by].nunique()
    turns = [number % len(COLOURS) for number in range(count)]
    settings = {
        "palette": [COLOURS[turn] for turn in turns],
        "markers": [MARKS[turn] for turn in turns],
        "dashes": [LINES[turn] for turn in turns],
        **options,
    }
    sns.lineplot(
        table, x=x, y=y, hue=by, style=by, estimator=None, errorbar=None, ax=axes, **settings
    )
    axes.set(xlabel="", ylabel="")


def intervals(
    axes: Axes,
    table: pd.DataFrame,
    name: str,
    *,
    by: str | None = None,
    upright: bool = False,
    **options: Any,
) -> None:
    """Draw a mark at each `mean`, with a bar from `low` to `high`, one row a value of `name`.

    Rows that share a name stand side by side, told apart by the column `by`. `upright` stands the
    bars up, one a column. `options` are those of `seaborn.pointplot`, such as `order`.
    """
    import seaborn as sns

    keys = [name] if by is None else [name, by]
    # Three values a row, of which the mean is the median and the ends are least and greatest.
    ends = table.melt(id_vars=keys, value_vars=["low", "mean", "high"], value_name="value")
    x, y = (name, "value") if upright else ("value", name)
    told_apart: dict[str, Any] = {"color": BLUE, "markers": MARKS[0]}
    if by is not None:
        count = table[by].nunique()
        told_apart = {"palette": list(COLOURS[:count]), "markers": list(MARKS[:count]), "hue": by}
        told_apart["dodge"] = 0.3
    sns.pointplot(
        ends, x=x, y=y, estimator="median", linestyle="none", markersize=5, ax=axes,
        errorbar=lambda values: (values.min(), values.max()),
        err_kws={"linewidth": 2.4, "alpha": 0.5}, **told_apart, **options,
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")
    axes.grid(visible=True)
    axes.grid(axis="x" if upright else "y", visible=False)


def plain_numbers(axes: Axes) -> None:
    """Make the upright axis logarithmic, with 1, 2 and 5 of each power of ten in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
