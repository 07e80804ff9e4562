"""Fine-tuning: a task, a checkpoint and a recipe give a run record.

The way of an update: `rows` are read and encoded (experiments/data.py), a plan says which of them
make an update and cuts it into micro-batches (plan.py), the loop sums their losses (losses.py) and
takes a step (optimisers.py), and the checkpoint of the least validation loss answers the test rows
(judging/answers.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel

from t5study.base.device import device_name, mixed, usual_device
from t5study.base.out_of_memory import halving
from t5study.data.batches import in_length_order
from t5study.data.casts import label_ids
from t5study.data.encoding import Encoded
from t5study.experiments.data import TaskData
from t5study.experiments.identity import Experiment
from t5study.experiments.recipes import Recipe
from t5study.judging.answers import evaluate
from t5study.models import architectures
from t5study.models.architectures import ARCHITECTURES
from t5study.models.loading import load_tokenizer, save_model
from t5study.models.modules import parameter_count
from t5study.runs.provenance import peak_memory_bytes, recorded
from t5study.training.acceleration import speed_up
from t5study.training.callbacks import Pace, history
from t5study.training.loop import StudyTrainer, Validation
from t5study.training.losses import SumLoss, classification_loss, seq2seq_loss
from t5study.training.plan import UpdatePlan, share_of_this_process

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace

MANY_UNKNOWN = 0.1
"""The share of unknown pieces from which on a user is told of them."""
log = logging.getLogger(__name__)

Judge = Callable[[torch.nn.Module], tuple[dict[str, Any], pd.DataFrame]]
"""Gives a trained model's metrics and its predictions by test row."""


