"""The memory that fine-tuning a T5 takes: peaks of a few updates, measured and kept as a record."""

from __future__ import annotations

import logging
from typing import Any

from t5study.chapters.memory import recipe_of, shape_of
from t5study.experiments.questions import MEMORY_CASES
from t5study.runs.provenance import recorded
from t5study.runs.store import Workspace
from t5study.training.peaks import peak_of

log = logging.getLogger(__name__)


def measure(work: Workspace) -> dict[str, Any]:
    """Train each case of `MEMORY_CASES` on the processor, in a process of its own.

    The metric `peak_bytes` lists the most that each process held above what its libraries take,
    and `seconds` how long its updates took. Weights and token ids are random.
    """
    found = []
    with recorded("cpu") as provenance:
        for case in MEMORY_CASES:
            found.append(peak_of(shape_of(case["model"]), recipe_of(case), case["target"]))
            log.info("%s: %.2f GB", case, found[-1]["peak_bytes"] / 1e9)
        work.save_metrics({name: [peak[name] for peak in found] for name in found[0]})
    return provenance
