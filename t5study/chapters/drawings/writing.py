"""Drawings of writers: BERT beside GPT, T5's stacks and masks, teacher forcing, a beam search."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from t5study.chapters.drawings.reading import numbered
from t5study.chapters.drawings.shapes import (
    BLUISH,
    FAINT,
    GREENISH,
    ORANGISH,
    PALE,
    SMALL,
    WHITE,
    WIDE,
    Drawing,
)
from t5study.chapters.style import BLUE, GREY, ORANGE, word
from t5study.runs.record import Run


def bert_beside_gpt() -> Drawing:
    """Two stacks of the same blocks under two masks: who sees whom."""
    drawing = Drawing(336)
    for left, name, causal in ((20, "BERT: encoder", False), (330, "GPT: decoder", True)):
        drawing.words(left + 135, 14, name, bold=True)
        xs = [left + 30 + 70 * place for place in range(4)]
        levels = (206, 136, 66)
        for below, above in itertools.pairwise(levels):
            _looks(drawing, xs, below - 14, above + 14, causal)
        for level, letter in zip(levels, ("x", "", ""), strict=True):
            for place, x in enumerate(xs, start=1):
                name_of = numbered(letter, place) if letter else ""
                fill = WHITE if letter else ORANGISH if place == 2 else PALE
                drawing.box(x - 22, level - 14, 44, 28, name_of, fill=fill)
        says = [numbered("x", place) + "?" for place in (2, 3, 4, 5)] if causal else None
        for place, x in enumerate(xs):
            if says or place == 1:
                drawing.arrow((x, 51), (x, 44), colour=BLUE)
        if says:
            for x, text in zip(xs, says, strict=True):
                drawing.words(x, 36, text, size=SMALL)
        else:
            drawing.words(xs[1], 36, "hidden x₂?", size=SMALL)
        mask = np.tril(np.ones((4, 4), dtype=bool)) if causal else np.ones((4, 4), dtype=bool)
        drawing.grid(left + 20, 252, mask.tolist(), side=18)
        notes = (
            ("its mask: a row looks", "at the columns to its", "left and at itself")
            if causal
            else ("its mask: every row", "looks at every", "column")
        )
        for row, note in enumerate(notes):
            drawing.words(left + 108, 268 + 19 * row, note, size=SMALL, anchor="start")
    return drawing


def _looks(drawing: Drawing, xs: Sequence[float], bottom: float, top: float, causal: bool) -> None:
    pairs = [(i, j) for i in range(len(xs)) for j in range(len(xs)) if j <= i or not causal]
    for i, j in sorted(pairs, key=lambda pair: pair[0] == 1):
        mine = i == 1
        colour, width = (BLUE, 1.8) if mine else (FAINT, 0.9)
        drawing.line((xs[j], bottom), (xs[i], top), colour=colour, width=width)


def t5_stack() -> Drawing:
    """T5: an encoder that reads, a decoder that writes, and cross-attention between the two."""
    drawing = Drawing(420)
    for left, height, title in ((16, 168, "encoder, N blocks"), (346, 222, "decoder, N blocks")):
        top = 300 - height
        drawing.box(left, top, 258, height, edge=GREY, dashed=True)
        drawing.words(left, top - 11, title, bold=True, size=SMALL, anchor="start")
    encoder = (
        (246, "self-attention\neverything visible", BLUISH),
        (166, "feed-forward layer", GREENISH),
    )
    decoder = (
        (246, "self-attention\nonly what was written", ORANGISH),
        (180, "cross-attention\nto the encoder's output", BLUISH),
        (112, "feed-forward layer", GREENISH),
    )
    for left, parts in ((36, encoder), (366, decoder)):
        for top, words, fill in parts:
            drawing.box(left, top, 218, 42, words, fill=fill, size=SMALL)
        for (below, *_), (above, *_) in itertools.pairwise(parts):
            drawing.arrow((left + 109, below - 1), (left + 109, above + 43))
    ways = ((145, 340), (145, 289)), ((475, 340), (475, 289)), ((475, 111), (475, 60))
    for start, end in ways:
        drawing.arrow(start, end)
    drawing.arrow((200, 165), (200, 110), (310, 110), (310, 201), (365, 201), colour=BLUE, width=2)
    drawing.words(228, 98, "one vector a token of the input", size=SMALL)
    for left, words in ((16, "embedding"), (346, "the same embedding")):
        drawing.box(left + 40, 340, 178, 26, words, fill=PALE, size=SMALL)
    drawing.box(346, 34, 258, 26, "scores: the same embedding again", fill=PALE, size=SMALL)
    drawing.words(145, 386, "translate English to German:", size=SMALL)
    drawing.words(145, 404, "That is good.", size=SMALL)
    drawing.words(475, 386, "⟨start⟩  Das  ist  gut  .", size=SMALL)
    drawing.words(475, 404, "(shifted one place to the right)", size=SMALL)
    drawing.words(475, 16, "Das  ist  gut  .  ⟨end⟩", size=SMALL, bold=True)
    return drawing


def three_masks() -> Drawing:
    """Encoder-decoder, language model and prefix LM: who may look at whom, input and output."""
    drawing = Drawing(236)
    causal = np.tril(np.ones((5, 5), dtype=bool))
    prefix = causal.copy()
    prefix[:3, :3] = True
    names = ["x₁", "x₂", "x₃", "y₁", "y₂"]
    notes = ("two stacks, three attentions", "one stack, one mask", "one stack, another mask")
    side = 30
    titles = ("encoder-decoder", "language model", "prefix LM")
    for number, (title, note) in enumerate(zip(titles, notes, strict=True)):
        left = 44 + number * 207
        drawing.words(left + 66, 12, title, bold=True)
        drawing.grid(left, 50, (causal if number == 1 else prefix).tolist(), side=side)
        for place, name in enumerate(names):
            drawing.words(left + (place + 0.5) * side, 40, name, size=SMALL)
            drawing.words(left - 14, 50 + (place + 0.5) * side, name, size=SMALL)
        if number == 0:
            _three_parts(drawing, left, 50, side)
        drawing.words(left + 66, 222, note, size=SMALL)
    return drawing


def _three_parts(drawing: Drawing, left: float, top: float, side: float) -> None:
    """The gaps between an encoder-decoder's attentions, and their names."""
    for cut in (
        ((left, top + 3 * side), (left + 5 * side, top + 3 * side)),
        ((left + 3 * side, top), (left + 3 * side, top + 5 * side)),
    ):
        drawing.line(*cut, colour=ORANGE, width=4)
    for x, y, name in ((1.5, 1.5, "encoder"), (1.5, 4, "cross"), (4, 4.02, "decoder")):
        wide = 8 * len(name) + 2
        drawing.box(left + x * side - wide / 2, top + y * side - 9, wide, 18, name, size=SMALL)


