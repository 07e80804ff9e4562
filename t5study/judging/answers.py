"""What a trained model answers to the rows of an experiment, and how good that is.

Everything computes in the precision of the experiment's recipe, which must be known (`resolved`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from scipy.special import softmax
from transformers import PreTrainedModel

from t5study.base.device import mixed, usual_device
from t5study.base.errors import StudyError
from t5study.data.casts import clean_like_report, label_ids
from t5study.data.encoding import Collator, Encoded, encode
from t5study.data.tasks import OWN_DATA, POCKET, Task
from t5study.experiments.data import LONGEST_TARGET, TaskData
from t5study.experiments.identity import Experiment
from t5study.judging import scores
from t5study.judging.generation import generate, text_table
from t5study.judging.label_scoring import LabelSet, score_split
from t5study.judging.metrics import (
    BOOTSTRAP_SEED,
    classification_metrics,
    named_metrics,
    prediction_table,
)
from t5study.models import architectures
from t5study.models.architectures import ARCHITECTURES
from t5study.models.loading import load_tokenizer

if TYPE_CHECKING:
    from t5study.data.hub import Hub

SCORED_BY_ROW = {"chrf", "rougeL"}
"""Scores that mean something for a single text; BLEU is for a whole test set."""


def evaluate(
    experiment: Experiment, data: TaskData, model: torch.nn.Module, tokenizer: Any, split: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Answer one split with a trained model; return the metrics and the predictions by row.

    Generated text is kept with the predictions only for the bundled corpus and for data of the
    user's own, of which the texts are kept too: what a model writes about other data sets may copy
    their text. Each answer's own score is always kept.
    """
    started = time.perf_counter()
    task, texts = experiment.task, data.texts[split]
    if task.kind == "generation":
        outputs = write_texts(experiment, model, tokenizer, texts["source"])
        metrics, table = _judge_texts(task, texts, outputs)
    else:
        scored = _scores(experiment, data.encoded[split], data.collator, model, tokenizer)
        metrics, table = _judge_labels(task, texts, scored)
    table.insert(1, "tokens", data.encoded[split].source_lengths)
    if task.repo == OWN_DATA:
        table["text"] = [text.removeprefix(task.prefix) for text in texts["source"]]
    seconds = time.perf_counter() - started
    return metrics | {"task": task.name, "split": split, "test_seconds": seconds}, table


def evaluate_again(
    experiment: Experiment, hub: Hub, split: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the metrics of a saved checkpoint on a split of its task, and its predictions."""
    tokenizer = load_tokenizer(experiment.checkpoint)
    data = TaskData.load(experiment, hub, tokenizer, (split,))
    return evaluate(experiment, data, saved_model(experiment), tokenizer, split)


def saved_model(experiment: Experiment) -> PreTrainedModel:
    """Return the model of the experiment's checkpoint, on the GPU where there is one."""
    return architectures.saved_model(experiment.architecture, experiment.checkpoint).to(
        usual_device()
    )


def only_field(task: Task) -> str:
    """Return the one column of a task's texts; StudyError where it answers pairs."""
    if len(task.fields) > 1:
        raise StudyError(
            f"{task.name} answers pairs of sentences, and a text is one: ask a run of a task that "
            "takes a single text."
        )
    return task.fields[0]


def sources_of(experiment: Experiment, texts: Sequence[str]) -> list[str]:
    """Return texts that are in no data as the experiment puts them to its model.

    Raises StudyError as `only_field` does.
    """
    task, clean = experiment.task, str
    field = only_field(task)
    if experiment.recipe.cleaning == "report":
        clean = clean_like_report
    return [task.source({field: clean(text)}) for text in texts]


def answer_texts(
    experiment: Experiment, model: torch.nn.Module, tokenizer: Any, sources: list[str]
) -> np.ndarray:
    """Return label probabilities [texts, labels] for source texts that are not in the data."""
    rows = text_table(sources)
    encoded = encode(rows, tokenizer, experiment.recipe.max_source_length)
    collator = architectures.collator(experiment.architecture, tokenizer)
    return softmax(_scores(experiment, encoded, collator, model, tokenizer), axis=1)


def write_texts(
    experiment: Experiment, model: torch.nn.Module, tokenizer: Any, sources: list[str]
) -> list[str]:
    """Return what the model writes for source texts."""
    recipe = experiment.recipe
    with mixed(recipe.precision):
        return generate(
            model,
            tokenizer,
            sources,
            recipe.max_source_length,
            recipe.tokens_per_micro_batch,
            max_new_tokens=LONGEST_TARGET,
        )


def _scores(
    experiment: Experiment,
    encoded: Encoded,
    collator: Collator,
    model: torch.nn.Module,
    tokenizer: Any,
) -> np.ndarray:
    labels = None
    if ARCHITECTURES[experiment.architecture].text_to_text:
        labels = LabelSet(label_ids(experiment.task, tokenizer))
    with mixed(experiment.recipe.precision):
        return score_split(
            model,
            encoded,
            collator,
            labels,
            experiment.recipe.tokens_per_micro_batch,
            start_id=architectures.start_id(experiment.architecture, tokenizer),
        )


def _judge_texts(
    task: Task, texts: Dataset, outputs: list[str]
) -> tuple[dict[str, Any], pd.DataFrame]:
    names = [name for name in task.metrics if name != "faithful"]
    metrics = named_metrics(names, texts["target"], outputs)
    if "faithful" in task.metrics:
        # Late: it loads a stemmer and a list of words, which summaries alone need.
        from t5study.judging.faithfulness import faithful

        plain = [text.removeprefix(task.prefix) for text in texts["source"]]
        metrics["faithful"] = faithful(plain, outputs)
        metrics["intervals"]["faithful"] = list(
            scores.bootstrap(faithful, plain, outputs, BOOTSTRAP_SEED)
        )
    matches = [int(a == b) for a, b in zip(outputs, texts["target"], strict=True)]
    table = pd.DataFrame({"row": texts["row"], "exact_match": matches})
    table["target_words"] = [len(text.split()) for text in texts["target"]]
    table["output_words"] = [len(text.split()) for text in outputs]
    for name in SCORED_BY_ROW & set(task.metrics):
        table[name] = scores.row_scores(name, texts["target"], outputs)
    if task.repo in (POCKET, OWN_DATA):
        table["output"] = outputs
    if task.repo == OWN_DATA:
        table["target"] = texts["target"]
    return metrics, table


def _judge_labels(
    task: Task, texts: Dataset, scored: np.ndarray
) -> tuple[dict[str, Any], pd.DataFrame]:
    gold = np.asarray(texts["label"])
    if task.kind == "regression":
        values = (
            scored[:, 0]
            if scored.shape[1] == 1
            else np.array([float(word) for word in task.label_words])[scored.argmax(axis=1)]
        ).astype(float)
        table = pd.DataFrame({"row": texts["row"], "label": gold, "prediction": values})
        return named_metrics(task.metrics, gold, values), table
    table = prediction_table(texts["row"], gold, scored, task.label_words)
    metrics = classification_metrics(
        gold, table["prediction"].to_numpy(), task.label_words, also=task.metrics
    )
    return metrics, table
