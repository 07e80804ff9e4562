"""Chapter 11's table and figure: what a model loses and saves when it is made smaller."""

from __future__ import annotations

import numpy as np
import pandas as pd

from t5study.chapters.style import COLOURS, INK, MARKS, PAGE, Picture, drawn, panels
from t5study.judging.ranking import Difference
from t5study.runs.record import Run

WHOLE = "MiniLM, fp32"

CLAIMS = ("distillation", "performance-for-size")
"""What the report says of smaller models, by the names of claims."""


def size_table(run: Run) -> pd.DataFrame:
    """Return a row a model: scores, size, milliseconds a text, and how many times as fast.

    `alone` is a text by itself, `in batches` one of 32; both on one core. `against whole` is the
    share of test rows that the model has right and the whole one wrong, less the reverse, with its
    95 % interval over rows (McNemar's normal approximation).
    """
    figures = pd.DataFrame(run.values["models"]).set_index("model")
    gaps = {name: difference(run, name, WHOLE) for name in figures.index}
    megabytes = figures["bytes"] / 1e6
    return pd.DataFrame(
        {
            "weights": figures["weights"],
            "megabytes": megabytes,
            "accuracy": figures["accuracy"],
            "macro F1": figures["macro_f1"],
            "against whole": {name: gap.mean for name, gap in gaps.items()},
            "low": {name: gap.low for name, gap in gaps.items()},
            "high": {name: gap.high for name, gap in gaps.items()},
            "ms alone": figures["alone"],
            "ms in batches": figures["together"],
            "times as fast": figures.loc[WHOLE, "alone"] / figures["alone"],
        }
    )


@drawn
def plot_sizes(table: pd.DataFrame) -> Picture:
    """Draw accuracy against milliseconds a text, alone, with each model's name at its mark."""
    figure, (place,) = panels(1, 1, PAGE, 3.4)
    for number, (name, row) in enumerate(table.iterrows()):
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
        place.plot(row["ms alone"], row["accuracy"], mark, color=colour, markersize=7, label=name)
    place.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    least, most = table["ms alone"].min(), table["ms alone"].max()
    shown = [tick for tick in ticks if least / 1.5 <= tick <= most * 1.5]
    place.set_xticks(shown, [f"{tick:g}" for tick in shown])
    place.set_xticks([], minor=True)
    place.set(xlabel="milliseconds for one message, on one core", ylabel="test accuracy")
    place.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=INK)
    return figure


def difference(run: Run, one: str, other: str) -> Difference:
    """Return the accuracy of one model less that of another, paired by row (normal, 95 %)."""
    right = [
        (run.predictions[name] == run.predictions["label"]).to_numpy(float) for name in (one, other)
    ]
    gap = right[0] - right[1]
    half = 1.96 * gap.std(ddof=1) / len(gap) ** 0.5
    return Difference(gap.mean(), gap.mean() - half, gap.mean() + half)


def agreement(run: Run, one: str, other: str) -> float:
    """Return on which share of the test rows two models answer alike."""
    return float(np.mean(run.predictions[one] == run.predictions[other]))
