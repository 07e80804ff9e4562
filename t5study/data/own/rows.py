"""The rows of one file of the user's own: read, checked, and the bad ones named together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.data.casts import is_blank
from t5study.data.own.files import Bad, Row, read_rows

LONGEST = 1_000_000
"""Characters of the longest text: what is longer is a file read wrongly, not a text."""
MOST_NAMED = 5
"""So many bad rows, or labels, are named in one sentence; the others are counted."""


@dataclass
class Columns:
    """The rows of one file: texts, answers, and a number for each text that copies share."""

    texts: list[str] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)


def read_columns(path: Path, text: str, target: str | None, writes: bool) -> Columns:
    """Read and check the rows of a file; without `target` the texts alone."""
    found, bad, more, numbers = Columns(), [], 0, 0
    for row in read_rows(path, [text] if target is None else [text, target]):
        problem = row.problem if isinstance(row, Bad) else _problem(row, text, target, writes)
        if problem:
            more += len(bad) == MOST_NAMED
            bad += [f"{row.place} {problem}"] if len(bad) < MOST_NAMED else []
            continue
        value = row.values[0].strip()
        numbers += _is_number(value)
        found.texts.append(value)
        found.keys.append(_key(value))
        if target is not None:
            found.answers.append(_as_label(row.values[1]))
    if bad:
        others = f", and {more} more" if more else ""
        raise StudyError(
            f"{path} has {len(bad) + more} bad row{'s' * (len(bad) + more > 1)}: "
            f"{'; '.join(bad)}{others}: mend or remove them."
        )
    if not found.texts:
        raise StudyError(f"{path} has no row below its header: give it some.")
    if numbers == len(found.texts):
        raise StudyError(
            f"The column '{text}' of {path} holds numbers only: name the column of texts with "
            "--text-column."
        )
    return found


def _problem(row: Row, text: str, target: str | None, writes: bool) -> str:
    """What is wrong with a row's values, as in "has no Kind"; empty where nothing is."""
    value = row.values[0]
    if value is not None and not isinstance(value, str):
        return f"has {value!r} as its {text}, which is no text"
    if value is None or is_blank(value):
        return f"has an empty {text}"
    if len(value) > LONGEST:
        return f"has {len(value):,} characters of {text}, at most {LONGEST:,} are read"
    if target is None:
        return ""
    answer = row.values[1]
    if answer is None or (isinstance(answer, str) and is_blank(answer)):
        return f"has no {target}"
    if not isinstance(answer, str) and (writes or _as_label(answer) is None):
        return f"has {answer!r} as its {target}, which is no {'text' if writes else 'label'}"
    return ""


def _as_label(value: Any) -> str | None:
    """A label as it stands in the data; None for a value that is none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int):
        return str(value)
    # Whole numbers with a gap among them are kept as floats by many programs.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _key(text: str) -> int:
    """A number of 64 bits for a text, whatever the case and the white space of its copies."""
    folded = " ".join(text.casefold().split())
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest(), "big")
