"""A few of the faults that `make faults` injects by the hundred: none is lost, none goes wrong."""

from __future__ import annotations

import faults
import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_few_faults_of_each_kind_are_survived(tmp_path, monkeypatch):
    monkeypatch.setenv("T5STUDY_CORPUS", str(tmp_path / "corpus"))
    found = dict(faults.faults(tmp_path, faults.FEW, ("fine-tuning", "fetching")))
    assert [fault for tally in found.values() for fault in tally.lost] == []
    assert min(tally.injected for tally in found.values()) >= 1
    assert found["planted"].injected == len(faults.PLANTED)