def teacher_forcing(words: Sequence[str]) -> Drawing:
    """What the decoder reads is the right answer, one place late; it says all of it at once."""
    drawing = Drawing(176)
    wide, gap = 74, 12
    left = 110 + (WIDE - 110 - len(words) * (wide + gap) - wide) / 2
    says = [*words, "⟨end⟩"]
    reads = ["⟨start⟩", *words]
    above = drawing.tokens(left, 20, says, width=wide, gap=gap, fills=[GREENISH] * len(says))
    below = drawing.tokens(left, 128, reads, width=wide, gap=gap, fills=[BLUISH] * len(reads))
    drawing.box(left, 72, len(says) * (wide + gap) - gap, 30, "decoder, causal mask", fill=PALE)
    for x in below:
        drawing.arrow((x, 127), (x, 104))
        drawing.arrow((x, 71), (x, 48))
    for start, end in zip(above, below[1:], strict=False):
        middle = (start + end) / 2
        way = ((start + 26, 47), (middle, 60), (middle, 114), (end - 26, 127))
        drawing.arrow(*way, colour=ORANGE, dashed=True)
    drawing.words(left - 12, 33, "must say", anchor="end", size=SMALL)
    drawing.words(left - 12, 141, "reads", anchor="end", size=SMALL)
    return drawing


