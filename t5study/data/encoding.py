"""Texts as token ids, and token ids as the tensors that a model takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars

from t5study.base.errors import StudyError

IGNORED = -100
"""Label of a position that carries no loss (the convention of torch's cross-entropy)."""

MicroBatch = dict[str, torch.Tensor]


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
    for row, text in zip(examples["row"], examples["source"], strict=True):
        if not text.strip():
            raise StudyError(f"Row {row} has an empty text: remove it or give it some words.")
    special = re.compile("|".join(map(re.escape, tokenizer.all_special_tokens)))

    def read(texts: list[str], longest: int, **how: Any) -> list[list[int]]:
        # A special piece with a blank in it is taken for text.
        plain = [special.sub(lambda piece: f"{piece[0][:1]} {piece[0][1:]}", t) for t in texts]
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


def _lengths(data: Dataset, column: str) -> np.ndarray:
    import pyarrow.compute as pc

    return pc.list_value_length(data.data.column(column)).to_numpy().astype(np.int64)


def pad(rows: Sequence[np.ndarray], length: int, value: int) -> torch.Tensor:
    """Return the rows as a [rows, length] tensor of int64, filled up with `value`."""
    table = np.full((len(rows), length), value, dtype=np.int64)
    for table_row, ids in zip(table, rows, strict=True):
        table_row[: len(ids)] = ids
    return torch.from_numpy(table)


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
        """Return how many loss items `rows` have: label tokens."""
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
        """Return how many loss items `rows` have: texts."""
        return len(rows)


Collator = Seq2SeqCollator | ClassificationCollator
"""Makes a micro-batch of rows of an `Encoded` split, and counts loss items."""


def _mask(rows: Sequence[np.ndarray], length: int) -> torch.Tensor:
    return pad([np.ones(len(ids), dtype=np.int64) for ids in rows], length, 0)
