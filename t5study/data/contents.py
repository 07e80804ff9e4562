"""The rows of a data set's split: read from parquet files, and told apart by what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from t5study.base.errors import StudyError


def read_parquet(files: list[Path]) -> pa.Table:
    """The rows of all files one after the other, with the columns that all of them have.

    Files may store the same content in other types (string and large_string, int32 and int64).

    Raises:
        StudyError: a file is damaged, or the files do not fit together.
    """
    tables = []
    for path in files:
        try:
            tables.append(pq.read_table(path, partitioning=None))
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
    shared = [n for n in tables[0].column_names if all(n in t.column_names for t in tables)]
    try:
        table = pa.concat_tables([t.select(shared) for t in tables], promote_options="permissive")
    except pa.ArrowException as error:
        raise _damaged(files[0].parent, error) from error
    from datasets import Features

    return table.cast(Features.from_arrow_schema(table.schema).arrow_schema)


def _damaged(path: Path, error: Exception) -> StudyError:
    return StudyError(
        f"{path} is damaged and cannot be read ({type(error).__name__}): "
        "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
    )


def content_fingerprint(table: pa.Table, columns: list[str]) -> str:
    """SHA-256 over the values of `columns`, rows in order, whatever the storage.

    Each column is hashed as lengths and bytes: text as UTF-8 without blanks at its ends (a cast
    drops those too), integers as int64, floats in units of 1e-4 (so that float32 and float64 files
    agree), lists as their lengths and then their items. A missing value has length -1.
    """
    digest = hashlib.sha256()
    for name in columns:
        digest.update(f"{name}\0{table.num_rows}\0".encode())
        for part in _canonical(table.column(name).combine_chunks()):
            digest.update(part)
    return digest.hexdigest()


def _canonical(column: pa.Array | pa.ChunkedArray) -> Iterator[bytes]:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield _int_bytes(pc.fill_null(pc.list_value_length(column), -1))
        yield from _canonical(pc.list_flatten(column))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
        yield _int_bytes(pc.fill_null(pc.binary_length(text), -1))
        yield "".join(pc.fill_null(text, "").to_pylist()).encode()
    elif pa.types.is_floating(kind):
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        yield np.nan_to_num(np.round(values * 1e4), nan=-1e9).astype("<i8").tobytes()
    else:
        yield _int_bytes(pc.fill_null(column.cast(pa.int64()), -(2**62)))


def _int_bytes(values: pa.Array) -> bytes:
    return values.cast(pa.int64()).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
