"""Parallelism: chains of waiting operations, and what a record of the measurement holds."""

from __future__ import annotations

import pytest
import torch

from t5study.chapters import recurrence
from t5study.chapters.observations import recurrence as parallelism
from t5study.chapters.observations.recurrence import longest_chain
from t5study.experiments import questions
from t5study.runs.store import RunStore


def test_a_chain_is_as_long_as_its_longest_branch():
    x = torch.ones(2, requires_grad=True)
    short, long = 2 * x, ((2 * x).exp() + 1).log()
    # The leaf counts for one.
    assert longest_chain(short) == 2
    assert longest_chain(long) == 5
    assert longest_chain(short + long) == 6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallelism, "LENGTHS", (4, 8, 16))
        patch.setattr(parallelism, "REPEATS", 2)
        threads = torch.get_num_threads()
        made = RunStore(tmp_path_factory.mktemp("store")).obtain(
            questions.ParallelismTiming().config(), parallelism.measure
        )
        assert torch.get_num_threads() == threads
        return made


def test_a_recurrent_layer_waits_for_every_token_and_attention_for_none(run):
    lstm, attention = run.metrics["chain_lstm"], run.metrics["chain_attention"]
    assert len(set(attention)) == 1
    first, second = lstm[1] - lstm[0], lstm[2] - lstm[1]
    assert first > 0
    assert second == 2 * first


def test_every_length_is_timed_and_drawn(run):
    assert all(len(run.metrics[name]) == 3 for name in ("lstm", "attention"))
    assert min(run.metrics["lstm"] + run.metrics["attention"]) > 0
    chains, times = recurrence.plot_parallelism(run).axes
    chain, time = (
        [list(line.get_ydata()) for line in place.lines[:2]] for place in (chains, times)
    )
    assert chain == [
        run.metrics["chain_lstm"],
        run.metrics["chain_attention"],
    ]
    assert time[0] == run.metrics["lstm"]
