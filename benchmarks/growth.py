"""How time and memory grow with the number of examples: `python -m benchmarks.growth JOB`.

Everything from text to the last update of an epoch is measured, with a small T5: the more the model
computes, the less would be seen of what surrounds it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import methods
from benchmarks.work import SMALLER, Work
from t5study.models import quiet
from t5study.provenance import peak_memory_bytes

SIZES = (1000, 4000, 16000)


def epoch(task: str, examples: int, repeats: int, source: str | None) -> dict[str, Any]:
    """Return seconds (the median of the repeats) and tokens of an epoch, and the peak memory.

    A first update, left out, starts what starts once: threads, the allocator, the tokenizer.
    """
    _train(Work.load(task, source, methods.BATCH, sizes=SMALLER), 1)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work = Work.load(task, source, examples, sizes=SMALLER)
        _train(work, -(-len(work.encoded) // methods.BATCH))
        seconds.append(time.perf_counter() - started)
    lengths = work.encoded.source_lengths, work.encoded.target_lengths
    return {
        "examples": len(work.encoded),
        "tokens": int(sum(part.sum() for part in lengths)),
        "seconds": median(seconds),
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _train(work: Work, updates: int) -> None:
    with tempfile.TemporaryDirectory() as folder, quiet():
        methods.build(methods.OURS, work, updates, Path(folder)).train()


def compared(sizes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each size its time a token and its peak memory, relative to the smallest's."""
    first = sizes[0]
    return [
        size
        | {
            "time_per_token": size["seconds"] / size["tokens"] * first["tokens"] / first["seconds"],
            "memory": size["peak_memory_bytes"] / first["peak_memory_bytes"],
        }
        for size in sizes
    ]


if __name__ == "__main__":
    print(json.dumps(epoch(**json.loads(sys.argv[1]))))
