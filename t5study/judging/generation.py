"""Generation: what a model writes for source texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from t5study.base.out_of_memory import halving
from t5study.data.batches import cut
from t5study.data.encoding import encode


def text_table(sources: Sequence[str]) -> Dataset:
    """Return texts as a cast data set without targets (see `casts.cast`)."""
    count = len(sources)
    return Dataset.from_dict(
        {"row": range(count), "source": list(sources), "target": [""] * count, "label": [0] * count}
    )


def generate(
    model: torch.nn.Module,
    tokenizer: Any,
    sources: Sequence[str],
    max_source_length: int = 512,
    tokens: int = 8192,
    **arguments: Any,
) -> list[str]:
    """Return one generated text a source, decoded without special tokens.

    `arguments` go to transformers' `generate` unchanged (num_beams, max_length, ...).
    """
    encoded = encode(text_table(sources), tokenizer, max_source_length)
    pad_id, device = tokenizer.pad_token_id, next(model.parameters()).device
    model.eval()

    def written(tokens: int) -> list[str]:
        answers = [""] * len(sources)
        for rows, _ in cut(
            encoded.source_lengths, np.arange(len(encoded)), max_source_length, tokens
        ):
            batch = tokenizer.pad(
                {"input_ids": [encoded.data[int(r)]["source"].tolist() for r in rows]},
                return_tensors="pt",
            ).to(device)
            output = model.generate(**batch, pad_token_id=pad_id, **arguments)
            texts = tokenizer.batch_decode(output, skip_special_tokens=True)
            for row, text in zip(rows, texts, strict=True):
                answers[row] = text
        return answers

    with torch.inference_mode():
        return halving(written, tokens)
