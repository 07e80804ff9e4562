"""Chapter 4's figures show what their tables hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from t5study.chapters import glue
from t5study.claims.published import load_published


def test_the_leaderboard_has_a_dot_for_every_system_and_column():
    figure = glue.plot_leaderboard(load_published().leaderboard(), people=87.1)
    families = [[line.get_xydata() for line in axes.lines[:3]] for axes in figure.axes]
    assert [sum(map(len, lines)) for lines in families] == [13, 13, 13]
    assert [90.3, 5.0] in families[0][0].tolist()
    assert figure.axes[0].get_yticklabels()[5].get_text() == "6  T5"


def test_the_interval_of_an_accuracy_halves_with_four_times_the_examples():
    assert glue.half_width(0.975, 1821) == pytest.approx(1.96 * np.sqrt(0.975 * 0.025 / 1821))
    assert glue.half_width(0.9, 400) == pytest.approx(2 * glue.half_width(0.9, 1600))


def test_luck_marks_every_test_set():
    figure = glue.plot_luck({"CoLA": 1000, "QQP": 391_000}, 0.975, 0.003)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"CoLA", "QQP"} <= set(texts)


def test_every_seed_has_its_mark():
    table = pd.DataFrame(
        {"mean": [0.8], "low": [0.7], "high": [0.9], "seeds": [2], "per_seed": ["0.790 0.810"]},
        index=["T5"],
    )
    figure = glue.plot_scores(dict.fromkeys("ab", table), {"a": "f1", "b": "accuracy"})
    assert len(figure.axes) == 2
    strokes = figure.axes[0].lines[0].get_xdata()
    assert list(strokes) == [0.79, 0.81]
