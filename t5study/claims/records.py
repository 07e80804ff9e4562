"""Records as a claim sees them: what a run was about, its metrics, which runs go together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from t5study.runs.record import canonical


class Record(Protocol):
    """What a claim needs of a run: `t5study.runs.record.Run`, or any object with these two."""

    config: dict[str, Any]
    metrics: dict[str, Any]


def model_name(config: dict[str, Any]) -> str:
    """Return the checkpoint's name of a fine-tuning, or what a baseline is called."""
    model = config.get("model", config.get("name", ""))
    return str(model.get("name", "")) if isinstance(model, dict) else str(model)


def on_whole_task(
    config: dict[str, Any], task: str, splits: tuple[str, ...] = ("train", "test")
) -> bool:
    """Return whether a fine-tuning or baseline is on all rows of these splits of the task."""
    data = config.get("data", {})
    limits = [data[split][1] for split in splits if split in data]
    return (
        config.get("kind") in ("finetune", "baseline")
        and config.get("task") == task
        and all(limit is None for limit in limits)
    )


def is_checkpoint(config: dict[str, Any], model: str) -> bool:
    """Return whether a run started from the published weights of `model`."""
    return config.get("init") == "pretrained" and model_name(config) == model


def look_up(values: Any, path: str) -> Any:
    """Return what lies at a path such as `per_label.love.recall`, or None."""
    for step in path.split("."):
        values = values.get(step) if isinstance(values, dict) else None
    return values


def score_of(run: Record, metric: str) -> Any:
    """Return a metric of a run, or None; the weighted averages that no record keeps are formed."""
    column = metric.removeprefix("weighted_")
    labels = run.metrics.get("per_label")
    if column in ("precision", "recall") and column != metric and labels:
        rows = list(labels.values())
        supports = [row["support"] for row in rows]
        return float(np.average([row[column] for row in rows], weights=supports))
    return look_up(run.metrics, metric)


def by_seed(runs: Iterable[Record], metric: str) -> list[list[Record]]:
    """Return the runs that have the metric, in groups that differ in nothing but the seed."""
    found: dict[str, list[Record]] = {}
    for run in runs:
        if score_of(run, metric) is not None:
            shared = {key: value for key, value in run.config.items() if key != "seed"}
            found.setdefault(canonical(shared), []).append(run)
    return [found[key] for key in sorted(found)]


def scores_of(group: list[Record], metric: str) -> list[float]:
    """Return the metric of each run."""
    return [float(score_of(run, metric)) for run in group]
