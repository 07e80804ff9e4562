"""Facts and findings: given once a notebook, kept in its outputs, shown as they are."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbclient import NotebookClient

from t5study.base.errors import StudyError
from t5study.book.prose import recorded
from t5study.chapters.facts import Facts


def test_a_fact_is_read_as_the_text_that_the_prose_shows():
    facts = Facts()
    facts(accuracy=f"{0.91234:.3f}", rows=2000)
    facts(device="two cores")
    assert (facts.accuracy, facts.rows, facts.device) == ("0.912", "2000", "two cores")
    assert repr(facts.accuracy) == "0.912"
    with pytest.raises(AttributeError, match="no cell has given a fact loss"):
        _ = facts.loss


@pytest.mark.parametrize("value", [0.5, True, None, ["a"]])
def test_a_value_that_leaves_its_form_open_is_refused_and_nothing_is_given(value):
    facts = Facts()
    with pytest.raises(StudyError, match=r"The fact share is a .*: give the text"):
        facts(rows=3, share=value)
    facts(rows=4)
    assert facts.rows == "4"


def test_a_cell_that_is_run_again_gives_its_facts_anew():
    facts = Facts()
    facts(rows=1)
    facts(rows=2)
    assert facts.rows == "2"


CELLS = (
    "from t5study.chapters.facts import Facts, finds\nfacts = Facts()",
    "import numpy as np\nfacts(rows=f'{2000:,}', name='[SEP]')\nfinds(ahead=np.float64(2) > 1)",
    "facts(more='*')\nfinds(behind=False)",
)


def test_what_cells_gave_stays_in_the_notebook_and_is_no_output_that_anyone_displays():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    NotebookClient(notebook, kernel_name="python3").execute()
    again = nbformat.reads(nbformat.writes(notebook), as_version=4)
    nbformat.validate(again)
    facts, found = recorded(again)
    assert facts == {"rows": "2,000", "name": "[SEP]", "more": "*"}
    assert found == {"ahead": True, "behind": False}
    outputs = [output for cell in again.cells for output in cell.outputs]
    assert all(
        len(output.data) == 1 and "text/plain" not in json.dumps(output) for output in outputs
    )
