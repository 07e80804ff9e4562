"""Cheap baselines that stand beside every result: bag-of-n-grams and copying."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from t5study import predictions
from t5study.hub import Hub
from t5study.profiles import TaskSettings
from t5study.provenance import device_name, peak_memory_bytes, recorded
from t5study.runs import Workspace
from t5study.tasks import Task, cast, split_rows
from t5study.training import data_identity

_MODELS = {
    "classification": "TF-IDF bigrams + linear SVM",
    "regression": "TF-IDF bigrams + ridge regression",
    "generation": "copy of the source",
}


@dataclass(frozen=True)
class Baseline:
    """The baseline of one task: what it is follows from the task's kind."""

    task: Task
    settings: TaskSettings

    @property
    def name(self) -> str:
        """What the baseline is, in words."""
        return _MODELS[self.task.kind]

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result."""
        task = self.task
        return {
            "kind": "baseline",
            "name": self.name,
            "task": task.name,
            "data": data_identity(task, self.settings, hub, ("train", "test")),
            "cleaning": self.settings.recipe.cleaning,
        }


def fit_and_judge(baseline: Baseline, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Fit the baseline on the training rows, answer the test rows, keep the record."""
    task, settings = baseline.task, baseline.settings
    with recorded() as provenance:
        train, test = (
            cast(
                task,
                split_rows(task, hub, split, getattr(settings, split)),
                settings.recipe.cleaning,
            )
            for split in ("train", "test")
        )
        started = time.perf_counter()
        metrics, table = _answer(task, train, test)
        seconds = time.perf_counter() - started
        work.save_metrics(
            {
                **metrics,
                "task": task.name,
                "split": "test",
                "model": baseline.name,
                "seconds": seconds,
                "examples_per_second": (len(train) + len(test)) / seconds,
                "peak_memory_bytes": peak_memory_bytes(),
                "device": device_name(),
                # Nothing here is drawn at random but the solver's order of the rows.
                "seed": 0,
            }
        )
        work.save_predictions(table)
        provenance["data"] = {task.repo: hub.revision(task.repo)}
    return provenance


def _answer(task: Task, train: Dataset, test: Dataset) -> tuple[dict[str, Any], pd.DataFrame]:
    rows = list(test["row"])
    if task.kind == "generation":
        copied = [text.removeprefix(task.prefix) for text in test["source"]]
        return (
            # A copy of the source invents nothing, whatever it says: that is no measurement.
            predictions.named_metrics(
                [name for name in task.metrics if name != "faithful"], test["target"], copied
            ),
            pd.DataFrame({"row": rows}),
        )
    model = _pipeline(task).fit(train["source"], train["label"])
    answers = model.predict(list(test["source"]))
    table = pd.DataFrame({"row": rows, "label": list(test["label"]), "prediction": answers})
    if task.kind == "regression":
        return predictions.named_metrics(task.metrics, test["label"], answers), table
    return predictions.classification_metrics(
        test["label"], answers, task.label_words, also=task.metrics
    ), table


def _pipeline(task: Task) -> Pipeline:
    """Unigrams and bigrams, sublinear counts; the usual strong baseline (Wang & Manning 2012)."""
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32)
    if task.kind == "regression":
        return make_pipeline(features, Ridge())
    balance = "balanced" if len(task.label_words) > 2 else None
    return make_pipeline(features, LinearSVC(class_weight=balance, random_state=0))
