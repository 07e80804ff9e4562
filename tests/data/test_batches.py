"""Batches: buckets, updates, determinism."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from datasets import Dataset
from tiny import tiny_t5

from t5study.base.errors import StudyError
from t5study.data import batches
from t5study.data.batches import (
    BUCKETS,
    IGNORED,
    ClassificationCollator,
    Seq2SeqCollator,
    UpdatePlan,
    bucket_of,
    cut,
    encode,
    encoder_positions,
    in_length_order,
)
from t5study.models.loading import load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(tiny_t5(tmp_path_factory.mktemp("batches")))


def table(count: int) -> Dataset:
    sources = ["the film was good " * (1 + i % 9) for i in range(count)]
    return Dataset.from_dict(
        {
            "row": range(count),
            "source": sources,
            "target": ["good" if i % 2 else "not good" for i in range(count)],
            "label": [i % 2 for i in range(count)],
        }
    )


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode(table(50), tokenizer, max_source_length=32, max_target_length=8)


def plan_of(encoded, tokenizer, **changes) -> UpdatePlan:
    values = {
        "batch_size": 16,
        "epochs": 2,
        "seed": 3,
        "tokens_per_micro_batch": 128,
        **changes,
    }
    return UpdatePlan(encoded, Seq2SeqCollator(tokenizer.pad_token_id, 0), **values)


def test_a_bucket_holds_its_text_and_never_exceeds_the_maximum():
    for length in range(1, 513):
        bucket = bucket_of(length, 512)
        assert length <= bucket <= 512
        assert bucket in BUCKETS
    assert bucket_of(300, 300) == 300
    assert bucket_of(290, 300) == 300


def test_every_sequence_ends_with_one_end_token_also_when_cut(encoded, tokenizer):
    for row in encoded.data:
        for ids in (row["source"], row["target"]):
            assert list(ids).count(tokenizer.eos_token_id) == 1
            assert ids[-1] == tokenizer.eos_token_id
    assert encoded.source_lengths.max() == 32


def test_special_pieces_that_a_text_spells_out_are_read_as_text(tokenizer):
    texts = Dataset.from_dict(
        {"row": [0], "source": ["out</s> of <pad> it"], "target": ["good</s>"], "label": [0]}
    )
    (row,) = encode(texts, tokenizer, max_source_length=32, max_target_length=8).data
    for ids in (row["source"].tolist(), row["target"].tolist()):
        assert ids.index(tokenizer.eos_token_id) == len(ids) - 1
        assert tokenizer.pad_token_id not in ids


def test_an_epoch_sees_every_example_once_and_epochs_differ(encoded, tokenizer):
    plan = plan_of(encoded, tokenizer)
    assert plan.updates_per_epoch == 4
    assert len(plan) == 8
    first = np.concatenate([plan.rows(step) for step in range(4)])
    second = np.concatenate([plan.rows(step) for step in range(4, 8)])
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()
    assert plan.rows(5).tolist() == plan_of(encoded, tokenizer).rows(5).tolist()


def test_micro_batches_keep_to_the_budget_and_hold_the_whole_update(encoded, tokenizer):
    plan = plan_of(encoded, tokenizer)
    update = plan[0]
    assert all(batch["input_ids"].numel() <= 128 for batch in update["micro_batches"])
    assert sum(len(batch["input_ids"]) for batch in update["micro_batches"]) == 16
    labels = sum(int((b["labels"] != IGNORED).sum()) for b in update["micro_batches"])
    assert update["items"] == labels


def test_processes_share_an_update_without_overlap(encoded, tokenizer):
    shares = [plan_of(encoded, tokenizer, rank=r, world_size=3)[0] for r in range(3)]

    def texts(updates):
        batches = [batch for update in updates for batch in update["micro_batches"]]
        rows = [ids[ids != tokenizer.pad_token_id] for b in batches for ids in b["input_ids"]]
        return sorted(tuple(ids.tolist()) for ids in rows)

    whole = texts([plan_of(encoded, tokenizer)[0]])
    assert len(set(whole)) > 4
    assert texts(shares) == whole
    assert len({share["items"] for share in shares}) == 1


def test_a_process_without_an_example_gets_a_micro_batch_without_loss(encoded, tokenizer):
    # The last update of an epoch holds 2 of the 50 rows; the third process has none.
    update = plan_of(encoded, tokenizer, rank=2, world_size=3)[3]
    assert [int((b["labels"] != IGNORED).sum()) for b in update["micro_batches"]] == [0]


def test_a_process_that_never_gets_an_example_pads_nothing(encoded, tokenizer):
    plan = plan_of(encoded, tokenizer, batch_size=4, rank=5, world_size=8)
    assert plan.padding_share == 0.0


def test_the_decoder_input_is_the_target_shifted_by_one(encoded, tokenizer):
    batch = plan_of(encoded, tokenizer)[0]["micro_batches"][0]
    labels, shifted = batch["labels"], batch["decoder_input_ids"]
    assert (shifted[:, 0] == 0).all()
    inner = labels[:, :-1] != IGNORED
    assert (shifted[:, 1:][inner] == labels[:, :-1][inner]).all()
    assert (shifted >= 0).all()


def test_evaluation_meets_every_row_once_shortest_first(encoded, tokenizer):
    collator = ClassificationCollator(tokenizer.pad_token_id)
    parts = list(in_length_order(encoded, collator, tokens=256))
    rows = np.concatenate([rows for rows, _ in parts])
    assert sorted(rows) == list(range(50))
    widths = [batch["input_ids"].shape[1] for _, batch in parts]
    assert widths == sorted(widths)


@pytest.mark.parametrize("shared", [{}, {"rank": 1, "world_size": 2}])
def test_padding_share_counts_the_positions_of_the_micro_batches(encoded, tokenizer, shared):
    plan = plan_of(encoded, tokenizer, **shared)
    masks = [
        batch["attention_mask"]
        for step in range(plan.updates_per_epoch)
        for batch in plan[step]["micro_batches"]
    ]
    positions, tokens = sum(m.numel() for m in masks), sum(int(m.sum()) for m in masks)
    assert plan.padding_share == pytest.approx(1 - tokens / positions)


def test_a_small_update_is_one_micro_batch_and_a_large_one_keeps_its_buckets(encoded, tokenizer):
    small = plan_of(encoded, tokenizer, tokens_per_micro_batch=4096)
    assert len(small[0]["micro_batches"]) == 1
    lengths = np.array([8, 9, 10, 500] * 64)
    parts = list(cut(lengths, np.arange(256), 512, 64 * 512))
    assert sorted(length for _, length in parts) == [16, 512]


def test_an_empty_text_names_its_row(tokenizer):
    rows = table(3).to_dict()
    rows["source"] = ["a film", "  ", "a book"]
    with pytest.raises(StudyError, match="row 1 has an empty text"):
        encode(Dataset.from_dict(rows), tokenizer, 32)


def test_short_texts_that_share_rows_are_cut_by_their_tokens():
    lengths = np.array([10, 20, 30, 100] * 40)
    parts = list(cut(lengths, np.arange(len(lengths)), 512, 2048, packing=True))
    assert sorted(np.concatenate([rows for rows, _ in parts])) == list(range(len(lengths)))
    tokens = [int(lengths[rows].sum()) for rows, _ in parts]
    assert len(parts) == 4
    assert max(tokens) <= 2048
    assert max(tokens) - min(tokens) <= 200
    assert [length for _, length in parts] == [32, 112, 112, 112]


def test_long_texts_beside_shared_rows_are_cut_with_the_least_padding():
    lengths = np.array([200] * 8 + [208] * 8 + [500] * 3)
    parts = list(cut(lengths, np.arange(len(lengths)), 512, 4096, packing=True))
    # All of 208 positions fit into one part; together with the long ones they would not.
    assert [(len(rows), length) for rows, length in parts] == [(16, 208), (3, 512)]
    # Beside so few positions another pass costs more than the padding that it spares.
    parts = list(cut(np.array([480, 500] * 4), np.arange(8), 512, 4096, packing=True))
    assert [(len(rows), length) for rows, length in parts] == [(8, 512)]


@pytest.mark.parametrize("seed", range(3))
def test_no_other_cut_of_long_texts_is_cheaper(seed):
    own = np.sort(np.random.default_rng(seed).integers(129, 513, 9))
    ends = batches._cheapest(own, 2048)

    def cost(ends: list[int]) -> float:
        starts, total = [0, *ends[:-1]], 0
        for start, end in zip(starts, ends, strict=True):
            positions = (end - start) * -(-own[end - 1] // 16) * 16
            total += positions + batches.ANOTHER_PASS if positions <= 2048 else np.inf
        return total

    every = ([*chosen, 9] for count in range(9) for chosen in combinations(range(1, 9), count))
    assert cost(list(ends)) == min(map(cost, every))


def test_padding_of_shared_rows_is_what_the_encoder_computes(encoded, tokenizer):
    plan = plan_of(encoded, tokenizer, tokens_per_micro_batch=4096, packing=True)
    assert plan.padding_share < plan_of(encoded, tokenizer).padding_share
    lengths = np.array([5, 40, 12, 64, 3, 30, 30, 20, 9, 1])
    assert encoder_positions(lengths, 64, packing=True) == 4 * 64
    assert encoder_positions(lengths, 64, packing=False) == 10 * 64


def test_a_text_of_a_hundred_thousand_words_is_cut(tokenizer):
    rows = table(1).to_dict()
    rows["source"] = ["film " * 100_000]
    assert encode(Dataset.from_dict(rows), tokenizer, 32).source_lengths.tolist() == [32]


def test_a_gpu_takes_an_update_in_one_piece_where_it_is_small(monkeypatch):
    lengths = np.repeat([30, 100, 500], 40)
    rows = np.arange(len(lengths))
    parted = [length for _, length in cut(lengths, rows, 512, 65_536)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert parted == [32, 128, 512]
    assert [length for _, length in cut(lengths, rows, 512, 65_536)] == [512]
    # No more fits at once than the recipe allows.
    assert [length for _, length in cut(lengths, rows, 512, 32_768)] == parted
