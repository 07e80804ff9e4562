"""A ranking is claimed when, and only when, the difference is larger than chance makes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from t5study.base.errors import StudyError
from t5study.judging import scores
from t5study.judging.ranking import Difference, beside, difference, ranking_table, score_table

LABELS = np.random.default_rng(1).integers(0, 2, 400)


@dataclass
class FakeRun:
    """What a ranking reads of a run record."""

    predictions: pd.DataFrame
    identity: str = "0123456789abcdef"

    @property
    def metrics(self):
        columns = self.predictions["label"], self.predictions["prediction"]
        names = ("accuracy", "matthews")
        return {name: scores.METRICS[name](*columns) for name in names} | {
            "intervals": {name: scores.bootstrap(name, *columns, seed=0) for name in names}
        }


def run(share_right: float, seed: int, labels=LABELS) -> FakeRun:
    right = np.random.default_rng(seed).random(len(labels)) < share_right
    return FakeRun(
        pd.DataFrame(
            {
                "row": np.arange(len(labels)),
                "label": labels,
                "prediction": np.where(right, labels, 1 - labels),
            }
        )
    )


GOOD = [run(0.95, seed) for seed in range(3)]
FAIR = [run(0.80, seed) for seed in range(10, 13)]


def test_a_clear_difference_is_a_ranking_in_both_directions():
    gap = difference(GOOD, FAIR, "accuracy")
    assert gap.verdict == "above"
    assert gap.low < 0.15 < gap.high
    assert difference(FAIR, GOOD, "accuracy").verdict == "below"


def test_a_difference_is_said_in_points_with_its_interval():
    said = Difference(mean=0.0126, low=-0.0004, high=0.025).in_points
    assert said == "not told apart (+1.3 points, from -0.0 to +2.5)"


def test_equal_models_are_not_told_apart():
    gap = difference(FAIR, [run(0.80, seed) for seed in range(20, 23)], "matthews")
    assert gap.verdict == "not told apart"
    assert gap.low < 0 < gap.high


def test_the_same_runs_differ_by_nothing():
    gap = difference(GOOD, GOOD, "accuracy")
    assert (gap.mean, gap.verdict) == (0.0, "not told apart")


def test_runs_on_other_rows_are_refused():
    other = run(0.9, 1, labels=1 - LABELS)
    with pytest.raises(StudyError, match="different rows"):
        difference(GOOD, [other], "accuracy")


def test_score_table_has_every_seed_and_an_interval_around_the_mean():
    table = score_table({"good": GOOD, "fair": FAIR}, "accuracy")
    assert list(table.index) == ["good", "fair"]
    assert (table["low"] < table["mean"]).all()
    assert (table["mean"] < table["high"]).all()
    assert table.loc["good", "seeds"] == 3
    assert table.loc["good", "per_seed"].split()[0] == f"{GOOD[0].metrics['accuracy']:.3f}"


def test_ranking_table_has_one_row_a_task():
    runs = {"one": {"T5": GOOD, "BERT": FAIR}, "two": {"T5": FAIR, "BERT": FAIR}}
    table = ranking_table(runs, {"one": "matthews", "two": "accuracy"}, "T5", "BERT")
    assert table["verdict"].tolist() == ["T5 above BERT", "not told apart"]
    assert table["metric"].tolist() == ["matthews", "accuracy"]


def test_runs_beside_each_other_keep_their_own_intervals():
    table = beside({"good": GOOD[0], "fair": FAIR[0]}, ["accuracy", "matthews"])
    assert table["score"][("accuracy", "good")] == GOOD[0].metrics["accuracy"]
    low, high = FAIR[0].metrics["intervals"]["matthews"]
    assert (table["low"][("matthews", "fair")], table["high"][("matthews", "fair")]) == (low, high)
