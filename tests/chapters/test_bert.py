"""Chapter 1's figures say what their records say, on records made by hand."""

from __future__ import annotations

import numpy as np
from handmade import TOKENS, cells, drawn, labels, record, rows_of_softmax

from t5study.chapters import bert


def test_steps_show_scores_and_weights():
    weights = rows_of_softmax(6, 6)
    seen = record(sentences=[{"tokens": TOKENS}])
    left, right = drawn(bert.plot_attention_steps(seen, np.log(weights), weights))
    assert np.allclose(cells(left), np.log(weights))
    assert np.allclose(cells(right), weights)
    assert right.get_title().startswith("weights")
    assert labels(left.yaxis)[1:3] == ["The", "film"]


def test_senses_have_a_line_for_the_same_and_one_for_other_senses():
    items = [{"word": "bank", "sense": sense} for sense in ("river", "river", "money")]
    similarity = np.ones((2, 3, 3))
    similarity[1, :2, 2] = similarity[1, 2, :2] = 0.5
    seen = record({"similarity": similarity}, items=items)
    table = bert.senses_table(seen)
    assert table["same sense"].tolist() == [1, 1]
    assert table["other sense"].tolist() == [1, 0.5]
    (axes,) = drawn(bert.plot_senses(seen))
    assert axes.get_title() == "bank"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "same sense",
        "other sense",
    ]


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


def test_shares_stand_inside_their_intervals():
    entry = {"share": 0.5, "low": 0.4, "high": 0.6}
    axes = drawn(bert.plot_shares(["BERT", "GPT"], {"a": [entry, entry], "b": [entry, entry]}))
    assert [place.get_title() for place in axes] == ["a", "b"]
    assert [line.get_xdata()[0] for line in axes[0].lines] == [0.5, 0.5]
