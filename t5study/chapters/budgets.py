"""Chapter 8's tables and figures on more pre-training: budgets, updates, and what points cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from t5study.chapters.style import COLOURS, PAGE, Picture, drawn, lines, panels
from t5study.chapters.tables import mean_and_interval
from t5study.chapters.transfer import draw_bands, learnt, paired
from t5study.experiments.recipes import OWN
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.study import Study

LEAST_ERROR = 1e-6
MOST_TOKENS = 1e12
"""About what each T5 of the paper read in all (Raffel et al. 2020, section 3.7); a price beyond
that is none."""

COUNTING, READING = "gain of counting", "gain of reading"
READING_OWN = "gain of reading, T5's own budget"


def budget_models(study: Study) -> list[str]:
    """Return the study's own T5s, from the smallest budget of tokens to the largest."""
    made = study.profile.pretraining
    own = [name for name, source in study.profile.models.items() if source == OWN]
    t5s = [name for name in own if made[name].family == "t5"]
    return sorted(t5s, key=lambda name: made[name].tokens)


def budget_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Return the scores after each budget by role, for the tasks that all budgets learn.

    A row a label count and budget: labels, tokens, mean, low, high, gain, standard error, runs.
    Zero tokens are the random weights; then come the budgets, rising. All runs of a row have the
    seeds of the smallest budget's. `labels` is the number, or "all".
    """
    models = budget_models(study)
    smallest = [study.experiments[name] for name in study.names(model=models[0])] if models else []
    asked = {role: [e.labels for e in smallest if e.task == role] for role in study.profile.tasks}
    if len(models) < 3:
        return {}
    return {
        role: pd.concat(_budget_rows(study, role, count, models) for count in _rising(counts))
        for role, counts in asked.items()
        if counts
    }


def _rising(counts: Sequence[int | None]) -> list[int | None]:
    """The label counts in order, that of all labels last."""
    return sorted(set(counts), key=lambda count: count or np.inf)


def _budget_rows(
    study: Study, role: str, labels: int | None, models: Sequence[str]
) -> pd.DataFrame:
    seeds = [run.config["seed"] for run in learnt(study, role, models[0], labels)]
    (scratch,) = study.names(task=role, model="t5", init="scratch", labels=labels)
    groups = {0: study.runs(scratch)}
    for model in models:
        groups[study.pretraining(model).metrics["tokens"]] = learnt(study, role, model, labels)
    metric = study.task(role).metrics[0]
    rows = []
    for tokens, runs in groups.items():
        same, from_scratch = (
            [run for run in group if run.config["seed"] in seeds] for group in (runs, groups[0])
        )
        count = "all" if labels is None else f"{labels:,}"
        score, gain = mean_and_interval(same, metric), paired(same, from_scratch, metric)
        rows.append((count, tokens, *score, *gain))
    columns = ["labels", "tokens", "mean", "low", "high", "gain", "standard error", "runs"]
    return pd.DataFrame(rows, columns=columns)


def scores_by_tokens(budgets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a task and label count, a column a budget in tokens: the mean score."""
    rows = {
        (role, labels): {f"{row.tokens:,} tokens": row.mean for row in part.itertuples()}
        for role, table in budgets.items()
        for labels, part in table.groupby("labels", sort=False)
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["task", "labels"]) if rows else table


