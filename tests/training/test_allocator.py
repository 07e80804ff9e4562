"""The allocator keeps its memory, gives it back, and is left alone where it is not glibc's."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from t5study.training import acceleration
from t5study.training.acceleration import return_memory, tune_allocator


def test_allocator_is_tuned_where_it_is_glibcs():
    assert tune_allocator() == (platform.libc_ver()[0] == "glibc")
    assert torch.ones(5_000_000).sum() == 5_000_000


def test_kept_memory_goes_back():
    command = """
import torch
from t5study.training.acceleration import return_memory, tune_allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

tuned = tune_allocator()
big = torch.ones(50_000_000)
small = torch.ones(100)
del big
kept = resident()
print(tuned, return_memory(), kept - resident())
"""
    if not Path("/proc/self/statm").is_file():
        pytest.skip("this system does not say how much memory a process holds")
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    tuned, returned, freed = done.stdout.split()
    if tuned == "True":
        assert returned == "True"
        assert int(freed) > 150_000_000


def test_without_glibc_nothing_is_tuned(monkeypatch):
    monkeypatch.setattr(acceleration.ctypes, "CDLL", lambda _: object())
    assert not tune_allocator()
    assert not return_memory()
