"""What to do where memory runs out: tell it from other errors, and ask for less at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from t5study.base.errors import StudyError

Found = TypeVar("Found")

log = logging.getLogger(__name__)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that memory ran out."""
    # On a CPU torch raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def halving(compute: Callable[[int], Found], size: int) -> Found:
    """Return `compute(size)`; where memory runs out, with `size` halved.

    Raises:
        StudyError: memory runs out at a size of 1, too.
    """
    while True:
        try:
            return compute(size)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if size <= 1:
                raise StudyError(
                    "The smallest batch does not fit into memory beside the model: lower "
                    "max_source_length, or take a smaller model."
                ) from None
        # Only here has the error, and with it what the failed pass had computed, gone.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size //= 2
        log.warning("out of memory without training: batches halved, to a size of %d", size)
