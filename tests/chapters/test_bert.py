"""Chapter 1's figures say what their records say, on records made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import TOKENS, cells, drawn, labels, record, rows_of_softmax
from matplotlib.colors import to_hex

from t5study.chapters import bert
from t5study.chapters.style import BLUE, ORANGE


@pytest.fixture
def attention():
    weights = rows_of_softmax(2, 3, 6, 6)
    arrays = {"attention": weights, "scores": np.log(weights[0, 0]), "recomputed": weights[0, 0]}
    return record(arrays, tokens=TOKENS)


def test_heads_are_drawn_with_their_tokens_and_names(attention):
    axes = drawn(bert.plot_attention_heads(attention, [(0, 2), (1, 0)]))
    assert [place.get_title() for place in axes] == ["layer 1, head 3", "layer 2, head 1"]
    assert labels(axes[0].xaxis)[1:3] == ["The", "film"]
    assert np.allclose(cells(axes[1]), attention.arrays["attention"][1, 0])


def test_the_overview_has_one_picture_a_head(attention):
    axes = drawn(bert.plot_attention_overview(attention))
    assert len(axes) == 6
    scale = {place.images[0].get_clim() for place in axes}
    assert len(scale) == 1, "pictures side by side need one scale"


def test_steps_show_scores_and_weights(attention):
    left, right = drawn(bert.plot_attention_steps(attention))
    assert np.allclose(cells(left), attention.arrays["scores"])
    assert right.get_title().startswith("weights")


def test_candidates_mark_the_answer():
    rows = [{"token": "▁good", "probability": 0.5}, {"token": "▁bad", "probability": 0.25}]
    (axes,) = drawn(bert.plot_candidates(record(candidates=rows), answer="▁bad"))
    assert [bar.get_width() for bar in axes.patches] == [50, 25]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [BLUE, ORANGE]
    assert [text.get_text() for text in axes.texts] == ["50.0 %", "25.0 %"]


def test_context_views_are_in_per_cent():
    views = [{"view": name} for name in ("both sides", "left only")]
    table = np.array([[0.9, 0.1], [0.2, 0.8]])
    seen = record({"probabilities": table}, shown=["▁good", "▁bad"], views=views)
    axes = drawn(bert.plot_context_views(seen))[0]
    assert [text.get_text() for text in axes.texts] == ["90", "10", "20", "80"]
    assert labels(axes.yaxis) == ["both sides", "left only"]


def test_objectives_end_in_their_sum():
    pair = {
        "masked": [{"token": "▁good", "loss": 1.0}, {"token": "▁film", "loss": 3.0}],
        "masked_loss": 2.0,
        "next_loss": 0.5,
        "sum": 2.5,
    }
    left, right = drawn(bert.plot_objectives(record(next=pair, random=pair)))
    assert [bar.get_width() for bar in left.patches] == [1.0, 3.0, 2.0, 0.5, 2.5]
    assert right.get_title() == "B is from elsewhere"


def test_similarity_has_a_line_for_every_other_sentence():
    table = np.ones((3, 3, 3))
    table[2, 0] = [1.0, 0.5, 0.25]
    seen = record({"similarity": table}, sentences=["a [b].", "c [b].", "d [b]."])
    (axes,) = drawn(bert.plot_similarity(seen))
    assert [line.get_ydata()[-1] for line in axes.lines] == [0.5, 0.25]


def test_shares_stand_inside_their_intervals():
    entry = {"share": 0.5, "low": 0.4, "high": 0.6}
    axes = drawn(bert.plot_shares(["BERT", "GPT"], {"a": [entry, entry], "b": [entry, entry]}))
    assert [place.get_title() for place in axes] == ["a", "b"]
    assert [line.get_xdata()[0] for line in axes[0].lines] == [0.5, 0.5]
