"""The facts in a news story or a summary: who, what, where, when, how many."""

from __future__ import annotations

import re
from functools import lru_cache

from t5study.pocket import lexicon

Fact = tuple[str, str]


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    first = "|".join(name for names in lexicon.FIRST_NAMES.values() for name in names.split())
    last = "|".join(lexicon.LAST_NAMES.split())
    parts = {"who": f"(?:{first}) (?:{last})"}
    parts |= {role: _any(listed) for role, listed in _LISTS.items()}
    parts["what"] += "|" + "|".join(_SAME_EVENT)
    named = "|".join(f"(?P<{role}>{pattern})" for role, pattern in parts.items())
    return re.compile(rf"\b(?:{named})\b")


_SAME_EVENT = {
    "stopped work": "strike",
    "not go to work": "strike",
    "sang for": "concert",
    "a concert by": "concert",
}
"""Wordings of one event; its fact has the same name however it is told."""

_LISTS = {
    "where": lexicon.WORDS["CITY"],
    "when": lexicon.WORDS["DAY"],
    "number": lexicon.NUMBERS,
    "what": " ".join(
        [lexicon.EVENTS, lexicon.PRIZES, "fire"]
        + [lexicon.WORDS[name] for name in ("BUILDING", "LOOT", "WORKERS")]
    ),
}


def _any(listed: str) -> str:
    """A pattern for any word or phrase of a list; a capital is allowed at a sentence start."""
    phrases = sorted(listed.split(), key=len, reverse=True)
    return "|".join(f"[{p[0].upper()}{p[0].lower()}]{p[1:]}".replace("_", " ") for p in phrases)


def facts(text: str) -> set[Fact]:
    """The facts of a story or a summary as (role, value), the value in lower case.

    Roles: `who` (a full name), `what`, `where` (a city), `when` (a day), `number`. A summary
    invents nothing if its facts are a subset of its story's.
    """
    found = ((str(match.lastgroup), match[0].lower()) for match in _pattern().finditer(text))
    return {(role, _SAME_EVENT.get(value, value)) for role, value in found}
