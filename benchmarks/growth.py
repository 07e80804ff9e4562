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
from t5study.models.loading import quiet
from t5study.runs.provenance import peak_memory_bytes

SIZES = (1000, 4000, 16000)
TURNS, STARTS = 5, 5


def epoch(task: str, examples: int, repeats: int, source: str | None) -> dict[str, Any]:
    """Return seconds (the median of the repeats) and tokens of an epoch, and the peak memory.

    A first update, left out, starts what starts once: threads, the allocator, the tokenizer. An
    epoch of one update then tells what each start costs, whatever the data: `start_seconds`, the
    median of some, with its `start_tokens`.
    """
    timed(task, methods.BATCH, source)
    starts = [timed(task, methods.BATCH, source) for _ in range(STARTS)]
    epochs = [timed(task, examples, source) for _ in range(repeats)]
    return epochs[0] | {
        "seconds": median(each["seconds"] for each in epochs),
        "start_seconds": median(each["seconds"] for each in starts),
        "start_tokens": starts[0]["tokens"],
        "peak_memory_bytes": peak_memory_bytes(),
    }


def timed(task: str, examples: int, source: str | None) -> dict[str, Any]:
    """Load so many examples and train one epoch on them; return seconds, examples and tokens."""
    started = time.perf_counter()
    work = Work.load(task, source, examples, sizes=SMALLER)
    _train(work, -(-len(work.encoded) // methods.BATCH))
    seconds = time.perf_counter() - started
    tokens = work.encoded.source_lengths.sum() + work.encoded.target_lengths.sum()
    return {"examples": len(work.encoded), "tokens": int(tokens), "seconds": seconds}


def _train(work: Work, updates: int) -> None:
    with tempfile.TemporaryDirectory() as folder, quiet():
        methods.build(methods.OURS, work, updates, Path(folder)).train()


def typical(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each quantity over the runs of one number of examples."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def compared(sizes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each size its time a token after the start, and its peak memory, relative to the
    smallest's.
    """
    first = sizes[0]
    return [
        size
        | {
            "time_per_token": _after_the_start(size) / _after_the_start(first),
            "memory": size["peak_memory_bytes"] / first["peak_memory_bytes"],
        }
        for size in sizes
    ]


def _after_the_start(size: dict[str, Any]) -> float:
    """Seconds a token, without what an epoch of one update takes."""
    seconds = size["seconds"] - size["start_seconds"]
    return seconds / (size["tokens"] - size["start_tokens"])


if __name__ == "__main__":
    print(json.dumps(epoch(**json.loads(sys.argv[1]))))
