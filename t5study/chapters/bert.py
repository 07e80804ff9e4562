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
    COLOURS,
    DASHES,
    GREEN,
    MARKS,
    ORANGE,
    PAGE,
    SKY,
    SMALLEST,
    Picture,
    bars,
    drawn,
    heat_map,
    panels,
    token_grid,
    words,
)
from t5study.runs.record import Run

NOTED = 14
"""So many tokens at most leave room for a number in each cell of a square."""


@drawn
def plot_attention_heads(seen: Run, heads: Sequence[tuple[int, int]]) -> Picture:
    """Draw the attention weights of some heads, each a `(layer, head)`, on one sentence."""
    tokens = seen.values["tokens"]
    size = min(1.2 + 0.28 * len(tokens), PAGE / len(heads), 4.4)
    figure, axes = panels(1, len(heads), size * len(heads), size + 0.5)
    for place, (layer, head) in zip(axes, heads, strict=True):
        token_grid(place, seen.arrays["attention"][layer, head], tokens, tokens, vmin=0)
        place.set_title(f"layer {layer + 1}, head {head + 1}")
        place.set_xlabel("is looked at")
    axes[0].set_ylabel("looks")
    return figure


@drawn
def plot_attention_overview(seen: Run) -> Picture:
    """Draw all heads of all layers as small pictures: rows are layers, columns heads."""
    weights = seen.arrays["attention"]
    layers, heads = weights.shape[:2]
    side = min(0.95, (PAGE - 0.6) / heads)
    figure, axes = panels(layers, heads, 0.6 + side * heads, 0.5 + side * layers)
    size = max(10 * side, SMALLEST)
    for number, place in enumerate(axes):
        layer, head = divmod(number, heads)
        place.imshow(
            weights[layer, head],
            cmap="Blues",
            vmin=0,
            vmax=float(weights.max()),
            interpolation="none",
        )
        place.grid(visible=False)
        place.set(xticks=[], yticks=[])
        if layer == 0:
            place.set_title(f"head {head + 1}", fontsize=size)
        if head == 0:
            place.set_ylabel(f"layer {layer + 1}", fontsize=size)
    return figure


@drawn
def plot_attention_steps(seen: Run) -> Picture:
    """Draw the scores of one head before the softmax, and its weights after."""
    tokens = seen.values["tokens"]
    scores, weights = seen.arrays["scores"], seen.arrays["recomputed"]
    limit = float(np.abs(scores).max())
    figure, axes = panels(1, 2, PAGE, PAGE / 2 + 0.4)
    for place, table, form, scale in (
        (axes[0], scores, ".1f", {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
        (axes[1], weights, ".2f", {"vmin": 0}),
    ):
        texts = np.vectorize(lambda value, form=form: format(value, form))(table)
        notes = texts if len(tokens) <= NOTED else None
        token_grid(place, table, tokens, tokens, notes=notes, size=SMALLEST, **scale)
    axes[0].set_title(r"scores $QK^\top/\sqrt{d_k}$")
    axes[1].set_title("weights: softmax of each row")
    return figure


@drawn
def plot_candidates(seen: Run, answer: str | None = None) -> Picture:
    """Draw the most probable tokens of one distribution; the right one in orange."""
    rows = seen.values["candidates"]
    names = [row["token"] for row in rows]
    figure, (axes,) = panels(1, 1, 5.4, 0.7 + 0.26 * len(rows))
    colours = [ORANGE if name == answer else BLUE for name in names]
    bars(axes, names, [100 * row["probability"] for row in rows], colours, "{:.1f} %")
    axes.set_xlabel("probability in %")
    return figure


@drawn
def plot_context_views(seen: Run) -> Picture:
    """Draw the probability of the same tokens under four views of the same sentence."""
    shown = words(seen.values["shown"])
    chances = 100 * seen.arrays["probabilities"]
    form = ".1f" if chances.max() < 10 else ".0f"
    notes = np.vectorize(lambda value: format(value, form))(chances)
    figure, (axes,) = panels(1, 1, 2.2 + 0.55 * len(shown), 2.6)
    views = [view["view"] for view in seen.values["views"]]
    mesh = heat_map(axes, chances, views, shown, notes=notes, vmin=0, vmax=chances.max())
    figure.colorbar(mesh, ax=axes, label="probability in %")
    axes.tick_params(axis="x", rotation=45)
    axes.get_xticklabels()[0].set_color(ORANGE)
    return figure


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
def plot_similarity(seen: Run) -> Picture:
    """Draw the cosine of a word's vector in the first sentence to those in the others, by layer."""
    table = seen.arrays["similarity"]
    first, *others = seen.values["sentences"]
    figure, (axes,) = panels(1, 1, PAGE, 3.2)
    for number, sentence in enumerate(others, start=1):
        mark, line = MARKS[(number - 1) % len(MARKS)], DASHES[(number - 1) % len(DASHES)]
        colour = COLOURS[(number - 1) % len(COLOURS)]
        axes.plot(table[:, 0, number], marker=mark, ls=line, color=colour, label=sentence)
    axes.set(xlabel="layer (0: embeddings alone)", ylabel="cosine similarity")
    axes.set_xticks(range(len(table)))
    axes.legend(title=f"compared with: {first}")
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
    figure.supxlabel("share, with its 95 % interval", fontsize=SMALLEST + 3)
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
        for column, colour, mark, dash in zip(
            ("same sense", "other sense"), (BLUE, ORANGE), MARKS, DASHES, strict=False
        ):
            place.plot(
                part["layer"], part[column], color=colour, marker=mark, ls=dash, label=column
            )
        place.set_title(word)
        place.set_xlabel("layer")
    axes[0].set_ylabel("mean cosine")
    axes[0].legend()
    return figure
