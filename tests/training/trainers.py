"""Trainers of a second or two, for the tests of the loop and the scripts that they start."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny import no_hub, tiny_experiment

from t5study.experiments.data import TaskData
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_tokenizer
from t5study.runs.store import Workspace
from t5study.training.finetune import build_trainer, mean_loss, new_model, new_plan
from t5study.training.loop import StudyTrainer


def trainer_for(checkpoint: Checkpoint, folder: Path, tokens: int = 512, **recipe) -> StudyTrainer:
    """The trainer of 12 updates on 96 texts, evaluated and saved after every third."""
    experiment = tiny_experiment(checkpoint, tokens_per_micro_batch=tokens, **recipe)
    tokenizer = load_tokenizer(checkpoint)
    data = TaskData.load(experiment, no_hub(), tokenizer)
    work = Workspace(folder)
    work.scratch.mkdir(parents=True, exist_ok=True)
    plan, loss = new_plan(experiment, data), mean_loss(experiment, data)
    return build_trainer(experiment, plan, new_model(experiment, tokenizer), loss, work)


def gradient(trainer: StudyTrainer) -> torch.Tensor:
    """The loss and the gradient of the first update, end to end."""
    trainer.model.zero_grad()
    loss = trainer.training_step(trainer.model, trainer.plan[0])
    parts = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return torch.cat([loss.reshape(1), *parts])
