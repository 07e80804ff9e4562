"""The prose of a page: facts in their places, links, no sentence that is not true of its runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
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

    Raises StudyError when the prose of our own page names a fact that the notebook does not give,
    and for a name that it gives twice.
    """
    _refuse_twice(notebook, chapter)
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
    for given in _given(notebook):
        facts |= given.get("facts", {})
        found |= given.get("finds", {})
    return facts, found


def _given(notebook: Any) -> Iterator[dict[str, dict[str, Any]]]:
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    yield from (output.get("data", {}).get(MIME, {}) for output in outputs)


def _refuse_twice(notebook: Any, chapter: str) -> None:
    """Raise StudyError where two calls give one name: the prose would quote the later alone."""
    given = Counter(
        (kind, name) for each in _given(notebook) for kind, names in each.items() for name in names
    )
    for (_, name), times in given.items():
        if times > 1:
            raise StudyError(f"Chapter {chapter} gives the name {name} twice: choose another one.")


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
    _refuse_twice(notebook, chapter)
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


# --- links to chapters that prose names by their numbers

_NAMED = re.compile(r"\b([Cc]hapters?)\s+(\d+)((?:(?:,\s+|\s+and\s+|\s+to\s+)\d+)*)\b")
_FENCE = re.compile(r"^ *(`{3,}|:{3,}|\$\$) *(\{[\w-]+\})?(.*)$")
# Inline code and roles, links, headings, comments: their words stay.
_AS_IT_IS = re.compile(r"(`[^`]*`|\[[^\]]*\]\([^)]*\)|^#[^\n]*$|<!--.*?-->)", re.S | re.M)
_PROSE = ("{admonition}", "{note}", "{tip}", "{warning}", "{grid}", "{grid-item-card}")


def linked(text: str, numbers: Mapping[int, str], here: int | None = None) -> str:
    """Make a link of each chapter that a text in Markdown names, but for the chapter `here`.

    `numbers` are the chapters that there are, by number. Code, mathematics, headings and what is a
    link already stay as they are.
    """

    def link(number: str, words: str) -> str:
        name = numbers.get(int(number))
        if name is None or int(number) == here:
            return words
        return f"{{doc}}`{words} </notebooks/{name}>`"

    def links(found: re.Match) -> str:
        word, first, more = found.groups()
        if not more:
            return link(first, f"{word} {first}")
        return f"{word} " + re.sub(r"\d+", lambda m: link(m[0], m[0]), first + more)

    def in_prose(prose: str) -> str:
        parts = _AS_IT_IS.split(prose)
        # Every other part is what the pattern found.
        parts[::2] = [_NAMED.sub(links, part) for part in parts[::2]]
        return "".join(parts)

    return "".join(in_prose(part) if prose else part for prose, part in _parts(text))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Stretches of a text, and whether each is prose: not a line of a fence, and not code."""
    open_fences: list[tuple[str, bool]] = []
    prose: list[str] = []
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line.rstrip("\n"))
        if fence is None and all(is_prose for _, is_prose in open_fences):
            prose.append(line)
            continue
        yield True, "".join(prose)
        prose = []
        yield False, line
        if fence is None:
            continue
        mark, directive, rest = fence.groups()
        if open_fences and open_fences[-1][0] == mark and not directive and not rest.strip():
            open_fences.pop()
        elif not (mark == "$$" and rest.strip()):
            open_fences.append((mark, directive in _PROSE))
    yield True, "".join(prose)
