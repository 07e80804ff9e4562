"""Chapter 5's figures show what their records hold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from handmade import drawn, labels

from t5study.chapters import generation


def steps_of(count):
    return SimpleNamespace(
        values={
            "steps": [
                {
                    "piece": "▁b",
                    "candidates": [
                        {"token": "▁a", "probability": 0.6},
                        {"token": "▁b", "probability": 0.3},
                    ],
                }
            ]
            * count
        }
    )


@pytest.mark.parametrize(("count", "shown"), [(3, 3), (60, generation.LONGEST)])
def test_the_written_piece_is_framed_where_it_stands(count, shown):
    axes = drawn(generation.plot_steps(steps_of(count)))
    assert sum(len(place.patches) for place in axes) == shown
    assert axes[0].patches[0].get_xy() == (0, 1)
    assert labels(axes[-1].xaxis)[-1] == str(shown)


def test_alignment_names_both_texts():
    seen = SimpleNamespace(
        values={"answer_tokens": ["▁Das", "▁ist"], "source_tokens": ["▁that", "▁is", "</s>"]},
        arrays={"cross": np.full((2, 3), 1 / 3)},
    )
    axes = generation.plot_alignment(seen).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Das", "ist"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["that", "is", "</s>"]


def test_a_long_answer_is_aligned_up_to_its_most_rows():
    long = generation.MOST_ROWS + 5
    seen = SimpleNamespace(
        values={"answer_tokens": ["▁ein"] * long, "source_tokens": ["▁a"]},
        arrays={"cross": np.ones((long, 1))},
    )
    axes = generation.plot_alignment(seen).axes[0]
    assert len(axes.get_yticklabels()) == generation.MOST_ROWS


def test_beams_are_drawn_best_on_top_and_long_answers_cut():
    seen = SimpleNamespace(
        values={"rows": [{"answer": "x" * 80, "score": -0.1}, {"answer": "y", "score": -0.5}]}
    )
    axes = generation.plot_beams(seen).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0].endswith("…")
    assert len(names[0]) < 80
    assert axes.yaxis_inverted()
