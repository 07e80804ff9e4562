"""Chapter 8: gains paired by seed, architectures at equal cost, and who is above whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from handmade import drawn

from t5study.chapters import transfer
from t5study.chapters.transfer import CLEAR, ERRORS, SCRATCH, STUDENT, T5
from t5study.profiles import load_profile, profile_folder
from t5study.study import Study


@dataclass
class FakeRun:
    metrics: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    identity: str = "fake"


def scored(*scores: float) -> list[FakeRun]:
    return [
        FakeRun({"accuracy": s, "intervals": {"accuracy": [s - 0.02, s + 0.02]}}, {"seed": seed})
        for seed, s in enumerate(scores)
    ]


@pytest.fixture
def curve():
    few = {T5: scored(0.70, 0.72, 0.74), SCRATCH: scored(0.60, 0.63, 0.62), "TF-IDF": scored(0.65)}
    return {50: few, 500: {T5: scored(0.8), SCRATCH: scored(0.9), "TF-IDF": scored(0.85)}}


def test_gains_are_paired_by_seed(curve):
    table = transfer.gain_table(curve, "accuracy")
    assert table.loc[50, "gain"] == pytest.approx(np.mean([0.10, 0.09, 0.12]))
    spread = np.std([0.10, 0.09, 0.12], ddof=1) / 3**0.5
    assert table.loc[50, "standard error"] == pytest.approx(spread)
    assert table.loc[500, "gain"] == pytest.approx(-0.1)


def test_a_seed_that_one_side_lacks_is_no_pair(curve):
    curve = {50: curve[50] | {SCRATCH: curve[50][SCRATCH][1:]}}
    table = transfer.gain_table(curve, "accuracy")
    assert table.loc[50, "gain"] == pytest.approx(np.mean([0.09, 0.12]))
    assert table.loc[50, "seeds"] == 2


def test_the_gain_of_another_pair_is_asked_for_by_its_names(curve):
    table = transfer.gain_table(curve, "accuracy", (T5, "TF-IDF"))
    assert table["gain"].tolist() == pytest.approx([0.05, -0.05])
    assert transfer.gain_table(curve, "accuracy", (T5, transfer.MINILM)).empty


def test_one_seed_does_not_say_whether_a_gain_is_clear(curve):
    table = transfer.gain_table(curve, "accuracy")
    assert table[CLEAR].tolist() == [STUDENT, ""]
    assert np.isnan(table.loc[500, "standard error"])


@pytest.mark.parametrize(
    ("scores", "rule"),
    [
        # Of three seeds Student's interval asks for 4.3 standard errors; here are 3.5 and 1.4.
        ((0.72, 0.74, 0.76), ERRORS),
        ((0.69, 0.74, 0.76), "neither"),
        ((0.76, 0.76, 0.77), STUDENT),
    ],
)
def test_few_seeds_are_enough_for_the_loose_rule_and_not_for_students(scores, rule):
    answers = {T5: scored(*scores), SCRATCH: scored(0.70, 0.70, 0.70)}
    assert transfer.gain_table({50: answers}, "accuracy").loc[50, CLEAR] == rule


def test_a_single_run_has_the_interval_of_its_test_rows(curve):
    table = transfer.curve_table(curve, "accuracy").set_index(["model", "labels"])
    assert tuple(table.loc[(T5, 500), ["low", "high"]]) == pytest.approx((0.78, 0.82))
    mean, low, high = table.loc[(T5, 50), ["mean", "low", "high"]]
    assert mean - low == pytest.approx(high - mean)
    assert low < 0.69


def test_curves_are_drawn_by_role_and_nothing_is_without_them(curve):
    table = transfer.curve_table(curve, "accuracy")
    (axes,) = drawn(transfer.plot_curves({"sst": table}, "macro_f1"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "500"]
    assert sum(len(line.get_xdata()) > 0 for line in axes.lines) == 3
    assert axes.get_ylabel() == "macro F1"
    assert transfer.plot_curves({}, "") is None


class Named(Study):
    """A study whose experiments answer with their names."""

    def runs(self, name):
        return [FakeRun({"train_rows": 1500}, {"name": name})]


def test_a_curve_has_the_answers_that_a_profile_names():
    curves = transfer.learning_curves(Named("pocket"))
    assert list(curves) == ["emotion"]
    assert list(curves["emotion"]) == [300, 1000, 1500]
    for labels, ending in ((300, ", 300 labels"), (1500, "")):
        names = [runs[0].config["name"] for runs in curves["emotion"][labels].values()]
        assert names == [f"emotion, {who}{ending}" for who in transfer.PEERS]
    assert transfer.learning_curves(Named("laptop")) == {}


def test_architectures_are_compared_at_the_budget_nearest_to_the_smallest():
    values = yaml.safe_load((profile_folder() / "pocket.yaml").read_text())["profile"]
    for model, tokens in (("t5", 900_000), ("bert", 400_000), ("gpt", 500_000)):
        values["pretraining"][model]["tokens"] = tokens
    values["pretraining"]["t5@240k"]["tokens"] = 300_000
    found = transfer.architectures(Study(values))
    assert found == {"t5": "t5@240k", "bert": "bert", "gpt": "gpt"}
    assert transfer.architectures(Study("laptop")) == {}


def answered(right: int, count: int = 40, longest: int = 16) -> FakeRun:
    """A run that answers the first `right` of `count` rows rightly; half of them are cut."""
    labels = np.arange(count) % 2
    answers = np.where(np.arange(count) < right, labels, 1 - labels)
    rows = {"row": range(count), "label": labels, "prediction": answers}
    table = pd.DataFrame(rows | {"tokens": np.where(labels, longest, longest - 1)})
    score = right / count
    metrics = {"accuracy": score, "intervals": {"accuracy": [score - 0.05, score + 0.05]}}
    return FakeRun(metrics, {"recipe": {"max_source_length": longest}}, table)


ANSWERS = {
    T5: [answered(30)],
    SCRATCH: [answered(12)],
    "TF-IDF": [answered(31)],
    "T5 80M": [answered(39)],
}


def test_both_pre_trained_networks_are_compared_with_every_other_answer():
    table = transfer.standing_table(ANSWERS, [T5, "T5 80M"], "accuracy")
    assert table["verdict"].to_dict() == {
        (T5, SCRATCH): "above",
        (T5, "TF-IDF"): "not told apart",
        ("T5 80M", T5): "above",
        ("T5 80M", SCRATCH): "above",
        ("T5 80M", "TF-IDF"): "above",
    }
    assert transfer.cut_share(ANSWERS[T5][0]) == 0.5


def test_published_numbers_on_other_rows_say_so():
    table = transfer.beside_published("imdb", "sentiment", ANSWERS, "accuracy")
    assert "its own split" in table.loc["GPT-2 (124 M)", "note"]
    assert table.loc[T5, "this study"] == 0.75
    assert table.loc["T5-small, the report", "report"] == 0.92
    assert (table[["report", "published", "this study"]].notna().sum(axis=1) == 1).all()


class Compared(Study):
    """A study with the smoke profile's experiments, whose three networks differ."""

    right = {"sst, T5": 30, "sst, GPT": 29, "sst, BERT": 12}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(load_profile("smoke"))

    def runs(self, name):
        return [answered(self.right[name])]


