"""Metrics: what a record says of the answers to a test set, and the table of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from t5study.judging import scores

BOOTSTRAP_SEED = 0
"""Seed of the resampling behind every interval, so that a figure is the same each time."""


def classification_metrics(
    gold: Sequence[int], predicted: Sequence[int], words: Sequence[str], also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return accuracy, macro and weighted F1, Matthews correlation, per-label rows, confusion.

    Macro averages are over the labels that occur among the true or the predicted ones. `intervals`
    holds 95 % bootstrap intervals (1,000 resamples of the test rows); `confusion` has the true
    labels in rows; `also` names further metrics of `scores.METRICS`.
    """
    # Late: a page that shows a record's metrics computes none, and this takes a second to load.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    named = tuple(dict.fromkeys(("accuracy", "macro_f1", "matthews", *also)))
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    indices = list(range(len(words)))
    rows = precision_recall_fscore_support(gold, predicted, labels=indices, zero_division=0)
    names = ("precision", "recall", "f1", "support")
    per_label = {
        word: {name: float(column[i]) for name, column in zip(names, rows, strict=True)}
        for i, word in enumerate(words)
    }
    for row in per_label.values():
        row["support"] = int(row["support"])
    weights = rows[3] / rows[3].sum()
    occurs = np.isin(indices, np.concatenate([gold, predicted]))
    return {
        **named_metrics(named, gold, predicted),
        "macro_precision": float(rows[0][occurs].mean()),
        "macro_recall": float(rows[1][occurs].mean()),
        "weighted_f1": float(weights @ rows[2]),
        "per_label": per_label,
        "confusion": confusion_matrix(gold, predicted, labels=indices).tolist(),
    }


def named_metrics(names: Sequence[str], gold: Sequence, predicted: Sequence) -> dict[str, Any]:
    """Return the metrics of `scores.METRICS` by name, with their bootstrap intervals."""
    return {
        "n": len(gold),
        **{name: scores.METRICS[name](gold, predicted) for name in names},
        "intervals": {
            name: list(scores.bootstrap(name, gold, predicted, BOOTSTRAP_SEED)) for name in names
        },
    }


def prediction_table(
    rows: Sequence[int],
    gold: Sequence[int],
    log_probabilities: np.ndarray,
    words: Sequence[str],
) -> pd.DataFrame:
    """Return predictions by row number: row, label, prediction, and p_<word> for every label.

    Probabilities are normalised over the labels.
    """
    probabilities = softmax(log_probabilities, axis=1)
    table = pd.DataFrame(
        {"row": rows, "label": gold, "prediction": log_probabilities.argmax(axis=1)}
    )
    return table.assign(
        **{f"p_{word}": probabilities[:, i].astype(np.float32) for i, word in enumerate(words)}
    )


def label_words(predictions: pd.DataFrame) -> list[str]:
    """Return the label words of a `prediction_table`, in label order; of another table none."""
    return [name.removeprefix("p_") for name in predictions if name.startswith("p_")]


def surest_mistakes(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the wrong answers of a `prediction_table` with their `probability`, surest first."""
    shares = predictions[[f"p_{word}" for word in label_words(predictions)]]
    sure = predictions.assign(probability=shares.max(axis=1))
    wrong = sure[sure["label"] != sure["prediction"]]
    return wrong.sort_values("probability", ascending=False, kind="stable")


def classification_report(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return the report's table: precision, recall, F1 and support a label, then the averages."""
    rows = {word: dict(row) for word, row in metrics["per_label"].items()}
    support = np.array([row["support"] for row in rows.values()])
    columns = ("precision", "recall", "f1")
    table = {name: np.array([row[name] for row in rows.values()]) for name in columns}
    rows["accuracy"] = {"f1": metrics["accuracy"], "support": metrics["n"]}
    rows["macro avg"] = {n: metrics[f"macro_{n}"] for n in columns} | {"support": metrics["n"]}
    rows["weighted avg"] = {n: float(np.average(v, weights=support)) for n, v in table.items()} | {
        "support": metrics["n"]
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[*columns, "support"])
    return frame.astype({"support": int})
