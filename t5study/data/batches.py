"""Text to token ids, and token ids to the micro-batches of an update.

Texts are padded to one of a few bucket lengths, so that little is padding and a compiled graph
meets few shapes; short ones may share rows (see `packing`). An update is a fixed number of examples
drawn at random; inside it the examples are sorted by length and cut into micro-batches of a bounded
number of tokens. The gradient of an update does not depend on that cut: losses are summed and
divided by the items of the whole update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars

from t5study.base.errors import StudyError
from t5study.data.packing import shared_rows
from t5study.runs.provenance import usual_device

BUCKETS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Lengths that texts are padded to: steps of at most one half, few enough to compile."""

FEW_POSITIONS = {"cpu": 2048, "cuda": 65_536}
"""Positions, rows times length, below which rows of different length share a micro-batch.

A GPU takes about as long to be told of a small forward pass as to do it.
"""

LONGEST_PACKED = 128
"""Tokens of the longest text that shares rows (see `packing`): attention is cheap up to there."""

LENGTH_STEP = 16
"""Beside shared rows, lengths are rounded up to a multiple of this: graphs take any length."""

ANOTHER_PASS = 256
"""Positions that take as long as what one more micro-batch adds: casts and sums of weights."""

IGNORED = -100
"""Label of a position that carries no loss (the convention of torch's cross-entropy)."""

MicroBatch = dict[str, torch.Tensor]


def bucket_of(length: int, longest: int) -> int:
    """Return the smallest bucket that holds `length` tokens, at most `longest`."""
    return next((b for b in BUCKETS if length <= b < longest), longest)


@dataclass(frozen=True)
class Encoded:
    """Token ids of one split, kept in Arrow so that memory does not grow with the data.

    `data` has the columns source (token ids), target (token ids, empty where there is none),
    label and row; the lengths are numpy arrays of one integer an example.
    """

    data: Dataset
    source_lengths: np.ndarray
    target_lengths: np.ndarray
    max_source_length: int

    def __len__(self) -> int:
        return len(self.data)


def encode(
    examples: Dataset, tokenizer: Any, max_source_length: int, max_target_length: int = 0
) -> Encoded:
    """Tokenise the columns source and target of a cast data set (see `casts.cast`).

    Every sequence ends with the tokenizer's end token, also where it was cut to its maximum, and
    has no other: a special piece that a text spells out, such as `</s>`, is read as text.
    With `max_target_length` 0 targets are not encoded. Raises StudyError for an empty text.
    """
    _refuse_empty(examples)
    special = re.compile("|".join(map(re.escape, tokenizer.all_special_tokens)))

    def read(texts: list[str], longest: int, **how: Any) -> list[list[int]]:
        plain = [special.sub(_apart, text) for text in texts]
        return tokenizer(plain, truncation=True, max_length=longest, **how)["input_ids"]

    def tokenise(batch: dict[str, list]) -> dict[str, list]:
        source = read(batch["source"], max_source_length)
        columns = {"source": source, "label": batch["label"], "row": batch["row"]}
        columns["target"] = [[] for _ in batch["row"]]
        if max_target_length:
            # Without a beginning: a BERT's tokenizer would put one.
            target = read(batch["target"], max_target_length - 1, add_special_tokens=False)
            columns["target"] = [[*ids, tokenizer.eos_token_id] for ids in target]
        return columns

    disable_progress_bars()
    data = examples.map(
        tokenise, batched=True, remove_columns=examples.column_names, keep_in_memory=True
    ).with_format("numpy")
    return Encoded(data, _lengths(data, "source"), _lengths(data, "target"), max_source_length)


def _apart(piece: re.Match[str]) -> str:
    """A special piece with a blank in it, which a tokenizer takes for text."""
    return f"{piece[0][:1]} {piece[0][1:]}"


def _refuse_empty(examples: Dataset) -> None:
    for row, text in zip(examples["row"], examples["source"], strict=True):
        if not text.strip():
            raise StudyError(f"row {row} has an empty text: remove it or give it some words")


def _lengths(data: Dataset, column: str) -> np.ndarray:
    import pyarrow.compute as pc

    return np.concatenate(
        [pc.list_value_length(chunk).to_numpy() for chunk in data.data.column(column).chunks]
        or [np.zeros(0, dtype=np.int64)]
    ).astype(np.int64)


def pad(rows: Sequence[np.ndarray], length: int, value: int) -> torch.Tensor:
    """Return the rows as a [rows, length] tensor of int64, filled up with `value`."""
    table = np.full((len(rows), length), value, dtype=np.int64)
    for table_row, ids in zip(table, rows, strict=True):
        table_row[: len(ids)] = ids
    return torch.from_numpy(table)


class Collator(Protocol):
    """Turns rows of an `Encoded` split into the tensors that one architecture takes."""

    def __call__(self, rows: dict[str, Any], length: int) -> MicroBatch:
        """Return the micro-batch of `rows` with sources padded to `length`."""
        ...

    def items(self, encoded: Encoded, rows: np.ndarray) -> int:
        """Return how many loss items (label tokens or examples) `rows` have."""
        ...


