"""The page about prompts: a row a task and number of examples, and a mark for each score."""

from __future__ import annotations

import pandas as pd
import pytest

from t5study.chapters import prompts
from t5study.profiles import load_profile
from t5study.study import Study

ROW = {"draws": 3, "lowest": 0.7, "highest": 0.8, "always one": 0.51, "by": "sst, MiniLM"}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = {
        ("sst", "accuracy", 0): ROW | {"raw": 0.8, "calibrated": 0.82, "trained": 0.9},
        ("sst", "accuracy", 4): ROW | {"raw": 0.6, "calibrated": 0.75, "trained": 0.9},
    }
    found = pd.DataFrame.from_dict(rows, orient="index")
    return found.rename_axis(["task", "metric", "examples"])


def test_each_score_has_its_mark_in_the_row_of_its_prompt(table) -> None:
    (place,) = prompts.plot_prompted(table).axes
    names = [label.get_text() for label in place.get_yticklabels()]
    assert names == ["sst, no example", "sst, 4 examples"]
    drawn = {line.get_label(): list(line.get_xdata()) for line in place.lines}
    assert drawn["raw"] == [0.8, 0.6]
    assert drawn["calibrated"] == [0.82, 0.75]
    assert drawn["trained on the task"] == [0.9, 0.9]
    assert drawn["always one"] == [0.51, 0.51]


def test_a_profile_without_prompts_has_an_empty_table() -> None:
    assert prompts.prompted_table(Study(load_profile("pocket"))).empty
