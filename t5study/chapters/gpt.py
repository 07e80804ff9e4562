"""Chapter 2's figures: what a GPT sees of a sentence, and what can be done with its next token.

Every function takes what `Study.observe` returns: `values` (a dictionary) and `arrays` (NumPy).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

# The same pictures as in chapter 1, of another network.
from t5study.chapters.bert import plot_shares as plot_shares
from t5study.chapters.style import (
    BLUE,
    GREEN,
    HATCHES,
    ORANGE,
    PAGE,
    PALE,
    SKY,
    Picture,
    drawn,
    panels,
    token_grid,
    word,
    words,
)
from t5study.runs.record import Run

CLAIMS = (
    *("gpt-2019", "gpt-decoder-only", "gpt-writes-well", "architecture-explains-prowess"),
    "decoder-explains-coherence",
    "gpt2-summaries-translation",
)
"""What the report says of GPT, by the names of claims."""


@drawn
def plot_influence(seen: Sequence[Run], names: Sequence[str]) -> Picture:
    """Draw what each position knows of the others, model beside model; hatched where nothing."""
    size = min(PAGE / len(seen), 4.0)
    figure, axes = panels(1, len(seen), size * len(seen), size + 0.5)
    for place, one, name in zip(axes, seen, names, strict=True):
        moved, tokens = one.arrays["influence"], one.values["tokens"]
        place.set_facecolor(PALE)
        # A token moves its own position most: the root lets the others be seen beside it.
        token_grid(place, np.where(moved == 0, np.nan, np.sqrt(moved)), tokens, tokens, vmin=0)
        for row, column in np.argwhere(moved == 0):
            place.add_patch(
                Rectangle((column, row), 1, 1, fill=False, hatch="////", ec="#90a4ae", lw=0)
            )
        place.set(title=name, xlabel="this token is replaced", ylabel="this position moves")
    return figure


@drawn
def plot_token_losses(seen: Run) -> Picture:
    """Draw the loss of each token of a sentence given the tokens before it."""
    import seaborn as sns

    names, losses = seen.values["tokens"][1:], seen.values["losses"]
    figure, (axes,) = panels(1, 1, PAGE, 2.7)
    sns.barplot(x=range(len(names)), y=losses, color=BLUE, saturation=1, ax=axes)
    axes.axhline(seen.values["loss"], color=ORANGE, ls="--", label="mean: the loss")
    axes.set_xticks(range(len(names)), words(names), rotation=45, ha="right")
    axes.set_ylabel("−log p(token | left), nats")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


@drawn
def plot_truncation(seen: Run) -> Picture:
    """Draw a next-token distribution under temperatures, with the cuts of top-k and nucleus."""
    import seaborn as sns

    tempered, values = seen.arrays["tempered"], seen.values
    figure, (axes,) = panels(1, 1, PAGE, 3.0)
    names = [f"T = {temperature:g}" for temperature in values["temperatures"]]
    places = np.arange(tempered.shape[1])
    table = pd.DataFrame(tempered.T, columns=names).reset_index().melt("index")
    palette = [SKY, BLUE, "#a6cee3"][: len(names)]
    sns.barplot(table, x="index", y="value", hue="variable", palette=palette, saturation=1,
                edgecolor="white", linewidth=0.4, ax=axes)  # fmt: skip
    for bars, hatch in zip(axes.containers, HATCHES, strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
    cuts = (
        (values["top_k"], ORANGE, "--", "top-k"),
        (values["nucleus_size"], GREEN, ":", "nucleus"),
    )
    for size, colour, line, name in cuts:
        # A cut beyond the shown tokens has its place in the legend alone.
        inside = size < len(places)
        label = f"{name} keeps {size}"
        axes.axvline(size - 0.5 if inside else np.nan, color=colour, ls=line, lw=2, label=label)
    axes.set_xticks(places, words(values["tokens"]), rotation=45, ha="right")
    axes.set(xlabel="", ylabel="probability")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


def next_table(seen: Run) -> pd.DataFrame:
    """Return a row a prompt: its likeliest next tokens, their probabilities, and the entropy."""
    rows = {
        row["prompt"]: {
            "likeliest next": ", ".join(
                f"{word(each['token'])} {each['probability']:.2f}" for each in row["candidates"]
            ),
            "entropy in bits": row["entropy"],
        }
        for row in seen.values["rows"]
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("the text so far")


def leanings(seen: Run, masses: str) -> pd.DataFrame:
    """Return the share of blame in what blame and praise get, by noun (rows) and verb (columns).

    `masses` names what the record of `bert.clues` or `gpt.clues` has of each group.
    """
    table = pd.DataFrame(seen.values["rows"])
    table["leaning"] = [mass["blame"] / sum(mass.values()) for mass in table[masses]]
    return table.pivot(index="noun", columns="verb", values="leaning")


def moves(leaning: pd.DataFrame) -> np.ndarray:
    """Return how much the leaning to blame is larger after liking than after disliking, by pair."""
    liked, disliked = leaning[["liked", "loved"]], leaning[["hated", "disliked"]]
    return (liked.to_numpy()[:, :, None] - disliked.to_numpy()[:, None]).ravel()
