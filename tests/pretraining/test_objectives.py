"""Objectives: exact counts, exact inverse, protected pieces, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import restored

from t5study.base.errors import StudyError
from t5study.pretraining import objectives

SENTINELS = list(range(999, 899, -1))
EOS = 1


def text(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(6, 900, size=length)


@pytest.mark.parametrize("density", [0.05, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("mean_span", [1.0, 3.0, 10.0])
def test_restoring_gives_the_text_back_exactly(density, mean_span):
    rng = np.random.default_rng(3)
    for length in (2, 3, 7, 40, 128):
        for seed in range(20):
            ids = text(length, seed)
            inputs, targets = objectives.span_corruption(
                ids, rng, density, mean_span, sentinels=SENTINELS, eos=EOS
            )
            assert restored(inputs, targets, SENTINELS) == ids.tolist()
            expected = objectives.corrupted_lengths(length, density, mean_span)
            assert (len(inputs), len(targets)) == expected


def test_spans_are_hidden_behind_sentinels_in_the_order_of_their_use():
    ids = text(100)
    rng = np.random.default_rng(1)
    inputs, targets = objectives.span_corruption(ids, rng, sentinels=SENTINELS, eos=EOS)
    spans = objectives.noise_counts(100, 0.15, 3.0)[1]
    assert [i for i in inputs if i >= 900] == SENTINELS[:spans]
    assert [i for i in targets if i >= 900] == SENTINELS[:spans]
    assert targets[0] == SENTINELS[0]
    assert inputs[-1] == targets[-1] == EOS


def test_noise_masks_have_the_counts_of_the_formula():
    rng = np.random.default_rng(0)
    for length in (10, 100, 513):
        mask = objectives.noise_mask(length, rng)
        starts = mask & ~np.concatenate(([False], mask[:-1]))
        assert (mask.sum(), starts.sum()) == objectives.noise_counts(length, 0.15, 3.0)
        assert not mask[0]
        assert mask[-1]


def test_every_partition_into_spans_is_equally_likely():
    rng = np.random.default_rng(0)
    drawn = [tuple(objectives._segment_lengths(4, 2, rng)) for _ in range(3000)]
    shares = [drawn.count(way) / 3000 for way in ((1, 3), (2, 2), (3, 1))]
    assert max(abs(share - 1 / 3) for share in shares) < 0.05


def test_t5_s_own_lengths_for_512_inputs():
    # Raffel et al. 2020, 3.1.4: 512 inputs and 114 targets.
    assert objectives.random_spans_helper(512) == (568, 114)


@pytest.mark.parametrize("inputs_length", [3, 16, 64, 128, 511])
def test_packed_windows_fill_the_inputs(inputs_length):
    pieces, targets = objectives.random_spans_helper(inputs_length)
    inputs, outputs = objectives.span_corruption(
        text(pieces), np.random.default_rng(0), sentinels=SENTINELS, eos=EOS
    )
    assert len(inputs) <= inputs_length
    assert len(outputs) == targets
    assert objectives.corrupted_lengths(pieces + 1)[0] > inputs_length


def test_span_corruption_says_what_is_missing():
    rng = np.random.default_rng(0)
    with pytest.raises(StudyError, match="sentinels"):
        objectives.span_corruption(text(200), rng, sentinels=SENTINELS[:2], eos=EOS)


def test_masking_changes_eight_one_and_one_tenth_and_spares_special_pieces():
    ids = text(20_000)
    ids[::10] = 3
    inputs, labels = objectives.mask_tokens(
        ids, np.random.default_rng(0), mask=5, words=(6, 900), special=[0, 3, 4]
    )
    chosen = labels != objectives.IGNORED
    assert chosen.sum() == round(0.15 * 18_000)
    assert not chosen[::10].any()
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.array_equal(inputs[~chosen], ids[~chosen])
    assert abs((inputs[chosen] == 5).mean() - 0.8) < 0.03
    assert abs((inputs[chosen] == ids[chosen]).mean() - 0.1) < 0.02
    assert inputs[chosen & (inputs != 5)].min() >= 6


def test_masking_a_short_text_predicts_one_piece():
    _, labels = objectives.mask_tokens(
        np.array([3, 50, 4]), np.random.default_rng(0), mask=5, words=(6, 900), special=[3, 4]
    )
    assert labels.tolist() == [-100, 50, -100]


def test_next_sentences_follow_half_the_time_and_keep_their_border():
    ours = [np.arange(start, start + 5) for start in range(100, 150, 5)]
    others = [np.arange(start, start + 5) for start in range(500, 530, 5)]
    rng = np.random.default_rng(0)
    pairs = [objectives.next_sentence_pair(ours, others, rng, 16) for _ in range(600)]
    assert abs(np.mean([pair.follows for pair in pairs]) - 0.5) < 0.06
    for pair in pairs:
        assert len(pair.first) > 0
        assert len(pair.second) > 0
        assert len(pair.first) + len(pair.second) <= 16
        if pair.follows:
            assert pair.second[0] == pair.first[-1] + 1
        else:
            assert pair.second[0] >= 500


def test_causal_labels_are_the_inputs_one_place_on():
    inputs, labels = objectives.causal(np.array([4, 5, 6, 7]))
    assert inputs.tolist() == [4, 5, 6]
    assert labels.tolist() == [5, 6, 7]


def test_the_same_seed_and_step_draw_the_same_example():
    def draw(seed: int, step: int) -> list[int]:
        rng = objectives.generator(seed, step)
        return objectives.span_corruption(text(60), rng, sentinels=SENTINELS, eos=EOS)[0].tolist()

    assert draw(1, 2) == draw(1, 2)
    assert draw(1, 2) != draw(1, 3)
    assert draw(1, 2) != draw(2, 2)
