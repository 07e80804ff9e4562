"""Fine-tuning: a task, a checkpoint and a recipe give a run record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from transformers import PreTrainedModel

from t5study.base.memory import halving
from t5study.base.precision import resolve_precision
from t5study.data.batches import Collator, Encoded, UpdatePlan, encode, in_length_order
from t5study.data.casts import cast, label_ids
from t5study.data.hub import Hub
from t5study.data.pins import POCKET
from t5study.data.rows import split_rows
from t5study.data.tasks import Task
from t5study.experiments.identity import SPLITS, Experiment
from t5study.judging import predictions, scores
from t5study.judging.faithfulness import faithful
from t5study.models import architectures
from t5study.models.architectures import ARCHITECTURES
from t5study.models.loading import load_tokenizer, parameter_count, save_model
from t5study.runs.provenance import device_name, peak_memory_bytes, recorded, usual_device
from t5study.runs.store import Workspace
from t5study.training.acceleration import speed_up, what_compiled
from t5study.training.loop import (
    EngineSettings,
    StudyTrainer,
    SumLoss,
    classification_loss,
    mixed,
    seq2seq_loss,
)

LONGEST_TARGET = 160
SCORED_BY_ROW = {"chrf", "rougeL"}
"""Scores that mean something for a single text; BLEU is for a whole test set."""
Validation = Callable[[torch.nn.Module], dict[str, float]]
"""Gives a model's validation loss under the name `loss`."""


