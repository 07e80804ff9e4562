"""Chapter 13: what is compared with what, and the picture that the first page shows."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from handmade import drawn

from t5study.chapters import extent
from t5study.claims.judges import scorecard
from t5study.claims.schema import load_claims


def judged(low: float, high: float) -> SimpleNamespace:
    metrics = {"intervals": {"bleu": [low, high]}}
    return SimpleNamespace(metrics=metrics, predictions=pd.DataFrame({"row": [0]}))


@pytest.mark.parametrize(
    ("ours", "verdict"), [((5, 6), "above"), ((1, 2), "below"), ((2, 5), "not told apart")]
)
def test_texts_are_compared_by_two_intervals(ours, verdict):
    assert extent.against([judged(*ours)], judged(3, 4), "bleu") == verdict


def test_the_picture_has_a_panel_a_task_and_the_reports_accuracy():
    rows = [
        (answer, "emotion", labels, 0.5, 0.4, 0.6)
        for answer in ("random weights", "pre-trained")
        for labels in ("50", "all 16,000")
    ]
    columns = ["answer", "role", "labels", "mean", "low", "high"]
    (axes,) = drawn(extent.plot_reached(pd.DataFrame(rows, columns=columns)))
    assert axes.get_title() == "six emotions"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["50", "all 16,000"]
    assert any(set(line.get_xdata()) == {0.89} for line in axes.lines)
    assert extent.plot_reached(pd.DataFrame()) is None


def test_the_objectives_are_met_or_not():
    table = extent.objective_table(scorecard(load_claims(), []))
    assert sorted(table["objective"]) == ["1", "2", "3", "4"]
    assert set(table["verdict"]) == {"met", "not met"}
