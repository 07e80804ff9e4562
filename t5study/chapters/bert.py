"""Chapter 1's figures: what BERT attends to, what it puts into a gap, and what its losses are.

Every function takes what `Study.observe` returns: `values` (a dictionary) and `arrays` (NumPy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from t5study.chapters.style import (
    BLUE,
    GREEN,
    NORMAL,
    ORANGE,
    PAGE,
    SKY,
    SMALLEST,
    Picture,
    bars,
    drawn,
    lines,
    panels,
    token_grid,
)
from t5study.runs.record import Run

CLAIMS = (
    *("bert-encoder-only", "bert-two-objectives", "bert-two-passes"),
    *("bert-mlm-distribution", "bert-next-sentence", "bert-loss-is-a-sum"),
    "bert-dense-layer-is-enough",
)
"""What the report says of BERT, by the names of claims."""


@drawn
def plot_attention_steps(seen: Run, scores: np.ndarray, weights: np.ndarray) -> Picture:
    """Draw the scores of one head on the first sentence before the softmax, and its weights."""
    tokens = seen.values["sentences"][0]["tokens"]
    limit = float(np.abs(scores).max())
    figure, axes = panels(1, 2, PAGE, PAGE / 2 + 0.3, sharey=True)
    for place, table, form, scale in (
        (axes[0], scores, "{:.1f}".format, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
        (axes[1], weights, _hundredths, {"vmin": 0, "vmax": 1}),
    ):
        texts = np.vectorize(form)(table)
        token_grid(place, table, tokens, tokens, notes=texts, size=SMALLEST, **scale)
    axes[0].set_title(r"scores $QK^\top/\sqrt{d_k}$")
    axes[1].set_title("weights: softmax of each row")
    return figure


def _hundredths(share: float) -> str:
    """Return a share as a narrow cell holds it: .05, and nothing where that would be .00."""
    return "" if share < 0.005 else f"{share:.2f}".removeprefix("0")


@drawn
def plot_objectives(seen: Run) -> Picture:
    """Draw the terms of BERT's loss on a pair that follows and on one that does not."""
    titles = {"next": "B follows A", "random": "B is from elsewhere"}
    most = max(len(pair["masked"]) for pair in seen.values.values())
    figure, axes = panels(1, 2, PAGE, 1.4 + 0.26 * most, sharex=True)
    for place, (kind, title) in zip(axes, titles.items(), strict=True):
        pair = seen.values[kind]
        rows = {f"−log p({row['token'].replace('▁', '')})": row["loss"] for row in pair["masked"]}
        rows |= {
            "their mean": pair["masked_loss"],
            "next sentence": pair["next_loss"],
            "sum": pair["sum"],
        }
        colours = [SKY] * len(pair["masked"]) + [BLUE, GREEN, ORANGE]
        bars(place, list(rows), list(rows.values()), colours, "{:.3f}")
        place.set(title=title, xlabel="nats")
    return figure


@drawn
def plot_shares(names: Sequence[str], groups: Mapping[str, Sequence[Mapping]]) -> Picture:
    """Draw shares with their intervals, one panel a group.

    Each entry of a group belongs to one of the names and has `share`, `low` and `high`.
    """
    figure, axes = panels(1, len(groups), PAGE, 1.0 + 0.32 * len(names), sharey=True)
    for place, (title, entries) in zip(axes, groups.items(), strict=True):
        for row, entry in enumerate(entries):
            place.hlines(row, entry["low"], entry["high"], color=BLUE, lw=4, alpha=0.4)
            place.plot(entry["share"], row, "o", color=BLUE)
        place.set(title=title, xlim=(-0.03, 1.03), xticks=[0, 0.5, 1])
        place.set_yticks(range(len(names)), names)
        place.set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel("share, with its 95 % interval", fontsize=NORMAL)
    return figure


@drawn
def plot_looks(seen: Run, looks: Sequence[tuple[int, int, int]]) -> Picture:
    """Draw one head on one sentence a panel; each look is a `(sentence, layer, head)`."""
    sentences = seen.values["sentences"]
    figure, axes = panels(1, len(looks), PAGE, PAGE / len(looks) + 0.5)
    for place, (number, layer, head) in zip(axes, looks, strict=True):
        tokens = sentences[number]["tokens"]
        weights = seen.arrays[f"attention_{number}"][layer, head].astype(float)
        token_grid(place, weights, tokens, tokens, vmin=0, vmax=1)
        place.set_title(f"layer {layer + 1}, head {head + 1}")
        place.set_xlabel("is looked at")
    axes[0].set_ylabel("looks")
    return figure


def senses_table(seen: Run) -> pd.DataFrame:
    """Return, by word and layer, the mean cosine of its vectors in one sense and in different ones.

    Layer 0 is the embeddings.
    """
    items, similarity = seen.values["items"], seen.arrays["similarity"]
    rows = []
    for word in dict.fromkeys(item["word"] for item in items):
        places = [i for i, item in enumerate(items) if item["word"] == word]
        pairs = list(combinations(places, 2))
        alike = [items[i]["sense"] == items[j]["sense"] for i, j in pairs]
        for layer, values in enumerate(similarity):
            cosines = np.array([values[pair] for pair in pairs])
            same, other = cosines[alike].mean(), cosines[~np.array(alike)].mean()
            rows.append((word, layer, float(same), float(other)))
    return pd.DataFrame(rows, columns=["word", "layer", "same sense", "other sense"])


@drawn
def plot_senses(seen: Run) -> Picture:
    """Draw `senses_table`, a panel a word: how alike its vectors are from layer to layer."""
    table = senses_table(seen)
    groups = list(table.groupby("word", sort=False))
    figure, axes = panels(1, len(groups), PAGE, 2.5, sharey=True)
    for place, (word, part) in zip(axes, groups, strict=True):
        table = part.drop(columns="word").melt("layer", var_name="pair")
        lines(place, table, "layer", "value", "pair")
        place.set_title(word)
        place.set_xlabel("layer")
    axes[0].set_ylabel("mean cosine")
    axes[0].legend()
    for place in axes[1:]:
        place.get_legend().remove()
    return figure
