"""Chapter 8's tables and figures: how much of a result is the pre-training?

A *gain* is the mean score of pre-trained runs less that of runs of the same architecture, recipe,
data and seeds that started from random weights.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from t5study.chapters.style import COLOURS, DASHES, MARKS, PAGE, Picture, drawn, panels
from t5study.chapters.tables import mean_interval
from t5study.claims.published import load_published
from t5study.experiments.identity import KINDS
from t5study.experiments.recipes import OWN
from t5study.judging import ranking
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.study import Study

PRETRAINED, SCRATCH = "pre-trained", "random weights"
_LEAST_ERROR = 1e-6
CLEAR = 2.0
"""So many standard errors make a gain clear: a loose rule where there are few seeds."""

TWO_ERRORS, STUDENT = "more than two standard errors", "beyond Student's 95 % interval"
"""Columns of a gain table: is a gain clear by the loose rule, and by one that counts the seeds?"""

READING_OWN = "gain of reading, the profile's budget"

MOST_TOKENS = 1e12
"""About what each T5 of the paper read in all (Raffel et al. 2020, section 3.7); a price beyond
that is none."""


def missing(study: Study, there: Any, what: str, chapter: str = "08") -> str:
    """Return "" where there is something, else what was not run and what would run it."""
    if there:
        return ""
    return (
        f"Not run: the profile {study.profile.name} has no {what}. "
        f"`t5study reproduce --profile published --chapter {chapter}` runs it."
    )


def shown(table: pd.DataFrame, otherwise: str) -> pd.DataFrame:
    """Return a table, or one cell that says why there is none."""
    return table if len(table) else pd.DataFrame({"": [otherwise]}, index=[""])


# --- learning curves


@dataclass(frozen=True)
class Point:
    """Everything that was run on one number of labels: runs by name, one run a seed."""

    labels: int
    runs: dict[str, list[Run]]


def curve_roles(study: Study) -> list[str]:
    """Return the roles that T5 learns with few labels as well, in the profile's order."""
    return [role for role in study.profile.tasks if _counts(study, role)]


def _counts(study: Study, role: str, model: str = "t5") -> list[int]:
    """The numbers of labels, fewer than all, with which a pre-trained model learns the task."""
    names = study.names(task=role, model=model, init="pretrained")
    labels = {study.experiments[name].labels for name in names}
    return sorted(count for count in labels if count is not None)


def learning_curve(study: Study, role: str) -> list[Point]:
    """Return the points of a role's learning curve, that of all labels last."""
    return [_point(study, role, count) for count in [*_counts(study, role), None]]


def learnt(
    study: Study, role: str, model: str, labels: int | None = None, init: str = "pretrained"
) -> list[Run]:
    """Return the runs of a model on the role's task, by the first recipe of the profile for it."""
    return study.runs(study.names(task=role, model=model, init=init, labels=labels)[0])


def other_recipes(study: Study, role: str) -> dict[str, Run]:
    """Return one run of T5 on all the role's labels for each recipe but the first, by its name."""
    names = study.names(task=role, model="t5", init="pretrained", labels=None)
    return {name.removeprefix(f"{role}, T5, "): study.run(name) for name in names[1:]}


def _point(study: Study, role: str, labels: int | None) -> Point:
    baselines = [study.baseline(role, kind, labels) for kind in KINDS[study.task(role).kind]]
    runs = {
        PRETRAINED: learnt(study, role, "t5", labels),
        SCRATCH: learnt(study, role, "t5", labels, "scratch"),
        **{run.metrics["model"]: [run] for run in baselines},
    }
    return Point(labels or baselines[0].metrics["train_rows"], runs)


def curve_table(points: Sequence[Point], metric: str) -> pd.DataFrame:
    """Return a row a point and model: model, labels, mean, low, high, runs.

    The interval is Student's over seeds; of a single run, the bootstrap's over test rows.
    """
    rows = []
    for point in points:
        for model, runs in point.runs.items():
            mean, low, high = _interval(runs, metric)
            rows.append((model, point.labels, mean, low, high, len(runs)))
    return pd.DataFrame(rows, columns=["model", "labels", "mean", "low", "high", "runs"])


