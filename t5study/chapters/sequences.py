"""Chapter 9's tables and figures: translation, summaries, and one model for all tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.chapters.style import PAGE, Picture, drawn, intervals, panels
from t5study.chapters.tables import name_of
from t5study.claims.published import load_published
from t5study.judging import ranking
from t5study.judging.scores import METRICS
from t5study.runs.record import Run, part_of

if TYPE_CHECKING:
    from t5study.study import Study

CLAIMS = (
    *("seq2seq-too-large", "same-trainer-translates", "same-trainer-summarises"),
    *("seq2seq-confirmed", "universal-model", "one-model-very-different-tasks"),
)
"""What the report says of texts as answers, by the names of claims."""

NOT_TOLD_APART = "not told apart"
ENDS = ("low", "", "high")


def cost_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return a row a fine-tuning: what it started from and what it took to train."""
    columns = {
        "parameters": "parameters",
        "examples_per_second": "examples a second",
        "seconds": "seconds of training",
    }
    rows = {
        name: {"checkpoint": run.config["model"]["name"]}
        | {shown: run.metrics[key] for key, shown in columns.items()}
        for name, run in runs.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def by_length(run: Run, metric: str, groups: int = 4) -> pd.DataFrame:
    """Return a row a quarter of the test texts, short ones first: texts, mean, low, high.

    Indexed by the lengths in tokens of the source; `answer length` is the mean number of words of
    the answers over that of the references. The interval is the normal one of a mean of `metric`,
    each answer's own score.

    Raises:
        StudyError: the record is from before each answer's score was kept.
    """
    table = run.predictions
    if metric not in table:
        raise StudyError(
            f"The run record {run.path.name} lacks the answers' scores by row: "
            "delete that folder and run again."
        )
    # Sources that were cut to the longest length share a group, and so there may be fewer.
    parts = pd.qcut(table["tokens"], groups, labels=False, duplicates="drop").fillna(0)
    rows = {}
    for _, part in table.groupby(parts):
        values = part[metric]
        half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
        rows[f"{part['tokens'].min()}–{part['tokens'].max()}"] = {
            "texts": len(part),
            "mean": values.mean(),
            "low": values.mean() - half,
            "high": values.mean() + half,
            "answer length": part["output_words"].sum() / part["target_words"].sum(),
        }
    result = pd.DataFrame.from_dict(rows, orient="index").astype({"texts": int})
    result.attrs["metric"] = metric
    return result


def length_effect(table: pd.DataFrame) -> str:
    """Return whether the longest quarter scores otherwise than the shortest, in words."""
    first, last = table.iloc[0], table.iloc[-1]
    gap = last["mean"] - first["mean"]
    halves = [(row["high"] - row["low"]) / 2 for row in (first, last)]
    if abs(gap) <= float(np.hypot(*halves)):
        return f"{NOT_TOLD_APART} from the shortest ({gap:+.1f})"
    return f"{abs(gap):.1f} {'above' if gap > 0 else 'below'} the shortest"


JOINT = "all tasks, T5"
"""The experiment of one model for several tasks, where a profile has it."""

BY_ROWS, BY_INTERVALS = "paired bootstrap", "two intervals"
"""How a verdict of the joint table was found: row by row, or from intervals that may overlap."""


def joint_table(study: Study) -> pd.DataFrame:
    """Return a row a task: the single-task model's score, the joint model's, and intervals.

    Empty where the profile has no joint model.

    Indexed by role and the task's first metric; the intervals are the bootstrap's over test rows.
    Both models began from the same T5 and answer the same rows. `verdict` is that of the paired
    bootstrap where the records hold labels and answers by row. Where they do not, for texts, it is
    judged by the two intervals: where these overlap, the scores are not told apart.
    """
    if not study.has(JOINT):
        return pd.DataFrame()
    joint, entry = study.run(JOINT), study.experiments[JOINT]
    rows = {}
    for role in entry.roles:
        metric = study.task(role).metrics[0]
        names = study.names(task=role, model=entry.model, init="pretrained", labels=None)
        single = study.run(names[0])
        together, _ = part_of(joint, role)
        share = joint.metrics["shares"][role]
        row = {
            **_with_interval("single", single.metrics, metric),
            **_with_interval("joint", together, metric),
            "share of the mixture": share,
            "single examples": round(examples_seen(single)),
            "joint examples": round(share * examples_seen(joint)),
        }
        paired = _paired_verdict(joint, single, role, metric)
        row["verdict"] = paired or _verdict(row)
        row["judged by"] = BY_ROWS if paired else BY_INTERVALS
        rows[role, metric] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["task", "metric"])


