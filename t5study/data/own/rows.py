"""The rows of a user's own files: read and checked, described, held out by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from t5study.base.errors import StudyError
from t5study.data.casts import is_blank
from t5study.data.own.files import Bad, Row, read_rows

LONGEST = 1_000_000
"""Characters of the longest text: what is longer is a file read wrongly, not a text."""
MOST_NAMED = 5
"""So many bad rows, or labels, are named in one sentence; the others are counted."""
_ROWS_AT_ONCE = 4096
_SCHEMA = pa.schema({"text": pa.large_string(), "answer": pa.large_string(), "key": pa.uint64()})


def read_columns(path: Path, text: str, target: str | None, writes: bool) -> pa.Table:
    """Read and check the rows of a file.

    Args:
        target: the column of labels, or of texts to be written; None reads the texts alone.

    Returns:
        Columns `text`, `answer` (null without a target) and `key`, a number of 64 bits that copies
        of a text share.

    Raises:
        StudyError: the file cannot be read, or rows of it; several are named.
    """
    tables, kept, bad, more, numbers = [_SCHEMA.empty_table()], [], [], 0, 0
    for row in read_rows(path, [text] if target is None else [text, target]):
        problem = row.problem if isinstance(row, Bad) else _problem(row, text, target, writes)
        if problem:
            more += len(bad) == MOST_NAMED
            bad += [f"{row.place} {problem}"] if len(bad) < MOST_NAMED else []
            continue
        value = row.values[0].strip()
        numbers += _is_number(value)
        kept.append((value, None if target is None else _as_label(row.values[1]), _key(value)))
        if len(kept) == _ROWS_AT_ONCE:
            tables.append(_packed(kept))
            kept = []
    table = pa.concat_tables([*tables, _packed(kept)])
    if bad:
        others = f", and {more} more" if more else ""
        raise StudyError(
            f"{path} has {len(bad) + more} bad row{'s' * (len(bad) + more > 1)}: "
            f"{'; '.join(bad)}{others}: mend or remove them."
        )
    if not table.num_rows:
        raise StudyError(f"{path} has no row below its header: give it some.")
    if numbers == table.num_rows:
        raise StudyError(
            f"The column '{text}' of {path} holds numbers only: name the column of texts with "
            "--text-column."
        )
    return table


def _packed(rows: list[tuple[str, str | None, int]]) -> pa.Table:
    """Rows in Arrow, which takes a fifth of the memory of Python's objects."""
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table([list(column) for column in columns], schema=_SCHEMA)


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


# --- splits ---------------------------------------------------------------------------------------

HELD_OUT = 0.15
"""The share of each label's texts that validates, or tests, where no file is given for it."""
FEWEST = 6
"""Different texts of a label from which on one of them validates and one tests."""


def splits_by_hash(keys: np.ndarray, kinds: np.ndarray, held_out: list[str]) -> np.ndarray:
    """Name each row's split: an array of words.

    Within a label, texts are ordered by their hash and the i-th of n gets the place (i + 1/2) / n;
    the first places are held out. So rows of one text stay together, every label keeps at least
    half of its texts for training, and no split depends on the order of the rows.
    """
    texts, of_row = np.unique(keys, return_inverse=True)
    # Of a text with several labels the first of the label words counts.
    kind_of, place = np.full(len(texts), np.inf), np.empty(len(texts))
    np.minimum.at(kind_of, of_row, kinds)
    for kind in np.unique(kind_of):
        mine = np.flatnonzero(kind_of == kind)
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    split = np.full(len(texts), "train", dtype="<U10")
    for number in range(len(held_out), 0, -1):
        split[place < HELD_OUT * number] = held_out[-number]
    return split[of_row]


def across(files: Mapping[str, Path], keys: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Say which texts of a given file stand in another one too."""
    for split, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
        if split in files and other in files:
            shared = int(np.isin(keys[split], keys[other]).sum())
            if shared:
                yield (
                    f"{shared:,} of the {len(keys[split]):,} texts of {files[split].name} stand in "
                    f"{files[other].name} as well: a score on them flatters."
                )


def repeated(path: Path, rows: pa.Table, is_split: bool) -> Iterator[str]:
    """Say how many rows repeat a text, and how many texts have different answers."""
    keys = rows.column("key").to_numpy()
    again = len(keys) - len(np.unique(keys))
    if not again:
        return
    where = "; all rows of one text are in one split" if is_split else ""
    yield f"{again:,} rows of {path.name} repeat the text of another{where}."
    answers = pc.rank(rows.column("answer"), tiebreaker="min").to_numpy()
    different = np.unique(np.stack([keys, answers], axis=1), axis=0)
    at_odds = int((np.unique(different[:, 0], return_counts=True)[1] > 1).sum())
    if at_odds:
        yield f"{at_odds:,} of these texts have more than one answer: no model gets all right."
