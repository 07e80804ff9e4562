"""The prose of a page: facts in their places, and no sentence that is not true of its run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from t5study.base.errors import StudyError
from t5study.chapters.facts import MIME

PUBLISHED = "published"
"""The profile that the prose is written for."""
# With the stop behind it: a number and a stop at the beginning of a line would open a list.
_EVAL = re.compile(r"\{eval\}`([^`]*)`([.)]?)")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|$~&])")


def set_prose(notebook: Any, chapter: str, profile: str) -> Any:
    """Put facts into the prose, in place, and take out what is not for a page of this profile.

    A page of another profile than the published one has no cells tagged `finds:NAME` or
    `only:published`; a page of the published one has none whose finding is not so in its runs.
    Returns the same notebook.

    Raises StudyError when the prose names a fact that the notebook does not give.
    """
    facts, found = recorded(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell["outputs"] = [o for o in cell.outputs if MIME not in o.get("data", {})]
    notebook.cells = [cell for cell in notebook.cells if _is_for(cell, profile, found)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = _EVAL.sub(lambda role: _quoted(role, facts, chapter), cell.source)
    return notebook


def recorded(notebook: Any) -> tuple[dict[str, str], dict[str, bool]]:
    """The facts and the findings that an executed notebook gave, by name."""
    facts: dict[str, str] = {}
    found: dict[str, bool] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            given = output.get("data", {}).get(MIME, {})
            facts |= given.get("facts", {})
            found |= given.get("finds", {})
    return facts, found


def check_findings(notebook: Any, chapter: str) -> None:
    """Raise StudyError naming the first sentence whose finding is not so or was never given."""
    _, found = recorded(notebook)
    for cell in notebook.cells:
        for name in _findings(cell):
            if not found.get(name):
                problem = "is not so in these runs" if name in found else "is given by no cell"
                raise StudyError(
                    f'Chapter {chapter}: the finding {name} of "{_first_words(cell)} …" {problem}: '
                    "change the sentence or its condition."
                )


def _is_for(cell: Any, profile: str, found: dict[str, bool]) -> bool:
    names = list(_findings(cell))
    if profile != PUBLISHED:
        return not names and "only:published" not in cell.metadata.get("tags", [])
    return all(found.get(name) for name in names)


def _findings(cell: Any) -> Iterator[str]:
    for tag in cell.metadata.get("tags", []):
        kind, _, name = tag.partition(":")
        if kind == "finds":
            yield name


def _first_words(cell: Any) -> str:
    words = re.sub(r"^#+ .*$", "", cell.source, flags=re.M).split()
    return " ".join(words[:8])


def _quoted(role: re.Match[str], facts: dict[str, str], chapter: str) -> str:
    expression, stop = role.groups()
    name = expression.strip().removeprefix("facts.")
    if not expression.strip().startswith("facts.") or name not in facts:
        raise StudyError(
            f"Chapter {chapter} quotes {expression!r}, and no cell gives that fact: "
            "add it to a call of `facts`, or mend the name."
        )
    value = _MARKUP.sub(r"\\\1", facts[name])
    return value + ("\\" if stop and value.isdigit() else "") + stop
