"""Figures of the chapters on BERT, GPT and T5, drawn from observation records alone.

Every function takes what `Study.observe` returns, that is, something with `values` (a dictionary)
and `arrays` (a dictionary of NumPy arrays), and returns a Matplotlib figure that is closed for
pyplot, so that a notebook shows it once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from t5study.chapters.figures import style

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#8c8c8c"
PAGE = 7.8
"""Width of a figure that fills the page's column, in inches: wider ones get unreadable labels."""
HIDDEN, SEEN = "#eceff1", "#0072b2"


def panels(rows: int, columns: int, width: float, height: float, **options):
    """A figure in the book's style with its axes as a flat array."""
    style()
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options
    )
    plt.close(figure)
    return figure, axes.ravel()


def word(token: str) -> str:
    """A token without the mark of the space before it."""
    return token.replace("▁", "") or "▁"


def words(tokens: Sequence[str]) -> list[str]:
    """Tokens as labels of a figure, where a dollar sign would open mathematics."""
    return [word(token).replace("$", r"\$") for token in tokens]


def _label_size(tokens: int, panel: float) -> float:
    """Size of labels, in points, that fit beside the cells of a panel of that width in inches."""
    return float(np.clip(58 * panel / (tokens + 4), 4.0, 8.0))


def _grid(axes: Axes, weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], **options):
    """One heat map with tokens on both sides: a row is who looks, a column what is looked at."""
    panel = axes.figure.get_figwidth() / axes.get_gridspec().ncols
    size = _label_size(max(len(rows), len(columns)), panel)
    settings = {"cmap": "Blues", "square": True, "cbar": False, "linewidths": 0.4, **options}
    sns.heatmap(weights, ax=axes, xticklabels=words(columns), yticklabels=words(rows), **settings)
    axes.tick_params(axis="x", rotation=90, labelsize=size, pad=0)
    axes.tick_params(axis="y", rotation=0, labelsize=size, pad=0)
    axes.title.set_fontsize(10)


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float], colours, form: str) -> None:
    """Horizontal bars, the first on top, each with its value behind it."""
    bars = axes.barh(range(len(names)), values, color=colours)
    axes.bar_label(bars, [format(value, form) for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), words(names), fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(axis="y", visible=False)


# --- attention ---------------------------------------------------------------------------------


def attention_heads(seen, heads: Sequence[tuple[int, int]], name: str = "attention") -> Figure:
    """Attention weights of some heads, each a `(layer, head)`, on one sentence."""
    tokens = seen.values["tokens"]
    size = min(1.2 + 0.28 * len(tokens), PAGE / len(heads), 4.6)
    figure, axes = panels(1, len(heads), size * len(heads), size + 0.3)
    for place, (layer, head) in zip(axes, heads, strict=True):
        _grid(place, seen.arrays[name][layer, head], tokens, tokens, vmin=0)
        place.set_title(f"layer {layer + 1}, head {head + 1}")
        place.set_xlabel("is looked at")
    axes[0].set_ylabel("looks")
    return figure


def attention_overview(seen, name: str = "attention") -> Figure:
    """All heads of all layers as small pictures: rows are layers, columns heads."""
    weights = seen.arrays[name]
    layers, heads = weights.shape[:2]
    darkest = float(weights.max())
    side = min(0.95, (PAGE - 0.6) / heads)
    figure, axes = panels(layers, heads, 0.6 + side * heads, 0.5 + side * layers)
    for number, place in enumerate(axes):
        layer, head = divmod(number, heads)
        place.imshow(weights[layer, head], cmap="Blues", vmin=0, vmax=darkest)
        place.grid(visible=False)
        place.set(xticks=[], yticks=[])
        if layer == 0:
            place.set_title(f"head {head + 1}", fontsize=10 * side)
        if head == 0:
            place.set_ylabel(f"layer {layer + 1}", fontsize=10 * side)
    return figure


def attention_steps(seen) -> Figure:
    """The scores of one head before the softmax, and its weights after."""
    tokens = seen.values["tokens"]
    figure, axes = panels(1, 2, PAGE, PAGE / 2 + 0.1)
    scores = seen.arrays["scores"]
    limit = float(np.abs(scores).max())
    note = {"annot": len(tokens) <= 14, "annot_kws": {"fontsize": 5}}
    _grid(
        axes[0], scores, tokens, tokens, cmap="RdBu_r", vmin=-limit, vmax=limit, fmt=".1f", **note
    )
    _grid(axes[1], seen.arrays["recomputed"], tokens, tokens, vmin=0, fmt=".2f", **note)
    axes[0].set_title(r"scores $QK^\top/\sqrt{d_k}$")
    axes[1].set_title("weights: softmax of each row")
    return figure


def influence(seen: Sequence, names: Sequence[str]) -> Figure:
    """What each position knows of the others, model beside model; hatched where exactly nothing."""
    size = min(PAGE / len(seen), 4.2)
    figure, axes = panels(1, len(seen), size * len(seen), size + 0.3)
    for place, one, name in zip(axes, seen, names, strict=True):
        moved, tokens = one.arrays["influence"], one.values["tokens"]
        place.set_facecolor(HIDDEN)
        place.grid(visible=False)
        # A token moves its own position most: the root lets the others be seen beside it.
        _grid(place, np.sqrt(moved), tokens, tokens, mask=moved == 0, vmin=0)
        for row, column in np.argwhere(moved == 0):
            place.add_patch(
                plt.Rectangle((column, row), 1, 1, fill=False, hatch="////", ec="#b0bec5", lw=0)
            )
        place.set(title=name, xlabel="this token is replaced", ylabel="this position moves")
    return figure


def _visibility(axes: Axes, allowed: np.ndarray, tokens: Sequence[str], border: int) -> None:
    colours = ListedColormap([HIDDEN, SEEN])
    _grid(axes, allowed, tokens, tokens, cmap=colours, vmin=0, vmax=1, linecolor="white")
    axes.axhline(border, color=ORANGE, lw=1.6)
    axes.axvline(border, color=ORANGE, lw=1.6)


def joined_visibility(masks) -> np.ndarray:
    """An encoder-decoder's three attentions as one grid over source and decoder input together.

    True where some head of some layer gave a weight above zero; nothing looks from the source to
    the target.
    """
    encoder, cross, decoder = (
        masks.arrays[name].max((0, 1)) > 0 for name in ("encoder", "cross", "decoder")
    )
    nothing = np.zeros((len(encoder), len(decoder)), dtype=bool)
    return np.block([[encoder, nothing], [cross, decoder]])


def three_architectures(masks, prefix) -> Figure:
    """Encoder-decoder, language model and prefix LM: who saw whom, from weights above zero."""
    source = masks.values["source_tokens"]
    pairs = [
        ("encoder-decoder", joined_visibility(masks), len(source), source
         + masks.values["decoder_tokens"]),
        *(
            (title, prefix.arrays[name].max((0, 1)) > 0, prefix.values["source_length"],
             prefix.values["tokens"])
            for title, name in (("language model", "causal"), ("prefix LM", "prefix"))
        ),
    ]  # fmt: skip
    figure, axes = panels(1, 3, PAGE, PAGE / 3 + 0.3)
    for place, (title, allowed, border, tokens) in zip(axes, pairs, strict=True):
        _visibility(place, allowed, tokens, border)
        place.set_title(title)
        place.set_xlabel("may be looked at")
    axes[0].set_ylabel("looks")
    return figure


def encoder_decoder_attention(masks, layer: int = -1) -> Figure:
    """The weights of one layer, the mean over its heads: encoder, decoder and cross-attention."""
    source, target = masks.values["source_tokens"], masks.values["decoder_tokens"]
    figure, axes = panels(1, 3, PAGE, PAGE / 3 + 0.2)
    for place, (name, rows, columns) in zip(
        axes,
        [("encoder", source, source), ("decoder", target, target), ("cross", target, source)],
        strict=True,
    ):
        _grid(place, masks.arrays[name][layer].mean(0), rows, columns, vmin=0)
        place.set_title("cross-attention" if name == "cross" else f"{name} self-attention")
    return figure


def prefix_attention(seen) -> Figure:
    """Cross-attention of the last layer, prefix framed, and each head's share on the prefix."""
    source, target = seen.values["source_tokens"], seen.values["labels"]
    length = seen.values["prefix_length"]
    height = 0.9 + 0.2 * len(target)
    figure, (above, below) = panels(2, 1, PAGE, height + 2.4, height_ratios=[height, 2.4])
    _grid(above, seen.arrays["cross"][-1].mean(0), target, source, vmin=0, square=False)
    above.add_patch(plt.Rectangle((0, 0), length, len(target), fill=False, ec=ORANGE, lw=2.2))
    above.set(xlabel="source (the prefix is framed)", ylabel="token being predicted")
    mass = seen.arrays["mass"]
    layers = np.repeat(np.arange(1, len(mass) + 1), mass.shape[1])
    below.plot(layers, mass.ravel(), "o", color=BLUE, alpha=0.6, label="one head")
    below.axhline(seen.values["even_share"], color=ORANGE, ls="--", label="even attention")
    below.set(xlabel="decoder layer", ylabel="share of weight on the prefix", ylim=(0, 1))
    below.set_xticks(range(1, len(mass) + 1))
    below.legend(fontsize=8)
    return figure


# --- distributions and losses ------------------------------------------------------------------


def candidates(seen, answer: str | None = None) -> Figure:
    """The most probable tokens of one distribution; the right one in orange."""
    rows = seen.values["candidates"]
    names = [row["token"] for row in rows]
    figure, (axes,) = panels(1, 1, 6.2, 0.9 + 0.3 * len(rows))
    colours = [ORANGE if name == answer else BLUE for name in names]
    _bars(axes, names, [row["probability"] for row in rows], colours, ".1%")
    axes.set_xlabel("probability")
    return figure


def context_views(seen) -> Figure:
    """Probability of the same tokens under four views of the same sentence."""
    views = seen.values["views"]
    shown = seen.values["shown"]
    chances = 100 * seen.arrays["probabilities"]
    figure, (axes,) = panels(1, 1, min(2.4 + 0.62 * len(shown), PAGE), 2.9)
    sns.heatmap(
        chances,
        ax=axes,
        cmap="Blues",
        vmin=0,
        vmax=chances.max(),
        annot=True,
        fmt=".1f" if chances.max() < 10 else ".0f",
        linewidths=0.6,
        xticklabels=words(shown),
        yticklabels=[view["view"] for view in views],
        cbar_kws={"label": "probability in %"},
    )
    axes.tick_params(axis="x", rotation=45)
    axes.tick_params(axis="y", rotation=0)
    axes.get_xticklabels()[0].set_color(ORANGE)
    return figure


def objectives(seen) -> Figure:
    """The terms of BERT's loss on a pair that follows and on one that does not."""
    titles = {"next": "B follows A", "random": "B is from elsewhere"}
    most = max(len(pair["masked"]) for pair in seen.values.values())
    figure, axes = panels(1, 2, PAGE, 1.6 + 0.28 * most, sharex=True)
    for place, (kind, title) in zip(axes, titles.items(), strict=True):
        pair = seen.values[kind]
        rows = pair["masked"]
        names = [
            *(f"−log p({row['token'].replace('▁', '')})" for row in rows),
            "their mean",
            "next sentence",
            "sum",
        ]
        values = [
            *(row["loss"] for row in rows),
            pair["masked_loss"],
            pair["next_loss"],
            pair["sum"],
        ]
        colours = [*(["#9ecae1"] * len(rows)), BLUE, GREEN, ORANGE]
        _bars(place, names, values, colours, ".3f")
        place.set(title=title, xlabel="nats")
    return figure


def similarity(seen) -> Figure:
    """Cosine similarity of a word's vector in the first sentence to those in the others."""
    table = seen.arrays["similarity"]
    figure, (axes,) = panels(1, 1, 7.2, 3.6)
    for number, sentence in enumerate(seen.values["sentences"][1:], start=1):
        axes.plot(range(len(table)), table[:, 0, number], "o-", label=sentence)
    axes.set(xlabel="layer (0: embeddings alone)", ylabel="cosine similarity")
    axes.set_xticks(range(len(table)))
    axes.legend(fontsize=8, title=f"compared with: {seen.values['sentences'][0]}", title_fontsize=8)
    return figure


def token_losses(seen) -> Figure:
    """Loss of each token of a sentence given the tokens before it."""
    names, losses = seen.values["tokens"][1:], seen.values["losses"]
    figure, (axes,) = panels(1, 1, PAGE, 3.0)
    axes.bar(range(len(names)), losses, color=BLUE)
    axes.axhline(seen.values["loss"], color=ORANGE, ls="--", label="mean: the loss")
    axes.set_xticks(range(len(names)), words(names), rotation=45, ha="right", fontsize=8)
    axes.set_ylabel("−log p(token | left), nats")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


def truncation(seen) -> Figure:
    """One next-token distribution under temperatures, with the cuts of top-k and nucleus."""
    tempered, values = seen.arrays["tempered"], seen.values
    figure, (axes,) = panels(1, 1, PAGE, 3.4)
    places = np.arange(tempered.shape[1])
    width = 0.8 / len(tempered)
    shades = sns.color_palette("Blues", len(tempered) + 1)[1:]
    for number, (row, temperature) in enumerate(zip(tempered, values["temperatures"], strict=True)):
        axes.bar(
            places + (number - (len(tempered) - 1) / 2) * width,
            row,
            width,
            color=shades[number],
            label=f"T = {temperature:g}",
        )
    cuts = [
        (values["top_k"], ORANGE, "--", "top-k"),
        (values["nucleus_size"], GREEN, ":", "nucleus"),
    ]
    for size, colour, line, name in cuts:
        if size < len(places):
            axes.axvline(size - 0.5, color=colour, ls=line, lw=2, label=f"{name} keeps {size}")
        else:
            axes.plot([], [], color=colour, ls=line, lw=2, label=f"{name} keeps {size}")
    axes.set_xticks(places, words(values["tokens"]), rotation=45, ha="right")
    axes.set_ylabel("probability")
    axes.grid(axis="x", visible=False)
    axes.legend(fontsize=8)
    return figure


def shares(names: Sequence[str], groups: dict[str, Sequence[dict]]) -> Figure:
    """Shares with their intervals, one panel a group; each entry has `share`, `low`, `high`."""
    figure, axes = panels(1, len(groups), PAGE, 1.2 + 0.38 * len(names), sharey=True)
    for place, (title, entries) in zip(axes, groups.items(), strict=True):
        for row, entry in enumerate(entries):
            place.hlines(row, entry["low"], entry["high"], color=BLUE, lw=4, alpha=0.4)
            place.plot(entry["share"], row, "o", color=BLUE)
        place.set(title=title, xlim=(-0.03, 1.03), xticks=[0, 0.5, 1])
        place.set_yticks(range(len(names)), names)
        place.set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel("share, with its 95 % interval", fontsize=10)
    return figure


# --- T5 ----------------------------------------------------------------------------------------


LINE = 92
"""Characters in a line of token boxes."""


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
        axes.text(
            left + width / 2, row, token, ha="center", va="center", fontsize=7, family="monospace"
        )
        left += width
    return row - 1.2


def _short(tokens: Sequence[str]) -> list[str]:
    """Tokens for boxes: a sentinel `<extra_id_0>` is written `<0>`."""
    return [re.sub(r"^<extra_id_(\d+)>$", r"<\1>", token) for token in words(tokens)]


def _shades(tokens: Sequence[str], marked: Sequence[bool] | None = None) -> list[str]:
    """White for text, orange for what is hidden, green for sentinels and other special tokens."""
    chosen = marked or [False] * len(tokens)
    return [
        "#c8e6c9" if token.startswith("<") else ("#ffcc80" if hide else "white")
        for token, hide in zip(tokens, chosen, strict=True)
    ]


def span_corruption(seen) -> Figure:
    """A sentence, what the encoder reads of it, what the decoder must write, what it wrote."""
    values = seen.values
    rows = [
        ("text", values["tokens"], values["hidden"]),
        ("input", values["inputs"], None),
        ("target", values["targets"], [True] * len(values["targets"])),
        ("model", values["answer"], [True] * len(values["answer"])),
    ]
    lines = sum(1 + sum(len(token) + 1 for token in _short(row[1])) // LINE for row in rows)
    figure, (axes,) = panels(1, 1, PAGE, 0.9 + 0.32 * lines)
    top = 0.0
    for name, tokens, marked in rows:
        axes.text(-1.5, top, name, ha="right", va="center", fontsize=9, weight="bold")
        top = _boxes(axes, top, _short(tokens), _shades(tokens, marked))
    axes.set(xlim=(-10, LINE + 1), ylim=(top + 0.5, 0.6))
    axes.axis("off")
    return figure


def position_bias(seen) -> Figure:
    """The bias of each head by distance, in the encoder and in the decoder."""
    distances = seen.arrays["distances"]
    figure, axes = panels(1, 2, PAGE, 3.3, sharey=True)
    reach = len(distances) // 2
    palette = sns.color_palette("viridis", seen.values["heads"])
    for place, name, along in (
        (axes[0], "encoder", distances),
        (axes[1], "decoder", distances[: reach + 1]),
    ):
        for head, row in enumerate(seen.arrays[name]):
            place.step(along, row, where="mid", color=palette[head], lw=1.3, label=str(head + 1))
        place.axvline(0, color=GREY, lw=0.8)
        place.set(title=name, xlabel="distance: key minus query")
    axes[0].set_ylabel("added to the score")
    axes[1].legend(title="head", fontsize=7, title_fontsize=8, ncols=2, loc="upper left")
    return figure


def teacher_forcing(seen) -> Figure:
    """Each step of the decoder: what it reads, what it must say, and its loss."""
    steps = seen.values["steps"]
    places = np.arange(len(steps))
    figure, (axes,) = panels(1, 1, PAGE, 3.4)
    bars = axes.bar(places, [step["loss"] for step in steps], color=BLUE)
    axes.bar_label(bars, [f"{step['loss']:.2f}" for step in steps], padding=2, fontsize=8)
    axes.axhline(seen.values["loss"], color=ORANGE, ls="--", label="mean: the loss")
    names = zip(words([s["reads"] for s in steps]), words([s["label"] for s in steps]), strict=True)
    size = _label_size(2 * len(steps), PAGE)
    axes.set_xticks(places, [f"{read}\n↓\n{label}" for read, label in names], fontsize=size)
    axes.set(ylabel="−log p(label), nats", xlabel="reads ↓ must say")
    axes.margins(y=0.15)
    axes.grid(axis="x", visible=False)
    axes.legend(fontsize=8)
    return figure
