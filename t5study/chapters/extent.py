"""Chapter 13's figure and table: how far what was learnt on plain text carries over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from t5study.chapters.finetuning import LONGEST
from t5study.chapters.style import GREY, PAGE, Picture, drawn, intervals, panels
from t5study.chapters.transfer import SCRATCH, T5, learning_curves
from t5study.claims.published import load_published
from t5study.judging import ranking
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.study import Study

NAMES = {"emotion": "six emotions", "sentiment": "film reviews", "sst": "sentences on films"}
TITLES = {SCRATCH: "random weights", T5: "pre-trained", "TF-IDF": "word counts"}
MOST = "pre-trained longest"
SIMPLE = {
    "emotion": "emotion, TF-IDF",
    "sentiment": "sentiment, TF-IDF",
    "sst": "sst, TF-IDF",
    "translation": "translation, copy",
    "summary": "summary, lead",
}
"""What each task is compared with: an answer that takes no network."""


def reached_table(study: Study) -> pd.DataFrame:
    """Return a row a task, number of labels and answer: role, labels, answer, mean, low, high.

    The interval is that of `ranking.score_table`, over test rows and seeds.
    """
    parts = []
    for role, curve in learning_curves(study).items():
        whole = list(curve)[-1]
        for count, answers in curve.items():
            shown = {TITLES[who]: runs for who, runs in answers.items() if who in TITLES}
            if count == whole and study.has(LONGEST.get(role, "")):
                shown[MOST] = study.runs(LONGEST[role])
            table = ranking.score_table(shown, study.task(role).metrics[0]).rename_axis("answer")
            labels = f"{count:,}" if count != whole else f"all {count:,}"
            parts.append(table.reset_index().assign(role=role, labels=labels))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


@drawn
def plot_reached(table: pd.DataFrame) -> Picture | None:
    """Draw a `reached_table`, a panel a task, the report's accuracy as a dashed line."""
    if table.empty:
        return None
    roles = list(dict.fromkeys(table["role"]))
    figure, axes = panels(1, len(roles), PAGE, 3.3)
    order = [*TITLES.values(), MOST]
    for place, role in zip(axes, roles, strict=True):
        part = table[table["role"] == role]
        there = [answer for answer in order if answer in set(part["answer"])]
        part = part.sort_values("answer", key=lambda names: names.map(order.index), kind="stable")
        rows = list(dict.fromkeys(table.loc[table["role"] == role, "labels"]))
        intervals(place, part, "labels", by="answer", order=rows, hue_order=there)
        if role in LONGEST:
            report = load_published().classification_report(role).loc["accuracy", "f1"]
            place.axvline(report, color=GREY, ls="--", lw=1.2, label="the report")
        place.set(title=NAMES.get(role, role), xlabel="accuracy")
        handles, names = place.get_legend_handles_labels()
        place.get_legend().remove()
    axes[0].set_ylabel("labels")
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def extent_table(study: Study) -> pd.DataFrame:
    """Return a row a task: without pre-training, with it, and beside an answer without a network.

    The best run of each task after the longest reading where there is one, on all labels. The
    verdict is that against the simple answer, by the paired bootstrap or, for texts, by two
    intervals.
    """
    rows: dict[str, dict[str, Any]] = {}
    for role, simple in SIMPLE.items():
        names = [LONGEST.get(role, ""), f"{role}, T5 80M", f"{role}, T5"]
        name = next((name for name in names if study.has(name)), "")
        if not name or not study.has(simple):
            continue
        runs, peer, metric = study.runs(name), study.run(simple), study.task(role).metrics[0]
        scratch = f"{role}, {SCRATCH}"
        rows[NAMES.get(role, role)] = {
            "metric": metric,
            "random weights": _mean(study.runs(scratch), metric) if study.has(scratch) else None,
            "pre-trained": _mean(runs, metric),
            "without a network": _mean([peer], metric),
            "beside it": against(runs, peer, metric),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")


def against(runs: Sequence[Run], peer: Run, metric: str) -> str:
    """Return whether runs are above a peer: by rows, or by two intervals where there are texts."""
    if "label" in peer.predictions and "label" in runs[0].predictions:
        return ranking.difference(runs, [peer], metric).verdict
    (low, high), (peer_low, peer_high) = (
        run.metrics["intervals"][metric] for run in (runs[0], peer)
    )
    if low > peer_high:
        return "above"
    return "below" if high < peer_low else "not told apart"


def _mean(runs: Sequence[Run], metric: str) -> float:
    return float(pd.Series([run.metrics[metric] for run in runs]).mean())


def objective_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the report's objectives, whether each is met, and why (of `claims.scorecard`)."""
    chosen = verdicts[verdicts["kind"] == "objective"]
    table = pd.DataFrame(
        {
            "objective": chosen["where"].str.removeprefix("Objectives, "),
            "as it can be checked": chosen["statement"],
            "verdict": chosen["verdict"],
            "why": chosen["evidence"],
        }
    )
    return table.reset_index(drop=True)
