"""What computes here: number formats, what auto means, which is refused, and usable cores."""

from __future__ import annotations

import os

import pytest
import torch

from t5study.base.device import mixed, resolve_precision, usable_cores


def test_a_precision_that_is_named_stays():
    assert resolve_precision("fp32") == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_forward_pass_runs_in_the_precision_it_is_given(precision):
    with mixed(precision):
        assert torch.is_autocast_enabled("cpu") == (precision == "bf16")


def test_a_precision_left_open_is_none_to_compute_in():
    with pytest.raises(KeyError):
        mixed("auto")


def test_the_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7}, raising=False)
    assert usable_cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == 64
