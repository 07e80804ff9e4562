"""Provenance: which device did the work, and the peak memory of that work alone."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest
import torch

from t5study.base.device import device_name
from t5study.runs.provenance import peak_memory_bytes, recorded

MIB = 2**20


def test_work_on_the_processor_is_recorded_as_that_beside_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    with recorded("cpu") as here, recorded() as there:
        pass
    assert here["device"].endswith(" threads")
    assert here["peak_memory_bytes"] > MIB
    assert (there["device"], there["peak_memory_bytes"]) == (device_name(), 7) == ("a GPU", 7)


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the system restarts no peak"
)
def test_the_peak_memory_is_that_of_the_block():
    def peak_with(mebibytes: int) -> int:
        with recorded("cpu") as record, mmap.mmap(-1, mebibytes * MIB) as block:
            for place in range(0, len(block), mmap.PAGESIZE):
                block[place] = 1
        return record["peak_memory_bytes"]

    assert 150 * MIB < peak_with(250) - peak_with(50) < 250 * MIB


def test_without_a_list_of_the_system_the_peak_of_the_process_is_taken(monkeypatch):
    def refuse(self: Path, *args: object, **kwargs: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert peak_memory_bytes("cpu") > MIB
