"""The updates of a fine-tuning: which rows, in which micro-batches, and whose share.

An update is a fixed number of examples drawn at random; inside it the examples are sorted by length
and cut into micro-batches of a bounded number of tokens. The gradient of an update does not depend
on that cut: losses are summed and divided by the items of the whole update.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from t5study.data.batches import bucket_of, cut, epoch_order
from t5study.data.encoding import IGNORED, Collator, Encoded, MicroBatch


def share_of_this_process() -> dict[str, int]:
    """Return `rank` and `world_size` as torchrun sets them, for a plan."""
    names = {"rank": ("RANK", "0"), "world_size": ("WORLD_SIZE", "1")}
    return {name: int(os.environ.get(*where)) for name, where in names.items()}


@dataclass(frozen=True)
class UpdatePlan:
    """Every update of a training run, by its step: a pure function of data, seed and step.

    Indexing gives {"micro_batches": list of MicroBatch, "items": int}, the micro-batches being
    this process's share and `items` the loss items of the whole update over all processes. The
    order of an epoch depends on seed and epoch alone, so a resumed run meets the same updates.
    """

    encoded: Encoded
    collator: Collator
    batch_size: int
    epochs: int
    seed: int
    tokens_per_micro_batch: int
    cutting: Literal["buckets", "lengths", "shared rows"] = "buckets"
    """How micro-batches are cut: for few shapes (`batches.cut`), for little padding, or for an
    encoder whose rows short texts share (`packing`)."""
    rank: int = 0
    world_size: int = 1

    @property
    def updates_per_epoch(self) -> int:
        """Updates that see every example once; the last one may be smaller."""
        return -(-len(self.encoded) // self.batch_size)

    def __len__(self) -> int:
        return self.updates_per_epoch * self.epochs

    def rows(self, step: int) -> np.ndarray:
        """Return the row indices of the update, over all processes."""
        epoch, position = divmod(step, self.updates_per_epoch)
        order = epoch_order(len(self.encoded), self.seed, epoch)
        return order[position * self.batch_size : (position + 1) * self.batch_size]

    @property
    def padding_share(self) -> float:
        """Share of the encoder's positions, in this process's first epoch, that are padding.

        A process that gets no example, of updates smaller than the processes, pads nothing.
        """
        tokens = positions = 0
        for step in range(self.updates_per_epoch):
            for part, length in self._parts(self.rows(step)):
                lengths = self.encoded.source_lengths[part]
                tokens += int(lengths.sum())
                positions += self._positions(lengths, length)
        return 1.0 - tokens / positions if positions else 0.0

    def _positions(self, lengths: np.ndarray, padded: int) -> int:
        """How many positions the encoder computes for texts padded to `padded` tokens."""
        if self.cutting == "shared rows":
            from t5study.training.packing import encoder_positions

            return encoder_positions(lengths, padded)
        return len(lengths) * padded

    def _parts(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """This process's share of an update's rows, cut into micro-batches."""
        lengths = self.encoded.source_lengths
        by_length = rows[np.argsort(lengths[rows], kind="stable")]
        mine = by_length[self.rank :: self.world_size]
        how = cut
        # Late: only a processor needs them.
        if self.cutting == "shared rows":
            from t5study.training.packing import cut_for_shared_rows as how
        elif self.cutting == "lengths":
            from t5study.training.packing import cut_for_least_padding as how
        return how(lengths, mine, self.encoded.max_source_length, self.tokens_per_micro_batch)

    def __getitem__(self, step: int) -> dict[str, Any]:
        rows = self.rows(step)
        micro_batches = [
            self.collator(self.encoded.data[part.tolist()], length)
            for part, length in self._parts(rows)
        ]
        if not micro_batches:
            micro_batches = [self._weightless()]
        return {"micro_batches": micro_batches, "items": self.collator.items(self.encoded, rows)}

    def _weightless(self) -> MicroBatch:
        """A micro-batch without loss, for a process that got no example of a small update."""
        row = self.encoded.data[[0]]
        batch = self.collator(row, bucket_of(len(row["source"][0]), self.encoded.max_source_length))
        batch["labels"] = torch.full_like(batch["labels"], IGNORED)
        return batch
