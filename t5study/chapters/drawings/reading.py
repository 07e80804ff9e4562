"""Drawings of readers: recurrence, convolution and attention, an encoder block, masked words."""

from __future__ import annotations

from collections.abc import Sequence

from t5study.chapters.drawings.shapes import (
    BLUISH,
    FAINT,
    GREENISH,
    ORANGISH,
    PALE,
    SMALL,
    WIDE,
    Drawing,
    breadth,
)
from t5study.chapters.style import BLUE, GREY, ORANGE, word

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def numbered(letter: str, number: int) -> str:
    """Return a letter with its index below, as `x₁`."""
    return letter + str(number).translate(_SUBSCRIPTS)


def three_ways() -> Drawing:
    """What each position of one layer sees: convolution, recurrence and attention."""
    drawing = Drawing(218)
    panels = {
        "convolution": ("a window of three:", "far words meet layers later"),
        "recurrence": ("each state waits", "for the one before"),
        "attention": ("all pairs in one step,", "all positions at once"),
    }
    for number, (name, notes) in enumerate(panels.items()):
        left = 8 + number * 207
        xs = [left + 13 + 41 * place for place in range(5)]
        drawing.words(left + 95, 14, name, bold=True)
        _connections(drawing, name, xs)
        for place, x in enumerate(xs, start=1):
            seen = PALE if name == "recurrence" and place > 3 else BLUISH
            if name == "convolution" and not 2 <= place <= 4:
                seen = PALE
            drawing.box(x - 13, 132, 26, 26, numbered("x", place), fill=seen)
            top = ORANGISH if place == 3 else PALE
            drawing.box(x - 13, 42, 26, 26, numbered("h", place), fill=top)
        for row, note in enumerate(notes):
            drawing.words(left + 95, 180 + 18 * row, note, size=SMALL)
    return drawing


def _connections(drawing: Drawing, name: str, xs: list[float]) -> None:
    """The arrows of one way; those of the third position, and what it hangs on, are blue."""
    bottom, top = 131, 70
    if name == "recurrence":
        for place, x in enumerate(xs):
            colour = BLUE if place <= 2 else FAINT
            drawing.arrow((x, bottom), (x, top), colour=colour)
            if place:
                reached = BLUE if place <= 2 else FAINT
                drawing.arrow((xs[place - 1] + 14, 55), (x - 14, 55), colour=reached, width=1.8)
        return
    pairs = [(i, j) for i in range(5) for j in range(5) if name == "attention" or abs(i - j) <= 1]
    for i, j in sorted(pairs, key=lambda pair: pair[0] == 2):
        mine = i == 2
        colour, width = (BLUE, 1.8) if mine else (FAINT, 0.8)
        drawing.line((xs[j], bottom), (xs[i], top), colour=colour, width=width, head=mine)


def encoder_block() -> Drawing:
    """One block of an encoder, from the vectors that come in to those that go out."""
    drawing = Drawing(350)
    middle, left, width = 220, 110, 220
    parts = (
        (262, "multi-head self-attention", BLUISH, "each position reads all others"),
        (210, "add, then normalise", PALE, "what came in is kept"),
        (142, "feed-forward layer", GREENISH, "each position by itself"),
        (90, "add, then normalise", PALE, ""),
    )
    drawing.box(74, 72, 292, 238, edge=GREY, dashed=True)
    for top, words, fill, note in parts:
        drawing.box(left, top, width, 32, words, fill=fill)
        drawing.words(384, top + 16, note, size=SMALL, anchor="start")
    for start, end in ((324, 295), (261, 243), (209, 175), (141, 123), (89, 46)):
        drawing.arrow((middle, start), (middle, end))
    for start, end in ((303, 226), (190, 106)):
        way = ((middle, start), (90, start), (90, end), (left - 1, end))
        drawing.arrow(*way, colour=ORANGE)
    for top, letter in ((322, "x"), (20, "x′")):
        names = [numbered(letter, place) for place in (1, 2, 3, 4)]
        drawing.tokens(132, top, names, width=40, height=24)
    drawing.words(384, 334, "one vector a token", size=SMALL, anchor="start")
    drawing.words(384, 32, "the same number, better informed", size=SMALL, anchor="start")
    drawing.words(384, 106, "BERT-base: 12 such blocks,", size=SMALL, anchor="start")
    drawing.words(384, 123, "one on top of the other", size=SMALL, anchor="start")
    return drawing


def masked_words() -> Drawing:
    """A word is hidden, the encoder reads both sides, and one position must say the word."""
    drawing = Drawing(250)
    names = ["Although", "the", "story", "was", "[MASK]", ",", "I", "liked", "it", "."]
    fills = [ORANGISH if name == "[MASK]" else BLUISH for name in names]
    middles = drawing.tokens(60, 164, names, fills=fills)
    place = middles[4]
    drawing.box(60, 112, 500, 30, "encoder: every position reads both sides", fill=PALE)
    for x in middles:
        drawing.arrow((x, 163), (x, 144), colour=FAINT)
    drawing.arrow((place, 111), (place, 92), colour=BLUE)
    drawing.box(place - 150, 60, 300, 30, "a probability for every word there is", fill=GREENISH)
    drawing.arrow((place, 59), (place, 40), colour=BLUE)
    drawing.words(place, 26, "loss: − log p(boring)", bold=True)
    rows = "of the words to be guessed, 80 % become [MASK], 10 % another word, 10 % stay"
    drawing.words(WIDE / 2, 216, rows, size=SMALL)
    drawing.words(WIDE / 2, 236, "the network is not told which word is which", size=SMALL)
    return drawing


def token_row(tokens: Sequence[str]) -> Drawing:
    """A text as a network reads it: a box a token, those that are no words in orange."""
    shown = [word(token) for token in tokens]
    drawing = Drawing(42, width=3 + sum(breadth(name) + 5 for name in shown))
    fills = [ORANGISH if name.startswith(("[", "<")) else BLUISH for name in shown]
    drawing.tokens(4, 8, shown, fills=fills)
    return drawing
