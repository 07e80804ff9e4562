"""The updates of a fine-tuning: order, shares, padding."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import film_table, tiny_t5

from t5study.data.encoding import IGNORED, Seq2SeqCollator, encode
from t5study.models.loading import load_tokenizer
from t5study.training.plan import UpdatePlan


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(tiny_t5(tmp_path_factory.mktemp("plan")))


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode(film_table(50), tokenizer, max_source_length=32, max_target_length=8)


def plan_of(encoded, tokenizer, **changes) -> UpdatePlan:
    values = {
        "batch_size": 16,
        "epochs": 2,
        "seed": 3,
        "tokens_per_micro_batch": 128,
        **changes,
    }
    return UpdatePlan(encoded, Seq2SeqCollator(tokenizer.pad_token_id, 0), **values)


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


def test_a_small_update_is_one_micro_batch(encoded, tokenizer):
    small = plan_of(encoded, tokenizer, tokens_per_micro_batch=4096)
    assert len(small[0]["micro_batches"]) == 1


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


@pytest.mark.parametrize("cutting", ["buckets", "lengths", "shared rows"])
def test_a_process_without_an_example_gets_a_micro_batch_without_loss(encoded, tokenizer, cutting):
    # The last update of an epoch holds 2 of the 50 rows; the third process has none.
    update = plan_of(encoded, tokenizer, rank=2, world_size=3, cutting=cutting)[3]
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


def test_shared_rows_pad_less(encoded, tokenizer):
    packed = plan_of(encoded, tokenizer, tokens_per_micro_batch=4096, cutting="shared rows")
    assert packed.padding_share < plan_of(encoded, tokenizer).padding_share
