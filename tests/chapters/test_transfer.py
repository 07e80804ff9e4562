"""Chapter 8's tables: gains paired by seed, what a target would cost, and what was not run."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from t5study.chapters import sequences, transfer
from t5study.chapters.transfer import PRETRAINED, SCRATCH, Point
from t5study.experiments.recipes import Recipe
from t5study.profiles import profile_folder
from t5study.study import Study


@dataclass
class FakeRun:
    metrics: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    identity: str = "fake"


def scored(*scores: float) -> list[FakeRun]:
    return [
        FakeRun({"accuracy": s, "intervals": {"accuracy": [s - 0.02, s + 0.02]}}) for s in scores
    ]


@pytest.fixture
def points():
    return [
        Point(
            50,
            {
                PRETRAINED: scored(0.70, 0.72, 0.74),
                SCRATCH: scored(0.60, 0.63, 0.62),
                "TF-IDF": scored(0.65),
            },
        ),
        Point(500, {PRETRAINED: scored(0.8), SCRATCH: scored(0.9), "TF-IDF": scored(0.85)}),
    ]


def test_gains_are_paired_by_seed(points):
    table = transfer.gain_table(points, "accuracy")
    assert table.loc[50, "gain"] == pytest.approx(np.mean([0.10, 0.09, 0.12]))
    spread = np.std([0.10, 0.09, 0.12], ddof=1) / 3**0.5
    assert table.loc[50, "standard error"] == pytest.approx(spread)
    for rule in (transfer.TWO_ERRORS, transfer.STUDENT):
        assert table[rule].tolist() == ["yes", "one seed"]
        assert transfer.counted([table], rule) == (1, 1)
    assert transfer.largest_gain({"sst": table}) == "10.3 points, on sst with 50 labels"
    assert transfer.largest_gain({}) == "not run"


def test_a_small_gain_is_not_clear():
    assert transfer.clear(0.019, 0.01, transfer.CLEAR) == "no"
    assert transfer.clear(0.021, 0.01, transfer.CLEAR) == "yes"


def test_few_seeds_are_enough_for_the_loose_rule_and_not_for_students():
    # The mean gain of 0.04 is 3.5 standard errors: of three seeds Student's interval asks for 4.3.
    runs = {PRETRAINED: scored(0.72, 0.74, 0.76), SCRATCH: scored(0.70, 0.70, 0.70)}
    table = transfer.gain_table([Point(50, runs)], "accuracy")
    assert table.loc[50, "gain"] / table.loc[50, "standard error"] == pytest.approx(12**0.5)
    assert transfer.counted([table]) == (1, 1)
    assert transfer.counted([table], transfer.STUDENT) == (0, 1)


def test_a_single_run_has_the_interval_of_its_test_rows(points):
    table = transfer.curve_table(points, "accuracy").set_index(["model", "labels"])
    assert tuple(table.loc[(PRETRAINED, 500), ["low", "high"]]) == pytest.approx((0.78, 0.82))
    mean, low, high = table.loc[(PRETRAINED, 50), ["mean", "low", "high"]]
    assert mean - low == pytest.approx(high - mean)
    assert low < 0.69


def test_architectures_are_compared_at_the_budget_nearest_to_the_smallest():
    values = yaml.safe_load((profile_folder() / "pocket.yaml").read_text())["profile"]
    for model, tokens in (("t5", 900_000), ("bert", 400_000), ("gpt", 500_000)):
        values["pretraining"][model]["tokens"] = tokens
    found = transfer.equal_budgets(Study(values))
    assert found == {"t5": "t5@240k", "bert": "bert", "gpt": "gpt"}
    values["pretraining"]["t5"]["tokens"] = 500_000
    assert transfer.equal_budgets(Study(values))["t5"] == "t5"


def test_the_price_follows_a_power_law_exactly():
    tokens = [1e6, 1e7, 1e8]
    scores = [1 - 0.4 * (n / 1e6) ** -0.2 for n in tokens]
    found = transfer.price(tokens, scores, target=0.9)
    assert found.factor == pytest.approx(2**-0.2)
    assert found.tokens == pytest.approx(1e6 * 4**5)
    assert found.low == pytest.approx(found.high)
    assert not found.reached
    assert "1.0e+09 tokens" in found.words


def test_a_price_that_no_budget_pays_and_one_that_is_paid():
    flat = transfer.price([1e6, 1e7, 1e8], [0.7, 0.7, 0.69], target=0.9)
    assert flat.tokens == float("inf")
    assert flat.words == "never (no useful slope)"
    assert flat.hours(1000.0) == ""
    scores = [0.7, 0.8, 0.91]
    assert transfer.price([1e6, 1e7, 1e8], scores, 0.9).words == "reached already"
    for low, said in ((0.90, "reached already"), (0.89, "reached, within its interval")):
        found = transfer.price([1e6, 1e7, 1e8], scores, 0.9, lows=[0.68, 0.78, low])
        assert found.words == said
        assert found.hours(1000.0) == ""
    perfect = transfer.price([1e6, 1e7, 1e8], [0.7, 0.8, 1.0], 0.9)
    assert perfect.reached


def test_a_line_that_falls_only_through_some_points_names_no_price():
    # The middle budget is worse than the smallest, as of a slope that the seeds could have made.
    found = transfer.price([1e6, 3e6, 2e7], [0.820, 0.818, 0.828], target=0.89)
    assert np.isfinite(found.tokens)
    assert found.words == "never (no useful slope)"
    assert found.hours(1000.0) == ""


def test_a_price_beyond_what_anybody_read_is_never_paid():
    tokens = [1e6, 1e7, 1e8]
    scores = [1 - 0.4 * (n / 1e6) ** -0.05 for n in tokens]
    found = transfer.price(tokens, scores, target=0.9)
    assert found.tokens == pytest.approx(1e6 * 4**20)
    assert found.words == "never (beyond 1e+12 tokens)"
    assert found.hours(1000.0) == ""


def test_a_slope_that_falls_in_every_fit_is_not_called_useless():
    # So slow a fall that the fits without a point meet the target past any number.
    found = transfer.price([1e6, 1e7, 1e8], [0.800, 0.801, 0.803], target=0.95)
    assert found.falls
    assert found.high == float("inf")
    assert found.words == "never (beyond 1e+12 tokens)"


def test_hours_are_whole():
    tokens = [1e6, 1e7, 1e8]
    found = transfer.price(tokens, [1 - 0.4 * (n / 1e6) ** -0.2 for n in tokens], target=0.9)
    # 1.024e9 tokens.
    assert found.hours(100.0) == "2,844"
    assert found.hours(1e9) == "less than 1"


def test_the_table_of_prices_has_words_where_no_number_is():
    study = SimpleNamespace(pretraining=lambda model: FakeRun({"tokens_per_second": 1000.0}))
    rows = [("5,000", 0, 0.60), ("5,000", 1e6, 0.820), ("5,000", 3e6, 0.818), ("5,000", 2e7, 0.828)]
    table = pd.DataFrame(rows, columns=["labels", "tokens", "mean"])
    table["low"] = table["mean"] - 0.02
    prices = transfer.price_table(study, {"emotion": table, "a task without a report": table})
    (row,) = prices.to_dict("records")
    assert row["target"] == 0.89
    assert row["best reached"] == 0.828
    assert row["budget"] == "never (no useful slope)"
    assert row["hours at the speed measured"] == ""


def test_one_point_more_or_less_widens_the_price():
    found = transfer.price([1e6, 1e7, 1e8], [0.70, 0.78, 0.80], target=0.9)
    assert found.low < found.tokens < found.high


def test_what_a_profile_lacks_is_said_with_the_command():
    study = Study("laptop")
    said = transfer.missing(study, transfer.curve_roles(study), "learning curves")
    assert said.startswith("Not run: the profile laptop has no learning curves.")
    assert "t5study reproduce" in said
    assert transfer.shown(pd.DataFrame(), said).iloc[0, 0] == said
    smoke = Study("smoke")
    assert transfer.missing(smoke, transfer.curve_roles(smoke), "learning curves") == ""
    assert transfer.budget_roles(smoke) == ["sst"]
    assert transfer.budget_roles(study) == []
    assert transfer.variants(study) == {}
    assert transfer.pretrainings(study) == {}
    assert transfer.variant_table({}).empty
    assert transfer.architecture_table(study, "sst").empty
    assert transfer.spread([]) == "not run"


def test_figures_stand_even_where_nothing_was_run(points):
    said = "Not run: because."
    for figure in (
        transfer.plot_curves({}, "accuracy", said),
        transfer.plot_budgets({}, said),
        transfer.plot_held_out({}, said),
        sequences.plot_joint(pd.DataFrame(), said),
    ):
        assert [text.get_text() for text in figure.axes[0].texts] == [said]
    curves = {"sst": transfer.curve_table(points, "accuracy")}
    axes = transfer.plot_curves(curves, "accuracy", said).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "500"]
    assert len(axes.lines) == 3


def test_the_gain_of_counting_and_that_of_reading_add_up():
    scores = ((0, 0.5), (1024, 0.7), (3000, 0.71), (9000, 0.65))
    rows = [("500", tokens, score) for tokens, score in scores]
    tables = {"sst": pd.DataFrame(rows, columns=["labels", "tokens", "mean"])}
    steps = {"steps": 1, "tokens": 3000}
    study = Recorded(Study("smoke").profile, {}, dict.fromkeys(("t5", "t5@12k"), FakeRun(steps)))
    row = transfer.counting_and_reading(study, tables).loc[("sst", "500")]
    assert row["gain of counting"] == pytest.approx(0.2)
    assert row["gain of reading"] == pytest.approx(-0.05)
    assert row[transfer.READING_OWN] == pytest.approx(0.01)
    steps["steps"] = 2
    assert transfer.counting_and_reading(study, tables).empty


def test_gains_are_said_as_a_range_or_as_one_number():
    assert transfer.points_range([0.1, -0.02]) == "-2.0 to +10.0 points"
    assert transfer.points_range([0.21]) == "+21.0 points"
    assert transfer.points_range([]) == "not run"


def test_the_steepest_stretch_is_found_after_the_beginning():
    tokens = list(range(0, 17_000, 1_000))
    losses = [9.0, 6.0, *[5.0] * 8, 4.4, 4.0, *[3.9] * 5]
    history = pd.DataFrame({"tokens": tokens, "held_out_loss": losses})
    start, end, fall = transfer.steepest(SimpleNamespace(history=history))
    assert (start, end) == (1_000, 2_000)
    history.loc[1, "held_out_loss"] = 5.0
    start, end, fall = transfer.steepest(SimpleNamespace(history=history))
    assert (start, end, fall) == (9_000, 10_000, pytest.approx(0.6))
    # Evaluated at its end alone, or once more near it, a run has no such stretch.
    for seldom in ([16_000], [15_500, 16_000]):
        rows = pd.DataFrame({"tokens": seldom, "held_out_loss": 5.0})
        assert transfer.steepest(SimpleNamespace(history=rows)) is None


def falling(tokens, losses, rates):
    columns = {"step": np.array(tokens) // 100, "tokens": tokens, "learning_rate": rates}
    history = pd.DataFrame(columns | {"held_out_loss": losses})
    metrics = {"steps": int(tokens[-1] // 100), "tokens": tokens[-1], "held_out_loss": losses[-1]}
    return SimpleNamespace(history=history, metrics=metrics)


def test_a_fall_is_found_on_the_logarithmic_axis_with_its_learning_rate():
    tokens = list(range(1_000, 17_000, 1_000))
    losses = [6.0, 5.0, *[4.8] * 8, 4.4, 4.3, *[4.3] * 4]
    rates = list(np.linspace(1.0, 0.0, 16))
    run = falling(tokens, losses, rates)
    # By the loss alone the beginning is steepest; per doubling the fall from the plateau is.
    assert transfer.steepest(run)[:2] == (1_000, 2_000)
    assert transfer.steepest(run, doubling=True)[:2] == (10_000, 11_000)
    assert transfer.rate_at(run, 10_500) == (100, pytest.approx(0.4))
    # Before the first logged update there is only that one.
    assert transfer.rate_at(run, 500) == (10, 1.0)
    seldom = falling([16_000], [5.0], [0.0])
    falls = transfer.fall_table({"largest": run, "short": run, "seldom": seldom})
    assert falls.index.tolist() == ["largest", "short"]
    row = falls.loc["short"]
    assert row[["steepest from update", "to update"]].tolist() == [100, 110]
    assert row["rate at its beginning"] == pytest.approx(0.4)
    made = pd.DataFrame({"held-out loss": {"largest": 4.0, "short": 4.3, "seldom": 5.0}})
    words = transfer.fall_words(made, falls)
    assert words == {"name": "short", "from": "100", "to": "110", "high": "40 %", "low": "33 %"}
    assert set(transfer.fall_words(pd.DataFrame(), pd.DataFrame()).values()) == {"not run"}


def answered(right: int, count: int = 40, longest: int = 16) -> FakeRun:
    """A run that answers the first `right` of `count` rows rightly; half of them are cut."""
    labels = np.arange(count) % 2
    answers = np.where(np.arange(count) < right, labels, 1 - labels)
    rows = {"row": range(count), "label": labels, "prediction": answers}
    table = pd.DataFrame(rows | {"tokens": np.where(labels, longest, longest - 1)})
    score = right / count
    metrics = {"accuracy": score, "intervals": {"accuracy": [score - 0.05, score + 0.05]}}
    return FakeRun(metrics, {"recipe": {"max_source_length": longest}}, table)


class Recorded(Study):
    """A study whose runs are given, by the names of experiments and pre-trainings."""

    def __init__(self, profile, runs, pretrainings) -> None:
        super().__init__(profile)
        self.given, self.pretrained = runs, pretrainings

    def runs(self, name):
        return self.given[name]

    def run(self, name):
        return self.given[name][0]

    def pretraining(self, name):
        return self.pretrained[name]


def longer_study() -> Recorded:
    """A study whose network after the longer budget is right on nearly all rows."""
    values = Study("smoke").profile.model_dump(exclude_none=True)
    for length in (32, 16):
        values["experiments"][f"sst, T5, {length} tokens"] = {
            "task": "sst",
            "model": "t5",
            "recipe": "labels, 32 tokens" if length == 32 else "Adafactor",
        }
    runs = {
        "sst, T5": [answered(30)],
        "sst, T5 60k, 32 tokens": [answered(39, longest=32)],
        "sst, T5, 32 tokens": [answered(30, longest=32)],
        "sst, T5, 16 tokens": [answered(20)],
    }
    made = {"t5": FakeRun({"tokens": 4000}), "t5@60k": FakeRun({"tokens": 9000})}
    return Recorded(values, runs, made)


def test_both_pre_trained_networks_are_compared_with_every_other_answer():
    runs = {PRETRAINED: [answered(30)], SCRATCH: [answered(12)], "TF-IDF": [answered(31)]}
    points = [Point(40, runs)]
    table = transfer.standing(longer_study(), "sst", points, "accuracy")
    longer = "T5, 9,000 tokens read, texts up to 32"
    assert table["verdict"].to_dict() == {
        (PRETRAINED, SCRATCH): "above",
        (PRETRAINED, "TF-IDF"): "not told apart",
        (longer, PRETRAINED): "above",
        (longer, SCRATCH): "above",
        (longer, "TF-IDF"): "above",
    }
    other = transfer.standing(longer_study(), "emotion", points, "accuracy")
    assert set(other.index.get_level_values("model")) == {PRETRAINED}
    assert transfer.cut_shares({"sst": points}) == "sst: 50 %, at 16 tokens"
    assert transfer.cut_shares({}) == "not run"


def test_longer_inputs_are_those_beyond_the_usual_length():
    study = longer_study()
    recipes = {**study.profile.recipes, "labels": Recipe(max_source_length=16)}
    study.profile = study.profile.model_copy(update={"recipes": recipes})
    assert transfer.longer_inputs(study, "sst") == "0.750 at 32 tokens"
    assert transfer.longer_inputs(study, "similarity") == "not run"


def test_published_numbers_on_other_rows_say_so(monkeypatch):
    answers = Point(40, {PRETRAINED: [answered(30)], SCRATCH: [answered(12)]})
    monkeypatch.setattr(transfer, "_point", lambda study, role, labels: answers)
    study = Recorded("laptop", {}, {})
    table = transfer.beside_published(study, "sentiment", "accuracy")
    assert "its own split" in table.loc["GPT-2 (124 M)", "note"]
    assert table.loc["T5, pre-trained", "this study"] == 0.75


def test_each_architecture_is_set_against_the_next_best(monkeypatch):
    runs = {"bert": [answered(12)], "t5": [answered(30)], "gpt": [answered(29)]}
    monkeypatch.setattr(transfer, "equal_budgets", lambda study: {m: m for m in runs})
    named = {f"sst, {model.upper()}": made for model, made in runs.items()}
    study = Recorded("smoke", named, {})
    first, second = transfer.neighbours(study, "sst").split("; ")
    assert first.startswith("t5 against gpt: not told apart (+2.5 points, from ")
    assert second.startswith("gpt against bert: above (+42.5 points, from ")
    monkeypatch.setattr(transfer, "equal_budgets", lambda study: {})
    assert transfer.neighbours(study, "sst") == "not run"


def test_architectures_are_said_in_the_order_of_their_scores():
    assert transfer.ranked({"t5": 0.8, "bert": 0.7, "gpt": 0.75}) == (
        "t5 0.800, gpt 0.750, bert 0.700"
    )
    assert transfer.ranked({}) == "not run"
    rows = {"bert": {"pieces asked for": 15, "tokens": 100, "held-out accuracy": 0.09}}
    table = pd.DataFrame.from_dict(rows, orient="index")
    assert transfer.masked_words(table) == {"asked": "15 %", "right": "9 %"}
    assert set(transfer.masked_words(pd.DataFrame()).values()) == {"not run"}


def test_a_budget_figure_draws_the_network_without_pre_training():
    rows = [
        ("500", tokens, s, s - 0.01, s + 0.01) for tokens, s in ((0, 0.6), (1e6, 0.7), (1e7, 0.8))
    ]
    table = pd.DataFrame(rows, columns=["labels", "tokens", "mean", "low", "high"])
    axes = transfer.plot_budgets({"sst": table}, "").axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1e6, 1e7]
    assert set(axes.lines[1].get_ydata()) == {0.6}
