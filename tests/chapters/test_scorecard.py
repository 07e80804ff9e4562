"""The scorecard's tables: every closing section of the report is answered."""

from __future__ import annotations

import pytest

from t5study.chapters import scorecard as page
from t5study.chapters import tables
from t5study.claims.judges import scorecard
from t5study.claims.schema import load_claims


@pytest.mark.parametrize(
    "section", ["Conclusion", "Major Learnings", "Limitations", "Future Scope"]
)
def test_every_closing_section_of_the_report_is_answered(section):
    verdicts = scorecard(load_claims(), [])
    assert len(page.section_of(verdicts, section)) >= 2
    shown = page.section_table(verdicts, section)
    assert shown["why"].str.len().min() > 20


def test_a_large_count_is_printed_in_full():
    assert tables.shown(25_006.0) == "25,006"
    assert tables.shown(0.91234) == "0.9123"
    assert tables.shown(float("nan")) == ""
