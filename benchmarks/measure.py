"""Measure one method on one task, a repeat at a time: `python -m benchmarks.measure JOB`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainerCallback

from benchmarks import methods, scoring
from benchmarks.turns import Job, Turn
from benchmarks.work import Work, matmul_peak, training_flops
from t5study.data.batches import encoder_positions
from t5study.models.loading import quiet
from t5study.runs.provenance import peak_memory_bytes
from t5study.training.loop import StudyTrainer


@dataclass
class Ledger:
    """What each update was made of: lengths in tokens, and positions computed with padding."""

    trainer: Trainer
    updates: dict[int, list[dict[str, torch.Tensor]]] = field(default_factory=dict)
    passed: float = 0.0
    """When the last batch's backward pass ended."""

    def __post_init__(self) -> None:
        step = self.trainer.training_step

        def counted(model: torch.nn.Module, inputs: dict[str, Any], *rest: Any) -> torch.Tensor:
            batches = inputs.get("micro_batches", [inputs])
            self.updates.setdefault(self.trainer.state.global_step, []).extend(
                {name: batch[name] for name in ("attention_mask", "labels")} for batch in batches
            )
            loss = step(model, inputs, *rest)
            self.passed = _now()
            return loss

        self.trainer.training_step = counted

    def lengths(self, update: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the sources' and the targets' lengths, and the encoder's positions."""
        batches = self.updates[update]
        sources = [b["attention_mask"].sum(1).cpu().numpy() for b in batches]
        targets = [(b["labels"] != -100).sum(1).cpu().numpy() for b in batches]
        packing = isinstance(self.trainer, StudyTrainer) and self.trainer.plan.packing
        positions = [
            encoder_positions(lengths, b["attention_mask"].shape[1], packing)
            for lengths, b in zip(sources, batches, strict=True)
        ]
        return np.concatenate(sources), np.concatenate(targets), sum(positions)


@dataclass
class Clock(TrainerCallback):
    """Times each update, from its turn to its end: data, batches and optimiser in all.

    Where an update was shortened, the seconds of its batches are multiplied by `scale`, and those
    of clipping and of its optimiser step are not. `tokens_an_example` is the mean over all rows: a
    few examples that happen to be short must not pass for speed.
    """

    scale: float
    tokens_an_example: float
    ledger: Ledger
    turn: Turn
    _began: float = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Wait for the turn of the first update."""
        self._begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End an update, tell what it was, and wait for the next turn.

        After the last update too: what a process does when it ends would slow the others down.
        """
        end, passed = _now(), self.ledger.passed
        seconds = self.scale * (passed - self._began) + end - passed
        self.turn.tell(self._measured(state.global_step - 1, seconds))
        self._begin()

    def _begin(self) -> None:
        self.turn.wait()
        self._began = _now()

    def _measured(self, update: int, seconds: float) -> dict[str, float]:
        sources, targets, positions = self.ledger.lengths(update)
        per_second, config = self.scale / seconds, self.ledger.trainer.model.config
        tokens_per_second = float(sources.sum() + targets.sum()) * per_second
        return {
            "examples_per_second": tokens_per_second / self.tokens_an_example,
            "tokens_per_second": tokens_per_second,
            "flops": training_flops(config, sources, targets) * per_second,
            "padding": 1 - float(sources.sum()) / positions,
            "peak_flops": matmul_peak(),
            "peak_memory_bytes": peak_memory_bytes(),
        }


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def train(job: Job, turn: Turn) -> None:
    """Measure training, an update at each turn."""
    work = Work.load(job.task, job.source, job.rows)
    with tempfile.TemporaryDirectory() as folder, quiet():
        run = methods.build_measured(job.method, work, job.warm_up + job.repeats, Path(folder))
        clock = Clock(run.scale, work.tokens_an_example, Ledger(run.trainer), turn)
        run.trainer.add_callback(clock)
        run.trainer.train()


def main() -> None:
    """Measure the job that the first argument holds as JSON."""
    job, turn = Job(**json.loads(sys.argv[1])), Turn()
    if job.kind == "training":
        train(job, turn)
    else:
        scoring.score(job, turn)


if __name__ == "__main__":
    main()