def finetune(experiment: Experiment, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Fine-tune, choose the checkpoint by validation loss, read the test set once, keep it all.

    Fills `work.record` with metrics.json, history.csv, predictions.parquet and model/, and
    returns the provenance. Interrupted, it continues from its last checkpoint in `work.scratch`.
    """
    with recorded() as provenance:
        experiment = experiment.resolved()
        tokenizer, data = _loaded(experiment, hub)
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


def _loaded(experiment: Experiment, hub: Hub) -> tuple[Any, TaskData]:
    """The tokenizer and the encoded rows: those of the run before, where they are the same."""
    recipe = experiment.recipe
    alone = Recipe(max_source_length=recipe.max_source_length, cleaning=recipe.cleaning)
    settings = experiment.settings.model_copy(update={"recipe": alone})
    return _load(replace(experiment, settings=settings, init="pretrained", seed=0), hub)


@lru_cache(maxsize=1)
def _load(what_decides: Experiment, hub: Hub) -> tuple[Any, TaskData]:
    tokenizer, task = load_tokenizer(what_decides.checkpoint), what_decides.task
    if task.label_words and ARCHITECTURES[what_decides.architecture].text_to_text:
        label_ids(task, tokenizer)  # refuses, before training, labels that read the same
    data = TaskData.load(what_decides, hub, tokenizer)
    _tell_of_unknown_pieces(data.encoded["train"], tokenizer)
    return tokenizer, data


def _tell_of_unknown_pieces(train: Encoded, tokenizer: Any) -> None:
    """Say so where a good part of the texts is in letters that the vocabulary lacks."""
    ids = train.data.data.column("source").combine_chunks().flatten().to_numpy()
    unknown = float(np.mean(ids == tokenizer.unk_token_id)) if tokenizer.unk_token else 0.0
    if unknown > MANY_UNKNOWN:
        log.info(
            "The model's vocabulary lacks %.0f %% of the pieces of the training texts: a model "
            "that knows their letters would do better.",
            100 * unknown,
        )


def train_and_judge(
    experiment: Experiment,
    tokenizer: Any,
    plan: UpdatePlan,
    validation: Validation,
    judge: Judge,
    work: Workspace,
) -> dict[str, Any]:
    """Train the experiment's model on a plan, judge it and keep the record.

    Returns what the provenance says of the training.
    """
    model = new_model(experiment, tokenizer)
    compilation = speed_up(model, experiment.recipe.compile, plan.cutting == "shared rows")
    trainer = build_trainer(experiment, plan, model, validation, work)
    best_step, best_loss = trainer.train_to_best()
    metrics, table = judge(model)
    work.save_metrics(
        {
            **metrics,
            **speed(trainer),
            "model": experiment.checkpoint.name,
            "init": experiment.init,
            "seed": experiment.seed,
            "best_step": best_step,
            "validation_loss": best_loss,
            "padding_share": plan.padding_share,
            "parameters": parameter_count(model),
            "trained_parameters": parameter_count(model, trained_only=True),
        }
    )
    epoch = plan.updates_per_epoch
    work.save_history(
        history(trainer.state.log_history, lambda step: {"epoch": step / epoch}, "validation")
    )
    work.save_predictions(table)
    if work.leader:
        _save(experiment, model, tokenizer, work.record / "model")
    return {
        "model": {experiment.checkpoint.name: experiment.checkpoint.fingerprint},
        "resumed_from": trainer.resumed_from,
        "compilation": compilation(),
        "micro_batches_cut_into": trainer.parts,
        **experiment.checkpoint.origins,
    }


def _save(experiment: Experiment, model: torch.nn.Module, tokenizer: Any, folder: Path) -> None:
    if experiment.recipe.lora_rank is None:
        save_model(model, tokenizer, folder)
    else:
        from t5study.models.adapters import save_adapters

        save_adapters(model, tokenizer, experiment.checkpoint.name, folder)


def new_model(experiment: Experiment, tokenizer: Any) -> PreTrainedModel:
    """Return the model to train, as `architectures.new_model` makes it."""
    task, recipe = experiment.task, experiment.recipe
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
    if recipe.lora_rank is not None:
        # Late: peft serves adapters alone.
        from t5study.models.adapters import with_adapters

        head = ARCHITECTURES[experiment.architecture].head
        model = with_adapters(model, recipe.lora_rank, head)
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
        "cutting": _cutting(experiment),
        **share_of_this_process(),
    }


def _cutting(experiment: Experiment) -> str:
    """A GPU takes few shapes; a processor spares the padding, in the way that the model allows."""
    if not experiment.recipe.packing or usual_device() != "cpu":
        return "buckets"
    # Others know positions by number, or read the first or the last of a row for all of it.
    return "shared rows" if experiment.architecture == "t5" else "lengths"


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
    pace = Pace(
        evaluate_every=every,
        save_every=every,
        log_every=max(1, every // 10),
        keep_checkpoints=recipe.keep_checkpoints,
        patience=recipe.early_stopping,
    )
    return StudyTrainer(model, plan, _sum_loss(experiment), validation, recipe, pace, work.scratch)


def _sum_loss(experiment: Experiment) -> SumLoss:
    text_to_text = ARCHITECTURES[experiment.architecture].text_to_text
    return seq2seq_loss if text_to_text else classification_loss


def mean_loss(experiment: Experiment, data: TaskData) -> Validation:
    """Return a function that gives the mean validation loss per item."""
    encoded, collator = data.encoded["validation"], data.collator
    sum_loss, recipe = _sum_loss(experiment), experiment.recipe
    items = collator.items(encoded, np.arange(len(encoded)))

    def loss(model: torch.nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device

        def total(tokens: int) -> float:
            return sum(
                float(sum_loss(model, {name: value.to(device) for name, value in batch.items()}))
                for _, batch in in_length_order(encoded, collator, tokens)
            )

        with torch.inference_mode(), mixed(recipe.precision):
            return {"loss": halving(total, recipe.tokens_per_micro_batch) / items}

    return loss


def speed(trainer: StudyTrainer) -> dict[str, Any]:
    """Seconds of training in this process's life, and how many examples a second they gave."""
    seconds, steps = (
        trainer.stopwatch.seconds,
        range(trainer.resumed_from, trainer.state.global_step),
    )
    seen = sum(len(trainer.plan.rows(step)) for step in steps)
    return {
        "seconds": seconds,
        "examples_per_second": seen / seconds if seconds else 0.0,
        "peak_memory_bytes": peak_memory_bytes(),
        "device": device_name(),
    }
