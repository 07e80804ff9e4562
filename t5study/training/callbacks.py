"""What happens beside the updates of a training: pace, time, progress, divergence, history."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from transformers import TrainerCallback

from t5study.base.errors import StudyError
from t5study.training.acceleration import return_memory
from t5study.training.checkpointing import evaluations, exhausted

MEMORY_EVERY = 16
"""Updates between two returns of memory: one costs a twentieth of a second and its page faults."""

GROWN, LARGE = 10.0, 3.0
"""A loss that is so many times its first value, or times `LARGE` where it began lower, diverges."""

LOGGED = ("loss", "grad_norm", "learning_rate")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often a run logs, evaluates and saves, in updates; and when it stops early.

    `keep_checkpoints` is how many of the best it keeps, `patience` after how many evaluations
    without a better loss it ends (None: never).
    """

    evaluate_every: int
    save_every: int
    log_every: int
    keep_checkpoints: int = 1
    patience: int | None = None


class KeepPace(TrainerCallback):
    """Log, evaluate, save and stop early at the steps of a pace, and do all at the last step."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Say what is to be done after this update."""
        step, last = state.global_step, state.global_step >= state.max_steps
        control.should_evaluate = last or step % self.pace.evaluate_every == 0
        control.should_save = last or step % self.pace.save_every == 0
        # Logging with every save keeps the window of the averaged loss the same after a resume.
        control.should_log = (
            control.should_save or control.should_evaluate or step % self.pace.log_every == 0
        )

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        """Stop, and save, where the patience is used up."""
        if exhausted(evaluations(state.log_history), self.pace.patience):
            control.should_training_stop = True
            control.should_save = True


@dataclass
class Stopwatch(TrainerCallback):
    """Seconds of training, waiting for data included; evaluation and checkpoints left out."""

    seconds: float = 0.0
    _started: float = field(default=0.0, repr=False)

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Start the clock before the first update is made."""
        self._started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Count an update, from the end of what was before it."""
        now = time.perf_counter()
        self.seconds += now - self._started
        self._started = now

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        """Leave an evaluation out."""
        self._started = time.perf_counter()

    def on_save(self, args, state, control, **kwargs) -> None:
        """Leave a checkpoint out."""
        self._started = time.perf_counter()


class Progress(TrainerCallback):
    """One line a logged step: where the run is, its loss, and how long it will still take.

    The lines go to the package's log: the command line shows them, a notebook does not.
    """

    def __init__(self) -> None:
        self.started, self.first_step = time.perf_counter(), 0

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Count from the update that this process begins with."""
        self.started, self.first_step = time.perf_counter(), state.global_step

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        """Write the line, in the first process alone."""
        done = state.global_step - self.first_step
        if not done or not state.is_world_process_zero:
            return
        left = (time.perf_counter() - self.started) / done * (state.max_steps - state.global_step)
        losses = {"loss": "loss", "eval_loss": "validation loss"}
        shown = [f"{label} {logs[name]:.4f}" for name, label in losses.items() if name in logs]
        if shown:
            where = f"update {state.global_step} of {state.max_steps}"
            log.info("%s, %s, about %.0f s left", where, ", ".join(shown), left)


class ReturnMemory(TrainerCallback):
    """Freed memory goes back to the system every so many updates, and does not pile up."""

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Return it, where the processor trains."""
        if args.device.type == "cpu" and state.global_step % MEMORY_EVERY == 0:
            return_memory()


class Divergence(TrainerCallback):
    """Watches the losses of a run, and knows what to say of them."""

    def __init__(self, learning_rate: float) -> None:
        self.first_loss: float | None = None
        """The loss of update 1, in the process life that began there."""
        self._cause = (
            f"the likely cause is the learning rate {learning_rate:g}, lower it in the recipe"
        )

    def refuse_no_number(self, name: str, loss: float, when: str) -> None:
        """Raise StudyError for a loss that is no finite number."""
        if not math.isfinite(loss):
            raise StudyError(
                f"The {name} is {loss} {when}: {self._cause}; the checkpoints before it are kept."
            )

    def on_log(self, args, state, control, logs: dict[str, Any], **kwargs) -> None:
        """Raise StudyError where the loss has grown out of bounds though it is still a number."""
        if "loss" not in logs:
            return
        first = self.first_loss
        if first is None:
            first = next(row["loss"] for row in state.log_history if "loss" in row)
        if logs["loss"] > GROWN * max(first, LARGE):
            raise StudyError(
                f"The loss has grown from {first:.3g} to {logs['loss']:.3g} at update "
                f"{state.global_step}: {self._cause}."
            )


def history(
    log: list[dict[str, Any]], place: Callable[[int], dict[str, float]], held_out: str
) -> pd.DataFrame:
    """Return one row a logged step: step, where that is, loss, grad_norm, learning_rate, and more.

    Args:
        log: the Trainer's `log_history`.
        place: what a step is in other units, such as {"epoch": 1.5}.
        held_out: what the names of results on held-out rows begin with, such as "validation".
    """
    rows: dict[int, dict[str, float]] = {}
    for entry in log:
        step = entry["step"]
        row = rows.setdefault(step, {"step": step, **place(step)})
        row |= {name: entry[name] for name in LOGGED if name in entry}
        # In order, since a log that was kept in a checkpoint comes back so.
        row |= {
            name.replace("eval", held_out, 1): entry[name]
            for name in sorted(entry)
            if name.startswith("eval_")
        }
    return pd.DataFrame([rows[step] for step in sorted(rows)])
