"""Sentences of the study's own: what is kept of a model's answers to them."""

from __future__ import annotations

from collections import Counter

import pytest
from tiny import tiny_t5
from transformers import T5ForConditionalGeneration

from t5study.base.reading import read_yaml
from t5study.chapters.observations import sentences
from t5study.claims.published import book_file
from t5study.data.tasks import get_task
from t5study.models.loading import load_model, load_tokenizer

WORDS = ["negative", "positive"]


def test_an_answer_is_one_of_the_words_with_its_share(tmp_path):
    checkpoint = tiny_t5(tmp_path)
    model = load_model(checkpoint, T5ForConditionalGeneration).eval()
    texts = ["a dull film", "a wonderful film"]
    seen = sentences.by_t5(model, load_tokenizer(checkpoint), texts, "review: ", WORDS).values
    assert [row["text"] for row in seen["rows"]] == texts
    for row in seen["rows"]:
        assert row["answer"] in WORDS
        assert 0.5 <= row["probability"] <= 1


@pytest.mark.parametrize(("role", "task"), [("sentiment", "imdb"), ("emotion", "emotion")])
def test_the_sentences_have_every_label_of_their_task(role, task):
    labels = Counter(row["label"] for row in read_yaml(book_file("sentences.yml"))[role])
    assert set(labels) == set(get_task(task).label_words)
    assert min(labels.values()) >= 4
