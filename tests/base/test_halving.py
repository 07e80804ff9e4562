"""Where memory runs out, less is asked for at a time, and other errors pass."""

from __future__ import annotations

import pytest
import torch

from t5study.base.errors import StudyError
from t5study.base.out_of_memory import halving


def test_a_size_is_halved_until_it_fits():
    asked = []

    def compute(size: int) -> str:
        asked.append(size)
        if size > 20:
            raise torch.OutOfMemoryError
        return f"by {size}"

    assert halving(compute, 100) == "by 12"
    assert asked == [100, 50, 25, 12]


def test_what_does_not_fit_at_a_size_of_one_is_one_sentence():
    asked = []

    def compute(size: int) -> None:
        asked.append(size)
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    with pytest.raises(StudyError, match="The smallest batch does not fit into memory"):
        halving(compute, 5)
    assert asked == [5, 2, 1]


def test_another_error_is_not_taken_for_it():
    def compute(size: int) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        halving(compute, 8)
