"""How a command of the benchmarks ends where the user made a mistake: in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console

from t5study.base.errors import StudyError


def in_a_sentence(command: Callable[..., None], *arguments: object) -> None:
    """Run a command; print what a StudyError says, without a traceback, and leave with 1."""
    try:
        command(*arguments)
    except StudyError as error:
        Console().print(str(error), style="red", markup=False)
        sys.exit(1)
