"""Texts that share rows: they fit, they do not see each other, and what is learnt is the same."""

from __future__ import annotations

import copy
from itertools import combinations

import numpy as np
import pytest
import torch
from tiny import untrained_t5 as a_model

from t5study.training import packing
from t5study.training.acceleration import speed_up
from t5study.training.cpu import cheapen_dropout
from t5study.training.packing import (
    SHORTEST_ROW,
    cut_for_least_padding,
    cut_for_shared_rows,
    encoder_positions,
    first_fit,
    pack_encoder,
    shared_rows,
)

LENGTHS = np.array([5, 40, 12, 64, 3, 30, 30, 20, 9, 1])


def a_batch(lengths: np.ndarray = LENGTHS, padded: int | None = None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = len(lengths), padded or int(lengths.max())
    mask = torch.arange(shape[1])[None] < torch.from_numpy(lengths)[:, None]
    return {
        "input_ids": torch.randint(2, 64, shape, generator=generator) * mask,
        "attention_mask": mask.long(),
        "decoder_input_ids": torch.randint(2, 64, (shape[0], 3), generator=generator),
    }


def loss_of(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    logits = model(**batch, use_cache=False).logits
    labels = batch["decoder_input_ids"].flip(1)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


@pytest.mark.parametrize("seed", range(5))
def test_every_text_has_positions_of_its_own_in_one_row(seed):
    lengths = np.random.default_rng(seed).integers(1, 65, 200)
    layout = first_fit(lengths, 64)
    taken = np.concatenate(
        [np.arange(f, f + n) for f, n in zip(layout.first, lengths, strict=True)]
    )
    assert len(set(taken)) == lengths.sum()
    assert taken.min() >= 0
    assert taken.max() < layout.rows * 64
    assert (layout.first // 64 == (layout.first + lengths - 1) // 64).all()
    # No two rows are so empty that their texts would fit into one.
    filled = np.bincount(layout.first // 64, weights=lengths)
    assert np.sort(filled)[:2].sum() > 64


def test_the_rows_of_a_known_case():
    layout = first_fit(np.array([3, 6, 4, 7, 2]), 10)
    # 7 and 3 fill the first row, 6 and 4 the second; 2 has a third for itself.
    assert layout.first.tolist() == [7, 10, 16, 0, 20]
    assert layout.rows == 3


def test_texts_share_rows_only_where_that_spares_something():
    assert shared_rows(np.full(8, 128), 128) is None
    assert shared_rows(np.full(8, 60), 60) is None
    layout = shared_rows(np.array([60, 4] * 8), 60)
    assert (layout.rows, layout.width) == (8, SHORTEST_ROW)


def test_the_positions_are_those_that_the_encoder_computes():
    assert encoder_positions(LENGTHS, 64) == 4 * 64
    assert encoder_positions(np.full(8, 128), 128) == 8 * 128


def test_short_texts_that_share_rows_are_cut_by_their_tokens():
    lengths = np.array([10, 20, 30, 100] * 40)
    parts = list(cut_for_shared_rows(lengths, np.arange(len(lengths)), 512, 2048))
    assert sorted(np.concatenate([rows for rows, _ in parts])) == list(range(len(lengths)))
    tokens = [int(lengths[rows].sum()) for rows, _ in parts]
    assert len(parts) == 4
    assert max(tokens) <= 2048
    assert max(tokens) - min(tokens) <= 200
    assert [length for _, length in parts] == [32, 112, 112, 112]


def test_long_texts_beside_shared_rows_are_cut_with_the_least_padding():
    lengths = np.array([200] * 8 + [208] * 8 + [500] * 3)
    parts = list(cut_for_shared_rows(lengths, np.arange(len(lengths)), 512, 4096))
    # All of 208 positions fit into one part; together with the long ones they would not.
    assert [(len(rows), length) for rows, length in parts] == [(16, 208), (3, 512)]
    # Beside so few positions another pass costs more than the padding that it spares.
    parts = list(cut_for_shared_rows(np.array([480, 500] * 4), np.arange(8), 512, 4096))
    assert [(len(rows), length) for rows, length in parts] == [(8, 512)]


def test_rows_of_one_text_each_are_cut_into_neighbours_in_length():
    lengths = np.array([9, 60, 10, 11, 61, 12] * 3)
    parts = list(cut_for_least_padding(lengths, np.arange(18), 128, 4096))
    assert [(len(rows), length) for rows, length in parts] == [(12, 16), (6, 64)]
    assert sorted(np.concatenate([rows for rows, _ in parts])) == list(range(18))
    assert list(cut_for_least_padding(lengths, np.arange(0), 128, 4096)) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_other_cut_of_long_texts_is_cheaper(seed):
    own = np.sort(np.random.default_rng(seed).integers(129, 513, 9))
    ends = packing._cheapest(own, 2048)

    def cost(ends: list[int]) -> float:
        starts, total = [0, *ends[:-1]], 0
        for start, end in zip(starts, ends, strict=True):
            positions = (end - start) * -(-own[end - 1] // 16) * 16
            total += positions + packing.ANOTHER_PASS if positions <= 2048 else np.inf
        return total

    every = ([*chosen, 9] for count in range(9) for chosen in combinations(range(1, 9), count))
    assert cost(list(ends)) == min(map(cost, every))


def test_a_packed_encoder_gives_the_same_loss_and_gradients():
    plain, packed, batch = a_model(dropout=0.0), a_model(dropout=0.0), a_batch()
    pack_encoder(packed)
    rows = []
    packed.encoder.block[0].register_forward_pre_hook(lambda _, given: rows.append(given[0].shape))
    losses = [loss_of(model, batch) for model in (plain, packed)]
    for loss in losses:
        loss.backward()
    assert rows == [(4, 64, 32)]
    assert losses[1].item() == pytest.approx(losses[0].item(), abs=1e-6)
    for (name, ours), theirs in zip(packed.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-6), name


def test_a_text_does_not_see_the_others_in_its_row():
    model, batch = a_model(dropout=0.0).eval(), a_batch()
    pack_encoder(model)
    before = model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
    changed = copy.deepcopy(batch["input_ids"])
    changed[0, :5] = 7
    after = model.encoder(changed, batch["attention_mask"]).last_hidden_state
    real = batch["attention_mask"].bool()
    assert torch.equal(before[1:][real[1:]], after[1:][real[1:]])
    assert not torch.allclose(before[0, :5], after[0, :5])


def test_beside_the_other_accelerations_the_answers_stay_the_same():
    plain, fast = a_model(dropout=0.0).eval(), a_model(dropout=0.0).eval()
    speed_up(fast, compiled=False, packing=True)
    batch = a_batch(padded=96)
    with torch.inference_mode():
        difference = plain(**batch).logits - fast(**batch).logits
        assert difference.abs().max() < 1e-5
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        answers = [model.generate(**inputs, max_new_tokens=6) for model in (plain, fast)]
    assert torch.equal(*answers)


def test_dropout_still_follows_the_seed():
    model, batch = a_model(dropout=0.1), a_batch()
    cheapen_dropout(model)
    pack_encoder(model)
    losses = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(loss_of(model, batch).item())
    assert losses[0] == losses[1] != losses[2]


def test_gradient_checkpointing_gives_the_same_gradients():
    kept, twice, batch = a_model(dropout=0.0), a_model(dropout=0.0), a_batch()
    twice.gradient_checkpointing_enable({"use_reentrant": False})
    for model in (kept, twice):
        pack_encoder(model)
        loss_of(model, batch).backward()
    for ours, theirs in zip(twice.parameters(), kept.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-7)


def test_who_asks_for_attention_gets_it_by_text():
    model, batch = a_model(dropout=0.0).eval(), a_batch()
    model.set_attn_implementation("eager")
    pack_encoder(model)
    output = model.encoder(batch["input_ids"], batch["attention_mask"], output_attentions=True)
    assert output.attentions[0].shape == (10, 4, 64, 64)


def test_a_copied_model_packs_with_its_own_weights():
    model, batch = a_model(dropout=0.0).eval(), a_batch()
    pack_encoder(model)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.shared.weight.mul_(2)
    inputs = batch["input_ids"], batch["attention_mask"]
    assert not torch.allclose(
        model.encoder(*inputs).last_hidden_state, other.encoder(*inputs).last_hidden_state
    )