def _interval(runs: Sequence[Run], metric: str) -> tuple[float, float, float]:
    mean, low, high = mean_interval([run.metrics[metric] for run in runs])
    return (mean, low, high) if len(runs) > 1 else (mean, *runs[0].metrics["intervals"][metric])


def gain_table(points: Sequence[Point], metric: str) -> pd.DataFrame:
    """Return a row a point: each model's mean, the gain, its standard error, and if it is clear.

    Runs are paired by seed: the same rows in the same order, from other weights. The standard
    error is that of the mean difference; of one seed there is none, and no answer. Whether the
    gain is clear is said twice, in the columns `TWO_ERRORS` and `STUDENT`.
    """
    rows = {}
    for point in points:
        means = {
            model: float(np.mean([run.metrics[metric] for run in runs]))
            for model, runs in point.runs.items()
        }
        gain, error = _paired(point.runs[PRETRAINED], point.runs[SCRATCH], metric)
        seeds = len(point.runs[PRETRAINED])
        rows[point.labels] = means | {
            "gain": gain,
            "standard error": error,
            "seeds": seeds,
            TWO_ERRORS: clear(gain, error, CLEAR),
            STUDENT: clear(gain, error, float(stats.t.ppf(0.975, seeds - 1))),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("labels")


def _paired(first: Sequence[Run], second: Sequence[Run], metric: str) -> tuple[float, float]:
    gaps = np.array(
        [a.metrics[metric] - b.metrics[metric] for a, b in zip(first, second, strict=True)]
    )
    error = float(gaps.std(ddof=1) / len(gaps) ** 0.5) if len(gaps) > 1 else float("nan")
    return float(gaps.mean()), error


def clear(gain: float, error: float, times: float) -> str:
    """Return yes or no: is the gain above so many standard errors? One seed does not say."""
    if np.isnan(error):
        return "one seed"
    return "yes" if gain > times * error else "no"


def counted(tables: Sequence[pd.DataFrame], rule: str = TWO_ERRORS) -> tuple[int, int]:
    """Return at how many points of gain tables the gain is clear, and how many could say.

    `rule` is one of the columns `TWO_ERRORS` and `STUDENT`.
    """
    answers = [answer for table in tables for answer in table[rule]]
    return answers.count("yes"), len(answers) - answers.count("one seed")


def largest_gain(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the largest gain of the tables in words: how much, where, with how many labels."""
    if not tables:
        return "not run"
    role = max(tables, key=lambda name: tables[name]["gain"].max())
    labels, best = max(tables[role]["gain"].items(), key=lambda pair: pair[1])
    return f"{100 * best:.1f} points, on {role} with {labels:,} labels"


def cut_shares(points: Mapping[str, Sequence[Point]]) -> str:
    """Return, by role, how many of the test texts fill the longest input and may be cut, in words.

    Counted on the run of all labels; the baselines read whole texts.
    """
    said = []
    for role, curve in points.items():
        run = curve[-1].runs[PRETRAINED][0]
        longest = run.config["recipe"]["max_source_length"]
        share = 100 * float((run.predictions["tokens"] >= longest).mean())
        said.append(f"{role}: {share:.0f} %, at {longest} tokens")
    return "; ".join(said) or "not run"


def longer_inputs(study: Study, role: str) -> str:
    """Return what a role's other recipes with longer inputs reached, in words.

    They are one run each, of the same pre-trained network; other things may differ as well.
    """
    metric, usual = study.task(role).metrics[0], study.recipe(f"{role}, T5").max_source_length
    found = {
        run.config["recipe"]["max_source_length"]: run.metrics[metric]
        for run in other_recipes(study, role).values()
    }
    said = [f"{found[length]:.3f} at {length} tokens" for length in sorted(found) if length > usual]
    return " and ".join(said) or "not run"


# --- budgets


def budget_models(study: Study) -> list[str]:
    """Return the study's own T5s, from the smallest budget of tokens to the largest."""
    made = study.profile.pretraining
    own = [model for model, source in study.profile.models.items() if source == OWN]
    t5s = [model for model in own if made[model].family == "t5"]
    return sorted(t5s, key=lambda model: made[model].tokens)


def budget_roles(study: Study) -> list[str]:
    """Return the roles that judge every budget: those that the smallest one learns as well."""
    models = budget_models(study)
    if len(models) < 3:
        return []
    return [role for role in study.profile.tasks if study.names(task=role, model=models[0])]


def budget_table(study: Study, role: str, metric: str = "accuracy") -> pd.DataFrame:
    """Return a row a label count and budget: labels, tokens, mean, low, high, gain, error, runs.

    Zero tokens are the random weights; then come the budgets, rising. All runs of a row have the
    seeds of the smallest budget's. `labels` is the number, or "all".
    """
    models = budget_models(study)
    counts: list[int | None] = list(_counts(study, role, models[0]))
    if study.names(task=role, model=models[0], labels=None):
        counts.append(None)
    rows = []
    for labels in counts:
        seeds = [run.config["seed"] for run in learnt(study, role, models[0], labels)]
        scratch = _seeded(learnt(study, role, "t5", labels, "scratch"), seeds)
        groups = {0: scratch}
        for model in models:
            tokens = study.pretraining(model).metrics["tokens"]
            groups[tokens] = _seeded(learnt(study, role, model, labels), seeds)
        for tokens, runs in groups.items():
            gain, error = _paired(runs, scratch, metric)
            name = "all" if labels is None else f"{labels:,}"
            rows.append((name, tokens, *_interval(runs, metric), gain, error, len(runs)))
    columns = ["labels", "tokens", "mean", "low", "high", "gain", "standard error", "runs"]
    return pd.DataFrame(rows, columns=columns)


def _seeded(runs: Sequence[Run], seeds: Sequence[int]) -> list[Run]:
    return [run for run in runs if run.config["seed"] in seeds]


def counting_and_reading(study: Study, budgets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a task and label count: how much of the gain is the counts', how much reading's.

    The counts alone are a budget of one single update, which hardly moves the embeddings that were
    set from counts; without such a budget the table is empty. `budgets` are the tables of
    `budget_table` by role; the reading is that of the largest budget and, in the last column, that
    of the profile's own.
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
                "gain of counting": counts - none,
                "gain of reading": most - counts,
                READING_OWN: scores[usual] - counts,
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def points_range(gains: Sequence[float]) -> str:
    """Return the smallest and the largest of some gains in words, in points."""
    if not len(gains):
        return "not run"
    low, high = f"{100 * min(gains):+.1f}", f"{100 * max(gains):+.1f}"
    return f"{low} points" if low == high else f"{low} to {high} points"


def pretrainings(study: Study) -> dict[str, Run]:
    """Return T5's pre-training runs by name, one for each budget."""
    runs = [study.pretraining(model) for model in budget_models(study)]
    return {f"{run.metrics['tokens']:,} tokens": run for run in runs}


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


def own_rates(study: Study) -> str:
    """Return the rates of T5's own budget where the largest budget fell most, in words."""
    runs = pretrainings(study)
    stretch = steepest(list(runs.values())[-1]) if runs else None
    if stretch is None:
        return "not run"
    own = study.pretraining("t5")
    high, low = (100 * rate_at(own, tokens)[1] for tokens in stretch[:2])
    return f"{high:.0f} % to {low:.0f} %"


def fall_words(made: pd.DataFrame, falls: pd.DataFrame) -> dict[str, str]:
    """Return where the trial of the lowest loss fell: its name, updates from and to, its rates.

    `made` is a `trial_table`, whose first row is no trial, and `falls` a `fall_table`.
    """
    names = [name for name in made.index[1:] if name in falls.index]
    if not names:
        return dict.fromkeys(("name", "from", "to", "high", "low"), "not run")
    best = made.loc[names, "held-out loss"].idxmin()
    row = falls.loc[best]
    return {
        "name": best,
        "from": f"{row['steepest from update']:,.0f}",
        "to": f"{row['to update']:,.0f}",
        "high": f"{100 * row['rate at its beginning']:.0f} %",
        "low": f"{100 * row['rate at its end']:.0f} %",
    }


def left_out(study: Study) -> str:
    """Return which texts the pre-training of T5 did not read, in words."""
    if study.profile.models.get("t5") != OWN:
        return "not run"
    counts = study.pretraining("t5").metrics
    return (
        f"{counts['excluded_in_test']:,} because they stand in a test set and "
        f"{counts['excluded_repeated']:,} because they had come before, of "
        f"{sum(counts[name] for name in counts if name.startswith(('documents', 'excluded'))):,}"
    )


def variants(study: Study) -> dict[str, Run]:
    """Return the runs of one small budget: the recipe as it is, and each change of it."""
    found: dict[str, Run] = {}
    for name, entry in study.profile.pretraining.items():
        if entry.of is not None and not entry.gpu_only and name not in study.profile.models:
            found.setdefault("the recipe as it is", study.pretraining(entry.of))
            found[name.removeprefix(f"{entry.of}, ")] = study.pretraining(name)
    return found


def variant_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return a row a run: tokens, held-out loss, and how much lower than the first run's it is."""
    rows = {
        name: {
            "tokens": run.metrics["tokens"],
            "held-out loss": run.metrics["held_out_loss"],
            "seconds": run.metrics["seconds"],
        }
        for name, run in runs.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    if len(table):
        table.insert(2, "lower by", table["held-out loss"].iloc[0] - table["held-out loss"])
    return table


def trials(study: Study) -> dict[str, Run]:
    """Return T5's trials on a GPU by name, and before them its run of the largest budget.

    None where there are none: without a GPU there are only those that were made before.
    """
    made = {
        name.removeprefix(f"{entry.of}, "): study.pretraining(name)
        for name, entry in study.profile.pretraining.items()
        if entry.gpu_only and study.has(name)
    }
    largest = {"the largest budget": study.pretraining(budget_models(study)[-1])} if made else {}
    return largest | made


def trial_table(runs: Mapping[str, Run]) -> pd.DataFrame:
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
            "tokens a second": made["tokens_per_second"],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def longer_table(study: Study) -> pd.DataFrame:
    """Return a row an answer to each task of the longer budget: its scores on all labels, runs.

    The answers: T5 as in the task's own chapter, T5 after the longer pre-training with the recipe
    for that, and the usual baseline. `low` and `high` bound the first metric.
    """
    rows = {}
    for role in curve_roles(study):
        for name, runs in _longer(study, role).items():
            usual, baseline = learnt(study, role, "t5"), study.baseline(role)
            answers = {_reader(study, "t5", usual): usual, name: runs}
            answers[baseline.metrics["model"]] = [baseline]
            rows |= {(role, who): _answer(study, role, what) for who, what in answers.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def longer_runs(study: Study, role: str) -> list[Run]:
    """Return the runs on all the role's labels after the longer pre-training; none without one."""
    return next(iter(_longer(study, role).values()), [])


def _answer(study: Study, role: str, runs: Sequence[Run]) -> dict[str, float]:
    first, *others = study.task(role).metrics
    scores = dict(zip((first, "low", "high"), _interval(runs, first), strict=True))
    means = {other: float(np.mean([run.metrics[other] for run in runs])) for other in others}
    return scores | means | {"runs": len(runs)}


def _longer(study: Study, role: str) -> dict[str, list[Run]]:
    """The runs on all labels after the longer pre-training, by the name of what it read, if any.

    Of several recipes for it the last: the one with inputs of its own.
    """
    models = budget_models(study)
    if not models or models[-1] == "t5":
        return {}
    names = study.names(task=role, model=models[-1], init="pretrained", labels=None)
    if not names:
        return {}
    runs = study.runs(names[-1])
    return {_reader(study, models[-1], runs): runs}


def _reader(study: Study, model: str, runs: Sequence[Run]) -> str:
    tokens, recipe = study.pretraining(model).metrics["tokens"], runs[0].config["recipe"]
    return f"T5, {tokens:,} tokens read, texts up to {recipe['max_source_length']}"


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
    surely: bool = True

    @property
    def is_named(self) -> bool:
        """Whether the line falls whichever point is left out, and meets the target in reach."""
        return self.falls and self.tokens <= MOST_TOKENS

    @property
    def words(self) -> str:
        """The price in words."""
        if self.reached:
            return "reached already" if self.surely else "reached, within its interval"
        if not self.falls:
            return "never (no useful slope)"
        if not self.is_named:
            return f"never (beyond {MOST_TOKENS:.0e} tokens)"
        end = f"{self.high:.1e}" if self.high <= MOST_TOKENS else "never"
        return f"{self.tokens:.1e} tokens (with a point left out: {self.low:.1e} to {end})"

    def hours(self, tokens_per_second: float) -> str:
        """Return the hours that the missing budget takes; "" where there is none to name."""
        if self.reached or not self.is_named:
            return ""
        hours = self.tokens / tokens_per_second / 3600
        return f"{hours:,.0f}" if hours >= 1 else "less than 1"


def price(
    tokens: Sequence[float],
    scores: Sequence[float],
    target: float,
    lows: Sequence[float] | None = None,
) -> Price:
    """Fit error = a * tokens ** -b to scores below 1 and ask where it meets 1 - target.

    Least squares in logarithms, the form of Kaplan et al. (2020); at least three budgets, none 0.
    `lows` are the lower ends of the scores' intervals: they say how surely a target is reached.
    """
    left = np.maximum(1 - np.asarray(scores, float), _LEAST_ERROR)
    sizes, errors = np.log(np.asarray(tokens, float)), np.log(left)
    meets, slope = _meeting(sizes, errors, target)
    without = [
        _meeting(np.delete(sizes, i), np.delete(errors, i), target) for i in range(len(sizes))
    ]
    budgets = [budget for budget, _ in without]
    return Price(
        target,
        2.0**slope,
        meets,
        min(budgets),
        max(budgets),
        falls=bool(max(slope, *(each for _, each in without)) < 0),
        reached=bool(max(scores) >= target),
        surely=bool(max(scores if lows is None else lows) >= target),
    )


def _meeting(sizes: np.ndarray, errors: np.ndarray, target: float) -> tuple[float, float]:
    """Where the line through logarithms meets the target (infinite if never), and its slope."""
    slope, start = np.polyfit(sizes, errors, 1)
    # Beyond this power of e the number means nothing but "never".
    power = (np.log(1 - target) - start) / slope if slope < 0 else np.inf
    return float(np.exp(power)) if power < 100 else float("inf"), float(slope)


def target_of(role: str) -> float:
    """Return the accuracy whose price is asked for: the report's."""
    return float(load_published().classification_report(role).loc["accuracy", "f1"])


def price_of(role: str, table: pd.DataFrame) -> Price:
    """Return the price of a role's target, from the budgets judged with the most labels."""
    chosen = table[(table["labels"] == table["labels"].iloc[-1]) & (table["tokens"] > 0)]
    target = target_of(role)
    columns = (chosen[name].tolist() for name in ("tokens", "mean", "low"))
    tokens, scores, lows = columns
    return price(tokens, scores, target, lows)


def price_table(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a role: target, best score, what doubling does, the budget needed, its hours."""
    rows = {}
    reported = load_published().report.classification_reports
    for role, table in tables.items():
        if role not in reported:
            continue
        asked = price_of(role, table)
        speed = study.pretraining("t5").metrics["tokens_per_second"]
        rows[role] = {
            "target": asked.target,
            "best reached": table["mean"].max(),
            "error after doubling": f"× {asked.factor:.3f}",
            "budget": asked.words,
            "hours at the speed measured": asked.hours(speed),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


# --- architectures


def equal_budgets(study: Study) -> dict[str, str]:
    """Return the study's own models to compare, by architecture: at about the same budget each.

    That is, of the T5s the one whose budget is nearest to the smallest of the three.
    """
    made = study.profile.pretraining
    chosen = {
        model: model
        for model, source in study.profile.models.items()
        if source == OWN and made[model].of is None
    }
    if chosen:
        least = min(made[model].tokens for model in chosen)
        t5s = budget_models(study)
        chosen["t5"] = min(t5s, key=lambda model: (abs(made[model].tokens - least), model != "t5"))
    return chosen


def architecture_table(study: Study, role: str) -> pd.DataFrame:
    """Return a row a model of the study's own: what it cost, and its score on the role's task.

    The models are those of `equal_budgets`.
    """
    metric = study.task(role).metrics[0]
    rows = {}
    for family, model in equal_budgets(study).items():
        made = study.pretraining(model).metrics
        runs = learnt(study, role, model)
        mean, low, high = _interval(runs, metric)
        rows[family] = {
            "objective": study.profile.pretraining[model].objective,
            "parameters": made["parameters"],
            "tokens": made["tokens"],
            "pieces asked for": made["target_tokens"],
            "FLOPs": made["flops"],
            "hours": made["seconds"] / 3600,
            "held-out loss": made["held_out_loss"],
            "held-out accuracy": made.get("held_out_accuracy", made.get("held_out_mlm_accuracy")),
            f"{role}, {metric}": mean,
            "low": low,
            "high": high,
            "runs": len(runs),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def masked_words(table: pd.DataFrame) -> dict[str, str]:
    """Return how much BERT was asked for, of all tokens read, and how much it got right."""
    if "bert" not in table.index:
        return dict.fromkeys(("asked", "right"), "not run")
    row = table.loc["bert"]
    return {
        "asked": f"{100 * row['pieces asked for'] / row['tokens']:.0f} %",
        "right": f"{100 * row['held-out accuracy']:.0f} %",
    }


def ranked(scores: Mapping[str, float]) -> str:
    """Return models and their scores in words, the best first."""
    best_first = sorted(scores.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {score:.3f}" for name, score in best_first) or "not run"


def neighbours(study: Study, role: str) -> str:
    """Return in words whether each model of `architecture_table` is above the next best one.

    Judged by the paired bootstrap of `ranking.difference`.
    """
    metric = study.task(role).metrics[0]
    groups = {family: learnt(study, role, model) for family, model in equal_budgets(study).items()}
    best_first = sorted(groups, key=lambda model: -_interval(groups[model], metric)[0])
    said = [
        f"{first} against {second}: "
        f"{ranking.difference(groups[first], groups[second], metric).in_points}"
        for first, second in pairwise(best_first)
    ]
    return "; ".join(said) or "not run"


def spread(values: Sequence[float]) -> str:
    """Return by how much the largest value exceeds the smallest, in per cent."""
    return f"{100 * (max(values) / min(values) - 1):.0f} %" if len(values) else "not run"


# --- is it enough?


def standing(study: Study, role: str, points: Sequence[Point], metric: str) -> pd.DataFrame:
    """Return the comparison of the pre-trained runs on all labels with every other answer.

    A row a pre-trained network and answer: the chapters' network, and where the profile has one
    the network after the longer pre-training, which is compared with the chapters' one as well.
    Column `verdict` says whether they are above it, by the paired bootstrap of
    `ranking.difference`.
    """
    whole = points[-1].runs
    rows = {}
    for name, runs in {PRETRAINED: whole[PRETRAINED], **_longer(study, role)}.items():
        for other, theirs in whole.items():
            if other == name:
                continue
            gap = ranking.difference(runs, theirs, metric)
            rows[name, other] = {
                "difference": gap.mean,
                "low": gap.low,
                "high": gap.high,
                "verdict": gap.verdict,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "against"])


def beside_published(study: Study, role: str, metric: str) -> pd.DataFrame:
    """Return who reached what on the role's test rows: published, the report, and this study.

    Only the data set itself is compared: the pocket tasks have no published numbers. `note` says
    where a published number is of other rows, or was counted otherwise.
    """
    published, task = load_published(), study.task(role)
    others = published.table(task=task.name, split="test", metric=metric)
    if role not in published.report.classification_reports:
        others = others.head(0)
    rows = [
        {
            "who": row.model,
            "published": row.value,
            "source": row.source,
            "read": row.verified,
            "note": row.note,
        }
        for row in others.itertuples()
    ]
    if not others.empty:
        report = published.classification_report(role)
        name = {"accuracy": "accuracy", "macro_f1": "macro avg"}[metric]
        rows.append({"who": "T5-small, the report", "report": report.loc[name, "f1"]})
    for model, runs in {**_point(study, role, None).runs, **_longer(study, role)}.items():
        mean = float(np.mean([run.metrics[metric] for run in runs]))
        source = f"profile {study.profile.name}, runs: {len(runs)}"
        who = f"T5, {model}" if model in (PRETRAINED, SCRATCH) else model
        rows.append({"who": who, "this study": mean, "source": source})
    columns = ["report", "published", "this study", "source", "read", "note"]
    return pd.DataFrame(rows).set_index("who").reindex(columns=columns)


# --- figures


@drawn
def plot_not_run(text: str) -> Picture:
    """Draw nothing but the reason why there is no figure."""
    figure, (axes,) = panels(1, 1, PAGE, 1.2)
    axes.axis("off")
    plain = textwrap.fill(text.replace("`", ""), 76)
    axes.text(0.5, 0.5, plain, ha="center", va="center")
    return figure


def _band(axes: Axes, table: pd.DataFrame, x: str, name: str, number: int) -> str:
    """Draw one line of means with its band, in the number's colour, which is returned."""
    colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
    table = table.sort_values(x)
    axes.plot(table[x], table["mean"], mark + "-", color=colour, label=name)
    axes.fill_between(table[x], table["low"], table["high"], color=colour, alpha=0.15, lw=0)
    return colour


@drawn
def plot_curves(curves: Mapping[str, pd.DataFrame], metric: str, otherwise: str) -> Picture:
    """Draw score against labels, one panel a role and one line a model.

    The tables are those of `curve_table`.
    """
    if not curves:
        return plot_not_run(otherwise)
    figure, axes = panels(1, len(curves), PAGE, 3.4, sharey=True)
    for place, (role, table) in zip(axes, curves.items(), strict=True):
        for number, (model, part) in enumerate(table.groupby("model", sort=False)):
            _band(place, part, "labels", model, number)
        place.set_xscale("log")
        counts = sorted(table["labels"].unique())
        place.set_xticks(counts, [f"{count:,}" for count in counts])
        place.minorticks_off()
        place.set(title=role, xlabel="training labels")
    axes[0].set_ylabel(metric)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


@drawn
def plot_budgets(budgets: Mapping[str, pd.DataFrame], otherwise: str) -> Picture:
    """Draw accuracy against pre-training tokens, one panel a role and one line a label count.

    The dashed line is the same network without pre-training. The tables are those of
    `budget_table`.
    """
    if not budgets:
        return plot_not_run(otherwise)
    figure, axes = panels(1, len(budgets), PAGE, 3.1, sharey=True)
    for place, (role, table) in zip(axes, budgets.items(), strict=True):
        for number, (labels, part) in enumerate(table.groupby("labels", sort=False)):
            read = part[part["tokens"] > 0]
            colour = _band(place, read, "tokens", f"{labels} labels", number)
            scratch = part.loc[part["tokens"] == 0, "mean"].iloc[0]
            place.axhline(scratch, color=colour, ls="--", lw=1)
        place.set_xscale("log")
        place.set(title=role, xlabel="pre-training tokens")
        place.legend()
    axes[0].set_ylabel("test accuracy")
    return figure


@drawn
def plot_held_out(runs: Mapping[str, Run], otherwise: str, against: str = "tokens") -> Picture:
    """Draw the held-out loss of pre-trainings against "tokens" read or the number of the "step"."""
    if not runs:
        return plot_not_run(otherwise)
    figure, (axes,) = panels(1, 1, PAGE, 3.1)
    for number, (name, run) in enumerate(runs.items()):
        history = run.history.dropna(subset=["held_out_loss"])
        axes.plot(
            history[against], history["held_out_loss"], MARKS[number % len(MARKS)],
            ls=DASHES[number % len(DASHES)], ms=3, color=COLOURS[number % len(COLOURS)],
            label=name,
        )  # fmt: skip
    axes.set_xscale("log")
    label = {"tokens": "tokens read", "step": "updates"}[against]
    axes.set(xlabel=label, ylabel="held-out loss per target token")
    axes.legend()
    return figure
