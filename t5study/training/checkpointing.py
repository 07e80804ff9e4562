"""The checkpoints of a run in progress: whole or not at all, and which of them to continue from.

A checkpoint is a folder `checkpoint-<updates>` with a list of checksums (see `base.checksums`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object
from safetensors import SafetensorError

from t5study.base import files
from t5study.base.checksums import difference, write_checksums
from t5study.base.errors import StudyError

MADE_WITH = "made_with.json"

log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run in `folder`.

    `made_with` is what a later update depends on: a checkpoint made with other values is refused.
    `keep` is how many of the best by validation loss are kept.
    """

    def __init__(self, folder: Path, made_with: dict[str, Any], keep: int) -> None:
        self.folder = folder
        self.made_with = made_with
        self.keep = keep

    def checked(self, checkpoint: Path) -> dict[str, Any]:
        """Return what a checkpoint was made with.

        Raises:
            StudyError: it was made with other settings or other code; they are named.
        """
        path = checkpoint / MADE_WITH
        made_with = json.loads(path.read_text()) if path.is_file() else {}
        other = sorted(n for n, value in self.made_with.items() if made_with.get(n) != value)
        if other:
            raise StudyError(
                f"{checkpoint} was made with another {', '.join(other)}: remove "
                f"{checkpoint.parent} to begin anew, or run what it belongs to."
            )
        return made_with

    @contextlib.contextmanager
    def staging(self, step: int, writes: bool) -> Iterator[Path]:
        """Yield the folder in which the checkpoint of an update is written before it is moved.

        `writes` says whether this process does so.

        Raises:
            StudyError: it could not be written.
        """
        staging = self.folder / ".staging"
        if writes:
            shutil.rmtree(staging, ignore_errors=True)
        try:
            yield staging
        # A full disk shows as any of these, by the library that was writing.
        except (OSError, SafetensorError, RuntimeError) as error:
            # How torch's writer of files tells that it could not write.
            words = ("PytorchStreamWriter", "inline_container")
            if isinstance(error, RuntimeError) and not any(word in str(error) for word in words):
                raise
            raise StudyError(
                f"The checkpoint of update {step} cannot be written ({error}): free some space and "
                "run the same command again, it continues from the checkpoint before."
            ) from error
        finally:
            if writes:
                shutil.rmtree(staging, ignore_errors=True)

    def put_in_place(self, draft: Path, more: dict[str, Any], losses: dict[int, float]) -> None:
        """Make a finished draft the newest checkpoint, and remove those not worth keeping.

        `more` is kept with what it was made with; `losses` are the validation losses by step.
        """
        # A pickle that nothing here reads, and that names paths of the machine.
        (draft / "training_args.bin").unlink(missing_ok=True)
        (draft / MADE_WITH).write_text(json.dumps(self.made_with | more))
        write_checksums(draft)
        files.put_in_place(draft, self.folder / draft.name)
        self._prune(losses)

    def _prune(self, losses: dict[int, float]) -> None:
        """Keep the best by validation loss, and two to resume from.

        Should the newest be damaged, there is the one before it.
        """
        ranked = sorted(losses, key=lambda step: (losses[step], step))
        there = {step_of(folder): folder for folder in self.folder.glob("checkpoint-*")}
        for step in there.keys() - {*ranked[: self.keep], *sorted(there)[-2:]}:
            shutil.rmtree(there[step])


def refuse_unshared(folder: Path, accelerator: Accelerator) -> None:
    """Raise StudyError where not all processes of a run see the same folder."""
    (token,) = gather_object([uuid.uuid4().hex])[:1]
    mark = folder / f".shared-{token}"
    if accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    accelerator.wait_for_everyone()
    shared = all(gather_object([mark.is_file()]))
    if accelerator.is_main_process:
        mark.unlink()
    if not shared:
        raise StudyError(
            f"Not all processes see the same {folder}: name a folder with --out that all machines "
            "share."
        )


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