def extremes(values: Sequence[float]) -> str:
    """Return the smallest and the largest of some counts or shares, in words."""
    if not values:
        return "none"
    form = "{:,}" if isinstance(values[0], int) else "{:.3f}"
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def judged_by(table: pd.DataFrame, way: str) -> str:
    """Return the roles of a joint table whose verdict was found in one way, in words."""
    roles = [role for (role, _), row in table.iterrows() if row["judged by"] == way]
    return ", ".join(roles) or "none"


def examples_seen(run: Run) -> float:
    """Return how many examples a fine-tuning met, each counted as often as it came.

    The record's speed is that of the process that ended the run; what came before an interruption
    is counted in whole updates.
    """
    before = run.provenance.get("resumed_from", 0) * run.config["recipe"]["batch_size"]
    return before + run.metrics["examples_per_second"] * run.metrics["seconds"]


@dataclass(frozen=True)
class _Answers:
    """Answers to a task's test rows, as `ranking.difference` takes them."""

    identity: str
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame


def _paired_verdict(joint: Run, single: Run, role: str, metric: str) -> str:
    """Is the joint model above the single one? "" where the records have no labels by row."""
    columns = ["row", "label", "prediction"]
    metrics, table = part_of(joint, role)
    if not set(columns) <= set(table) & set(single.predictions):
        return ""
    # Beside the texts of other tasks the joint run keeps whole labels as fractions.
    mine = table[columns].astype(single.predictions[columns].dtypes)
    gap = ranking.difference([_Answers(joint.identity, metrics, mine)], [single], metric)
    return gap.verdict if gap.verdict == NOT_TOLD_APART else f"joint {gap.verdict}"


def _with_interval(name: str, metrics: Mapping, metric: str) -> dict[str, float]:
    low, high = metrics["intervals"][metric]
    return {name: metrics[metric], f"{name} low": low, f"{name} high": high}


def _verdict(row: Mapping[str, Any]) -> str:
    if row["joint low"] > row["single high"]:
        return "joint above"
    return "joint below" if row["joint high"] < row["single low"] else NOT_TOLD_APART


def published_rows(metrics: Sequence[str], task: str) -> pd.DataFrame:
    """Return what others published on a task, by model: the metrics, source and how it was read."""
    table = load_published().table(task=task, split="test")
    table = table[table["metric"].isin(metrics)]
    if table.empty:
        return pd.DataFrame()
    wide = table.pivot(index="model", columns="metric", values="value")
    facts = table.drop_duplicates("model").set_index("model")[["source", "verified", "note"]]
    return wide.reindex(columns=[m for m in metrics if m in wide]).join(facts)


@drawn
def plot_by_length(tables: Mapping[str, pd.DataFrame]) -> Picture:
    """Draw score against the length of the source, one panel a role (tables of `by_length`)."""
    figure, axes = panels(1, len(tables), PAGE, 2.8)
    for place, (name, table) in zip(axes, tables.items(), strict=True):
        intervals(place, table.rename_axis("tokens").reset_index(), "tokens", upright=True)
        place.set(title=name, xlabel="tokens of the source", ylabel=name_of(table.attrs["metric"]))
    return figure


@drawn
def plot_joint(table: pd.DataFrame) -> Picture | None:
    """Draw scores of the joint model beside those of the single ones, each with its interval.

    `table` is that of `joint_table`; scores that reach 100 are drawn as fractions. Of an empty one
    nothing is drawn.
    """
    if table.empty:
        return None
    figure, (axes,) = panels(1, 1, PAGE, 0.9 + 0.38 * len(table))
    best = np.array([METRICS[metric].best for _, metric in table.index])
    scores = [
        pd.DataFrame(
            {
                "task": [f"{role} ({name_of(metric)})" for role, metric in table.index],
                "model": f"{name} model",
                **{end or "mean": table[f"{name} {end}".strip()].to_numpy() / best for end in ENDS},
            }
        )
        for name in ("single", "joint")
    ]
    intervals(axes, pd.concat(scores, ignore_index=True), "task", by="model")
    axes.set_xlabel("score, as a fraction of the best possible")
    axes.legend(title=None)
    return figure
