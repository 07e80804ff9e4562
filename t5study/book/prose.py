"""The prose of a page: facts in their places, and no sentence that is not true of its runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from t5study.base.errors import StudyError
from t5study.chapters.facts import MIME

PUBLISHED = "published"
"""What a cell needs that takes too long for the bundled book: the tag is `needs:published`."""
_EVAL = re.compile(r"\{eval\}`([^`]*)`")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|$~&])")


def set_prose(notebook: Any, chapter: str, ours: bool, models: Collection[str]) -> Any:
    """Put facts into the prose, in place, and take out what is not for this page.

    `ours` says whether the page is of the profile that the prose is written for. It then has no
    cell whose finding is not so in its runs; a page of another profile has none of the cells tagged
    `finds:NAME` or `only:published`, nor those that quote a fact its runs do not give. Neither has
    cells tagged `needs:MODEL` where the model is not among `models`; the page then says so, once.
    Returns the same notebook.

    Raises StudyError when the prose of our own page names a fact that the notebook does not give.
    """
    facts, found = recorded(notebook)
    without_weights = any(lacks(cell, {*models, PUBLISHED}) for cell in notebook.cells)
    notebook.cells = [cell for cell in notebook.cells if not lacks(cell, models)]
    if without_weights:
        _say_what_is_left_out(notebook)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if _is_for(cell, ours, found) and (ours or _is_given(cell, facts))
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell["outputs"] = [o for o in cell.outputs if MIME not in o.get("data", {})]
        elif cell.cell_type == "markdown":
            for _, value in quotations(cell, facts, chapter):
                _put(cell, value)
    return notebook


def lacks(cell: Any, models: Collection[str]) -> bool:
    """Whether a cell needs a model, or a profile, that is not among `models`."""
    needed = [tag.partition(":") for tag in cell.metadata.get("tags", [])]
    return any(kind == "needs" and name not in models for kind, _, name in needed)


def _say_what_is_left_out(notebook: Any) -> None:
    """Put a note at the end of the first cell."""
    notebook.cells[0]["source"] += (
        "\n\n:::{note}\nThis page was made without the weights of a published model, and its "
        "sections about that model are left out. `make weights` fetches them.\n:::"
    )


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


def quotations(cell: Any, facts: dict[str, str], chapter: str) -> list[tuple[str, str]]:
    """What a cell of prose quotes, as pairs of expression and value, in their order.

    Raises StudyError for an expression that is no fact of `facts`.
    """
    quoted = []
    for role in _EVAL.finditer(cell.source):
        expression = role[1].strip()
        name = expression.removeprefix("facts.")
        if name == expression or name not in facts:
            raise StudyError(
                f"Chapter {chapter} quotes {expression!r}, and no cell gives that fact: "
                "add it to a call of `facts`, or mend the name."
            )
        quoted.append((expression, facts[name]))
    return quoted


def check_prose(notebook: Any, chapter: str) -> None:
    """Check what the prose rests on.

    Raises StudyError naming the first sentence whose finding is not so or was never given, or the
    first fact that is quoted and was never given.
    """
    facts, found = recorded(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            quotations(cell, facts, chapter)
        for name in _findings(cell):
            if not found.get(name):
                problem = "is not so in these runs" if name in found else "is given by no cell"
                raise StudyError(
                    f'Chapter {chapter}: the finding {name} of "{_first_words(cell)} …" {problem}: '
                    "change the sentence or its condition."
                )


def _is_for(cell: Any, ours: bool, found: dict[str, bool]) -> bool:
    names = list(_findings(cell))
    if not ours:
        return not names and "only:published" not in cell.metadata.get("tags", [])
    return all(found.get(name) for name in names)


def _is_given(cell: Any, facts: dict[str, str]) -> bool:
    """Whether all that a cell of prose quotes is among the facts."""
    quoted = _EVAL.findall(cell.source) if cell.cell_type == "markdown" else []
    return all(expression.strip().removeprefix("facts.") in facts for expression in quoted)


def _findings(cell: Any) -> Iterator[str]:
    for tag in cell.metadata.get("tags", []):
        kind, _, name = tag.partition(":")
        if kind == "finds":
            yield name


def _first_words(cell: Any) -> str:
    words = re.sub(r"^#+ .*$", "", cell.source, flags=re.M).split()
    return " ".join(words[:8])


def _put(cell: Any, value: str) -> None:
    """Put a value in the place of the cell's first role, as text that Markdown leaves as it is."""
    before, _, after = cell.source.partition("{eval}`")
    after = after.partition("`")[2]
    # A number and a stop at the beginning of a line would open a list.
    stop = "\\" if value.isdigit() and after[:1] in (".", ")") else ""
    cell["source"] = before + _MARKUP.sub(r"\\\1", value) + stop + after
