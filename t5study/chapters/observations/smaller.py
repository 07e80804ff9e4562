"""What a fine-tuned encoder loses and saves when it is made smaller: measured, kept as a record."""

from __future__ import annotations

import copy
import io
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from t5study.base.device import device_name
from t5study.chapters.distilling import distil
from t5study.data.casts import cast
from t5study.data.rows import split_rows
from t5study.experiments.questions import Baseline, Shrinking
from t5study.experiments.reopening import experiment_of
from t5study.judging.answers import saved_model
from t5study.judging.baselines import pipeline
from t5study.judging.metrics import classification_metrics
from t5study.models.loading import load_tokenizer
from t5study.models.opening import checkpoint_in
from t5study.runs.provenance import recorded

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace

Answer = Callable[[Sequence[str]], np.ndarray]
"""From texts to the numbers of their labels."""

ROUNDS, TIMED, BATCH = 7, 64, 32
"""Each of so many texts is timed so often, alone; and texts in batches of that size."""


def shrink(asked: Shrinking, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Make the smaller models of a run, judge them on its test rows, time them on one core."""
    threads = torch.get_num_threads()
    with recorded("cpu") as provenance:
        experiment = experiment_of(asked.run.config, checkpoint_in(asked.run.model, weights=True))
        task, settings = experiment.task, experiment.settings
        tokenizer = load_tokenizer(experiment.checkpoint)
        teacher = saved_model(experiment).to("cpu").eval()
        train, test = (
            cast(task, split_rows(task, hub, split, getattr(settings, split)))
            for split in ("train", "test")
        )
        longest = experiment.recipe.max_source_length
        models = smaller(asked, teacher, tokenizer, train, longest)
        counted = pipeline(Baseline(task, settings)).fit(train["source"], train["label"])
        torch.set_num_threads(1)
        try:
            answers: dict[str, Answer] = {"TF-IDF + linear SVM": counted.predict} | {
                name: answering(model, tokenizer, longest) for name, model in models.items()
            }
            table, figures = judge(answers, test["source"], test["label"], task.label_words)
        finally:
            torch.set_num_threads(threads)
        for name, model in models.items():
            figures[name] |= {"bytes": stored_bytes(model), "weights": weight_count(model)}
        work.save_values({"models": [{"model": name, **row} for name, row in figures.items()]})
        work.save_predictions(table.assign(row=test["row"]))
        work.save_metrics({"device": device_name("cpu"), "texts": len(test)})
        provenance["data"] = {task.repo: hub.revision(task.repo)}
    return provenance


def smaller(
    asked: Shrinking,
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Any,
    longest: int,
) -> dict[str, PreTrainedModel]:
    """Return the model itself, rounded to bf16 and to int8, and half of it taught in two ways.

    Both halves begin as every other layer of the fine-tuned model (Sanh et al. 2019, section 3);
    one is taught the labels, the other the shares that the whole model gives them.
    """
    texts, labels = list(train["source"]), torch.tensor(train["label"])
    hard = torch.nn.functional.one_hot(labels, teacher.config.num_labels).float()
    soft = (logits(teacher, tokenizer, texts, longest) / asked.temperature).softmax(-1)
    halves = {}
    for name, targets, temperature in (
        ("half, taught by labels", hard, 1.0),
        ("half, distilled", soft, asked.temperature),
    ):
        torch.manual_seed(asked.seed)
        halves[name] = every_other_layer(teacher)
        distil(halves[name], tokenizer, texts, targets, temperature, asked.epochs, longest=longest)
    return {
        "MiniLM, fp32": teacher,
        "MiniLM, bf16": copy.deepcopy(teacher).to(torch.bfloat16),
        "MiniLM, int8": in_int8(teacher),
        **halves,
        "half, distilled, int8": in_int8(halves["half, distilled"]),
    }


def every_other_layer(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of an encoder that keeps layers 0, 2, 4 and so on."""
    half = copy.deepcopy(model)
    half.base_model.encoder.layer = half.base_model.encoder.layer[::2]
    half.config.num_hidden_layers = len(half.base_model.encoder.layer)
    return half


def in_int8(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy whose matrices are bytes, with one scale each; activations are rounded, too.

    Word vectors stay as they are: they are looked up and not multiplied.
    """
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():
        # Its successor is another library, of which this one function would be used.
        warnings.simplefilter("ignore")
        return quantize_dynamic(copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8)


def logits(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    longest: int = 128,
) -> torch.Tensor:
    """Return a classifier's logits [texts, labels] in float32, in batches of like length."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    parts = []
    with torch.inference_mode():
        for cut in range(0, len(texts), BATCH):
            chosen = [texts[place] for place in order[cut : cut + BATCH]]
            ids = tokenizer(
                chosen, padding=True, truncation=True, max_length=longest, return_tensors="pt"
            )
            parts.append(model(**ids).logits.float())
    found = torch.empty(len(texts), parts[0].shape[1])
    found[torch.from_numpy(order)] = torch.cat(parts)
    return found


def answering(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, longest: int) -> Answer:
    """Return what answers texts with a classifier's likeliest labels."""
    return lambda texts: logits(model, tokenizer, texts, longest).argmax(-1).numpy()


def judge(
    answers: dict[str, Answer], texts: Sequence[str], labels: Sequence[int], words: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Return all answers by row, and of each model its scores and its milliseconds a text.

    `alone` is the median over texts of the least of several times, `together` the least time of
    all timed texts in batches, by text. Every round visits all models, so that no other work on
    the machine falls on all times of one of them.
    """
    given = {name: answer(texts) for name, answer in answers.items()}
    timed = list(texts[:: max(1, len(texts) // TIMED)][:TIMED])
    alone = {name: np.full(len(timed), np.inf) for name in answers}
    together = dict.fromkeys(answers, np.inf)
    for _ in range(ROUNDS):
        for name, answer in answers.items():
            seconds = np.array([_seconds(answer, [text]) for text in timed])
            alone[name] = np.minimum(alone[name], seconds)
            together[name] = min(together[name], _seconds(answer, timed) / len(timed))
    figures = {}
    for name, answer in given.items():
        scores = classification_metrics(labels, answer, words)
        figures[name] = {
            **{metric: scores[metric] for metric in ("accuracy", "macro_f1")},
            "alone": 1000 * float(np.median(alone[name])),
            "together": 1000 * float(together[name]),
        }
    return pd.DataFrame({"label": list(labels), **given}), figures


def _seconds(answer: Answer, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    answer(texts)
    return time.perf_counter() - began


def stored_bytes(model: PreTrainedModel) -> int:
    """Return how large the weights are when they are written."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.tell()


def weight_count(model: PreTrainedModel) -> int:
    """Return how many numbers a model's weights are, in whatever form."""
    whole = sum(weight.numel() for weight in model.parameters())
    linear = torch.ao.nn.quantized.dynamic.Linear
    bytewise = (layer for layer in model.modules() if isinstance(layer, linear))
    return whole + sum(layer.weight().numel() + layer.bias().numel() for layer in bytewise)
