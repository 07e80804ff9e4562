"""Measure one method on one task in a process of its own: `python -m benchmarks.measure JOB`.

A process each keeps peak memory, allocator and compiled graphs of one method from another's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainerCallback

from benchmarks import methods, scoring
from benchmarks.work import Work, matmul_peak, training_flops
from t5study.checkpoints import quiet
from t5study.provenance import peak_memory_bytes

WARM_UP = 2
"""Updates left out: they compile, and fill the allocator."""


@dataclass(frozen=True)
class Job:
    """What to measure; `kind` is "training" or "scoring"."""

    kind: str
    method: str
    task: str
    rows: int
    repeats: int
    source: str | None
    model: str | None = None


@dataclass
class Clock(TrainerCallback):
    """Seconds of each update, from the end of the one before: data, batches and optimiser in all.

    Where an update was shortened, the seconds of its batches are multiplied by `scale`, and those
    of its optimiser step are not.
    """

    scale: float
    seconds: list[float] = field(default_factory=list)
    _last: float = 0.0
    _accumulated: float = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the first update."""
        self._last = _now()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the batches of an update."""
        self._accumulated = _now()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End an update."""
        end = _now()
        batches = self._accumulated - self._last
        self.seconds.append(self.scale * batches + end - self._accumulated)
        self._last = end


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@dataclass
class Ledger:
    """What each update was made of: lengths in tokens, and positions computed with padding."""

    trainer: Trainer
    updates: dict[int, list[dict[str, torch.Tensor]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        step = self.trainer.training_step

        def counted(model: torch.nn.Module, inputs: dict[str, Any], *rest: Any) -> torch.Tensor:
            batches = inputs.get("micro_batches", [inputs])
            self.updates.setdefault(self.trainer.state.global_step, []).extend(
                {name: batch[name] for name in ("attention_mask", "labels")} for batch in batches
            )
            return step(model, inputs, *rest)

        self.trainer.training_step = counted

    def lengths(self, update: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the sources' and the targets' lengths, and the encoder's positions."""
        batches = self.updates[update]
        sources = np.concatenate([b["attention_mask"].sum(1).cpu().numpy() for b in batches])
        targets = np.concatenate([(b["labels"] != -100).sum(1).cpu().numpy() for b in batches])
        return sources, targets, sum(b["attention_mask"].numel() for b in batches)


def train(job: Job) -> dict[str, Any]:
    """Measure training; return one value a repeat for each quantity."""
    work = Work.load(job.task, job.source, job.rows)
    peak = matmul_peak()
    with tempfile.TemporaryDirectory() as folder, quiet():
        run = methods.build(job.method, work, WARM_UP + job.repeats, Path(folder))
        clock, ledger = Clock(run.scale), Ledger(run.trainer)
        run.trainer.add_callback(clock)
        started = time.perf_counter()
        run.trainer.train()
        total = time.perf_counter() - started
    result: dict[str, list[float]] = {
        name: [] for name in ("examples_per_second", "tokens_per_second", "flops", "padding")
    }
    config = run.trainer.model.config
    for update in range(WARM_UP, WARM_UP + job.repeats):
        sources, targets, positions = ledger.lengths(update)
        per_second = run.scale / clock.seconds[update]
        result["examples_per_second"].append(len(sources) * per_second)
        result["tokens_per_second"].append(float(sources.sum() + targets.sum()) * per_second)
        result["flops"].append(training_flops(config, sources, targets) * per_second)
        result["padding"].append(1 - float(sources.sum()) / positions)
    measured = sum(clock.seconds[WARM_UP:]) / run.scale
    return result | {
        "peak_flops": max(peak, matmul_peak()),
        "peak_memory_bytes": peak_memory_bytes(),
        "start_up_seconds": max(0.0, total - measured),
    }


def main() -> None:
    """Read a job as JSON from the first argument and write its result to the file of the second."""
    job = Job(**json.loads(sys.argv[1]))
    result = train(job) if job.kind == "training" else scoring.score(job)
    Path(sys.argv[2]).write_text(json.dumps(asdict(job) | result))


if __name__ == "__main__":
    main()
