"""What chapter 5 counts and tabulates is what its records hold."""

from __future__ import annotations

from handmade import record

from t5study.chapters import generation

ROWS = [
    {"text": "Paul met the mayor on Monday.", "long": "Paul met Emma.", "short": "He met her."},
    {"text": "It rained.", "long": "It rained in May.", "short": "It rained."},
]


def test_the_articles_are_texts_of_several_sentences():
    articles = generation.articles()
    assert len(articles) == len(set(articles)) >= 20
    assert all(text.count(".") > 1 for text in articles)


def test_a_summary_stands_beside_its_article():
    table = generation.summary_table(record(rows=ROWS), rows=1)
    assert table.index.tolist() == ["Paul met the mayor on Monday."]
    assert table.iloc[0].to_dict() == {"long": "Paul met Emma.", "short": "He met her."}


def test_facts_that_the_article_lacks_are_counted():
    counts = generation.invented_facts(record(rows=ROWS))
    assert counts["short"].tolist() == [0, 0]
    assert counts["long"].gt(0).tolist() == [True, True]
