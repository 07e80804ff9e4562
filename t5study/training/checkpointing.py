"""The checkpoints of a run in progress: whole or not at all, and which of them to continue from.

A checkpoint is a folder `checkpoint-<updates>` with a list of checksums (see `base.checksums`).
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from t5study.base.checksums import difference

log = logging.getLogger(__name__)


def step_of(checkpoint: Path) -> int:
    """Return after how many updates a checkpoint was written."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def is_intact(checkpoint: Path) -> bool:
    """Return whether a checkpoint holds the files that were written, all and unchanged."""
    return not difference(checkpoint)


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest intact checkpoint under `folder`; damaged ones are named and removed."""
    damaged = False
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        if is_intact(checkpoint):
            if damaged:
                log.warning("continuing from %s", checkpoint.name)
            return checkpoint
        damaged = True
        log.warning("%s is damaged and removed", checkpoint.name)
        shutil.rmtree(checkpoint, ignore_errors=True)
    if damaged:
        log.warning("no checkpoint is whole: beginning anew")
    return None


def latest_with_best(folder: Path) -> Path | None:
    """Return the newest intact checkpoint whose best one so far is intact as well.

    What came after a damaged best one cannot bring it back, and is removed with it: an earlier
    checkpoint leads there again.
    """
    while (start := latest_checkpoint(folder)) is not None:
        state = json.loads((start / "trainer_state.json").read_text())
        evaluated = evaluations(state["log_history"])
        best = folder / f"checkpoint-{best_of(evaluated)[0]}" if evaluated else start
        if best == start or is_intact(best):
            return start
        log.warning("%s, the best so far, is damaged: what came after is removed", best.name)
        for checkpoint in folder.glob("checkpoint-*"):
            if step_of(checkpoint) >= step_of(best):
                shutil.rmtree(checkpoint)
    return None


def evaluations(log_history: list[dict[str, Any]]) -> dict[int, float]:
    """Return the validation losses by step, from a Trainer's log."""
    return {row["step"]: row["eval_loss"] for row in log_history if "eval_loss" in row}


def best_of(losses: dict[int, float]) -> tuple[int, float]:
    """Return the step of the least validation loss, the first of several, and that loss."""
    return min(losses.items(), key=lambda pair: (pair[1], pair[0]))


def exhausted(losses: dict[int, float], patience: int | None) -> bool:
    """Return whether the last `patience` evaluations have brought no better loss."""
    if patience is None or not losses:
        return False
    ordered = [losses[step] for step in sorted(losses)]
    return len(ordered) - 1 - ordered.index(min(ordered)) >= patience
