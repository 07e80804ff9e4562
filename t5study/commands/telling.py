"""Results as tables of texts, for the command line to print."""

from __future__ import annotations

from typing import Any

import pandas as pd

from t5study.chapters.tables import shown
from t5study.judging.metrics import classification_report

Rows = tuple[list[str], list[list[str]]]
"""The head of a table of texts, and its rows."""


def scores(metrics: dict[str, Any]) -> Rows:
    """Return a classification report, or of other tasks the numbers among the metrics."""
    if "per_label" not in metrics:
        return numbers(metrics)
    report = classification_report(metrics)
    rows = []
    for name, row in report.iterrows():
        cells = ["" if row[c] != row[c] else f"{row[c]:.3f}" for c in report.columns[:-1]]
        rows.append([str(name), *cells, str(int(row["support"]))])
    return ["", *report.columns], rows


def numbers(metrics: dict[str, Any]) -> Rows:
    """Return the numbers and names among the metrics of a run."""
    rows = [
        [name, f"{value:.4g}" if isinstance(value, float) else str(value)]
        for name, value in metrics.items()
        if isinstance(value, int | float | str)
    ]
    return ["metric", "value"], rows


def verdict_counts(verdicts: pd.DataFrame) -> Rows:
    """Return how many claims have each verdict."""
    counts = verdicts["verdict"].value_counts()
    return ["verdict", "claims"], [[name, str(count)] for name, count in counts.items()]


def verdict_table(verdicts: pd.DataFrame) -> Rows:
    """Return a row a claim: what the report says, what others do, what was measured."""
    columns = ("report", "published", "measured", "other_weights")
    rows = [
        [row["id"], *(shown(row[name]) for name in columns), row["verdict"]]
        for row in verdicts.to_dict("records")
    ]
    return ["claim", *(name.replace("_", " ") for name in columns), "verdict"], rows
