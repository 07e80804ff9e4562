"""Rows: held out and chosen the same way everywhere, in the proportions of the labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from t5study.base.errors import StudyError
from t5study.data.casts import cast
from t5study.data.hub import Hub
from t5study.data.rows import hashed_order, split_rows
from t5study.data.tasks import get_task

MIRROR = Path(__file__).resolve().parents[3] / "shared" / "hub"
on_real_data = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the real data here")
IMDB = get_task("imdb")


class FakeHub:
    """Made-up rows with the columns of the data set that is asked for."""

    def __init__(self, rows: int = 1000) -> None:
        self.rows = rows

    def dataset(self, repo: str, config: str, split: str) -> Dataset:
        labels = [0 if n % 4 else 1 for n in range(self.rows)]
        texts = [f"{split} text {n}" for n in range(self.rows)]
        if repo == "stanfordnlp/imdb":
            return Dataset.from_dict({"text": texts, "label": labels, "row": texts})
        if config == "stsb":
            scores = [n % 50 / 10 for n in range(self.rows)]
            return Dataset.from_dict({"sentence1": texts, "sentence2": texts, "label": scores})
        return Dataset.from_dict({"text": texts, "label": labels})

    def fingerprint(self, repo: str, config: str, split: str) -> str:
        return f"{repo}-{config}-{split}"


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(StudyError, match=r"no split 'dev'.*train, validation"):
        split_rows(IMDB, FakeHub(), "dev")
    with pytest.raises(StudyError, match="limit of 0 rows"):
        split_rows(IMDB, FakeHub(), "train", 0)


def test_held_out_rows_are_a_stratified_tenth_and_the_rest_is_the_rest() -> None:
    held_out = split_rows(IMDB, FakeHub(), "validation")
    rest = split_rows(IMDB, FakeHub(), "train")
    assert len(held_out) == 100
    assert Counter(held_out["label"]) == {0: 75, 1: 25}
    assert sorted([*held_out["row"], *rest["row"]]) == list(range(1000))
    assert held_out["text"][0] == f"train text {held_out['row'][0]}"


def test_a_limit_takes_a_stratified_part_of_the_larger_choice_in_order() -> None:
    chosen: set[int] = set()
    for limit in (8, 50, 400):
        part = split_rows(IMDB, FakeHub(), "train", limit)
        numbers = part["row"][:]
        assert len(part) == limit
        assert numbers == sorted(numbers)
        assert chosen <= set(numbers)
        assert abs(sum(part["label"]) - limit / 4) <= 1
        chosen = set(numbers)
    assert split_rows(IMDB, FakeHub(), "test", 5000).num_rows == 1000


def test_regression_is_held_out_by_hash_alone() -> None:
    task = get_task("stsb")
    held_out = split_rows(task, FakeHub(), "validation")
    assert len(held_out) == 100
    assert len(set(held_out["label"])) > 30


def test_the_order_is_a_permutation_that_depends_on_the_text() -> None:
    data = FakeHub(60).dataset(IMDB.repo, IMDB.config, "train")
    order = hashed_order(data, IMDB)
    assert sorted(order) == list(range(60))
    assert np.array_equal(order, hashed_order(data, IMDB))
    other = FakeHub(60).dataset(IMDB.repo, IMDB.config, "test")
    assert not np.array_equal(order, hashed_order(other, IMDB))


def test_rows_that_no_cast_takes_get_a_place_too_so_that_the_cast_can_name_them() -> None:
    data = Dataset.from_dict({"text": [1.5, None, float("nan")], "label": ["joy", None, "1"]})
    assert sorted(hashed_order(data, IMDB)) == [0, 1, 2]


def test_the_parts_of_a_split_have_their_own_fingerprints() -> None:
    assert list(IMDB.splits) == ["train", "validation", "test"]
    assert len({IMDB.fingerprint(FakeHub(), name) for name in IMDB.splits}) == 3


@on_real_data
def test_imdb_is_held_out_as_it_was_published() -> None:
    hub = Hub(MIRROR)
    held_out = split_rows(IMDB, hub, "validation")
    assert Counter(held_out["label"]) == {0: 1250, 1: 1250}
    numbers = ",".join(map(str, held_out["row"])).encode()
    assert hashlib.sha256(numbers).hexdigest()[:16] == "a4873d5e3b36d065"
    assert split_rows(IMDB, hub, "train").num_rows == 22500
    test = cast(IMDB, split_rows(IMDB, hub, "test"))
    assert Counter(test["target"]) == {"negative": 12500, "positive": 12500}
