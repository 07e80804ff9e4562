"""The prose of a page: facts in their places, findings only where they are so."""

from __future__ import annotations

import nbformat
import pytest

from t5study.base.errors import StudyError
from t5study.book.assemble import _badged
from t5study.book.prose import check_prose, set_prose
from t5study.chapters.facts import MIME


def notebook(*prose: tuple[str, list[str]], facts: dict | None = None, finds: dict | None = None):
    given = nbformat.v4.new_code_cell("facts(...)")
    given.outputs = [
        nbformat.v4.new_output("display_data", {MIME: {"facts": facts or {}}}),
        nbformat.v4.new_output("display_data", {MIME: {"finds": finds or {}}}),
        nbformat.v4.new_output("stream", name="stdout", text="said"),
    ]
    cells = [nbformat.v4.new_markdown_cell(text) for text, _ in prose]
    for cell, (_, tags) in zip(cells, prose, strict=True):
        cell.metadata["tags"] = tags
    return nbformat.v4.new_notebook(cells=[given, *cells])


def page(*prose, ours: bool = True, models=("minilm",), **given) -> list[str]:
    cells = set_prose(notebook(*prose, **given), "06_sentiment", ours, models).cells
    assert [output.get("text") for output in cells[0].outputs] == ["said"]
    return [cell.source for cell in cells[1:]]


def test_facts_stand_in_their_places_and_are_no_markup():
    facts = {"accuracy": "0.912", "mask": "a_[MASK]", "one": "1"}
    text = (
        "It reached {eval}`facts.accuracy` with {eval}` facts.mask `, rank\n{eval}`facts.one`. So."
    )
    assert page((text, []), facts=facts) == [
        "It reached 0.912 with a\\_\\[MASK\\], rank\n1\\. So.",
    ]


@pytest.mark.parametrize("asked", ["facts.loss", "accuracy", "1 + 1", "facts.accuracy + 1"])
def test_a_fact_that_no_cell_gives_is_named_with_its_chapter(asked):
    with pytest.raises(StudyError, match=r"06_sentiment quotes .*no cell gives that fact"):
        page((f"It is {{eval}}`{asked}`.", []), facts={"accuracy": "0.9"})


@pytest.mark.parametrize("kind", ["facts", "finds"])
def test_a_name_is_given_once(kind):
    given = notebook(facts={"ahead": "0.9"}, finds={"ahead": True})
    check_prose(given, "06_sentiment")
    given.cells.append(nbformat.v4.new_code_cell("facts(...)"))
    given.cells[-1].outputs = [nbformat.v4.new_output("display_data", {MIME: {kind: {"ahead": 1}}})]
    for check in (
        lambda: check_prose(given, "06_sentiment"),
        lambda: set_prose(given, "06_sentiment", True, ()),
    ):
        with pytest.raises(StudyError, match="06_sentiment gives the name ahead twice"):
            check()


SENTENCES = (
    ("Always.", ["other"]),
    ("If ahead.", ["finds:ahead"]),
    ("If ahead and clear.", ["finds:ahead", "finds:clear"]),
    ("Ours, {eval}`facts.lacking`.", ["only:published", "finds:unsaid"]),
)


def test_a_page_has_the_sentences_that_are_so_in_its_runs():
    found = {"ahead": True, "clear": False}
    assert page(*SENTENCES, finds=found) == ["Always.", "If ahead."]


def test_a_page_of_another_profile_has_no_findings():
    found = {"ahead": True, "clear": True, "unsaid": True}
    facts = {"lacking": "there"}
    quotes = ("It took {eval}`facts.hours` hours.", [])
    assert page(*SENTENCES, quotes, finds=found, facts=facts, ours=False) == ["Always."]
    assert len(page(*SENTENCES, finds=found, facts=facts)) == len(SENTENCES)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({"ahead": False}, r'finding ahead of "The SVM wins .*is not so in these runs'),
        ({}, r'06_sentiment: the finding ahead of "The SVM wins …" is given by no cell'),
    ],
)
def test_a_sentence_that_is_not_so_is_named(found, problem):
    with pytest.raises(StudyError, match=problem):
        check_prose(
            notebook(("## Who wins\n\nThe SVM wins", ["finds:ahead"]), finds=found), "06_sentiment"
        )


def test_a_page_without_a_models_weights_leaves_its_sections_out_and_says_so_once():
    prose = (("# Title", []), ("MiniLM looks.", ["needs:minilm"]), ("So much.", ["needs:minilm"]))
    assert page(*prose) == ["# Title", "MiniLM looks.", "So much."]
    given = notebook(*prose)
    given.cells.insert(0, nbformat.v4.new_markdown_cell("# Chapter"))
    cells = set_prose(given, "01_bert", ours=False, models=()).cells
    assert sum("without the weights" in cell.source for cell in cells) == 1
    assert not any("MiniLM" in cell.source for cell in cells)


def test_what_takes_too_long_for_another_profile_is_left_out_without_a_word():
    prose = (("# Title", []), ("Counted for hours.", ["needs:minilm", "needs:published"]))
    assert page(*prose, models=("minilm", "published")) == ["# Title", "Counted for hours."]
    assert page(*prose, models=("minilm", "pocket"), ours=False) == ["# Title"]


def test_a_badge_stands_under_a_heading_and_in_no_block_of_code():
    page = "Title\n=====\n\n```sh\n# a comment\nmake book\n```\n"
    assert _badged(page, "BADGE") == page
    assert _badged("(name)=\n# Title\ntext", "BADGE") == "(name)=\n# Title\n\nBADGE\ntext"
    assert _badged("# Title", "") == "# Title"
