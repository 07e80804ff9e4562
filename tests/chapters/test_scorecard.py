"""The scorecard: every claim has a card that says why and leads to what decides it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from handmade import drawn

from t5study.chapters import scorecard as page
from t5study.chapters import tables
from t5study.claims.judges import scorecard
from t5study.claims.schema import GROUPS, load_claims

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(scope="module")
def verdicts():
    return scorecard(load_claims(), [])


@pytest.mark.parametrize(
    "section", ["Conclusion", "Major Learnings", "Limitations", "Future Scope"]
)
def test_every_closing_section_of_the_report_is_answered(verdicts, section):
    assert len(page.section_of(verdicts, section)) >= 2
    assert re.match(r"\d+ in all, \d+ ", page.in_words(verdicts, section))


def test_every_claim_has_one_card_with_its_statement_and_verdict(verdicts):
    html = page.cards(verdicts).html
    found = re.findall(r'<li class="claim" id="claim-([^"]+)"', html)
    assert sorted(found) == sorted(verdicts["id"])
    assert html.count('<li class="claim"') == len(verdicts)
    assert html.count("T5STUDY_STORE") == 0, "a command stands once, in the table"


@pytest.mark.parametrize(
    "name",
    [
        *("recurrence", "bert", "gpt", "t5", "glue", "generation"),
        *("finetuning", "transfer", "sequences"),
    ],
)
def test_a_chapter_closes_with_claims_that_there_are(name, verdicts):
    claims = import_module(f"t5study.chapters.{name}").CLAIMS
    named = sum(claims.values(), ()) if isinstance(claims, dict) else claims
    assert set(named) <= set(verdicts["id"])


def test_a_card_leads_to_a_place_that_there_is(verdicts):
    links = set(re.findall(r'<a href="(\d\d_\w+)\.html(?:#([\w-]+))?"', page.cards(verdicts).html))
    assert len(links) > 10
    for name, label in links:
        source = (NOTEBOOKS / f"{name}.py").read_text("utf-8")
        assert not label or f"({label})=" in source or f'"name": "{label}"' in source, label


def test_the_commands_say_how_many_claims_they_judge(verdicts):
    table = page.command_table(verdicts)
    assert table["with three seeds N"].is_unique
    waiting = verdicts["detail"].str.startswith("run `").sum()
    assert table["claims"].sum() == waiting > 0


def test_three_groups_are_counted_apart(verdicts):
    table = page.counts(verdicts)
    assert list(table.columns) == [*GROUPS, "all"]
    assert table["all"].sum() == len(verdicts)
    (axes,) = drawn(page.plot_verdicts(verdicts))
    assert [label.get_text() for label in axes.get_yticklabels()] == list(GROUPS)


def test_a_large_count_is_printed_in_full():
    assert tables.shown(25_006.0) == "25,006"
    assert tables.shown(0.91234) == "0.9123"
    assert tables.shown(float("nan")) == ""


def test_a_card_is_reproduced_where_one_more_seed_would_fall():
    scores = {"accuracy": [0.74, 0.72, 0.73], "weighted_f1": [0.5, 0.51, 0.5]}
    runs = [
        SimpleNamespace(metrics={name: values[seed] for name, values in scores.items()})
        for seed in range(3)
    ]
    table = page.card_table(SimpleNamespace(runs=lambda name: runs))
    assert table["seed 42"].tolist() == [0.74, 0.5]
    assert table["verdict"].tolist() == ["reproduced", "not reproduced"]
    low, high = table.loc["accuracy", ["from", "to"]]
    assert low < 0.72 < 0.74 < high
    assert (low + high) / 2 == pytest.approx(0.73)
