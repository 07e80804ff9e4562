"""Chapter 8's tables and figures: what pre-training gives, by labels, and whether it is enough.

A *gain* is the mean score of pre-trained runs less that of runs of the same architecture, recipe,
data and seeds that started from random weights. What more pre-training gives is in `budgets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from t5study.chapters.style import COLOURS, PAGE, Picture, drawn, lines, panels
from t5study.chapters.tables import mean_and_interval, name_of
from t5study.claims.published import load_published
from t5study.experiments.recipes import OWN
from t5study.judging import ranking
from t5study.judging.ranking import Difference
from t5study.judging.scores import student
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.study import Study

Answers = Mapping[str, Sequence[Run]]
"""Who answers a task, by the end of the experiment's name, and the runs, one a seed."""
Curve = Mapping[int, Answers]
"""What was learnt from so many labels, the fewest first and all of them last."""

T5, SCRATCH = "T5", "T5 from scratch"
PEERS = (T5, SCRATCH, "TF-IDF", "NB-SVM")
MINILM, MINILM_SCRATCH = "MiniLM", "MiniLM from scratch"
"""The published encoder, and its architecture with random weights."""

CLAIMS = (
    *("transfer-to-sentiment", "transfer-to-emotion", "pretraining-needs-hundreds-of-tpus"),
    "architecture-explains-prowess",
)
"""What the report says of pre-training, by the names of claims."""

CLEAR, ERRORS, STUDENT = "clear by", "two errors", "Student"
"""A column of a gain table and what it holds: by a loose rule, or by one that counts the seeds."""


# --- with few labels, and with many


def learning_curves(study: Study) -> dict[str, Curve]:
    """Return a curve for each task that T5 also learns with few labels, by role."""
    found = {}
    for role in study.profile.tasks:
        names = study.names(task=role, model="t5", init="pretrained")
        few = sorted({study.experiments[name].labels for name in names} - {None})
        if few:
            curve = {count: _answers(study, role, f", {count} labels") for count in few}
            whole = _answers(study, role, "")
            found[role] = curve | {whole["TF-IDF"][0].metrics["train_rows"]: whole}
    return found


def published_curve(study: Study, role: str) -> Curve:
    """Return what the published encoder and its twin learn from few labels, and others beside."""
    names = study.names(task=role, model="minilm", init="scratch")
    counts = sorted({study.experiments[name].labels for name in names} - {None})
    peers = (MINILM, MINILM_SCRATCH, T5, "TF-IDF")
    curve = {count: _answers(study, role, f", {count} labels", peers) for count in counts}
    whole = _answers(study, role, "", peers)
    return curve | {whole["TF-IDF"][0].metrics["train_rows"]: whole}


