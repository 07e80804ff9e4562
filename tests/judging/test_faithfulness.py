"""The check finds facts that a summary invents, and lets honest ones pass."""

from __future__ import annotations

import pytest

from t5study.judging.faithfulness import check, faithful, invented
from t5study.judging.scores import bootstrap

# The beginning of the summary that the report prints (its section "Summarization task").
REPORTED = (
    "the us has over 637,000 confirmed Covid-19 cases and over 30,826 deaths. president Donald "
    "Trump predicts some states will reopen the country in april"
)
# An article of our own with the facts that the report's has; it names one month, May.
ARTICLE = (
    "President Donald Trump told reporters on Wednesday that new infections in the US have begun "
    "to fall, and predicted that several states will open again before the month is out. "
    "Officials count more than 637,000 confirmed Covid-19 cases in the country and 30,826 deaths. "
    "Guidance is to be published on Thursday, when the president has spoken with the governors. "
    "May 1 had been named as the day on which some states may reopen."
)


def test_it_finds_the_month_the_report_did_not_notice():
    assert invented(REPORTED, ARTICLE) == ["april"]


@pytest.mark.parametrize(
    ("summary", "facts"),
    [
        ("Officials count 637000 cases.", []),
        ("Officials count 638,000 cases.", ["638,000"]),
        ("Guidance comes on Friday.", ["Friday"]),
        ("Guidance comes on thursday.", []),
        ("Some states reopen in may.", []),
        ("Some states may march on.", []),
        ("Some states reopen in march.", ["march"]),
        ("Some states reopen on May 3.", ["3"]),
        ("The president spoke with Angela Merkel.", ["Angela", "Merkel"]),
        ("Two states reopen.", ["Two"]),
        ("Two hundred states reopen.", ["Two", "hundred"]),
        ("Anna Keller spoke.", ["Anna", "Keller"]),
        ("Reporters asked. Governors answered.", []),
        ("Donald Trump's guidance helps.", []),
        ("", []),
    ],
)
def test_facts_by_kind(summary, facts):
    assert invented(summary, ARTICLE) == facts


def test_inflection_is_no_new_word_and_a_new_word_is_no_invention():
    found = check("He predicts states opening.", ARTICLE)["found"]
    assert found.all()
    table = check("He predicts a miracle.", ARTICLE)
    assert table.loc[~table["found"], "text"].tolist() == ["miracle"]
    assert invented("He predicts a miracle.", ARTICLE) == []


def test_a_capital_that_opens_a_sentence_is_no_name():
    table = check("Miracles happen. Governors met Trump.", ARTICLE)
    kinds = dict(zip(table["text"], table["kind"], strict=True))
    assert kinds == {
        "Miracles": "word",
        "happen": "word",
        "Governors": "word",
        "met": "word",
        "Trump": "name",
    }


def test_a_month_is_not_found_in_the_verb_of_the_same_spelling():
    assert invented("It opens in May.", "It may open.") == ["May"]


def test_number_words_and_figures_are_one():
    assert invented("Six people saw 3 dogs.", "6 people saw three dogs.") == []


def test_the_score_counts_summaries_not_facts():
    sources, summaries = ["They came."] * 2, ["In April and June, 7 came.", "They came."]
    assert faithful(sources, summaries) == 0.5
    assert bootstrap(faithful, sources, summaries, seed=1) == (0.0, 1.0)
    with pytest.raises(ValueError, match="no predictions"):
        faithful([], [])


def test_saying_nothing_is_not_faithful():
    assert faithful(["They came."], [" "]) == 0.0
