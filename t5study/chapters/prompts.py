"""Chapter 9's table and figure of a decoder that learns nothing and is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from t5study.chapters.style import COLOURS, MARKS, PAGE, Picture, drawn, panels
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.study import Study

WAYS = ("raw", "calibrated")


def prompted_table(study: Study) -> pd.DataFrame:
    """Return a row for each task and number of examples: scores raw and calibrated.

    The index is the role, the task's metric and the number of solved examples. `raw` and
    `calibrated` are means over draws of the examples; `lowest` and `highest` are of single draws,
    calibrated. `trained` is the best score of a model that was trained on the task, `by` its
    experiment, and `always one` what the commonest label would score.
    """
    rows, best = {}, {}
    for name, entry in study.experiments.items():
        if entry.prompt is None:
            continue
        role, runs = entry.task or "", study.runs(name)
        metric = study.task(role).metrics[0]
        raw, calibrated = (_scores(runs, metric, way) for way in WAYS)
        if role not in best:
            best[role] = best_trained(study, role, metric)
        by, trained = best[role]
        rows[role, metric, entry.shots] = {
            "draws": len(runs),
            "raw": raw.mean(),
            "calibrated": calibrated.mean(),
            "lowest": calibrated.min(),
            "highest": calibrated.max(),
            "always one": _always_one(runs[0], metric),
            "trained": trained,
            "by": by,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["task", "metric", "examples"]) if len(table) else table


def _scores(runs: Sequence[Run], metric: str, way: str) -> np.ndarray:
    parts = (run.metrics if way == "raw" else run.metrics["calibrated"] for run in runs)
    return np.array([part[metric] for part in parts])


def _always_one(run: Run, metric: str) -> float:
    """The score of the commonest label given to every row; a correlation of it is 0."""
    if metric != "accuracy":
        return 0.0
    return float(run.predictions["label"].value_counts(normalize=True).max())


def best_trained(study: Study, role: str, metric: str) -> tuple[str, float]:
    """Return the experiment with the best mean score on a role's whole task, and that score."""
    task = study.rows(role).task
    same = [name for name, rows in study.profile.tasks.items() if rows.task == task]
    found = {}
    for name in (name for role in same for name in study.names(task=role, labels=None)):
        entry = study.entry(name)
        # Looked at, and not asked for: the page shows the best alone.
        runs = [study.found(asked) for asked in study.plans(name)]
        if entry.recipe and entry.init == "pretrained" and all(runs):
            found[name] = float(np.mean([run.metrics[metric] for run in runs if run]))
    best = max(found, key=found.__getitem__)
    study.runs(best)
    return best, found[best]


@drawn
def plot_prompted(table: pd.DataFrame) -> Picture:
    """Draw raw and calibrated scores by task and examples, beside what a trained model has."""
    figure, (place,) = panels(1, 1, PAGE, 0.6 + 0.42 * len(table))
    names = [
        f"{role}, {count} example{'s' * (count != 1)}" if count else f"{role}, no example"
        for role, _, count in table.index
    ]
    rows = np.arange(len(table))[::-1]
    marks = {"raw": "raw", "calibrated": "calibrated", "trained": "trained on the task"}
    for number, (column, label) in enumerate(marks.items()):
        place.plot(
            table[column], rows, MARKS[number], color=COLOURS[number], label=label, markersize=6
        )
    place.plot(table["always one"], rows, "|", color="#333333", markersize=12, label="always one")
    place.hlines(rows, table["raw"], table["calibrated"], color="#bdbdbd", zorder=0)
    place.set_yticks(rows, names)
    place.set(xlim=(min(0.0, table["raw"].min() - 0.03), 1), xlabel="accuracy (CoLA: Matthews)")
    place.grid(axis="y", visible=False)
    place.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=4, frameon=False)
    return figure


def liking_table(study: Study, name: str) -> pd.DataFrame:
    """Return the share of each label word after texts that say nothing, a column a draw."""
    runs = study.runs(name)
    return pd.DataFrame({f"draw {n}": run.metrics["liking"] for n, run in enumerate(runs, 1)})
