"""Chapter 8: what counting and reading give, where a loss falls, and what a target would cost."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from handmade import drawn

from t5study.chapters import budgets
from t5study.study import Study

COLUMNS = ["labels", "tokens", "mean", "low", "high"]
SIZES = [1e6, 1e7, 1e8]


def power_law(slope: float) -> list[float]:
    return [1 - 0.4 * (n / 1e6) ** slope for n in SIZES]


def priced(tokens, scores, target, lows=None) -> budgets.Price:
    return budgets.price(tokens, scores, target, scores if lows is None else lows)


def test_the_price_follows_a_power_law_exactly():
    found = priced(SIZES, power_law(-0.2), target=0.9)
    assert found.factor == pytest.approx(2**-0.2)
    assert found.tokens == pytest.approx(1e6 * 4**5)
    assert found.low == pytest.approx(found.high)
    assert not found.reached
    assert "1.0e+09 tokens" in found.words


def test_a_price_that_no_budget_pays():
    flat = priced(SIZES, [0.7, 0.7, 0.69], target=0.9)
    assert flat.tokens == float("inf")
    assert flat.words == "never (no useful slope)"
    assert not flat.is_named


@pytest.mark.parametrize(
    ("low", "said"), [(0.90, "reached already"), (0.89, "reached, within its interval")]
)
def test_a_price_that_is_paid(low, said):
    found = priced(SIZES, [0.7, 0.8, 0.91], 0.9, lows=[0.68, 0.78, low])
    assert found.words == said
    assert not found.is_named
    assert priced(SIZES, [0.7, 0.8, 1.0], 0.9).reached


def test_a_line_that_falls_only_through_some_points_names_no_price():
    # The middle budget is worse than the smallest, as of a slope that the seeds could have made.
    found = priced([1e6, 3e6, 2e7], [0.820, 0.818, 0.828], target=0.89)
    assert np.isfinite(found.tokens)
    assert found.words == "never (no useful slope)"


def test_a_price_beyond_what_anybody_read_is_never_paid():
    found = priced(SIZES, power_law(-0.05), target=0.9)
    assert found.tokens == pytest.approx(1e6 * 4**20)
    assert found.words == "never (beyond a trillion tokens)"


def test_a_slope_that_falls_in_every_fit_is_not_called_useless():
    # So slow a fall that the fits without a point meet the target past any number.
    found = priced(SIZES, [0.800, 0.801, 0.803], target=0.95)
    assert found.falls
    assert found.high == float("inf")
    assert found.words == "never (beyond a trillion tokens)"


def test_one_point_more_or_less_widens_the_price():
    found = priced(SIZES, [0.70, 0.78, 0.80], target=0.9)
    assert found.low < found.tokens < found.high


def test_the_table_of_prices_has_hours_where_there_is_a_budget_to_name():
    def table(tokens, scores):
        rows = [("5,000", n, s, s - 0.02, s + 0.02) for n, s in zip(tokens, scores, strict=True)]
        return pd.DataFrame([("5,000", 0, 0.5, 0.48, 0.52), *rows], columns=COLUMNS)

    priced = budgets.price_table(
        {
            "emotion": table([1e6, 3e6, 2e7], [0.820, 0.818, 0.828]),
            "sst": table(SIZES, power_law(-0.2)),
        },
        {"emotion": 0.89, "sst": 0.9},
        tokens_per_second=1000.0,
    )
    assert priced.loc["emotion", "best reached"] == 0.828
    assert priced.loc["emotion", "budget"] == "never (no useful slope)"
    assert pd.isna(priced.loc["emotion", "hours at the speed measured"])
    assert priced.loc["sst", "hours at the speed measured"] == pytest.approx(1.024e9 / 3.6e6)


def test_scores_stand_by_labels_and_budget_in_the_order_given():
    rows = [("500", 0, 0.3), ("500", 4096, 0.6), ("all", 0, 0.7), ("all", 4096, 0.8)]
    table = pd.DataFrame(rows, columns=["labels", "tokens", "mean"])
    scores = budgets.scores_by_tokens({"emotion": table})
    assert scores.index.tolist() == [("emotion", "500"), ("emotion", "all")]
    assert scores.loc[("emotion", "all"), "4,096 tokens"] == 0.8
    assert list(scores) == ["0 tokens", "4,096 tokens"]


def test_a_profile_without_budgets_has_nothing_to_show():
    study = Study("laptop")
    assert budgets.budget_models(study) == []
    assert budgets.budget_tables(study) == {}
    assert budgets.parted_table(study, {}).empty
    assert budgets.pretraining_table({}).empty
    assert budgets.price_table({}, {}, 0.0).empty
    assert budgets.scores_by_tokens({}).empty
    assert budgets.plot_budgets({}) is budgets.plot_held_out({}) is None


def test_budgets_rise_and_the_networks_of_a_gpu_are_not_among_them():
    models = budgets.budget_models(Study("published"))
    assert models == ["t5@counts", "t5@1M", "t5@3M", "t5", "t5@80M"]


class Smallest(Study):
    """Of one update, or of more."""

    steps = 1

    def pretraining(self, name):
        tokens = {"t5@counts": 1024, "t5@240k": 2000, "t5": 3000}[name]
        return SimpleNamespace(metrics={"steps": self.steps, "tokens": tokens})


def test_the_gain_of_counting_and_that_of_reading_add_up():
    scores = ((0, 0.5), (1024, 0.7), (3000, 0.71), (9000, 0.65))
    rows = [("500", tokens, score) for tokens, score in scores]
    tables = {"sst": pd.DataFrame(rows, columns=["labels", "tokens", "mean"])}
    study = Smallest("pocket")
    row = budgets.parted_table(study, tables).loc[("sst", "500")]
    assert row[budgets.COUNTING] == pytest.approx(0.2)
    assert row[budgets.READING] == pytest.approx(-0.05)
    assert row[budgets.READING_OWN] == pytest.approx(0.01)
    study.steps = 2
    assert budgets.parted_table(study, tables).empty
    assert budgets.points([0.1, -0.02]) == "-2.0 to +10.0 points"


def test_the_steepest_stretch_is_found_after_the_beginning():
    tokens = list(range(0, 17_000, 1_000))
    losses = [9.0, 6.0, *[5.0] * 8, 4.4, 4.0, *[3.9] * 5]
    history = pd.DataFrame({"tokens": tokens, "held_out_loss": losses})
    start, end, fall = budgets.steepest(SimpleNamespace(history=history))
    assert (start, end) == (1_000, 2_000)
    history.loc[1, "held_out_loss"] = 5.0
    start, end, fall = budgets.steepest(SimpleNamespace(history=history))
    assert (start, end, fall) == (9_000, 10_000, pytest.approx(0.6))
    # Evaluated at its end alone, or once more near it, a run has no such stretch.
    for seldom in ([16_000], [15_500, 16_000]):
        rows = pd.DataFrame({"tokens": seldom, "held_out_loss": 5.0})
        assert budgets.steepest(SimpleNamespace(history=rows)) is None


def falling(tokens, losses, rates):
    columns = {"step": np.array(tokens) // 100, "tokens": tokens, "learning_rate": rates}
    history = pd.DataFrame(columns | {"held_out_loss": losses})
    metrics = {"steps": int(tokens[-1] // 100), "tokens": tokens[-1], "held_out_loss": losses[-1]}
    return SimpleNamespace(history=history, metrics=metrics)


def test_a_fall_is_found_on_the_logarithmic_axis_with_its_learning_rate():
    tokens = list(range(1_000, 17_000, 1_000))
    losses = [6.0, 5.0, *[4.8] * 8, 4.4, 4.3, *[4.3] * 4]
    run = falling(tokens, losses, list(np.linspace(1.0, 0.0, 16)))
    # By the loss alone the beginning is steepest; per doubling the fall from the plateau is.
    assert budgets.steepest(run)[:2] == (1_000, 2_000)
    assert budgets.steepest(run, doubling=True)[:2] == (10_000, 11_000)
    assert budgets.rate_at(run, 10_500) == (100, pytest.approx(0.4))
    assert budgets.loss_at(run, 11_500) == 4.4
    # Before the first logged update there is only that one.
    assert budgets.rate_at(run, 500) == (10, 1.0)
    seldom = falling([16_000], [5.0], [0.0])
    falls = budgets.fall_table({"largest": run, "short": run, "seldom": seldom})
    assert falls.index.tolist() == ["largest", "short"]
    row = falls.loc["short"]
    assert row[["steepest from update", "to update"]].tolist() == [100, 110]
    assert row["rate at its beginning"] == pytest.approx(0.4)


def test_a_budget_figure_draws_the_network_without_pre_training():
    rows = [
        ("500", tokens, s, s - 0.01, s + 0.01) for tokens, s in ((0, 0.6), (1e6, 0.7), (1e7, 0.8))
    ]
    (axes,) = drawn(budgets.plot_budgets({"sst": pd.DataFrame(rows, columns=COLUMNS)}))
    assert axes.lines[0].get_xdata().tolist() == [1e6, 1e7]
    assert set(axes.lines[-1].get_ydata()) == {0.6}


@pytest.mark.parametrize(("against", "last"), [("tokens", 2_000), ("step", 20)])
def test_a_held_out_loss_is_drawn_against_tokens_or_updates(against, last):
    run = falling([1_000, 2_000], [5.0, 4.0], [1.0, 0.5])
    (axes,) = drawn(budgets.plot_held_out({"one": run}, against))
    assert axes.lines[0].get_xdata().tolist()[-1] == last
