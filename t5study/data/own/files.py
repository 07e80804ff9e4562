"""A file of the user's own, row by row: CSV, TSV, JSON lines or Parquet, plain or gzipped.

A row that cannot be read comes out as a `Bad` one, so that several are named at once; what is wrong
with the whole file ends in one sentence.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from t5study.base.errors import StudyError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*SEPARATORS, ".jsonl", ".parquet")
_ALL_SEPARATORS = (",", ";", "\t", "|")
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Row:
    """One row: where it stands in its file, and the values of the columns asked for."""

    place: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Bad:
    """A row that cannot be read: where it stands, and what is wrong, as in "has 3 fields"."""

    place: str
    problem: str


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | Bad]:
    """Give the rows of a file one by one, with the values of `columns`.

    Args:
        path: a `.csv`, `.tsv`, `.jsonl` or `.parquet` file; all but the last perhaps gzipped
            (`.csv.gz`). The values of CSV and TSV are texts.

    Raises:
        StudyError: the file is not there, empty, damaged, of another kind or encoding, or has not
            these columns, each once.
    """
    kind = format_of(path)
    if path.is_dir():
        raise StudyError(f"{path} is a folder: name a file in it.")
    if not path.is_file():
        raise StudyError(f"There is no file {path}: check the path.")
    if not path.stat().st_size:
        raise StudyError(f"{path} is empty (0 bytes): name a file with rows.")
    if kind == ".parquet":
        return _of_parquet(path, columns)
    read = _of_json_lines if kind == ".jsonl" else _of_separated
    return _of_text(path, columns, read)


def format_of(path: Path) -> str:
    """Return the kind of a file by its name: one of `FORMATS`.

    Raises:
        StudyError: the name ends otherwise.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    kind = {".ndjson": ".jsonl"}.get(kind, kind)
    if kind not in FORMATS or (kind == ".parquet" and path.suffix.lower() == ".gz"):
        raise StudyError(
            f"{path} is no table that can be read: save it as {', '.join(FORMATS[:-1])} or "
            f"{FORMATS[-1]}."
        )
    return kind


def _of_text(path: Path, columns: Sequence[str], read: Any) -> Iterator[Row | Bad]:
    try:
        with contextlib.closing(_opened(path)) as file:
            yield from read(path, file, columns)
    except UnicodeDecodeError:
        raise StudyError(
            f"{path}, line {_undecodable(path)}, is not UTF-8 text: save the file as UTF-8."
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _opened(path: Path) -> IO[str]:
    return _opener(path)(path, "rt", encoding="utf-8-sig", newline="")


def _opener(path: Path) -> Callable[..., IO]:
    return gzip.open if path.suffix.lower() == ".gz" else open


def _undecodable(path: Path) -> int:
    """The number of the first line that is not UTF-8."""
    with _opener(path)(path, "rb") as file:
        lines = enumerate(file, start=1)
        return next(n for n, line in lines if line.decode(errors="ignore").encode() != line)


def _damaged(path: Path, error: Exception) -> StudyError:
    return StudyError(
        f"{path} is damaged or cut off ({type(error).__name__}): copy it again from where it is "
        "from."
    )


def _of_separated(path: Path, file: IO[str], columns: Sequence[str]) -> Iterator[Row | Bad]:
    csv.field_size_limit(sys.maxsize)
    first = file.readline()
    separator = _separator(path, first, columns)
    header = next(csv.reader([first], delimiter=separator), [])
    places = _places(path, [name.strip() for name in header], columns)
    reader = csv.reader(file, delimiter=separator, strict=True)
    line = 2
    try:
        for fields in reader:
            place, line = f"line {line}", reader.line_num + 2
            if len(fields) == len(header):
                yield Row(place, tuple(fields[at] for at in places))
            elif fields:
                yield Bad(place, f"has {len(fields)} fields, the header {len(header)}")
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {line}, is no row ({error}): close its quotation marks, and write one "
            'inside a field twice ("").'
        ) from None


def _separator(path: Path, header: str, columns: Sequence[str]) -> str:
    """What separates the fields: what the file's name says, or what the header is written with."""
    usual = SEPARATORS[format_of(path)]

    def fields(separator: str) -> list[str]:
        return [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]

    candidates = (usual, *_ALL_SEPARATORS)
    fitting = [one for one in candidates if set(columns) <= set(fields(one))]
    return fitting[0] if fitting else max(candidates, key=lambda one: len(fields(one)))


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where the columns stand in a header.

    Raises:
        StudyError: one of them is not there, or there twice.
    """
    for name in columns:
        if name not in header:
            raise StudyError(
                f"{path} has no column '{name}': its columns are {', '.join(header) or 'none'}."
            )
        if header.count(name) > 1:
            raise StudyError(
                f"{path} has the column '{name}' {header.count(name)} times: rename all but one."
            )
    return [header.index(name) for name in columns]


def _of_json_lines(path: Path, file: IO[str], columns: Sequence[str]) -> Iterator[Row | Bad]:
    first = True
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            yield Bad(place, "is no JSON")
            continue
        if not isinstance(found, dict):
            yield Bad(place, "is no object with the columns as keys")
            continue
        if first:
            _places(path, list(found), columns)
            first = False
        lacking = [name for name in columns if name not in found]
        if lacking:
            yield Bad(place, f"has no '{lacking[0]}'")
        else:
            yield Row(place, tuple(found[name] for name in columns))


def _of_parquet(path: Path, columns: Sequence[str]) -> Iterator[Row | Bad]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _places(path, file.schema_arrow.names, columns)
            number = 0
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(columns)):
                for values in zip(*(batch.column(n).to_pylist() for n in columns), strict=True):
                    number += 1
                    yield Row(f"row {number}", values)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
