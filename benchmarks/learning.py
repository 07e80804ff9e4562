"""Whether a faster way learns as much: validation loss after the same number of examples.

Each way trains the same small T5 from the same random weights on the same rows, once for each of
three seeds; whole updates of the effective batch, in each way's own order of the data. Run as
`python -m benchmarks.learning JOB`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer

from benchmarks import methods
from benchmarks.work import SMALLER, Work
from t5study.data.batches import IGNORED, Seq2SeqCollator, in_length_order
from t5study.models.loading import quiet
from t5study.training.loop import seq2seq_loss

METHODS = ("default", "default-mended", "tuned", "tuned-mended", methods.OURS)
"""The report's recipe differs from the mended defaults in its padding alone, and compiling changes
no result: neither is trained again."""

SEEDS = (0, 1, 2)
VALIDATION_ROWS = 1000


def losses(method: str, task: str, examples: int, source: str | None) -> list[float]:
    """Return the validation loss, per label token in float32, after training with each seed."""
    train = Work.load(task, source, examples, sizes=SMALLER)
    held_out = Work.load(task, source, VALIDATION_ROWS, split="validation", sizes=SMALLER)
    found = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder, quiet():
            trainer = methods.build(method, train, examples // methods.BATCH, Path(folder), seed)
            trainer.train()
        found.append(_loss(plain(trainer), held_out))
    return found


def plain(trainer: Trainer) -> PreTrainedModel:
    """Return the model without the bf16 that Accelerate leaves around its forward pass."""
    return trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def _loss(model: torch.nn.Module, work: Work) -> float:
    pad_id = work.tokenizer.pad_token_id
    collator = Seq2SeqCollator(pad_id, start_id=pad_id)
    device, total, items = next(model.parameters()).device, 0.0, 0
    model.eval()
    with torch.inference_mode():
        for _, batch in in_length_order(work.encoded, collator, methods.TOKENS_AT_ONCE):
            moved = {name: value.to(device) for name, value in batch.items()}
            total += float(seq2seq_loss(model, moved))
            items += int((batch["labels"] != IGNORED).sum())
    return total / items


def judged(found: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Return what is kept of each way: its losses and mean, and how far the study's lies above it.

    Seeds give all ways the same first weights, so the tables compare the losses seed by seed
    (`report.learning_lines`).
    """
    ours = mean(found[methods.OURS])
    return {
        name: {"losses": theirs, "mean": mean(theirs), "ours_above_by": ours - mean(theirs)}
        for name, theirs in found.items()
    }


if __name__ == "__main__":
    print(json.dumps(losses(**json.loads(sys.argv[1]))))
