"""The updates of a pre-training, and the held-out examples that it is judged on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from t5study.base.device import mixed
from t5study.base.errors import StudyError
from t5study.base.out_of_memory import halving
from t5study.data.batches import split_batch
from t5study.data.encoding import MicroBatch
from t5study.pretraining import objectives
from t5study.pretraining.examples import Examples

HELD_OUT_SEQUENCES = 256


@dataclass(frozen=True)
class PretrainingPlan:
    """Every update of a pre-training, by its step: a pure function of corpus, seed and step."""

    examples: Examples
    rows: int
    steps: int
    seed: int
    micro_rows: int
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.rows < self.world_size:
            raise StudyError(
                f"An update of {self.rows} sequences cannot be shared by {self.world_size}"
                " processes: raise batch_tokens or start fewer."
            )

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, Any]:
        """This process's micro-batches and the loss items of the whole update.

        Every process makes the whole update and keeps its share, so all agree on the items.
        """
        if not 0 <= step < self.steps:
            raise IndexError(step)
        numbers = np.arange(step * self.rows, (step + 1) * self.rows)
        batch, items = self.examples(numbers, objectives.generator(self.seed, step))
        parts = max(-(-self.rows // self.micro_rows), self.world_size)
        return {
            "micro_batches": split_batch(batch, parts)[self.rank :: self.world_size],
            "items": items,
        }


@dataclass
class HeldOut:
    """The evaluation of a model in training, always on the same held-out examples."""

    examples: Examples
    micro_rows: int
    precision: str = "fp32"

    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        """Return the mean of all that the examples judge; BERT's loss is the sum of its two."""
        device = next(model.parameters()).device

        def judged(rows: int) -> dict[str, float]:
            sums: dict[str, float] = defaultdict(float)
            counts: dict[str, int] = defaultdict(int)
            for batch in split_batch(self._batch, -(-HELD_OUT_SEQUENCES // rows)):
                moved = {name: value.to(device) for name, value in batch.items()}
                for name, (total, count) in self.examples.judge(model, moved).items():
                    sums[name] += total
                    counts[name] += count
            return {name: sums[name] / counts[name] for name in sums}

        with torch.inference_mode(), mixed(self.precision):
            means = halving(judged, self.micro_rows)
        return {"loss": sum(means.get(name, 0.0) for name in ("mlm_loss", "nsp_loss")), **means}

    @cached_property
    def _batch(self) -> MicroBatch:
        return self.examples(np.arange(HELD_OUT_SEQUENCES), objectives.generator(0, 0))[0]