def finetune(experiment: Experiment, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Fine-tune, choose the checkpoint by validation loss, read the test set once, keep it all.

    Fills `work.record` with metrics.json, history.csv, predictions.parquet and model/, and
    returns the provenance. Interrupted, it continues from its last checkpoint in `work.scratch`.
    """
    with recorded() as provenance:
        tokenizer = load_tokenizer(experiment.checkpoint)
        data = TaskData.load(experiment, hub, tokenizer)
        provenance |= train_and_judge(
            experiment,
            tokenizer,
            new_plan(experiment, data),
            mean_loss(experiment, data),
            lambda model: evaluate(experiment, data, model, tokenizer, "test"),
            work,
        )
        provenance["data"] = {experiment.task.repo: hub.revision(experiment.task.repo)}
    return provenance


def train_and_judge(
    experiment: Experiment,
    tokenizer: Any,
    plan: UpdatePlan,
    validation: Validation,
    judge: Callable[[torch.nn.Module], tuple[dict[str, Any], pd.DataFrame]],
    work: Workspace,
) -> dict[str, Any]:
    """Train the experiment's model on a plan, judge it and keep the record.

    `validation` chooses the checkpoint; `judge` gives its metrics and its predictions by test row.
    Returns what the provenance says of the training.
    """
    model = new_model(experiment, tokenizer)
    compilation = speed_up(model, experiment.recipe.compile, plan.packing)
    trainer = build_trainer(experiment, plan, model, validation, work)
    outcome = trainer.train_to_best()
    metrics, table = judge(model)
    work.save_metrics(
        {
            **metrics,
            **speed(trainer, outcome["resumed_from"]),
            "model": experiment.checkpoint.name,
            "init": experiment.init,
            "seed": experiment.seed,
            "best_step": outcome["best_step"],
            "validation_loss": outcome["best_loss"],
            "padding_share": trainer.plan.padding_share,
            "parameters": parameter_count(model),
        }
    )
    work.save_history(history(trainer))
    work.save_predictions(table)
    if work.leader:
        save_model(model, tokenizer, work.record / "model")
    return {
        "model": {experiment.checkpoint.name: experiment.checkpoint.fingerprint},
        "resumed_from": outcome["resumed_from"],
        "compilation": what_compiled(compilation),
        "micro_batches_cut_into": trainer.parts,
        **experiment.checkpoint.origins,
    }


def speed(trainer: StudyTrainer, resumed_from: int) -> dict[str, Any]:
    """Seconds of training in this process's life, and how many examples a second they gave."""
    seconds = trainer.stopwatch.seconds
    plan, steps = trainer.plan, range(resumed_from, trainer.state.global_step)
    seen = sum(len(plan.rows(step)) for step in steps)
    return {
        "seconds": seconds,
        "examples_per_second": seen / seconds if seconds else 0.0,
        "peak_memory_bytes": peak_memory_bytes(),
        "device": device_name(),
    }


@dataclass(frozen=True)
class TaskData:
    """The encoded splits of an experiment and the collator that its architecture needs."""

    encoded: dict[str, Encoded]
    texts: dict[str, Any]
    collator: Collator

    @classmethod
    def load(
        cls, experiment: Experiment, hub: Hub, tokenizer: Any, splits: tuple[str, ...] = SPLITS
    ) -> TaskData:
        recipe, settings = experiment.recipe, experiment.settings
        texts = {
            split: cast(
                experiment.task,
                split_rows(experiment.task, hub, split, getattr(settings, split)),
                recipe.cleaning,
            )
            for split in splits
        }
        width = LONGEST_TARGET if _writes(experiment) else 0
        encoded = {
            split: encode(table, tokenizer, recipe.max_source_length, width)
            for split, table in texts.items()
        }
        return cls(encoded, texts, _collator(experiment, tokenizer))


def _collator(experiment: Experiment, tokenizer: Any) -> Collator:
    regression = experiment.task.kind == "regression"
    return architectures.collator(experiment.architecture, tokenizer, regression)


def _writes(experiment: Experiment) -> bool:
    """Whether the model answers in text."""
    return ARCHITECTURES[experiment.architecture].text_to_text


def new_model(experiment: Experiment, tokenizer: Any) -> PreTrainedModel:
    """The model to train; what the checkpoint lacks (a head) is drawn from the seed."""
    recipe, task = experiment.recipe, experiment.task
    model = architectures.new_model(
        experiment.architecture,
        experiment.checkpoint,
        experiment.init,
        experiment.seed,
        tokenizer,
        dropout=recipe.dropout,
        outputs=len(task.label_words) if task.kind == "classification" else 1,
        longest=recipe.max_source_length,
    )
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def new_plan(experiment: Experiment, data: TaskData) -> UpdatePlan:
    """Return the updates of one task."""
    train = data.encoded["train"]
    return UpdatePlan(train, data.collator, **plan_settings(experiment, len(train)))


def plan_settings(experiment: Experiment, examples: int) -> dict[str, Any]:
    """Return how updates are cut and for how many epochs, for `examples` training rows an epoch.

    With few rows the recipe's epochs may be too few updates to learn anything: epochs are added
    until there are at least `min_updates`.
    """
    recipe = experiment.recipe
    per_epoch = -(-examples // recipe.batch_size)
    return {
        "batch_size": recipe.batch_size,
        "epochs": max(recipe.epochs, -(-recipe.min_updates // per_epoch)),
        "seed": experiment.seed,
        "tokens_per_micro_batch": recipe.tokens_per_micro_batch,
        "packing": recipe.packing and experiment.architecture == "t5" and usual_device() == "cpu",
        "rank": int(os.environ.get("RANK", "0")),
        "world_size": int(os.environ.get("WORLD_SIZE", "1")),
    }


def build_trainer(
    experiment: Experiment,
    plan: UpdatePlan,
    model: torch.nn.Module,
    validation: Validation,
    work: Workspace,
) -> StudyTrainer:
    """Return the trainer of a plan. Added epochs bring no more evaluations than the recipe's."""
    recipe = experiment.recipe
    every = max(1, len(plan) // (recipe.epochs * recipe.evaluations_per_epoch))
    settings = EngineSettings(
        seed=experiment.seed,
        learning_rate=recipe.learning_rate,
        precision=resolve_precision(recipe.precision),
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        adam_epsilon=recipe.adam_epsilon,
        max_grad_norm=recipe.max_grad_norm,
        evaluate_every=every,
        save_every=every,
        log_every=max(1, every // 10),
        keep_checkpoints=recipe.keep_checkpoints,
        patience=recipe.early_stopping,
    )
    return StudyTrainer(model, plan, _sum_loss(experiment), validation, settings, work.scratch)


def _sum_loss(experiment: Experiment) -> SumLoss:
    return seq2seq_loss if _writes(experiment) else classification_loss


def mean_loss(experiment: Experiment, data: TaskData) -> Validation:
    """Return a function that gives the mean validation loss per item."""
    encoded, collator = data.encoded["validation"], data.collator
    sum_loss, tokens = _sum_loss(experiment), experiment.recipe.tokens_per_micro_batch
    items = collator.items(encoded, np.arange(len(encoded)))
    precision = resolve_precision(experiment.recipe.precision)

    def loss(model: torch.nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device

        def total(tokens: int) -> float:
            return sum(
                float(sum_loss(model, {name: value.to(device) for name, value in batch.items()}))
                for _, batch in in_length_order(encoded, collator, tokens)
            )

        with torch.inference_mode(), mixed(precision):
            return {"loss": halving(total, tokens) / items}

    return loss


def evaluate(
    experiment: Experiment, data: TaskData, model: torch.nn.Module, tokenizer: Any, split: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Answer one split with a trained model; return the metrics and the predictions by row.

    Generated text is kept with the predictions only for the bundled corpus: what a model writes
    about other data sets may copy their text. Each answer's own score is always kept.
    """
    started = time.perf_counter()
    task, texts = experiment.task, data.texts[split]
    if task.kind == "generation":
        metrics, table = _generate(experiment, texts, model, tokenizer)
    else:
        scored = _scores(experiment, data.encoded[split], data.collator, model, tokenizer)
        metrics, table = _judge(task, scored, texts)
    table.insert(1, "tokens", data.encoded[split].source_lengths)
    seconds = time.perf_counter() - started
    return metrics | {"task": task.name, "split": split, "test_seconds": seconds}, table


def evaluate_again(experiment: Experiment, hub: Hub, split: str) -> dict[str, Any]:
    """Return the metrics of a saved checkpoint on a split of its task."""
    tokenizer = load_tokenizer(experiment.checkpoint)
    data = TaskData.load(experiment, hub, tokenizer, (split,))
    return evaluate(experiment, data, saved_model(experiment), tokenizer, split)[0]


def saved_model(experiment: Experiment) -> PreTrainedModel:
    """Return the checkpoint's model to be asked, on the GPU where there is one."""
    model = architectures.saved_model(experiment.architecture, experiment.checkpoint)
    return model.to("cuda") if torch.cuda.is_available() else model


def answer_texts(
    experiment: Experiment, model: torch.nn.Module, tokenizer: Any, sources: list[str]
) -> np.ndarray:
    """Return label probabilities [texts, labels] for source texts that are not in the data."""
    rows = predictions.text_table(sources)
    encoded = encode(rows, tokenizer, experiment.recipe.max_source_length)
    scored = _scores(experiment, encoded, _collator(experiment, tokenizer), model, tokenizer)
    return softmax(scored, axis=1)


def write_texts(
    experiment: Experiment, model: torch.nn.Module, tokenizer: Any, sources: list[str]
) -> list[str]:
    """Return what the model writes for source texts, in the run's precision."""
    recipe = experiment.recipe
    with mixed(resolve_precision(recipe.precision)):
        return predictions.generate(
            model,
            tokenizer,
            sources,
            recipe.max_source_length,
            recipe.tokens_per_micro_batch,
            max_new_tokens=LONGEST_TARGET,
        )


def _generate(
    experiment: Experiment, texts: Any, model: torch.nn.Module, tokenizer: Any
) -> tuple[dict[str, Any], pd.DataFrame]:
    task = experiment.task
    outputs = write_texts(experiment, model, tokenizer, texts["source"])
    names = [name for name in task.metrics if name != "faithful"]
    metrics = predictions.named_metrics(names, texts["target"], outputs)
    if "faithful" in task.metrics:
        plain = [text.removeprefix(task.prefix) for text in texts["source"]]
        metrics["faithful"] = faithful(plain, outputs)
        metrics["intervals"]["faithful"] = list(
            scores.bootstrap(faithful, plain, outputs, predictions.BOOTSTRAP_SEED)
        )
    matches = [int(a == b) for a, b in zip(outputs, texts["target"], strict=True)]
    table = pd.DataFrame({"row": texts["row"], "exact_match": matches})
    table["target_words"] = [len(text.split()) for text in texts["target"]]
    table["output_words"] = [len(text.split()) for text in outputs]
    for name in SCORED_BY_ROW & set(task.metrics):
        table[name] = scores.row_scores(name, texts["target"], outputs)
    return metrics, table.assign(output=outputs) if task.repo == POCKET else table


def _scores(
    experiment: Experiment,
    encoded: Encoded,
    collator: Collator,
    model: torch.nn.Module,
    tokenizer: Any,
) -> np.ndarray:
    labels = None
    if _writes(experiment):
        labels = predictions.LabelSet(label_ids(experiment.task, tokenizer))
    with mixed(resolve_precision(experiment.recipe.precision)):
        return predictions.score_split(
            model,
            encoded,
            collator,
            labels,
            experiment.recipe.tokens_per_micro_batch,
            start_id=architectures.start_id(experiment.architecture, tokenizer),
        )


def _judge(task: Task, scored: np.ndarray, texts: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    gold = np.asarray(texts["label"])
    if task.kind == "regression":
        values = (
            scored[:, 0]
            if scored.shape[1] == 1
            else np.array([float(word) for word in task.label_words])[scored.argmax(axis=1)]
        ).astype(float)
        table = pd.DataFrame({"row": texts["row"], "label": gold, "prediction": values})
        return predictions.named_metrics(task.metrics, gold, values), table
    table = predictions.prediction_table(texts["row"], gold, scored, task.label_words)
    metrics = predictions.classification_metrics(
        gold, table["prediction"].to_numpy(), task.label_words, also=task.metrics
    )
    return metrics, table


def history(trainer: StudyTrainer) -> pd.DataFrame:
    """Return one row a logged step: step, epoch, loss, learning_rate, validation_loss."""
    per_epoch = trainer.plan.updates_per_epoch
    rows: dict[int, dict[str, float]] = {}
    for entry in trainer.state.log_history:
        row = rows.setdefault(entry["step"], {"step": entry["step"]})
        row["epoch"] = entry["step"] / per_epoch
        for name, column in (
            ("loss", "loss"),
            ("grad_norm", "grad_norm"),
            ("learning_rate", "learning_rate"),
            ("eval_loss", "validation_loss"),
        ):
            if name in entry:
                row[column] = entry[name]
    return pd.DataFrame([rows[step] for step in sorted(rows)])
