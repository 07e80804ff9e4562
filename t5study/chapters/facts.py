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
        self._cells: dict[str, Any] = {}

    def __call__(self, **values: str | int) -> None:
        """Add facts, each a text as the prose shows it, or a whole number.

        Raises StudyError for a name given before and for a value that leaves its form open.
        """
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise StudyError(
                    f"The fact {name} is a {type(value).__name__}: give the text that the prose is "
                    'to show, such as f"{value:.2f}".'
                )
        _refuse_twice(self._cells, values)
        self._facts |= {name: Fact(value) for name, value in values.items()}
        _show({"facts": {name: str(value) for name, value in values.items()}})

    def __getattr__(self, name: str) -> Fact:
        try:
            return self.__dict__["_facts"][name]
        except KeyError:
            raise AttributeError(f"no cell has given a fact {name} so far") from None


class Findings:
    """The conditions that a notebook's sentences rest on, by name."""

    def __init__(self) -> None:
        self._cells: dict[str, Any] = {}

    def __call__(self, **conditions: Any) -> None:
        """Say of each finding whether it is so in the runs at hand.

        Raises StudyError for a name given before.
        """
        _refuse_twice(self._cells, conditions)
        _show({"finds": {name: bool(is_so) for name, is_so in conditions.items()}})


def _refuse_twice(cells: dict[str, Any], names: dict[str, Any]) -> None:
    """Note which cell gives the names; a cell that is run again may give its own again."""
    cell, count = _this_cell()
    for name in names:
        given = cells.get(name)
        again = given is not None and cell is not None and given[0] == cell and given[1] != count
        if given is not None and not again:
            raise StudyError(f"The name {name} was given before: choose another one.")
    cells |= dict.fromkeys(names, (cell, count))


def _this_cell() -> tuple[str | None, int]:
    """The id of the cell that runs, where the editor tells it, and the number of its execution."""
    shell = _shell()
    parent = getattr(shell, "get_parent", dict)()
    cell = parent.get("metadata", {}).get("cellId")
    return cell, getattr(shell, "execution_count", 0)


def _show(output: dict[str, dict[str, Any]]) -> None:
    shell = _shell()
    if shell is not None:
        shell.display_pub.publish({MIME: output})


def _shell() -> Any:
    """The IPython that runs this, if one does."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
