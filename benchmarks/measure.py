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
from transformers import T5Config

from benchmarks import methods, scoring
from benchmarks.turns import Job, Turn
from benchmarks.work import Work, matmul_peak, training_flops
from t5study.models.loading import quiet
from t5study.runs.provenance import peak_memory_bytes
from t5study.training.packing import encoder_positions


@dataclass
class Clock:
    """Times each update, from its turn to its end: data, batches and optimiser in all.

    Where an update was shortened, the seconds of its batches are multiplied by `scale`, and those
    of clipping and of its optimiser step are not. `tokens_an_example` is the mean over all rows: a
    few examples that happen to be short must not pass for speed. `packing` says that short texts
    share rows.
    """

    scale: float
    tokens_an_example: float
    config: T5Config
    packing: bool
    turn: Turn
    _batches: list[dict[str, torch.Tensor]] = field(default_factory=list)
    _began: float = 0.0
    _passed: float = 0.0

    def begin(self) -> None:
        """Wait for the turn of an update, and begin it."""
        self.turn.wait()
        self._batches = []
        self._began = _now()

    def saw(self, *batches: dict[str, torch.Tensor]) -> None:
        """Count batches whose backward pass has just ended."""
        self._batches += [{n: batch[n] for n in ("attention_mask", "labels")} for batch in batches]
        self._passed = _now()

    def end(self) -> None:
        """End an update and tell what it was."""
        seconds = self.scale * (self._passed - self._began) + _now() - self._passed
        sources = [batch["attention_mask"].sum(1).cpu().numpy() for batch in self._batches]
        targets = [(batch["labels"] != -100).sum(1).cpu().numpy() for batch in self._batches]
        widths = [batch["attention_mask"].shape[1] for batch in self._batches]
        positions = sum(
            encoder_positions(lengths, width) if self.packing else len(lengths) * width
            for lengths, width in zip(sources, widths, strict=True)
        )
        self.turn.tell(
            self._rates(np.concatenate(sources), np.concatenate(targets), positions, seconds)
        )

    def _rates(
        self, sources: np.ndarray, targets: np.ndarray, positions: int, seconds: float
    ) -> dict[str, Any]:
        per_second = self.scale / seconds
        tokens_per_second = float(sources.sum() + targets.sum()) * per_second
        return {
            "examples_per_second": tokens_per_second / self.tokens_an_example,
            "tokens_per_second": tokens_per_second,
            "flops": training_flops(self.config, sources, targets) * per_second,
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
    model = work.model()
    clock = Clock(
        methods.BATCH / methods.examples_run(job.method, job.task),
        work.tokens_an_example,
        model.config,
        methods.packs(job.method),
        turn,
    )
    with tempfile.TemporaryDirectory() as folder, quiet():
        methods.run(job.method, work, model, job.warm_up + job.repeats, Path(folder), clock)


def main() -> None:
    """Measure the job that the first argument holds as JSON."""
    job, turn = Job(**json.loads(sys.argv[1])), Turn()
    if job.kind == "training":
        train(job, turn)
    else:
        scoring.score(job, turn)


if __name__ == "__main__":
    main()
