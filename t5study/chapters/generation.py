"""Chapter 5's figures: what the decoder weighed, where it looked, and what its beams ended with.

Every function takes what `Study.observe` returns: `values` (a dictionary) and `arrays` (NumPy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from t5study.base.project import checkout
from t5study.chapters.style import (
    BLUE,
    ORANGE,
    PAGE,
    SMALL,
    SMALLEST,
    Picture,
    bars,
    drawn,
    heat_map,
    panels,
    word,
    words,
)
from t5study.runs.record import Run

LONGEST, ACROSS = 24, 12
"""Places of an answer that a figure has room for, and those in one line of it."""
MOST_ROWS = 32
"""The same where a place is one row."""
MOST_LETTERS = 60
"""Letters of an answer that stand beside a bar."""


@drawn
def plot_steps(seen: Run) -> Picture:
    """Draw what the decoder weighed at each place: the likeliest pieces, the written one framed.

    Long answers go on in a second line, and are shown up to `LONGEST` places.
    """
    table = seen.values["steps"][:LONGEST]
    top = max(len(step["candidates"]) for step in table)
    starts = range(0, len(table), ACROSS)
    across = min(len(table), ACROSS)
    size = (0.9 + 0.5 * across, len(starts) * (0.6 + 0.36 * top))
    figure, axes = panels(len(starts), 1, *size)
    for place, start in zip(axes, starts, strict=True):
        _candidates(place, table[start : start + ACROSS], top, start)
        place.set(xlim=(0, across), ylabel="rank")
    axes[-1].set_xlabel("place in the answer")
    return figure


def _candidates(axes: Axes, steps: Sequence[Mapping[str, Any]], top: int, start: int) -> None:
    """Draw the candidates of some steps of an answer, of which `start` came before."""
    chances = np.full((top, len(steps)), np.nan)
    notes = np.full((top, len(steps)), "", dtype=object)
    for column, step in enumerate(steps):
        for row, candidate in enumerate(step["candidates"]):
            chances[row, column] = candidate["probability"]
            (name,) = words([candidate["token"]])
            notes[row, column] = f"{name}\n{candidate['probability']:.2f}"
            if candidate["token"] == step["piece"]:
                frame = Rectangle((column, row), 1, 1, fill=False, ec=ORANGE, lw=2, zorder=3)
                axes.add_patch(frame)
    ranks = [str(rank) for rank in range(1, top + 1)]
    places = [str(start + place) for place in range(1, len(steps) + 1)]
    heat_map(axes, chances, ranks, places, notes=notes, size=SMALLEST, vmin=0, vmax=1)


@drawn
def plot_alignment(seen: Run) -> Picture:
    """Draw the cross-attention from each piece of the answer to the pieces of the prompt."""
    rows, columns = seen.values["answer_tokens"][:MOST_ROWS], seen.values["source_tokens"]
    figure, (axes,) = panels(1, 1, 1.6 + 0.3 * len(columns), 1.4 + 0.2 * len(rows))
    weights = seen.arrays["cross"][:MOST_ROWS]
    mesh = heat_map(axes, weights, words(rows), words(columns), vmin=0)
    figure.colorbar(mesh, ax=axes, label="attention")
    axes.tick_params(axis="x", rotation=90, labelsize=SMALL)
    axes.tick_params(axis="y", labelsize=SMALL)
    axes.set(xlabel="prompt", ylabel="answer, as it is written")
    return figure


@drawn
def plot_beams(seen: Run) -> Picture:
    """Draw the finished hypotheses and their scores, the best on top."""
    table = seen.values["rows"]
    figure, (axes,) = panels(1, 1, PAGE, 0.7 + 0.34 * len(table))
    names = [word(_cut(row["answer"])) for row in table]
    colours = [ORANGE] + [BLUE] * (len(table) - 1)
    bars(axes, names, [row["score"] for row in table], colours, "{:.3f}")
    axes.set_xlabel("log-probability a piece")
    return figure


def _cut(text: str) -> str:
    return text if len(text) < MOST_LETTERS else text[: MOST_LETTERS - 3] + "…"


def articles() -> list[str]:
    """Return the study's own news articles, which `book/articles.yml` holds."""
    return yaml.safe_load((checkout() / "book" / "articles.yml").read_text("utf-8"))


def summary_table(seen: Run, rows: int) -> pd.DataFrame:
    """Return the first articles with the summary that each set of arguments gave."""
    return pd.DataFrame(seen.values["rows"][:rows]).set_index("text").rename_axis("article")


def invented_facts(seen: Run) -> pd.DataFrame:
    """Return how many facts of each summary are not in its article, a column a set of arguments."""
    # Late: its stop words come with a library that a drawn page does without.
    from t5study.judging import faithfulness

    rows = seen.values["rows"]
    names = [name for name in rows[0] if name != "text"]
    counts = [
        {name: len(faithfulness.invented(row[name], row["text"])) for name in names} for row in rows
    ]
    return pd.DataFrame(counts)
