"""Cheap baselines that stand beside every result: n-grams, word overlap, copy, first sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from datasets import Dataset
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from t5study.base.device import device_name
from t5study.data.casts import cast
from t5study.data.rows import split_rows
from t5study.data.tasks import Task
from t5study.experiments.questions import Baseline
from t5study.judging.metrics import classification_metrics, named_metrics
from t5study.runs.provenance import peak_memory_bytes, recorded

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace


def fit_and_judge(baseline: Baseline, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Fit the baseline on the training rows, answer the test rows, keep the record."""
    task, settings = baseline.task, baseline.settings
    with recorded("cpu") as provenance:
        train, test = (
            cast(
                task,
                split_rows(task, hub, split, getattr(settings, split)),
                settings.recipe.cleaning,
            )
            for split in ("train", "test")
        )
        started = time.perf_counter()
        metrics, table = _answer(baseline, train, test)
        seconds = time.perf_counter() - started
        work.save_metrics(
            {
                **metrics,
                "task": task.name,
                "split": "test",
                "model": baseline.name,
                "train_rows": len(train),
                "seconds": seconds,
                "examples_per_second": (len(train) + len(test)) / seconds,
                "peak_memory_bytes": peak_memory_bytes("cpu"),
                "device": device_name("cpu"),
                # Nothing here is drawn at random but the solver's order of the rows.
                "seed": 0,
            }
        )
        work.save_predictions(table)
        provenance["data"] = {task.repo: hub.revision(task.repo)}
    return provenance


def _answer(
    baseline: Baseline, train: Dataset, test: Dataset
) -> tuple[dict[str, Any], pd.DataFrame]:
    task, rows = baseline.task, list(test["row"])
    if task.kind == "generation":
        outputs = [text.removeprefix(task.prefix) for text in test["source"]]
        if baseline.kind == "lead":
            outputs = [first_sentence(text) for text in outputs]
        return (
            # What is taken from the source invents nothing: that is no measurement.
            named_metrics(
                [name for name in task.metrics if name != "faithful"], test["target"], outputs
            ),
            pd.DataFrame({"row": rows}),
        )
    model = pipeline(baseline).fit(train["source"], train["label"])
    answers = model.predict(list(test["source"]))
    table = pd.DataFrame({"row": rows, "label": list(test["label"]), "prediction": answers})
    if task.kind == "regression":
        return named_metrics(task.metrics, test["label"], answers), table
    return classification_metrics(
        test["label"], answers, task.label_words, also=task.metrics
    ), table


_SENTENCE_END = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["'”’)]))\s+(?=["'“‘(]?[A-Z0-9])""")


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop, question or exclamation mark before a capital."""
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]


def pipeline(baseline: Baseline) -> Pipeline:
    """Return what learns a baseline of labels or numbers, not yet fitted."""
    task = baseline.task
    if baseline.kind == "overlap":
        labels = Clipped() if task.kind == "regression" else LogisticRegression()
        return make_pipeline(PairOverlap(task), StandardScaler(), labels)
    if baseline.kind == "nb-svm":
        words = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\w+|[^\w\s]")
        return make_pipeline(words, OneVsRestClassifier(NbSvm()))
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32)
    if task.kind == "regression":
        return make_pipeline(features, Ridge())
    balance = "balanced" if len(task.label_words) > 2 else None
    return make_pipeline(features, LinearSVC(class_weight=balance, random_state=0))


class PairOverlap(TransformerMixin, BaseEstimator):
    """How much two texts have in common: an array [pairs, 4] from the sources of a pair task.

    The cosine of the two TF-IDF vectors; then the share of words in both among the words in either,
    among the first text's, and among the second's. It sees no order and no meaning, but it sets one
    text against the other, which a bag of both cannot.
    """

    def __init__(self, task: Task) -> None:
        self.task = task

    def fit(self, X: Sequence[str], y: Any = None) -> PairOverlap:
        """Learn how rare each word is."""
        texts = [text for source in X for text in two_texts(self.task, source)]
        self.words_ = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+").fit(texts)
        return self

    def transform(self, X: Sequence[str]) -> np.ndarray:
        """Return the four numbers of each pair."""
        pairs = zip(*(two_texts(self.task, source) for source in X), strict=True)
        one, other = (self.words_.transform(texts) for texts in pairs)
        cosine = _row_sums(one.multiply(other))
        one, other = one.sign(), other.sign()
        both = _row_sums(one.multiply(other))
        sizes = (_row_sums(one.maximum(other)), _row_sums(one), _row_sums(other))
        return np.column_stack([cosine, *(both / np.maximum(size, 1) for size in sizes)])


def two_texts(task: Task, source: str) -> list[str]:
    """Return the two texts that the source text of a pair task was made of."""
    before, between, _ = re.split(r"{\w+}", task.prefix + task.template)
    return source.removeprefix(before).split(between, maxsplit=1)


def _row_sums(matrix: csr_matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


class Clipped(LinearRegression):
    """Least squares whose answers stay between the least and the greatest label fitted."""

    def fit(self, X: np.ndarray, y: Sequence[float]) -> Clipped:
        """Learn the weights and the range."""
        self.range_ = min(y), max(y)
        return super().fit(X, y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row."""
        return np.clip(super().predict(X), *self.range_)


class NbSvm(ClassifierMixin, BaseEstimator):
    """A linear SVM on counts of zero and one, each weighed by naive Bayes' log-count ratio.

    For two classes, 0 and 1, and a sparse matrix [texts, features]. The weights learnt are drawn
    towards their mean size: `share` of each is its own. Wang & Manning (2012), sections 2.1 to 2.3,
    with their smoothing of 1, share of 0.25 and C of 1.
    """

    def __init__(self, smoothing: float = 1.0, share: float = 0.25, C: float = 1.0) -> None:
        self.smoothing = smoothing
        self.share = share
        self.C = C

    def fit(self, X: csr_matrix, y: np.ndarray) -> NbSvm:
        """Learn ratios and weights."""
        y = np.asarray(y)
        self.classes_ = np.unique(y)
        counts = [self.smoothing + np.asarray(X[y == c].sum(axis=0)).ravel() for c in (0, 1)]
        without, with_it = (count / count.sum() for count in counts)
        ratio = np.log(with_it / without)
        machine = LinearSVC(C=self.C, random_state=0).fit(X.multiply(ratio).tocsr(), y)
        own = machine.coef_.ravel()
        mean = np.abs(own).mean()
        self.weights_ = ratio * ((1 - self.share) * mean + self.share * own)
        self.intercept_ = float(machine.intercept_[0])
        return self

    def decision_function(self, X: csr_matrix) -> np.ndarray:
        """Return one number a text: above zero for class 1."""
        return X @ self.weights_ + self.intercept_

    def predict(self, X: csr_matrix) -> np.ndarray:
        """Return the class of each text."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]
