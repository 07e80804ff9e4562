"""The peak memory of a few updates of a T5 with random weights, each time in a fresh process.

`peak_of` starts `python -m t5study.training.peaks` and reads what it prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.experiments.recipes import Recipe
from t5study.training.memory import Shape, rows_at_once

UPDATES = 2
"""In the second the optimiser's state is there."""

# Large tensors are given back to the system at once, so that what is resident is what is held.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

_WARM_UP = Shape(d_model=64, d_ff=128, heads=2, d_kv=32, layers=2, vocabulary=256)


def peak_of(shape: Shape, recipe: Recipe, target: int) -> dict[str, float]:
    """Train on a CPU and return its `peak_bytes` above what the libraries take, and `seconds`.

    Token ids are random, all texts have the recipe's greatest length, attention is written out.

    Raises:
        StudyError: the process failed, as it does where memory runs out or is not told.
    """
    job = {"shape": asdict(shape), "recipe": recipe.model_dump(), "target": target}
    command = [sys.executable, "-m", "t5study.training.peaks", json.dumps(job)]
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | _ALLOCATOR | hidden
    )
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StudyError(
            f"A process that trains for its peak memory ended with {done.returncode} ({told}): "
            "run this on Linux, with 8 GB free."
        )
    return json.loads(done.stdout.splitlines()[-1])


def train(shape: Shape, recipe: Recipe, target: int) -> None:
    """Make some updates as `StudyTrainer` does, without its evaluations and checkpoints."""
    import torch

    from t5study.base.device import mixed
    from t5study.training.losses import seq2seq_loss
    from t5study.training.optimisers import build_optimizer

    model = random_model(shape, recipe)
    optimizer = build_optimizer(model, recipe)
    rows = rows_at_once(recipe)
    for _ in range(UPDATES):
        for _ in range(recipe.batch_size // rows):
            ids = torch.randint(shape.vocabulary, (rows, recipe.max_source_length + target))
            source, labels = ids.split([recipe.max_source_length, target], dim=1)
            batch = {"input_ids": source, "decoder_input_ids": labels, "labels": labels}
            with mixed(recipe.precision):
                loss = seq2seq_loss(model, batch)
            loss.backward()
            del loss
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()


def random_model(shape: Shape, recipe: Recipe) -> Any:
    """Return a T5 of those sizes with random weights, to be trained as the recipe says."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=shape.vocabulary, d_model=shape.d_model, d_ff=shape.d_ff, d_kv=shape.d_kv,
        num_heads=shape.heads, num_layers=shape.layers, dropout_rate=recipe.dropout,
        relative_attention_num_buckets=shape.buckets, decoder_start_token_id=0,
    )  # fmt: skip
    model = T5ForConditionalGeneration._from_config(config, attn_implementation="eager").train()
    if recipe.lora_rank is not None:
        from t5study.models.adapters import with_adapters

        model = with_adapters(model, recipe.lora_rank, None)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def resident_bytes() -> int:
    """Return what of this process is in memory now, by Linux's proc(5)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(job: dict[str, Any]) -> None:
    """Train once small, so that all libraries are there, and then as the job says."""
    import gc

    from t5study.base.quiet import quiet
    from t5study.runs.provenance import recorded
    from t5study.training.acceleration import return_memory

    shape, recipe = Shape(**job["shape"]), Recipe(**job["recipe"])
    with quiet():
        train(_WARM_UP, recipe.model_copy(update={"max_source_length": 64}), job["target"])
        gc.collect()
        return_memory()
        before = resident_bytes()
        with recorded("cpu") as said:
            train(shape, recipe, job["target"])
    print(json.dumps({
        "peak_bytes": said["peak_memory_bytes"] - before, "seconds": said["seconds"]
    }))  # fmt: skip


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
