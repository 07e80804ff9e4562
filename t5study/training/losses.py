"""Losses that are sums over items, so that a mean over a whole update can be taken of its parts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from t5study.data.encoding import IGNORED

SumLoss = Callable[[torch.nn.Module, dict[str, torch.Tensor]], torch.Tensor]
"""(model, micro-batch) -> sum of the losses of its items."""


def seq2seq_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the cross-entropy summed over the label tokens of a micro-batch."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    # A cache serves generation; in training it makes a compiled block one graph a layer.
    logits = model(**inputs, use_cache=False).logits
    return cross_entropy(logits.flatten(0, -2).float(), batch["labels"].flatten(), reduction="sum")


def classification_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the cross-entropy (or squared error, for float labels) summed over the texts."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    labels = batch["labels"]
    if labels.is_floating_point():
        given = labels != IGNORED
        return ((logits.float().squeeze(-1) - labels) ** 2)[given].sum()
    return cross_entropy(logits.float(), labels, reduction="sum")
