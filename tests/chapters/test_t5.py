"""Chapter 3's figures say what their records say, on records made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import cells, drawn, labels, record, rows_of_softmax
from matplotlib.colors import to_hex

from t5study.chapters import t5


@pytest.fixture
def masks():
    decoder = np.tril(rows_of_softmax(1, 2, 2, 2))
    arrays = {
        "encoder": rows_of_softmax(1, 2, 3, 3),
        "decoder": decoder,
        "cross": rows_of_softmax(1, 2, 2, 3),
    }
    return record(arrays, source_tokens=["▁a", "▁b", "</s>"], decoder_tokens=["<pad>", "▁c"])


def test_the_joined_grid_of_an_encoder_decoder(masks):
    grid = t5.joined_visibility(masks).astype(int)
    assert grid.tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]


def test_three_architectures_show_three_patterns(masks):
    causal = np.tril(rows_of_softmax(1, 1, 4, 4))
    prefix = causal.copy()
    prefix[..., :2, :2] = 0.5
    single = record(
        {"causal": causal, "prefix": prefix}, tokens=["</s>", "▁a", "▁b", "▁c"], source_length=2
    )
    axes = drawn(t5.plot_three_architectures(masks, single))
    filled = [int(cells(place).sum()) for place in axes]
    assert filled == [9 + 6 + 3, 10, 11]
    assert [place.get_title() for place in axes] == [
        "encoder-decoder",
        "language model",
        "prefix LM",
    ]


def test_the_prefix_is_framed_and_every_head_has_a_dot():
    cross = rows_of_softmax(2, 4, 2, 5)
    seen = record(
        {"cross": cross, "mass": cross[..., :3].sum(-1).mean(-1)},
        source_tokens=["▁do", "▁it", ":", "▁a", "</s>"],
        labels=["▁b", "</s>"],
        prefix_length=3,
        even_share=0.6,
    )
    left, right = drawn(t5.plot_prefix_attention(seen))
    assert left.patches[-1].get_width() == 3
    dots, even = right.lines
    assert len(dots.get_ydata()) == 8
    assert set(even.get_ydata()) == {0.6}


def test_span_corruption_shades_hidden_text_and_shortens_sentinels():
    seen = record(
        tokens=["▁The", "▁film", "▁ended", "."],
        hidden=[False, True, True, False],
        inputs=["▁The", "<extra_id_0>", ".", "</s>"],
        targets=["<extra_id_0>", "▁film", "▁ended", "</s>"],
    )
    (axes,) = drawn(t5.plot_span_corruption(seen))
    said = [text.get_text() for text in axes.texts]
    assert said.count("<0>") == 2
    first = [to_hex(box.get_facecolor()) for box in axes.patches[:4]]
    assert first == ["#ffffff", "#ffcc80", "#ffcc80", "#ffffff"]


def test_long_rows_of_boxes_are_wrapped_into_the_picture():
    many = ["▁word"] * 60
    seen = record(tokens=many, hidden=[False] * 60, inputs=many, targets=many)
    (axes,) = drawn(t5.plot_span_corruption(seen))
    right = max(box.get_x() + box.get_width() for box in axes.patches)
    low = min(box.get_y() for box in axes.patches)
    assert right <= axes.get_xlim()[1]
    assert low >= axes.get_ylim()[0]


def test_position_bias_draws_every_head_on_both_sides():
    distances = np.arange(-3, 4)
    arrays = {"distances": distances, "encoder": np.ones((2, 7)), "decoder": np.ones((2, 4))}
    left, right = drawn(t5.plot_position_bias(record(arrays, heads=2)))
    assert left.lines[0].get_xdata().max() == 3
    assert right.lines[0].get_xdata().max() == 0


def test_teacher_forcing_pairs_what_is_read_with_what_is_said():
    steps = [
        {"reads": "<pad>", "label": "▁Das", "loss": 0.5},
        {"reads": "▁Das", "label": "</s>", "loss": 1.5},
    ]
    (axes,) = drawn(t5.plot_teacher_forcing(record(steps=steps, loss=1.0)))
    assert labels(axes.xaxis) == ["<pad>\n↓\nDas", "Das\n↓\n</s>"]
