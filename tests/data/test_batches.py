"""Micro-batches: buckets, and what a split is cut into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import film_table, tiny_t5

from t5study.data.batches import BUCKETS, bucket_of, cut, in_length_order
from t5study.data.encoding import ClassificationCollator, encode
from t5study.models.loading import load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(tiny_t5(tmp_path_factory.mktemp("batches")))


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode(film_table(50), tokenizer, max_source_length=32, max_target_length=8)


def test_a_bucket_holds_its_text_and_never_exceeds_the_maximum():
    for length in range(1, 513):
        bucket = bucket_of(length, 512)
        assert length <= bucket <= 512
        assert bucket in BUCKETS
    assert bucket_of(300, 300) == 300
    assert bucket_of(290, 300) == 300


def test_evaluation_meets_every_row_once_shortest_first(encoded, tokenizer):
    collator = ClassificationCollator(tokenizer.pad_token_id)
    parts = list(in_length_order(encoded, collator, tokens=256))
    rows = np.concatenate([rows for rows, _ in parts])
    assert sorted(rows) == list(range(50))
    widths = [batch["input_ids"].shape[1] for _, batch in parts]
    assert widths == sorted(widths)


def test_few_rows_are_one_micro_batch_and_many_keep_their_buckets():
    lengths = np.array([8, 9, 10, 500] * 64)
    few = list(cut(lengths, np.arange(4), 512, 64 * 512))
    assert [(len(rows), length) for rows, length in few] == [(4, 512)]
    parts = list(cut(lengths, np.arange(256), 512, 64 * 512))
    assert sorted(length for _, length in parts) == [16, 512]


def test_a_gpu_takes_an_update_in_one_piece_where_it_is_small(monkeypatch):
    lengths = np.repeat([30, 100, 500], 40)
    rows = np.arange(len(lengths))
    parted = [length for _, length in cut(lengths, rows, 512, 65_536)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert parted == [32, 128, 512]
    assert [length for _, length in cut(lengths, rows, 512, 65_536)] == [512]
    # No more fits at once than the recipe allows.
    assert [length for _, length in cut(lengths, rows, 512, 32_768)] == parted
