"""Published records: changed, missing and added files are seen and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t5study.base.checksums import SUMS, seal, verify
from t5study.base.errors import StudyError

RESULTS = Path(__file__).resolve().parents[2] / "results"


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "0123abcd"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"accuracy": 0.8}))
    (folder / "history.csv").write_text("step,loss\n1,0.5\n")
    seal(folder)
    return folder


def test_a_record_as_it_was_published_passes(record):
    verify(record)
    seal(record)
    verify(record)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda r: (r / "metrics.json").write_text('{"accuracy": 0.9}'), "metrics.json is another"),
        (lambda r: (r / "history.csv").unlink(), "lacks history.csv"),
        (lambda r: (r / "extra.csv").write_text("a"), "holds extra.csv"),
        (lambda r: (r / SUMS).unlink(), f"has no {SUMS}"),
    ],
)
def test_what_was_done_to_a_record_is_one_sentence(record, harm, says):
    harm(record)
    with pytest.raises(StudyError, match=f"record 0123abcd .*{says}") as caught:
        verify(record)
    assert "\n" not in str(caught.value)


def test_the_records_of_this_project_are_as_they_were_published():
    for config in RESULTS.glob("*/*/config.json"):
        verify(config.parent)
