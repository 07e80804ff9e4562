"""Rows held out by the hash of their text, and what a user should know of the texts they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
