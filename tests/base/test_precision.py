"""Number formats: what auto means, and which is refused."""

from __future__ import annotations

import pytest
import torch

from t5study.base.errors import StudyError
from t5study.base.precision import mixed, resolve_precision


def test_fp16_is_refused_with_the_reason():
    with pytest.raises(StudyError, match="overflows"):
        resolve_precision("fp16")
    assert resolve_precision("fp32") == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_forward_pass_runs_in_the_precision_it_is_given(precision):
    with mixed(precision):
        assert torch.is_autocast_enabled("cpu") == (precision == "bf16")


def test_a_precision_left_open_is_none_to_compute_in():
    with pytest.raises(KeyError):
        mixed("auto")
