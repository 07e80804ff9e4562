"""A run whose loss has left all bounds ends in a sentence, and its checkpoints are kept."""

from __future__ import annotations

import math
from typing import Any

from transformers import TrainerCallback

from t5study.base.errors import StudyError

GROWN, LARGE = 10.0, 3.0
"""A loss that is so many times its first value, or times `LARGE` where it began lower, diverges."""


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
