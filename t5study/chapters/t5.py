"""Chapter 3's figures: masks, what T5's decoder looks at, span corruption, bias and loss.

Every function takes what `Study.observe` returns: `values` (a dictionary) and `arrays` (NumPy).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import FancyBboxPatch, Rectangle

from t5study.chapters.style import (
    BLUE,
    DASHES,
    GREY,
    ORANGE,
    PAGE,
    PALE,
    SMALL,
    Picture,
    drawn,
    label_size,
    panels,
    token_grid,
    words,
)
from t5study.runs.record import Run

LINE = 80

CLAIMS = (
    *("t5-text-to-text", "t5-follows-prefix-lm", "encoder-fully-visible"),
    *("t5-decoder-causal", "t5-decoder-ignores-prefix", "t5-uses-mlm"),
    *("t5-cross-entropy", "t5-original-11b", "t5-largest-today", "base-has-11b"),
    "small-is-half-a-percent-of-base",
)
"""What the report says of T5, by the names of claims."""
"""Characters in a line of token boxes."""
SENTINEL, HIDDEN = "#c8e6c9", "#ffcc80"


def joined_visibility(masks: Run) -> np.ndarray:
    """Return an encoder-decoder's three attentions as one grid over source and decoder input.

    True where some head of some layer gave a weight above zero; nothing looks from the source to
    the target.
    """
    encoder, cross, decoder = (
        masks.arrays[name].max((0, 1)) > 0 for name in ("encoder", "cross", "decoder")
    )
    nothing = np.zeros((len(encoder), len(decoder)), dtype=bool)
    return np.block([[encoder, nothing], [cross, decoder]])


@drawn
def plot_three_architectures(masks: Run, prefix: Run) -> Picture:
    """Draw who saw whom in encoder-decoder, language model and prefix LM: weights above zero."""
    source = masks.values["source_tokens"]
    both = source + masks.values["decoder_tokens"]
    patterns = [("encoder-decoder", joined_visibility(masks), len(source), both)]
    for title, name in (("language model", "causal"), ("prefix LM", "prefix")):
        seen = prefix.arrays[name].max((0, 1)) > 0
        patterns.append((title, seen, prefix.values["source_length"], prefix.values["tokens"]))
    figure, axes = panels(1, 3, PAGE, PAGE / 3 + 0.6)
    for place, (title, allowed, border, tokens) in zip(axes, patterns, strict=True):
        token_grid(
            place, allowed, tokens, tokens, cmap=ListedColormap([PALE, BLUE]), vmin=0, vmax=1
        )
        place.axhline(border, color=ORANGE, lw=1.6)
        place.axvline(border, color=ORANGE, lw=1.6)
        place.set(title=title, xlabel="may be looked at")
    axes[0].set_ylabel("looks")
    return figure


@drawn
def plot_prefix_attention(seen: Run) -> Picture:
    """Draw the last layer's cross-attention, prefix framed, and each head's share on the prefix."""
    source, target = seen.values["source_tokens"], seen.values["labels"]
    length = seen.values["prefix_length"]
    height = 0.9 + 0.2 * len(target)
    figure, (above, below) = panels(2, 1, PAGE, height + 2.2, height_ratios=[height, 2.2])
    token_grid(above, seen.arrays["cross"][-1].mean(0), target, source, vmin=0, square=False)
    above.add_patch(Rectangle((0, 0), length, len(target), fill=False, ec=ORANGE, lw=2.2))
    above.set(xlabel="source (the prefix is framed)", ylabel="token being predicted")
    mass = seen.arrays["mass"]
    layers = np.repeat(np.arange(1, len(mass) + 1), mass.shape[1])
    below.plot(layers, mass.ravel(), "o", color=BLUE, alpha=0.6, label="one head")
    below.axhline(seen.values["even_share"], color=ORANGE, ls="--", label="even attention")
    below.set(xlabel="decoder layer", ylabel="share of weight on the prefix", ylim=(0, 1))
    below.set_xticks(range(1, len(mass) + 1))
    below.legend()
    return figure


@drawn
def plot_span_corruption(seen: Run) -> Picture:
    """Draw a sentence, what the encoder reads of it, and what the decoder must write."""
    values = seen.values
    rows = [
        ("text", values["tokens"], values["hidden"]),
        ("input", values["inputs"], None),
        ("target", values["targets"], [True] * len(values["targets"])),
    ]
    lines = sum(1 + sum(len(token) + 1 for token in _short(row[1])) // LINE for row in rows)
    figure, (axes,) = panels(1, 1, PAGE, 0.8 + 0.28 * lines)
    top = 0.0
    for name, tokens, marked in rows:
        axes.text(-1.5, top, name, ha="right", va="center", weight="bold")
        top = _boxes(axes, top, _short(tokens), _shades(tokens, marked))
    axes.set(xlim=(-10, LINE + 1), ylim=(top + 0.5, 0.6))
    axes.axis("off")
    return figure


def _boxes(axes: Axes, top: float, tokens: Sequence[str], colours: Sequence[str]) -> float:
    """Draw tokens as boxes, wrapped into lines; returns where the next row may begin."""
    left, row = 0.0, top
    for token, colour in zip(tokens, colours, strict=True):
        width = len(token) + 1.4
        if left + width > LINE:
            left, row = 0.0, row - 0.85
        box = FancyBboxPatch(
            (left + 0.15, row - 0.32), width - 0.3, 0.64, boxstyle="round,pad=0,rounding_size=0.2",
            fc=colour, ec="#607d8b", lw=0.6, mutation_aspect=0.3,
        )  # fmt: skip
        axes.add_patch(box)
        middle = left + width / 2
        axes.text(middle, row, token, ha="center", va="center", fontsize=SMALL, family="monospace")
        left += width
    return row - 1.2


def _short(tokens: Sequence[str]) -> list[str]:
    """Tokens for boxes: a sentinel `<extra_id_0>` is written `<0>`."""
    return [re.sub(r"^<extra_id_(\d+)>$", r"<\1>", token) for token in words(tokens)]


def _shades(tokens: Sequence[str], marked: Sequence[bool] | None = None) -> list[str]:
    """White for text, orange for what is hidden, green for sentinels and other special tokens."""
    chosen = marked or [False] * len(tokens)
    return [
        SENTINEL if token.startswith("<") else (HIDDEN if hide else "white")
        for token, hide in zip(tokens, chosen, strict=True)
    ]


@drawn
def plot_position_bias(seen: Run) -> Picture:
    """Draw the bias of each head by distance, in the encoder and in the decoder."""
    distances = seen.arrays["distances"]
    figure, axes = panels(1, 2, PAGE, 3.0, sharey=True)
    reach, heads = len(distances) // 2, seen.values["heads"]
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.9, heads))
    for place, name, along in (
        (axes[0], "encoder", distances),
        (axes[1], "decoder", distances[: reach + 1]),
    ):
        for head, row in enumerate(seen.arrays[name]):
            place.step(
                along, row, where="mid", color=shades[head], ls=DASHES[head % len(DASHES)],
                lw=1.2, label=str(head + 1),
            )  # fmt: skip
        place.axvline(0, color=GREY, lw=0.8)
        place.set(title=name, xlabel="distance: key minus query")
    axes[0].set_ylabel("added to the score")
    axes[1].legend(title="head", ncols=2, loc="upper left")
    return figure


@drawn
def plot_teacher_forcing(seen: Run) -> Picture:
    """Draw each step of the decoder: what it reads, what it must say, and its loss."""
    import seaborn as sns

    steps = seen.values["steps"]
    places = np.arange(len(steps))
    figure, (axes,) = panels(1, 1, PAGE, 3.2)
    losses = [step["loss"] for step in steps]
    sns.barplot(x=places, y=losses, color=BLUE, saturation=1, ax=axes)
    axes.bar_label(
        axes.containers[0], [f"{step['loss']:.2f}" for step in steps], padding=2, fontsize=SMALL
    )
    axes.axhline(seen.values["loss"], color=ORANGE, ls="--", label="mean: the loss")
    names = zip(words([s["reads"] for s in steps]), words([s["label"] for s in steps]), strict=True)
    size = label_size(2 * len(steps), PAGE)
    axes.set_xticks(places, [f"{read}\n↓\n{label}" for read, label in names], fontsize=size)
    axes.set(ylabel="−log p(label), nats", xlabel="reads ↓ must say")
    axes.margins(y=0.15)
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure
