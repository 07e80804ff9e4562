"""Facts and findings of a notebook: the values in its prose, and what its sentences rest on.

A fact is a value that prose quotes with the role `eval`; a finding is a condition without which a
sentence is not true. Each call puts what it was given into the cell's outputs under a type that
neither a page nor an editor displays: there it survives, and is read when the pages are put
together.
"""

from __future__ import annotations

import sys
from typing import Any

from t5study.base.errors import StudyError

MIME = "application/vnd.t5study.facts+json"
"""Type of the outputs: `{"facts": {name: text}}` or `{"finds": {name: whether it is so}}`."""


class Fact(str):
    """A text whose `repr` has no quotes, since that is what an editor shows in the prose."""

    def __repr__(self) -> str:
        return str(self)


class Facts:
    """The values of a notebook's prose, by name: give them by a call, read them as attributes."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}

    def __call__(self, **values: str | int) -> None:
        """Add facts, each a text as the prose shows it, or a whole number.

        Raises StudyError for a value that leaves its form open.
        """
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise StudyError(
                    f"The fact {name} is a {type(value).__name__}: give the text that the prose is "
                    'to show, such as f"{value:.2f}".'
                )
        self._facts |= {name: Fact(value) for name, value in values.items()}
        _show({"facts": {name: str(value) for name, value in values.items()}})

    def __getattr__(self, name: str) -> Fact:
        try:
            return self.__dict__["_facts"][name]
        except KeyError:
            raise AttributeError(f"no cell has given a fact {name} so far") from None


def finds(**conditions: Any) -> None:
    """Say of each finding, the condition that a sentence rests on, whether it is so in the runs."""
    _show({"finds": {name: bool(is_so) for name, is_so in conditions.items()}})


def _show(output: dict[str, dict[str, Any]]) -> None:
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is not None:
        shell.display_pub.publish({MIME: output})
