"""Encoded texts cut into micro-batches of a bounded number of tokens, with little padding.

Texts are padded to one of a few bucket lengths, so that a compiled graph meets few shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch

from t5study.base.device import usual_device
from t5study.data.encoding import Collator, Encoded, MicroBatch

BUCKETS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Lengths that texts are padded to: steps of at most one half, few enough to compile."""

FEW_POSITIONS = {"cpu": 2048, "cuda": 65_536}
"""Positions, rows times length, below which rows of different length share a micro-batch.

A GPU takes about as long to be told of a small forward pass as to do it.
"""


def bucket_of(length: int, longest: int) -> int:
    """Return the smallest bucket that holds `length` tokens, at most `longest`."""
    return next((b for b in BUCKETS if length <= b < longest), longest)


def few_enough(rows: int, length: int, tokens: int) -> bool:
    """Return whether so many rows of `length` positions stay one micro-batch of one length.

    Another forward pass would cost more than the padding that it spares.
    """
    return rows * length <= min(FEW_POSITIONS[usual_device()], tokens)


def cut(
    lengths: np.ndarray, rows: np.ndarray, longest: int, tokens: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Sort `rows` by length and cut them into (rows, bucket length) of at most `tokens` tokens.

    A single text longer than `tokens` still makes a micro-batch of its own.
    """
    order = rows[np.argsort(lengths[rows], kind="stable")]
    buckets = np.array([bucket_of(int(n), longest) for n in lengths[order]])
    if buckets.size and few_enough(buckets.size, buckets[-1], tokens):
        buckets[:] = buckets[-1]
    for length in np.unique(buckets):
        members = order[buckets == length]
        size = max(1, tokens // int(length))
        for start in range(0, len(members), size):
            yield members[start : start + size], int(length)


@lru_cache(maxsize=2)
def epoch_order(size: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order in which an epoch takes the rows 0 to `size` - 1."""
    return np.random.default_rng([seed, epoch]).permutation(size)


def in_length_order(
    encoded: Encoded, collator: Collator, tokens: int
) -> Iterator[tuple[np.ndarray, MicroBatch]]:
    """Yield (row indices, micro-batch) over a whole split, for evaluation."""
    everything = np.arange(len(encoded))
    for rows, length in cut(encoded.source_lengths, everything, encoded.max_source_length, tokens):
        yield rows, collator(encoded.data[rows.tolist()], length)


def split_batch(batch: MicroBatch, parts: int) -> list[MicroBatch]:
    """Cut a batch by rows into parts of nearly the same size."""
    cut = {name: torch.tensor_split(value, parts) for name, value in batch.items()}
    return [{name: cut[name][part] for name in batch} for part in range(parts)]