def parted_table(study: Study, budgets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a task and label count: how much of the gain is the counts', how much reading's.

    The counts alone are a budget of one single update, which hardly moves the embeddings that were
    set from counts; without such a budget the table is empty. The reading is that of the largest
    budget and, in the column `READING_OWN`, that of the budget that the chapters use.
    """
    if not budgets or study.pretraining(budget_models(study)[0]).metrics["steps"] > 1:
        return pd.DataFrame()
    usual = study.pretraining("t5").metrics["tokens"]
    rows = {}
    for role, table in budgets.items():
        for labels, part in table.groupby("labels", sort=False):
            scores = part.sort_values("tokens").set_index("tokens")["mean"]
            none, counts, most = scores.iloc[0], scores.iloc[1], scores.iloc[-1]
            rows[role, labels] = {
                "random weights": none,
                "counts alone": counts,
                "most read": most,
                COUNTING: counts - none,
                READING: most - counts,
                READING_OWN: scores[usual] - counts,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["task", "labels"])


def points(gains: Sequence[float]) -> str:
    """Return the smallest and the largest of some gains in hundredths, as prose says them."""
    return f"{100 * min(gains):+.1f} to {100 * max(gains):+.1f} points"


@drawn
def plot_budgets(budgets: Mapping[str, pd.DataFrame]) -> Picture | None:
    """Draw scores against pre-training tokens, one panel a role and one line a label count.

    The dashed line is the same network without pre-training. Nothing is drawn without budgets.
    """
    if not budgets:
        return None
    figure, axes = panels(1, len(budgets), PAGE, 3.1, sharey=True)
    for place, (role, table) in zip(axes, budgets.items(), strict=True):
        named = table.assign(labels=table["labels"].map("{} labels".format))
        draw_bands(place, named[named["tokens"] > 0], "tokens", "labels")
        scratch = named[named["tokens"] == 0].drop_duplicates("labels")
        for colour, score in zip(COLOURS, scratch["mean"], strict=False):
            place.axhline(score, color=colour, ls="--", lw=1)
        place.set_xscale("log")
        place.set(title=role, xlabel="pre-training tokens")
        place.legend(loc="lower right")
    axes[0].set(ylabel="test accuracy", ylim=(0.15, None))
    return figure


# --- pre-trainings


def pretraining_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return a row a pre-training: its size, how it read, the loss it came to, and its speed."""
    rows = {}
    for name, run in runs.items():
        recipe, made = run.config["recipe"], run.metrics
        rows[name] = {
            "parameters": made["parameters"],
            "tokens": made["tokens"],
            "updates": made["steps"],
            "tokens an update": recipe["batch_tokens"],
            "tokens a window": recipe["sequence_length"],
            "held-out loss": made["held_out_loss"],
            "seconds": made["seconds"],
            "tokens a second": made["tokens_per_second"],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def steepest(run: Run, doubling: bool = False) -> tuple[int, int, float] | None:
    """Return where a pre-training's held-out loss fell most: from token, to token, by how much.

    Of all stretches of a sixteenth of the run but for the first, where every loss falls; with
    `doubling` the one that is steepest on a logarithmic axis. None where the run was evaluated
    too seldom to have such a stretch.
    """
    history = run.history.dropna(subset=["held_out_loss"])
    tokens, losses = history["tokens"].to_numpy(), history["held_out_loss"].to_numpy()
    width = tokens[-1] / 16
    starts = np.flatnonzero((tokens >= width) & (tokens <= tokens[-1] - width))
    if not starts.size:
        return None
    ends = np.searchsorted(tokens, tokens[starts] + width)
    falls = losses[starts] - losses[ends]
    doublings = np.log2(tokens[ends] / tokens[starts])
    best = int(np.argmax(falls / doublings if doubling else falls))
    return int(tokens[starts[best]]), int(tokens[ends[best]]), float(falls[best])


def rate_at(run: Run, tokens: int) -> tuple[int, float]:
    """Return which update had read so many tokens, and its rate as a share of the highest rate."""
    history = run.history.dropna(subset=["learning_rate"])
    row = history.iloc[max(int((history["tokens"] <= tokens).sum()) - 1, 0)]
    return int(row["step"]), float(row["learning_rate"] / history["learning_rate"].max())


def loss_at(run: Run, tokens: int) -> float:
    """Return the held-out loss that was measured last before so many tokens were read."""
    history = run.history.dropna(subset=["held_out_loss"])
    return float(history.loc[history["tokens"] <= tokens, "held_out_loss"].iloc[-1])


def fall_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return a row a pre-training: where its held-out loss is steepest, and at which learning rate.

    The stretch is that of `steepest` on a logarithmic axis; the rates are shares of the run's
    highest. A run that was evaluated too seldom has no row.
    """
    rows = {}
    for name, run in runs.items():
        found = steepest(run, doubling=True)
        if found is None:
            continue
        start, end, fall = found
        (first, high), (last, low) = rate_at(run, start), rate_at(run, end)
        rows[name] = {
            "updates": run.metrics["steps"],
            "steepest from update": first,
            "to update": last,
            "falls by": fall,
            "rate at its beginning": high,
            "rate at its end": low,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


@drawn
def plot_held_out(runs: Mapping[str, Run], against: str = "tokens") -> Picture | None:
    """Draw the held-out loss of pre-trainings against "tokens" read or the number of the "step"."""
    if not runs:
        return None
    figure, (axes,) = panels(1, 1, PAGE, 3.1)
    losses = pd.concat({name: run.history for name, run in runs.items()}, names=["run"])
    losses = losses.dropna(subset=["held_out_loss"]).reset_index("run")
    lines(axes, losses, against, "held_out_loss", "run", markersize=4, mew=0)
    axes.set_xscale("log")
    label = {"tokens": "tokens read", "step": "updates"}[against]
    axes.set(xlabel=label, ylabel="held-out loss per target token")
    axes.legend()
    return figure


# --- what a target would cost


@dataclass(frozen=True)
class Price:
    """The budget in tokens at which a power law through measured errors meets a target.

    `factor` is what a doubled budget multiplies the error by. `low` and `high` are the budgets
    found when one point after the other is left out. `falls` says whether the error falls with
    the budget in every one of these fits. `reached` is a score at the target or above it,
    `surely` one whose interval is.
    """

    target: float
    factor: float
    tokens: float
    low: float
    high: float
    falls: bool
    reached: bool
    surely: bool

    @property
    def is_named(self) -> bool:
        """Whether the line falls whichever point is left out, and meets the target in reach."""
        return not self.reached and self.falls and self.tokens <= MOST_TOKENS

    @property
    def words(self) -> str:
        """The price in words."""
        if self.reached:
            return "reached already" if self.surely else "reached, within its interval"
        if not self.is_named:
            why = "beyond a trillion tokens" if self.falls else "no useful slope"
            return f"never ({why})"
        end = f"{self.high:.1e}" if self.high <= MOST_TOKENS else "never"
        return f"{self.tokens:.1e} tokens (with a point left out: {self.low:.1e} to {end})"


def price(
    tokens: Sequence[float], scores: Sequence[float], target: float, lows: Sequence[float]
) -> Price:
    """Fit error = a * tokens ** -b to scores below 1 and ask where it meets 1 - target.

    Least squares in logarithms, the form of Kaplan et al. (2020); at least three budgets, none 0.
    `lows` are the lower ends of the scores' intervals: they say how surely a target is reached.
    """
    left = np.maximum(1 - np.asarray(scores, float), LEAST_ERROR)
    sizes, errors = np.log(np.asarray(tokens, float)), np.log(left)
    meets, slope = _meeting(sizes, errors, target)
    without = [
        _meeting(np.delete(sizes, i), np.delete(errors, i), target) for i in range(len(sizes))
    ]
    budgets, slopes = zip(*without, strict=True)
    return Price(
        target,
        2.0**slope,
        meets,
        min(budgets),
        max(budgets),
        falls=bool(max(slope, *slopes) < 0),
        reached=bool(max(scores) >= target),
        surely=bool(max(lows) >= target),
    )


def _meeting(sizes: np.ndarray, errors: np.ndarray, target: float) -> tuple[float, float]:
    """Where the line through logarithms meets the target (infinite if never), and its slope."""
    slope, start = np.polyfit(sizes, errors, 1)
    # Beyond this power of e the number means nothing but "never".
    power = (np.log(1 - target) - start) / slope if slope < 0 else np.inf
    return float(np.exp(power)) if power < 100 else float("inf"), float(slope)


def price_table(
    budgets: Mapping[str, pd.DataFrame], targets: Mapping[str, float], tokens_per_second: float
) -> pd.DataFrame:
    """Return a row a role: target, best score, what doubling does, the budget needed, its hours.

    The price is that of the role's target, from the budgets judged with the most labels; hours
    stand where there is a budget to name.
    """
    rows = {}
    for role, table in budgets.items():
        chosen = table[(table["labels"] == table["labels"].iloc[-1]) & (table["tokens"] > 0)]
        columns = (chosen[name].tolist() for name in ("tokens", "mean", "low"))
        read, scores, lows = columns
        asked = price(read, scores, targets[role], lows)
        rows[role] = {
            "target": asked.target,
            "best reached": table["mean"].max(),
            "error after doubling": f"× {asked.factor:.3f}",
            "budget": asked.words,
            "hours at the speed measured": asked.tokens / tokens_per_second / 3600
            if asked.is_named
            else None,
        }
    return pd.DataFrame.from_dict(rows, orient="index")