@dataclass(frozen=True)
class Seq2SeqCollator:
    """Micro-batches for an encoder-decoder: input_ids, attention_mask, decoder_input_ids, labels.

    The decoder's input is the target shifted right by one, starting with the start token; it is
    made here because the loss is summed by the trainer and not by the model.
    """

    pad_id: int
    start_id: int

    def __call__(self, rows: dict[str, Any], length: int) -> MicroBatch:
        """Return tensors of shapes [rows, length] and [rows, longest target]."""
        source = pad(rows["source"], length, self.pad_id)
        mask = _mask(rows["source"], length)
        width = max((len(t) for t in rows["target"]), default=1)
        labels = pad(rows["target"], width, IGNORED)
        shifted = labels.new_full(labels.shape, self.start_id)
        shifted[:, 1:] = labels[:, :-1].masked_fill(labels[:, :-1] == IGNORED, self.pad_id)
        return {
            "input_ids": source,
            "attention_mask": mask,
            "decoder_input_ids": shifted,
            "labels": labels,
        }

    def items(self, encoded: Encoded, rows: np.ndarray) -> int:
        """Count the label tokens."""
        return int(encoded.target_lengths[rows].sum())


@dataclass(frozen=True)
class ClassificationCollator:
    """Micro-batches for a model with a classification or regression head: one label a text."""

    pad_id: int
    regression: bool = False

    def __call__(self, rows: dict[str, Any], length: int) -> MicroBatch:
        """Return input_ids and attention_mask [rows, length] and labels [rows]."""
        labels = torch.as_tensor(np.asarray(rows["label"]))
        return {
            "input_ids": pad(rows["source"], length, self.pad_id),
            "attention_mask": _mask(rows["source"], length),
            "labels": labels.float() if self.regression else labels.long(),
        }

    def items(self, encoded: Encoded, rows: np.ndarray) -> int:
        """Count the texts."""
        return len(rows)


def _mask(rows: Sequence[np.ndarray], length: int) -> torch.Tensor:
    return pad([np.ones(len(ids), dtype=np.int64) for ids in rows], length, 0)


def cut(
    lengths: np.ndarray, rows: np.ndarray, longest: int, tokens: int, packing: bool = False
) -> Iterator[tuple[np.ndarray, int]]:
    """Sort `rows` by length and cut them into (rows, bucket length) of at most `tokens` tokens.

    A single text longer than `tokens` still makes a micro-batch of its own. Rows that fill no more
    than `FEW_POSITIONS` together stay one micro-batch: another forward pass would cost more than
    the padding that it spares. With `packing`, for a model whose encoder packs, there are no
    buckets: texts of up to `LONGEST_PACKED` tokens are cut by tokens that are no padding, and
    longer ones so that padding and passes cost least together.
    """
    few = FEW_POSITIONS[usual_device()]
    order = rows[np.argsort(lengths[rows], kind="stable")]
    buckets = np.array([bucket_of(int(n), longest) for n in lengths[order]])
    if buckets.size and buckets.size * buckets[-1] <= min(few, tokens):
        buckets[:] = buckets[-1]
    elif packing and buckets.size:
        own = lengths[order]
        short = int(np.searchsorted(own, LONGEST_PACKED, side="right"))
        ends = [*_by_tokens(own[:short], tokens), *(short + _cheapest(own[short:], tokens))]
        for part in np.split(order, ends[:-1]):
            yield part, min(longest, _rounded_up(lengths[part[-1]]))
        return
    for length in np.unique(buckets):
        members = order[buckets == length]
        size = max(1, tokens // int(length))
        for start in range(0, len(members), size):
            yield members[start : start + size], int(length)


def _rounded_up(length: int) -> int:
    return int(-(-length // LENGTH_STEP) * LENGTH_STEP)


def _by_tokens(own: np.ndarray, tokens: int) -> np.ndarray:
    """Cut rising lengths into parts of nearly as many tokens each, at most `tokens`; their ends."""
    if not own.size:
        return np.zeros(0, dtype=np.int64)
    total = int(own.sum())
    parts = -(-total // max(1, tokens - int(own[-1])))
    numbers = (np.cumsum(own) - own) * parts // total
    return np.append(np.flatnonzero(np.diff(numbers)) + 1, own.size)


def _cheapest(own: np.ndarray, tokens: int) -> np.ndarray:
    """Cut rising lengths into parts of at most `tokens` positions; return the parts' ends.

    Of all cuts it is the one with the fewest positions, padding included, where another part counts
    as `ANOTHER_PASS` positions: found by dynamic programming over the end of the last part.
    """
    cost, start = np.zeros(own.size + 1), np.zeros(own.size + 1, dtype=np.int64)
    for end in range(1, own.size + 1):
        length = _rounded_up(own[end - 1])
        starts = np.arange(max(0, end - max(1, tokens // length)), end)
        costs = cost[starts] + (end - starts) * length + ANOTHER_PASS
        least = int(np.argmin(costs))
        cost[end], start[end] = costs[least], starts[least]
    ends, end = [], own.size
    while end:
        ends.append(end)
        end = int(start[end])
    return np.array(ends[::-1], dtype=np.int64)


@lru_cache(maxsize=2)
def epoch_order(size: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order in which an epoch takes the rows 0 to `size` - 1."""
    return np.random.default_rng([seed, epoch]).permutation(size)


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
    packing: bool = False
    """Whether the model's encoder lets short texts share rows (`packing.pack_encoder`)."""
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
                positions += encoder_positions(lengths, length, self.packing)
        return 1.0 - tokens / positions if positions else 0.0

    def _parts(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """This process's share of an update's rows, cut into micro-batches."""
        lengths = self.encoded.source_lengths
        by_length = rows[np.argsort(lengths[rows], kind="stable")]
        mine = by_length[self.rank :: self.world_size]
        return cut(
            lengths,
            mine,
            self.encoded.max_source_length,
            self.tokens_per_micro_batch,
            self.packing,
        )

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


def encoder_positions(lengths: np.ndarray, padded: int, packing: bool) -> int:
    """Return how many positions the encoder computes for texts padded to `padded` tokens."""
    layout = shared_rows(lengths, padded) if packing else None
    return layout.rows * layout.width if layout else len(lengths) * padded


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
