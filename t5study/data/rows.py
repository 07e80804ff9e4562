"""Rows of a task's splits: held out and chosen by hash, the same on every machine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from t5study.base.errors import StudyError
from t5study.data.casts import as_text, values
from t5study.data.tasks import Task

if TYPE_CHECKING:
    from datasets import Dataset

    from t5study.data.hub import Hub


def split_rows(task: Task, hub: Hub, split: str, limit: int | None = None) -> Dataset:
    """The rows of a task's split, with a column `row`: the row's number in the data set's split.

    Args:
        split: a key of `task.splits`.
        limit: at most so many rows, chosen by hash in the proportions of the labels; a smaller
            choice is a part of a larger one, and rows keep their order.

    Raises:
        StudyError: an unknown split, a limit below 1, or data that cannot be had.
    """
    if limit is not None and limit < 1:
        raise StudyError(f"A limit of {limit} rows leaves {task.name} nothing: use 1 or more.")
    place = task.place(split)
    data = hub.dataset(task.repo, task.config, place.split)
    if "row" in data.column_names:
        data = data.remove_columns("row")
    data = data.add_column("row", np.arange(len(data)))
    if place.part == "all" and (limit is None or limit >= len(data)):
        return data
    order = hashed_order(data.select_columns([*task.fields, task.target]), task)
    if place.part != "all":
        held_out = min(task.held_out, len(data) // 10)
        order = order[:held_out] if place.part == "held-out" else order[held_out:]
    return data.select(np.sort(order[:limit]))


def hashed_order(data: Dataset, task: Task) -> np.ndarray:
    """All row numbers in an order of which every beginning has nearly the labels' proportions.

    Rows are shuffled by the SHA-256 of their number and text; within a label the i-th of n rows
    gets the place (i + 1/2) / n, and all rows are sorted by place. The order depends on nothing but
    the data. For regression and generation it is the shuffle alone.
    """
    columns = [values(data, name) for name in task.fields]
    keys = [_key(number, fields) for number, fields in enumerate(zip(*columns, strict=True))]
    shuffled = np.asarray(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    if task.kind != "classification":
        return shuffled
    # As text, whatever they are: the cast names a row whose label is none.
    labels = np.asarray([str(label) for label in values(data, task.target)])[shuffled]
    place = np.empty(len(shuffled))
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return shuffled[np.argsort(place, kind="stable")]


def _key(number: int, fields: tuple[Any, ...]) -> bytes:
    text = "\n".join((as_text(value) or "").strip() for value in fields)
    return hashlib.sha256(f"{number}\n{text}".encode()).digest()