def rate_table(study: Study, role: str) -> pd.DataFrame:
    """Return the validation loss by start, labels and learning rate, of the first seed's runs."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for init in ("pretrained", "scratch"):
        for name in study.names(task=role, model="minilm", init=init):
            labels, run = study.experiments[name].labels, study.runs(name)[0]
            if labels is not None:
                rate = f"rate {run.config['recipe']['learning_rate']:g}"
                rows.setdefault((init, labels), {})[rate] = run.metrics["validation_loss"]
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["start", "labels"])
    tried = table[table.count(axis=1) > 1].sort_index()
    return tried[sorted(tried.columns, key=lambda name: float(name.split()[1]))]


def _answers(
    study: Study, role: str, ending: str, peers: Sequence[str] = PEERS
) -> dict[str, list[Run]]:
    names = {who: f"{role}, {who}{ending}" for who in peers}
    return {who: study.runs(name) for who, name in names.items() if study.has(name)}


def curve_table(curve: Curve, metric: str) -> pd.DataFrame:
    """Return a row a number of labels and answer: model, labels, mean, low, high, runs.

    The interval is Student's over seeds; of a single run, the bootstrap's over test rows.
    """
    rows = [
        (who, labels, *mean_and_interval(runs, metric), len(runs))
        for labels, answers in curve.items()
        for who, runs in answers.items()
    ]
    return pd.DataFrame(rows, columns=["model", "labels", "mean", "low", "high", "runs"])


def gain_table(curve: Curve, metric: str, pair: tuple[str, str] = (T5, SCRATCH)) -> pd.DataFrame:
    """Return a row a number of labels: each answer's mean, the gain, its error, and if it is clear.

    The gain is that of the first of the `pair` over the second. Runs are paired by seed: the same
    rows in the same order, from other weights. The standard error is that of the mean difference;
    of one seed there is none, and no answer. A gain above two standard errors is clear by a loose
    rule, `ERRORS`; one outside of Student's 95 % interval around 0 is so by a strict one,
    `STUDENT`.
    """
    rows = {}
    for labels, answers in curve.items():
        if not set(pair) <= set(answers):
            continue
        gain, error, seeds = paired(*(answers[who] for who in pair), metric)
        rules = {STUDENT: student(seeds - 1), ERRORS: 2.0}
        met = [rule for rule, times in rules.items() if gain > times * error]
        rows[labels] = {
            **{who: mean_and_interval(runs, metric)[0] for who, runs in answers.items()},
            "gain": gain,
            "standard error": error,
            "seeds": seeds,
            CLEAR: "" if seeds == 1 else [*met, "neither"][0],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("labels")


def paired(first: Sequence[Run], second: Sequence[Run], metric: str) -> tuple[float, float, int]:
    """Return the mean difference of runs with the same seeds, its standard error, and their count.

    The error of one pair is NaN.
    """
    one, other = (
        {run.config["seed"]: run.metrics[metric] for run in group} for group in (first, second)
    )
    gaps = np.array([one[seed] - other[seed] for seed in one if seed in other])
    error = float(gaps.std(ddof=1) / len(gaps) ** 0.5) if len(gaps) > 1 else float("nan")
    return float(gaps.mean()), error, len(gaps)


def cut_share(run: Run) -> float:
    """Return the share of test texts that fill the longest input, and may have lost their end."""
    return float((run.predictions["tokens"] >= run.config["recipe"]["max_source_length"]).mean())


@drawn
def plot_curves(curves: Mapping[str, pd.DataFrame], metric: str) -> Picture | None:
    """Draw score against labels, one panel a role and one line an answer; nothing without curves.

    The tables are those of `curve_table`.
    """
    if not curves:
        return None
    figure, axes = panels(1, len(curves), PAGE, 3.4, sharey=True)
    for place, (role, table) in zip(axes, curves.items(), strict=True):
        draw_bands(place, table, "labels", "model")
        place.set_xscale("log")
        counts = sorted(table["labels"].unique())
        place.set_xticks(counts, [f"{count:,}" for count in counts])
        place.minorticks_off()
        place.set(title=role, xlabel="training labels")
    axes[0].set_ylabel(name_of(metric))
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_bands(axes: Axes, table: pd.DataFrame, x: str, by: str) -> None:
    """Draw a line of means for each value of the column `by`, its interval as a band."""
    lines(axes, table, x, "mean", by, legend="full")
    for number, (_, part) in enumerate(table.groupby(by, sort=False)):
        part, colour = part.sort_values(x), COLOURS[number % len(COLOURS)]
        # A score is a share: where Student's interval leaves 0 to 1 the band ends there.
        ends = part[["low", "high"]].clip(0, 1).to_numpy().T
        axes.fill_between(part[x], *ends, color=colour, alpha=0.15, lw=0)
    axes.get_legend().remove()


# --- encoder, decoder, or both


def architectures(study: Study) -> dict[str, str]:
    """Return the study's own models to compare, by architecture: at about the same budget each.

    That is, of the T5s the one whose budget is nearest to the smallest of the three.
    """
    made = study.profile.pretraining
    own = [name for name, source in study.profile.models.items() if source == OWN]
    chosen = {name: name for name in own if made[name].of is None}
    least = min((made[name].tokens for name in chosen), default=0)
    t5s = [name for name in own if made[name].family == "t5"]
    nearest = sorted(t5s, key=lambda name: (abs(made[name].tokens - least), name != "t5"))
    return chosen | {"t5": nearest[0]} if nearest else chosen


def learnt(study: Study, role: str, model: str, labels: int | None = None) -> list[Run]:
    """Return the runs of a pre-trained model on a role's task, by the profile's first recipe."""
    names = study.names(task=role, model=model, init="pretrained", labels=labels)
    return study.runs(names[0])


def architecture_table(study: Study, role: str) -> pd.DataFrame:
    """Return a row a model of `architectures`: what it cost, and its score on the role's task."""
    metric = study.task(role).metrics[0]
    rows = {}
    for family, model in architectures(study).items():
        made, runs = study.pretraining(model).metrics, learnt(study, role, model)
        mean, low, high = mean_and_interval(runs, metric)
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


def neighbours(study: Study, role: str) -> dict[tuple[str, str], Difference]:
    """Return the difference of each architecture and the next best one on the role's task."""
    metric = study.task(role).metrics[0]
    groups = {family: learnt(study, role, name) for family, name in architectures(study).items()}
    order = sorted(groups, key=lambda family: -mean_and_interval(groups[family], metric)[0])
    return {
        (first, second): ranking.difference(groups[first], groups[second], metric)
        for first, second in pairwise(order)
    }


# --- is it enough?


def standing_table(answers: Answers, compared: Sequence[str], metric: str) -> pd.DataFrame:
    """Return the comparison of each of the `compared` answers with every other answer.

    Column `verdict` says whether it is above the other, by the paired bootstrap of
    `ranking.difference`. Of two that are both compared, the later one is set against the first.
    """
    rows = {}
    for place, who in enumerate(compared):
        for other in [other for other in answers if other not in compared[place:]]:
            gap = ranking.difference(answers[who], answers[other], metric)
            rows[who, other] = {
                "difference": gap.mean,
                "low": gap.low,
                "high": gap.high,
                "verdict": gap.verdict,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "against"])


def beside_published(task: str, role: str, answers: Answers, metric: str) -> pd.DataFrame:
    """Return who reached what on a data set's test rows: published, the report, and this study.

    `note` says where a published number is of other rows, or was counted otherwise.
    """
    published = load_published()
    others = published.table(task=task, split="test", metric=metric)
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
    name = {"accuracy": "accuracy", "macro_f1": "macro avg"}[metric]
    report = published.classification_report(role).loc[name, "f1"]
    rows.append({"who": "T5-small, the report", "report": report})
    for who, runs in answers.items():
        mean, _, _ = mean_and_interval(runs, metric)
        rows.append({"who": who, "this study": mean, "source": f"runs: {len(runs)}"})
    columns = ["report", "published", "this study", "source", "read", "note"]
    return pd.DataFrame(rows).set_index("who").reindex(columns=columns)
