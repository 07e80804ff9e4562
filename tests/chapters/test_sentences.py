"""Sentences of the study's own: enough of each label."""

from __future__ import annotations

from collections import Counter

import pytest

from t5study.base.reading import read_yaml
from t5study.claims.published import book_file
from t5study.data.tasks import get_task


@pytest.mark.parametrize(("role", "task"), [("sentiment", "imdb"), ("emotion", "emotion")])
def test_the_sentences_have_every_label_of_their_task(role, task):
    labels = Counter(row["label"] for row in read_yaml(book_file("sentences.yml"))[role])
    assert set(labels) == set(get_task(task).label_words)
    assert min(labels.values()) >= 4
