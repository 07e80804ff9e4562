"""Figures say what their records say: labels, bars, masks and marks, on records made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from t5study.chapters import diagrams

TOKENS = ["[CLS]", "▁The", "▁film", "▁cost", "▁$", "[SEP]"]


def record(arrays=None, **values):
    return SimpleNamespace(values=values, arrays=arrays or {})


def rows_of_softmax(*shape):
    scores = np.random.default_rng(0).random(shape)
    return scores / scores.sum(-1, keepdims=True)


def labels(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


@pytest.fixture(autouse=True)
def nothing_left_open():
    plt.close("all")
    yield
    assert plt.get_fignums() == [], "an open figure would be shown twice in a notebook"


@pytest.fixture
def attention():
    weights = rows_of_softmax(2, 3, 6, 6)
    arrays = {"attention": weights, "scores": np.log(weights[0, 0]), "recomputed": weights[0, 0]}
    return record(arrays, tokens=TOKENS)


def drawn(figure):
    """Draw it: a label that Matplotlib cannot set (a lone dollar sign) fails here."""
    figure.canvas.draw()
    return figure.axes


def test_tokens_lose_the_mark_of_a_space_but_not_themselves():
    assert diagrams.words(["▁film", "▁", "s", "▁$"]) == ["film", "▁", "s", r"\$"]


def test_heads_are_drawn_with_their_tokens_and_names(attention):
    axes = drawn(diagrams.attention_heads(attention, [(0, 2), (1, 0)]))
    assert [place.get_title() for place in axes] == ["layer 1, head 3", "layer 2, head 1"]
    assert labels(axes[0].xaxis)[1:3] == ["The", "film"]
    shown = axes[1].collections[0].get_array().reshape(6, 6)
    assert np.allclose(shown, attention.arrays["attention"][1, 0])


def test_the_overview_has_one_picture_a_head(attention):
    axes = drawn(diagrams.attention_overview(attention))
    assert len(axes) == 6
    scale = {place.images[0].get_clim() for place in axes}
    assert len(scale) == 1, "pictures side by side need one scale"


def test_steps_show_scores_and_weights(attention):
    left, right = drawn(diagrams.attention_steps(attention))
    assert np.allclose(left.collections[0].get_array().ravel(), attention.arrays["scores"].ravel())
    assert right.get_title().startswith("weights")


def test_exactly_the_untouched_cells_are_hatched():
    moved = np.tril(np.full((3, 3), 0.25))
    seen = record({"influence": moved}, tokens=TOKENS[1:4])
    (axes,) = drawn(diagrams.influence([seen], ["GPT"]))
    hatched = {(int(p.get_y()), int(p.get_x())) for p in axes.patches if p.get_hatch()}
    assert hatched == {(0, 1), (0, 2), (1, 2)}


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
    grid = diagrams.joined_visibility(masks).astype(int)
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
    axes = drawn(diagrams.three_architectures(masks, single))
    filled = [int(np.asarray(place.collections[0].get_array()).sum()) for place in axes]
    assert filled == [9 + 6 + 3, 10, 11]
    assert [place.get_title() for place in axes] == [
        "encoder-decoder",
        "language model",
        "prefix LM",
    ]


def test_encoder_decoder_attention_draws_the_mean_over_heads(masks):
    axes = drawn(diagrams.encoder_decoder_attention(masks))
    shown = np.asarray(axes[2].collections[0].get_array()).reshape(2, 3)
    assert np.allclose(shown, masks.arrays["cross"][0].mean(0))


def test_the_prefix_is_framed_and_every_head_has_a_dot():
    cross = rows_of_softmax(2, 4, 2, 5)
    seen = record(
        {"cross": cross, "mass": cross[..., :3].sum(-1).mean(-1)},
        source_tokens=["▁do", "▁it", ":", "▁a", "</s>"],
        labels=["▁b", "</s>"],
        prefix_length=3,
        even_share=0.6,
    )
    left, right = drawn(diagrams.prefix_attention(seen))
    assert left.patches[-1].get_width() == 3
    dots, even = right.lines
    assert len(dots.get_ydata()) == 8
    assert set(even.get_ydata()) == {0.6}


def test_candidates_mark_the_answer():
    rows = [{"token": "▁good", "probability": 0.5}, {"token": "▁bad", "probability": 0.25}]
    (axes,) = drawn(diagrams.candidates(record(candidates=rows), answer="▁bad"))
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.25]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [diagrams.BLUE, diagrams.ORANGE]
    assert [text.get_text() for text in axes.texts] == ["50.0%", "25.0%"]


def test_context_views_are_in_per_cent():
    views = [{"view": name} for name in ("both sides", "left only")]
    table = np.array([[0.9, 0.1], [0.2, 0.8]])
    seen = record({"probabilities": table}, shown=["▁good", "▁bad"], views=views)
    axes = drawn(diagrams.context_views(seen))[0]
    assert [text.get_text() for text in axes.texts] == ["90", "10", "20", "80"]
    assert labels(axes.yaxis) == ["both sides", "left only"]


def test_objectives_end_in_their_sum():
    pair = {
        "masked": [{"token": "▁good", "loss": 1.0}, {"token": "▁film", "loss": 3.0}],
        "masked_loss": 2.0,
        "next_loss": 0.5,
        "sum": 2.5,
    }
    left, right = drawn(diagrams.objectives(record(next=pair, random=pair)))
    assert [bar.get_width() for bar in left.patches] == [1.0, 3.0, 2.0, 0.5, 2.5]
    assert right.get_title() == "B is from elsewhere"


def test_similarity_has_a_line_for_every_other_sentence():
    table = np.ones((3, 3, 3))
    table[2, 0] = [1.0, 0.5, 0.25]
    seen = record({"similarity": table}, sentences=["a [b].", "c [b].", "d [b]."])
    (axes,) = drawn(diagrams.similarity(seen))
    assert [line.get_ydata()[-1] for line in axes.lines] == [0.5, 0.25]


def test_token_losses_leave_out_the_start():
    seen = record(tokens=["</s>", "▁The", "▁film"], losses=[1.0, 3.0], loss=2.0)
    (axes,) = drawn(diagrams.token_losses(seen))
    assert [bar.get_height() for bar in axes.patches] == [1.0, 3.0]
    assert labels(axes.xaxis) == ["The", "film"]


@pytest.mark.parametrize("nucleus", [2, 500])
def test_truncation_names_both_cuts(nucleus):
    seen = record(
        {"tempered": np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])},
        tokens=["▁a", "▁b", "▁c"],
        temperatures=[0.5, 1.0],
        top_k=1,
        nucleus_size=nucleus,
    )
    (axes,) = drawn(diagrams.truncation(seen))
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"top-k keeps 1", f"nucleus keeps {nucleus}", "T = 0.5", "T = 1"} == set(said)
    assert len(axes.patches) == 6


def test_shares_stand_inside_their_intervals():
    entry = {"share": 0.5, "low": 0.4, "high": 0.6}
    axes = drawn(diagrams.shares(["BERT", "GPT"], {"a": [entry, entry], "b": [entry, entry]}))
    assert [place.get_title() for place in axes] == ["a", "b"]
    assert [line.get_xdata()[0] for line in axes[0].lines] == [0.5, 0.5]


def test_span_corruption_shades_hidden_text_and_shortens_sentinels():
    seen = record(
        tokens=["▁The", "▁film", "▁ended", "."],
        hidden=[False, True, True, False],
        inputs=["▁The", "<extra_id_0>", ".", "</s>"],
        targets=["<extra_id_0>", "▁film", "▁ended", "</s>"],
        answer=["<extra_id_0>", "▁king", "</s>"],
    )
    (axes,) = drawn(diagrams.span_corruption(seen))
    said = [text.get_text() for text in axes.texts]
    assert said.count("<0>") == 3
    first = [to_hex(box.get_facecolor()) for box in axes.patches[:4]]
    assert first == ["#ffffff", "#ffcc80", "#ffcc80", "#ffffff"]


def test_long_rows_of_boxes_are_wrapped_into_the_picture():
    many = ["▁word"] * 60
    seen = record(tokens=many, hidden=[False] * 60, inputs=many, targets=many, answer=many)
    (axes,) = drawn(diagrams.span_corruption(seen))
    right = max(box.get_x() + box.get_width() for box in axes.patches)
    low = min(box.get_y() for box in axes.patches)
    assert right <= axes.get_xlim()[1]
    assert low >= axes.get_ylim()[0]


def test_position_bias_draws_every_head_on_both_sides():
    distances = np.arange(-3, 4)
    arrays = {"distances": distances, "encoder": np.ones((2, 7)), "decoder": np.ones((2, 4))}
    left, right = drawn(diagrams.position_bias(record(arrays, heads=2)))
    assert left.lines[0].get_xdata().max() == 3
    assert right.lines[0].get_xdata().max() == 0


def test_teacher_forcing_pairs_what_is_read_with_what_is_said():
    steps = [
        {"reads": "<pad>", "label": "▁Das", "loss": 0.5},
        {"reads": "▁Das", "label": "</s>", "loss": 1.5},
    ]
    (axes,) = drawn(diagrams.teacher_forcing(record(steps=steps, loss=1.0)))
    assert labels(axes.xaxis) == ["<pad>\n↓\nDas", "Das\n↓\n</s>"]