def beam_tree(seen: Run) -> Drawing:
    """A beam search as it went: what each beam could go on with, and which beginnings were kept."""
    rows = seen.values["rows"]
    steps = range(1, 1 + max(row["step"] for row in rows))
    most = max(sum(row["step"] == step for row in rows) for step in steps)
    drawing = Drawing(44 + 44 * most)
    places: dict[int | None, tuple[float, float]] = {None: (8, 44 + 22 * most)}
    drawing.box(8, 28 + 22 * most, 76, 32, "the text\nso far", size=SMALL, fill=PALE)
    for step in steps:
        here = [number for number, row in enumerate(rows) if row["step"] == step]
        left = 126 + (step - 1) * 168
        drawing.words(left + 63, 12, f"step {step}", bold=True, size=SMALL)
        for line, number in enumerate(here):
            middle = 44 + 44 * (line + (most - len(here)) / 2) + 16
            places[number] = (left, middle)
            _beam(drawing, rows[number], places)
    return drawing


def _beam(drawing: Drawing, row: Mapping, places: dict[int | None, tuple[float, float]]) -> None:
    (left, middle), (before, level) = list(places.values())[-1], places[row["parent"]]
    start = before + (76 if row["parent"] is None else 126)
    colour, width = (BLUE, 2) if row["kept"] else (FAINT, 1)
    drawing.line((start, level), (left, middle), colour=colour, width=width)
    drawing.box(
        left, middle - 16, 126, 32, f"{word(row['token'])}  {row['probability']:.2f}",
        fill=BLUISH if row["kept"] else WHITE, dashed=not row["kept"], size=SMALL,
        bold=row["kept"],
    )  # fmt: skip


def life_of_a_text(
    text: str, source: str, pieces: Sequence[str], scores: Mapping[str, float]
) -> Drawing:
    """The way of one text to its answer: prefix, pieces, encoder, decoder, scores of the labels."""
    drawing = Drawing(364)
    drawing.box(8, 8, 604, 32, f"“{text}”", fill=PALE)
    drawing.box(8, 66, 604, 32, source, size=SMALL)
    shown = [word(piece) for piece in pieces]
    half = -(-len(shown) // 2)
    for top, row in ((124, shown[:half]), (154, shown[half:])):
        drawing.tokens(8, top, row, fills=[BLUISH] * len(row))
    drawing.box(8, 214, 270, 34, "encoder: one vector a piece", fill=BLUISH)
    drawing.box(342, 214, 270, 34, "decoder: scores each label word", fill=ORANGISH)
    drawing.arrow((279, 231), (341, 231), colour=BLUE, width=2)
    notes = ((41, "a prefix says which task"), (99, "the tokenizer cuts it into pieces"))
    for top, note in notes:
        drawing.arrow((40, top), (40, top + 24))
        drawing.words(54, top + 12, note, size=SMALL, anchor="start")
    drawing.arrow((40, 181), (40, 213))
    _scores(drawing, scores, 278)
    return drawing


def _scores(drawing: Drawing, scores: Mapping[str, float], top: float) -> None:
    """The shares of the labels as bars, below the decoder, and the answer beside them."""
    best = max(scores, key=scores.__getitem__)
    drawing.arrow((477, 249), (477, top - 4))
    for row, (name, share) in enumerate(scores.items()):
        middle = top + 14 + 40 * row
        drawing.words(430, middle, name, size=SMALL, anchor="end", bold=name == best)
        fill = BLUE if name == best else PALE
        drawing.box(440, middle - 14, max(2.0, 120 * share), 28, fill=fill)
        drawing.words(568, middle, f"{share:.3f}", size=SMALL, anchor="start")
    drawing.box(8, top + 18, 270, 34, f"answer: {best}", bold=True, fill=GREENISH)
    drawing.arrow((340, top + 35), (280, top + 35), colour=BLUE, width=2)
