"""Chapter 9's tables: answers by length, and the joint model beside the single ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from handmade import drawn

from t5study.base.errors import StudyError
from t5study.chapters import sequences
from t5study.judging import scores
from t5study.profiles import load_profile
from t5study.study import Study


@dataclass
class FakeRun:
    predictions: pd.DataFrame
    metrics: dict[str, Any]
    path: Path = Path("0123abcd")
    config: dict[str, Any] = field(default_factory=lambda: {"recipe": {"batch_size": 10}})
    provenance: dict[str, Any] = field(default_factory=dict)
    identity: str = "0123abcd"


def answers(tokens, chrf) -> FakeRun:
    count = len(tokens)
    table = pd.DataFrame(
        {"tokens": tokens, "chrf": chrf, "output_words": [8] * count, "target_words": [10] * count}
    )
    return FakeRun(table, {})


def test_quarters_by_length_hold_all_texts_and_their_means():
    run = answers(np.arange(40), np.linspace(80, 41, 40))
    table = sequences.by_length(run, "chrf")
    assert table.index.tolist() == ["0–9", "10–19", "20–29", "30–39"]
    assert table["texts"].tolist() == [10] * 4
    assert table["mean"].is_monotonic_decreasing
    assert table["answer length"].tolist() == pytest.approx([0.8] * 4)
    assert sequences.length_effect(table) == "30.0 below the shortest"


def test_sources_cut_to_one_length_are_one_group():
    table = sequences.by_length(answers([64] * 12, [50.0] * 12), "chrf")
    assert table["texts"].tolist() == [12]
    assert sequences.length_effect(table).startswith("not told apart")


def test_a_record_without_scores_by_row_is_named():
    run = answers([1, 2], [1.0, 2.0])
    with pytest.raises(StudyError, match="0123abcd lacks the answers' scores"):
        sequences.by_length(run, "rougeL")


def test_scores_by_row_are_those_of_each_pair_alone():
    targets, outputs = ["a red car", "two old dogs"], ["a red car", "a dog"]
    each = scores.row_scores("chrf", targets, outputs)
    alone = [
        scores.METRICS["chrf"]([target], [output])
        for target, output in zip(targets, outputs, strict=True)
    ]
    assert each == pytest.approx(alone)
    assert each[0] == pytest.approx(100)


SPEED = {"examples_per_second": 50.0, "seconds": 4.0}


SINGLE = {
    "sst": {"accuracy": 0.9, "intervals": {"accuracy": [0.88, 0.92]}},
    "translation": {"bleu": 50.0, "intervals": {"bleu": [45, 55]}},
}


class FakeStudy(Study):
    """One task that the single model is sure of, and one that it is not."""

    def __init__(self, *roles: str) -> None:
        values = load_profile("smoke").model_dump(exclude_none=True)
        values["experiments"][sequences.JOINT]["tasks"] = list(roles)
        super().__init__(values)
        self.answers = {f"{r}, T5": FakeRun(pd.DataFrame(), SINGLE[r] | SPEED) for r in roles}
        self.answers[sequences.JOINT] = joint()

    def run(self, name):
        return self.answers[name]


def joint() -> FakeRun:
    metrics = {
        "shares": {"sst": 0.5, "translation": 0.5},
        "tasks": {
            "sst": {"accuracy": 0.85, "intervals": {"accuracy": [0.83, 0.87]}},
            "translation": {"bleu": 52.0, "intervals": {"bleu": [47, 57]}},
        },
        **SPEED,
    }
    return FakeRun(pd.DataFrame({"role": ["sst", "translation"]}), metrics)


def test_the_joint_model_is_judged_by_the_intervals():
    study = FakeStudy("sst", "translation")
    table = sequences.joint_table(study)
    assert table["verdict"].tolist() == ["joint below", "not told apart"]
    assert set(table["judged by"]) == {sequences.BY_INTERVALS}
    assert sequences.judged_by(table, sequences.BY_INTERVALS) == "sst, translation"
    assert sequences.judged_by(table, sequences.BY_ROWS) == "none"
    assert table["single examples"].tolist() == [200, 200]
    assert table["joint examples"].tolist() == [100, 100]
    # BLEU reaches 100 and is drawn as a fraction.
    places = drawn(sequences.plot_joint(table))[0].lines[0].get_xdata()
    assert np.asarray(places).tolist() == [0.9, 0.5]


def test_without_a_joint_model_there_is_nothing_to_show():
    table = sequences.joint_table(Study("laptop"))
    assert table.empty
    assert sequences.plot_joint(table) is None


def test_answers_by_row_are_judged_row_by_row():
    # The intervals overlap, but the joint model misses rows of the single model and wins none.
    study, rows = FakeStudy("sst", "translation"), np.arange(400)
    labels = rows % 2
    single = pd.DataFrame({"row": rows, "label": labels})
    single["prediction"] = np.where(rows < 40, 1 - labels, labels)
    mine = single.assign(prediction=np.where(rows < 56, 1 - labels, labels)).astype(float)
    mine["role"] = "sst"
    together = study.answers[sequences.JOINT]
    together.predictions = pd.concat([mine, pd.DataFrame({"role": ["translation"]})])
    together.metrics["tasks"]["sst"]["accuracy"] = 0.86
    metrics = {"accuracy": 0.9, "intervals": {"accuracy": [0.83, 0.95]}, **SPEED}
    study.answers["sst, T5"] = FakeRun(single, metrics)
    row = sequences.joint_table(study).loc[("sst", "accuracy")]
    assert row["joint high"] > row["single low"]
    assert (row["verdict"], row["judged by"]) == ("joint below", sequences.BY_ROWS)


def test_examples_before_an_interruption_count():
    run = FakeRun(pd.DataFrame(), SPEED, provenance={"resumed_from": 3})
    assert sequences.examples_seen(run) == 230


def test_extremes_are_said_as_a_range_or_as_one_number():
    assert sequences.extremes([3984, 4000]) == "3,984 to 4,000"
    assert sequences.extremes([0.1111, 0.1112]) == "0.111"
    assert sequences.extremes([]) == "none"


def test_published_rows_have_their_sources():
    table = sequences.published_rows(["rougeL", "rouge1"], "scitldr")
    assert {"rougeL", "rouge1", "source", "verified"} <= set(table)
    assert table.notna()[["rougeL", "source"]].all(axis=None)
    assert sequences.published_rows(["bleu"], "pocket-translation").empty
