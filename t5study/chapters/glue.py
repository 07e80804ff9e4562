"""Chapter 4's figures: the leaderboard, how much of a score is luck, and scores task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from t5study.chapters.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    MARKS,
    ORANGE,
    PAGE,
    SMALL,
    Picture,
    drawn,
    panels,
    plain_numbers,
)
from t5study.chapters.tables import name_of
from t5study.data.tasks import Task
from t5study.judging import ranking, scores
from t5study.runs.record import Run

Groups = Mapping[str, Mapping[str, Sequence[Run]]]
"""Runs by role and model, one a seed."""

CLAIMS = (
    *("glue-t5-sixth", "glue-deberta-second", "glue-bert-family-top-five"),
    "glue-bert-32nd",
)
"""What the report says of the leaderboard, by the names of claims."""


FAMILIES = {
    "t5": ("T5", ORANGE, "s"),
    "bert": ("descended from BERT", BLUE, "o"),
    "other": ("other", GREY, "^"),
}
"""Families of the leaderboard's systems: name, colour and mark."""


@drawn
def plot_leaderboard(table: pd.DataFrame, people: float) -> Picture:
    """Draw the leaderboard's three columns as dots, one row a system, with the score of people.

    `table` is `Published.leaderboard()`, `people` the published GLUE score of human readers.
    """
    figure, axes = panels(1, 3, PAGE, 3.9, sharey=True)
    places = np.arange(len(table))
    titles = {"score": "GLUE score", "cola": "CoLA (Matthews × 100)", "sst2": "SST-2 (accuracy, %)"}
    for place, (column, title) in zip(axes, titles.items(), strict=True):
        place.hlines(places, table[column].min() - 0.5, table[column], color="#d0d0d0", lw=1)
        for key, (_, colour, mark) in FAMILIES.items():
            of = (table["family"] == key).to_numpy()
            place.plot(table[column][of], places[of], mark, color=colour, ms=5.5)
        place.set_title(title)
        place.grid(axis="y", visible=False)
    axes[0].axvline(people, color=INK, ls=":", lw=1)
    axes[0].annotate(
        "people", (people, -0.2), xytext=(3, 0), fontsize=SMALL, textcoords="offset points"
    )
    names = [f"{row.rank}  {row.model.split(' (')[0]}" for row in table.itertuples()]
    axes[0].set_yticks(places, names, fontsize=SMALL)
    axes[0].invert_yaxis()
    handles = [
        Line2D([], [], marker=mark, ls="", color=colour, label=name)
        for name, colour, mark in FAMILIES.values()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def half_width(share: float, examples: np.ndarray | float) -> np.ndarray | float:
    """Return half the width of the 95 % interval of an accuracy on so many test examples."""
    return 1.96 * np.sqrt(share * (1 - share) / examples)


_BESIDE = {
    "STS-B": ((-5, -8), "right"),
    "MRPC": ((8, 13), "left"),
    "SST-2": ((-10, -19), "right"),
    "MNLI": ((-5, -8), "right"),
    "QQP": ((-5, -8), "right"),
}
"""Where a test set's name stands, in points: neighbours of like size on different sides."""


@drawn
def plot_luck(sizes: Mapping[str, int], share: float, gap: float) -> Picture:
    """Draw half-widths of an accuracy's interval against the size of the test set.

    `sizes` are test sets to mark, `share` the accuracy, `gap` a difference to compare with; both
    as fractions of one.
    """
    figure, (axes,) = panels(1, 1, PAGE, 3.2)
    smallest, largest = min(sizes.values()), max(sizes.values())
    examples = np.geomspace(smallest / 1.5, largest * 1.5, 200)
    axes.plot(examples, 100 * half_width(share, examples), color=BLUE)
    remark = {"textcoords": "offset points", "fontsize": SMALL}
    for name, size in sizes.items():
        offset, side = _BESIDE.get(name, ((5, 4), "left"))
        axes.plot(size, 100 * half_width(share, size), "o", color=BLUE)
        axes.annotate(name, (size, 100 * half_width(share, size)), xytext=offset, ha=side, **remark)
    axes.axhline(100 * gap, color=ORANGE, ls="--", lw=1.2)
    axes.annotate(
        "first less sixth on SST-2", (largest * 1.5, 100 * gap), xytext=(0, 4), ha="right",
        color=ORANGE, **remark,
    )  # fmt: skip
    axes.set(xscale="log", xlabel="test examples", ylabel="half-width, points")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    plain_numbers(axes)
    return figure


@drawn
def plot_scores(tables: Mapping[str, pd.DataFrame], metrics: Mapping[str, str]) -> Picture:
    """Draw a panel a task: each model's mean, its interval, and a small mark for every seed.

    `tables` holds what `ranking.score_table` returns for each task, `metrics` their metrics.
    """
    columns = min(3, len(tables))
    rows = -(-len(tables) // columns)
    figure, axes = panels(rows, columns, 2.4 * columns, 0.6 + 1.5 * rows)
    for place, (task, table) in zip(axes, tables.items(), strict=False):
        for line, (row, colour, mark) in enumerate(
            zip(table.itertuples(), COLOURS, MARKS, strict=False)
        ):
            place.hlines(line, row.low, row.high, color=colour, lw=4, alpha=0.4)
            seeds = [float(score) for score in row.per_seed.split()]
            place.plot(seeds, [line] * len(seeds), "|", color=colour, ms=9)
            place.plot(row.mean, line, mark, color=colour)
        place.set_yticks(range(len(table)), table.index)
        place.set_ylim(len(table) - 0.5, -0.5)
        place.set_title(task)
        place.set_xlabel(name_of(metrics[task]))
        place.grid(axis="y", visible=False)
    for place in axes[len(tables) :]:
        place.remove()
    return figure


def commonest(runs: Sequence[Run], metric: str) -> tuple[float, float, float]:
    """Return score and interval of the test rows' commonest label, given to all of them."""
    labels = runs[0].predictions["label"].tolist()
    always = [max(set(labels), key=labels.count)] * len(labels)
    interval = scores.bootstrap(metric, labels, always, seed=0)
    return scores.METRICS[metric](labels, always), *interval


def score_table(
    runs: Groups, scored: Mapping[str, pd.DataFrame], tasks: Mapping[str, Task]
) -> pd.DataFrame:
    """Return the tables of `ranking.score_table` as one, with the commonest label and the rows."""
    parts = {}
    for role, table in scored.items():
        part = table.copy()
        if tasks[role].kind == "classification":
            score = commonest(runs[role]["T5"], tasks[role].metrics[0])
            part.loc["commonest label"] = [*score, pd.NA, ""]
        part["training rows"] = runs[role]["TF-IDF"][0].metrics["train_rows"]
        part["test rows"] = runs[role]["T5"][0].metrics["n"]
        parts[role] = part.drop(columns="per_seed")
    return pd.concat(parts, names=["task", "model"])


@dataclass(frozen=True)
class YesSayers:
    """What prose says of answers that are all alike: `facts` by name, and its `finds`."""

    facts: dict[str, str]
    finds: dict[str, bool]


def yes_sayers(
    runs: Groups, scored: Mapping[str, pd.DataFrame], metric: Mapping[str, str]
) -> YesSayers:
    """Set the scores beside those of one answer to everything.

    Where F1 judges, that is yes to all: with a share p of positive pairs its F1 is 2p / (1 + p).
    Where accuracy judges, it is the commonest label's share.
    """
    by_accuracy = [role for role in runs if metric[role] == "accuracy"]
    shares = {role: commonest(runs[role]["T5"], "accuracy")[0] for role in by_accuracy}
    above = [
        f"{name} on {role}"
        for role in by_accuracy
        for name, low in scored[role]["low"].items()
        if low > shares[role]
    ]
    facts = {
        "commoner": ", ".join(f"{role} {share:.3f}" for role, share in shares.items()),
        "above_commoner": ", ".join(above) or "none",
    }
    pairs = next((role for role in runs if metric[role] == "f1"), None)
    return YesSayers(facts, {}) if pairs is None else _with_pairs(runs[pairs], scored[pairs], facts)


def _with_pairs(
    runs: Mapping[str, Sequence[Run]], scored: pd.DataFrame, facts: dict[str, str]
) -> YesSayers:
    t5, baseline = runs["T5"][0], runs["TF-IDF"][0]
    positive = float(t5.predictions["label"].mean())
    yes = 2 * positive / (1 + positive)
    mean, low, high = scored.loc["T5", ["mean", "low", "high"]]
    gap = ranking.difference(runs["T5"], runs["TF-IDF"], "matthews")
    said = {
        name: 100 * run.predictions["prediction"].mean()
        for name, run in (("t5", t5), ("baseline", baseline))
    }
    facts = facts | {
        "yes_sayer": f"{yes:.3f}",
        "pairs_t5": f"{mean:.3f} ({low:.3f} to {high:.3f})",
        "pairs_yes_t5": f"{said['t5']:.0f} %",
        "pairs_yes_baseline": f"{said['baseline']:.0f} %",
        "pairs_matthews_t5": f"{t5.metrics['matthews']:.3f}",
        "pairs_matthews_baseline": f"{baseline.metrics['matthews']:.3f}",
        "pairs_matthews_gap": f"{gap.low:.3f} to {gap.high:.3f}",
    }
    told_apart = gap.low > 0 or gap.high < 0
    return YesSayers(facts, {"yes_sayer": bool(low <= yes <= high and not told_apart)})
