"""The figures of chapters 4 and 5 show what their tables and records hold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from t5study.chapters import diagrams_generation as diagrams
from t5study.claims.published import load_published


def test_the_leaderboard_has_a_dot_for_every_system_and_column():
    figure = diagrams.leaderboard(load_published().leaderboard(), people=87.1)
    dots = [axes.collections[-1].get_offsets() for axes in figure.axes]
    assert [len(points) for points in dots] == [13, 13, 13]
    assert dots[0][5][0] == 90.3
    assert figure.axes[0].get_yticklabels()[5].get_text() == "6  T5"


def test_the_interval_of_an_accuracy_halves_with_four_times_the_examples():
    assert diagrams.half_width(0.975, 1821) == pytest.approx(1.96 * np.sqrt(0.975 * 0.025 / 1821))
    assert diagrams.half_width(0.9, 400) == pytest.approx(2 * diagrams.half_width(0.9, 1600))


def test_luck_marks_every_test_set():
    figure = diagrams.luck({"CoLA": 1000, "QQP": 391_000}, 0.975, 0.003)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"CoLA", "QQP"} <= set(texts)


def test_every_seed_has_its_mark():
    table = pd.DataFrame(
        {"mean": [0.8], "low": [0.7], "high": [0.9], "seeds": [2], "per_seed": ["0.790 0.810"]},
        index=["T5"],
    )
    figure = diagrams.scores_by_task(dict.fromkeys("ab", table), {"a": "f1", "b": "accuracy"})
    assert len(figure.axes) == 2
    strokes = figure.axes[0].lines[0].get_xdata()
    assert list(strokes) == [0.79, 0.81]


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


@pytest.mark.parametrize(("count", "shown"), [(3, 3), (60, diagrams.LONGEST)])
def test_the_written_piece_is_framed_where_it_stands(count, shown):
    axes = diagrams.steps(steps_of(count)).axes[0]
    assert len(axes.patches) == shown
    assert axes.patches[0].get_xy() == (0, 1)


def test_alignment_names_both_texts():
    seen = SimpleNamespace(
        values={"answer_tokens": ["▁Das", "▁ist"], "source_tokens": ["▁that", "▁is", "</s>"]},
        arrays={"cross": np.full((2, 3), 1 / 3)},
    )
    axes = diagrams.alignment(seen).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Das", "ist"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["that", "is", "</s>"]


def test_a_long_answer_is_aligned_up_to_its_most_rows():
    long = diagrams.MOST_ROWS + 5
    seen = SimpleNamespace(
        values={"answer_tokens": ["▁ein"] * long, "source_tokens": ["▁a"]},
        arrays={"cross": np.ones((long, 1))},
    )
    axes = diagrams.alignment(seen).axes[0]
    assert len(axes.get_yticklabels()) == diagrams.MOST_ROWS


def test_beams_are_drawn_best_on_top_and_long_answers_cut():
    seen = SimpleNamespace(
        values={"rows": [{"answer": "x" * 80, "score": -0.1}, {"answer": "y", "score": -0.5}]}
    )
    axes = diagrams.beams(seen).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0].endswith("…")
    assert len(names[0]) < 80
    assert axes.yaxis_inverted()
