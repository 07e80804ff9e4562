"""The drawings hold what they should, inside their frame and in type that can be read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from handmade import record

from t5study.chapters.drawings import reading, writing
from t5study.chapters.drawings.shapes import WIDE, Drawing

TELEPHONE = 358
"""Pixels that a picture has on a telephone's page."""

ROWS = [
    {"step": 1, "parent": None, "token": "▁a", "probability": 0.6, "kept": True},
    {"step": 1, "parent": None, "token": "▁b", "probability": 0.3, "kept": True},
    {"step": 2, "parent": 0, "token": "▁c", "probability": 0.1, "kept": False},
    {"step": 2, "parent": 1, "token": "▁d", "probability": 0.9, "kept": True},
]
PIECES = ["▁sst", "2", ":", "▁A", "▁wonderful", "▁film", ".", "</s>"]

DRAWINGS = {
    "three ways": reading.three_ways,
    "encoder block": reading.encoder_block,
    "masked words": reading.masked_words,
    "tokens": lambda: reading.token_row(["[CLS]", "▁the", "▁keys", "[SEP]"]),
    "BERT beside GPT": writing.bert_beside_gpt,
    "T5": writing.t5_stack,
    "masks": writing.three_masks,
    "teacher forcing": lambda: writing.teacher_forcing(["Das", "ist", "gut", "."]),
    "beams": lambda: writing.beam_tree(record(rows=ROWS)),
    "life": lambda: writing.life_of_a_text(
        "A film.", "sst2: A film.", PIECES, {"good": 0.9, "bad": 0.1}
    ),
}


@pytest.fixture(params=sorted(DRAWINGS))
def drawing(request) -> Drawing:
    return DRAWINGS[request.param]()


def _elements(drawing: Drawing, name: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(drawing.svg())
    return [each for each in root.iter() if each.tag.endswith(f"}}{name}")]


def test_boxes_lie_inside_the_frame_and_the_frame_on_the_page(drawing):
    assert drawing.width <= WIDE
    for box in _elements(drawing, "rect"):
        left, top, width, height = (float(box.get(key)) for key in ("x", "y", "width", "height"))
        assert left >= 0 <= top
        assert left + width <= drawing.width
        assert top + height <= drawing.height


def test_lines_lie_inside_the_frame(drawing):
    for line in _elements(drawing, "polyline"):
        numbers = [float(each) for each in re.split("[ ,]", line.get("points"))]
        assert 0 <= min(numbers[::2]) <= max(numbers[::2]) <= drawing.width
        assert 0 <= min(numbers[1::2]) <= max(numbers[1::2]) <= drawing.height


def test_type_can_be_read_on_a_telephone(drawing):
    sizes = [float(text.get("font-size")) for text in _elements(drawing, "text")]
    assert min(sizes) * min(1, TELEPHONE / drawing.width) >= 7


def test_a_drawing_is_the_same_every_time(drawing):
    assert drawing.svg() == drawing.svg()


def test_a_tree_draws_what_is_kept_apart_from_what_is_dropped():
    texts = _elements(writing.beam_tree(record(rows=ROWS)), "text")
    bold = {text.text.split()[0] for text in texts if text.get("font-weight") == "bold"}
    assert bold == {"step", "a", "b", "d"}


def test_words_of_others_cannot_break_a_drawing():
    drawing = Drawing(40)
    drawing.words(10, 10, "<b> & </b>")
    (text,) = _elements(drawing, "text")
    assert text.text == "<b> & </b>"
