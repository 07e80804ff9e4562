"""Links of a page to chapters that its prose names by their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

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
