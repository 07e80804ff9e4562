"""Figures of the chapters on GLUE and on generation, drawn from tables and records alone."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from t5study.chapters.diagrams import BLUE, GREEN, GREY, ORANGE, panels, words

FAMILY_COLOURS = {"t5": ORANGE, "bert": BLUE, "other": GREY}
FAMILY_NAMES = {"t5": "T5", "bert": "descended from BERT", "other": "other"}
MODEL_COLOURS = (ORANGE, BLUE, GREEN, GREY)
LONGEST = 24
"""Places of an answer that a figure has room for; a longer answer is shown up to there."""
MOST_ROWS = 32
"""The same where a place is one row."""


def leaderboard(table: pd.DataFrame, people: float) -> Figure:
    """The leaderboard's three columns as dots, one row a system, with the score of people.

    `table` is `Published.leaderboard()`, `people` the published GLUE score of human readers.
    """
    figure, axes = panels(1, 3, 8.2, 4.4, sharey=True)
    places = np.arange(len(table))
    colours = [FAMILY_COLOURS[family] for family in table["family"]]
    titles = {"score": "GLUE score", "cola": "CoLA (Matthews × 100)", "sst2": "SST-2 (accuracy, %)"}
    for place, (column, title) in zip(axes, titles.items(), strict=True):
        place.hlines(places, table[column].min() - 0.5, table[column], color="#d0d0d0", lw=1)
        place.scatter(table[column], places, c=colours, s=38, zorder=3)
        place.set_title(title)
        place.grid(axis="y", visible=False)
    axes[0].axvline(people, color="black", ls=":", lw=1)
    axes[0].annotate(
        "people", (people, -0.2), xytext=(3, 0), fontsize=8, textcoords="offset points"
    )
    names = [f"{row.rank}  {row.model.split(' (')[0]}" for row in table.itertuples()]
    axes[0].set_yticks(places, names, fontsize=8)
    axes[0].invert_yaxis()
    handles = [
        plt.Line2D([], [], marker="o", ls="", color=FAMILY_COLOURS[key], label=name)
        for key, name in FAMILY_NAMES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def half_width(share: float, examples: np.ndarray | float) -> np.ndarray | float:
    """Half the width of the 95 % interval of an accuracy `share` on so many test examples."""
    return 1.96 * np.sqrt(share * (1 - share) / examples)


def luck(sizes: Mapping[str, int], share: float, gap: float) -> Figure:
    """Half-widths of an accuracy's interval against the size of the test set.

    `sizes` are test sets to mark, `share` the accuracy, `gap` a difference to compare with; both
    as fractions of one.
    """
    figure, (axes,) = panels(1, 1, 7.0, 3.6)
    smallest, largest = min(sizes.values()), max(sizes.values())
    examples = np.geomspace(smallest / 1.5, largest * 1.5, 200)
    axes.plot(examples, 100 * half_width(share, examples), color=BLUE)
    for place, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        # Neighbours of like size stand on different sides of the line.
        offset, side = ((5, 5), "left") if place % 2 else ((-5, -11), "right")
        axes.plot(size, 100 * half_width(share, size), "o", color=BLUE)
        axes.annotate(name, (size, 100 * half_width(share, size)), xytext=offset, ha=side,
                      textcoords="offset points", fontsize=8)  # fmt: skip
    axes.axhline(100 * gap, color=ORANGE, ls="--", lw=1.2)
    axes.annotate("first less sixth on SST-2", (largest * 1.5, 100 * gap), xytext=(0, 4),
                  textcoords="offset points", fontsize=8, ha="right", color=ORANGE)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="test examples", ylabel="half-width, points")
    return figure


def scores_by_task(tables: Mapping[str, pd.DataFrame], metrics: Mapping[str, str]) -> Figure:
    """One panel a task: each model's mean, its interval, and a small mark for every seed.

    `tables` holds what `ranking.score_table` returns for each task.
    """
    columns = min(3, len(tables))
    rows = -(-len(tables) // columns)
    figure, axes = panels(rows, columns, 2.9 * columns, 0.7 + 1.7 * rows)
    for place, (task, table) in zip(axes, tables.items(), strict=False):
        for line, (row, colour) in enumerate(zip(table.itertuples(), MODEL_COLOURS, strict=False)):
            place.hlines(line, row.low, row.high, color=colour, lw=4, alpha=0.4)
            seeds = [float(score) for score in row.per_seed.split()]
            place.plot(seeds, [line] * len(seeds), "|", color=colour, ms=9)
            place.plot(row.mean, line, "o", color=colour)
        place.set_yticks(range(len(table)), table.index, fontsize=8)
        place.set_ylim(len(table) - 0.5, -0.5)
        place.set_title(task)
        place.set_xlabel(metrics[task], fontsize=8)
        place.grid(axis="y", visible=False)
    for place in axes[len(tables) :]:
        place.remove()
    return figure


def steps(seen) -> Figure:
    """What the decoder weighed at each place: the likeliest pieces, the written one framed."""
    table = seen.values["steps"][:LONGEST]
    top = max(len(step["candidates"]) for step in table)
    chances = np.full((top, len(table)), np.nan)
    labels = np.full((top, len(table)), "", dtype=object)
    figure, (axes,) = panels(1, 1, 1.4 + 0.82 * len(table), 0.9 + 0.42 * top)
    for column, step in enumerate(table):
        for row, candidate in enumerate(step["candidates"]):
            chances[row, column] = candidate["probability"]
            name = words([candidate["token"]])[0]
            labels[row, column] = f"{name}\n{candidate['probability']:.2f}"
    sns.heatmap(chances, annot=labels, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False,
                linewidths=0.6, annot_kws={"fontsize": 7.5}, ax=axes)  # fmt: skip
    for column, step in enumerate(table):
        for row, candidate in enumerate(step["candidates"]):
            if candidate["token"] == step["piece"]:
                axes.add_patch(
                    plt.Rectangle((column, row), 1, 1, fill=False, edgecolor=ORANGE, lw=2)
                )
    axes.set_xticks(np.arange(len(table)) + 0.5, range(1, len(table) + 1), rotation=0)
    axes.set_yticks(np.arange(top) + 0.5, range(1, top + 1), rotation=0)
    axes.set(xlabel="place in the answer", ylabel="rank")
    return figure


def alignment(seen) -> Figure:
    """Cross-attention from each piece of the answer (rows) to the pieces of the prompt."""
    rows, columns = seen.values["answer_tokens"][:MOST_ROWS], seen.values["source_tokens"]
    figure, (axes,) = panels(1, 1, 1.6 + 0.34 * len(columns), 1.5 + 0.3 * len(rows))
    sns.heatmap(seen.arrays["cross"][:MOST_ROWS], cmap="Blues", vmin=0, xticklabels=words(columns),
                yticklabels=words(rows), cbar_kws={"label": "attention"}, linewidths=0.3,
                ax=axes)  # fmt: skip
    axes.tick_params(axis="x", rotation=90, labelsize=8)
    axes.tick_params(axis="y", rotation=0, labelsize=8)
    axes.set(xlabel="prompt", ylabel="answer, as it is written")
    return figure


def beams(seen) -> Figure:
    """The finished hypotheses and their scores, the best on top."""
    table = seen.values["rows"]
    figure, (axes,) = panels(1, 1, 8.0, 0.9 + 0.42 * len(table))
    scores = [row["score"] for row in table]
    bars = axes.barh(range(len(table)), scores, color=[ORANGE] + [BLUE] * (len(table) - 1))
    axes.bar_label(bars, [f"{score:.3f}" for score in scores], padding=3, fontsize=8)
    names = [row["answer"] if len(row["answer"]) < 60 else row["answer"][:57] + "…"
             for row in table]  # fmt: skip
    axes.set_yticks(range(len(table)), [name.replace("$", r"\$") for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("log-probability a piece")
    return figure