def test_each_architecture_is_set_against_the_next_best():
    (first, tied), (second, clear) = transfer.neighbours(Compared(), "sst").items()
    assert first == ("t5", "gpt")
    assert tied.in_points.startswith("not told apart (+2.5 points, from ")
    assert second == ("gpt", "bert")
    assert clear.in_points.startswith("above (+42.5 points, from ")


class Encoders(Study):
    """The published profile's encoder and its twin, with a loss that tells what was asked."""

    def __init__(self) -> None:
        super().__init__("published")

    def runs(self, name):
        entry = self.experiments[name]
        rate = self.profile.recipes[entry.recipe].learning_rate if entry.recipe else 0.0
        metrics = {"validation_loss": rate, "name": name, "train_rows": 16_000}
        return [FakeRun(metrics, {"recipe": {"learning_rate": rate}})]


def test_the_published_encoder_stands_beside_its_twin_at_every_number_of_labels():
    curve = transfer.published_curve(Encoders(), "emotion")
    assert list(curve) == [50, 500, 5000, 16_000]
    for count, answers in curve.items():
        ending = "" if count == 16_000 else f", {count} labels"
        named = {who: runs[0].metrics["name"] for who, runs in answers.items()}
        assert named == {who: f"emotion, {who}{ending}" for who in named}
        assert {transfer.MINILM, "T5", "TF-IDF"} <= set(named)


def test_the_rates_that_were_tried_stand_side_by_side():
    table = transfer.rate_table(Encoders(), "emotion")
    assert (table.count(axis=1) > 1).all()
    for column in table:
        losses = table[column].dropna()
        assert set(losses) == {float(column.removeprefix("rate "))}
