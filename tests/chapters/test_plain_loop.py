"""The loop that chapter 6 shows works, and is as short as it says."""

from __future__ import annotations

from tiny import tiny_t5
from transformers import T5ForConditionalGeneration

from t5study.chapters.listing import listing
from t5study.chapters.plain_loop import fine_tune
from t5study.models.loading import load_model, load_tokenizer

ROWS = [("a wonderful film", "positive"), ("a dull film", "negative")] * 8


def test_the_loop_of_the_page_teaches_a_t5_two_words(tmp_path):
    checkpoint = tiny_t5(tmp_path)
    model = load_model(checkpoint, T5ForConditionalGeneration)
    tokenizer = load_tokenizer(checkpoint)
    losses = fine_tune(model, tokenizer, ROWS, epochs=20, batch=8, rate=1e-2)
    assert len(losses) == 40
    assert losses[-1] < losses[0] / 2


def test_the_page_shows_forty_lines_of_it_that_fit():
    shown = listing("plain_loop", "fine_tune").data.splitlines()[1:-1]
    assert len([line for line in shown if line.strip()]) <= 40
    assert max(map(len, shown)) <= 80
    assert shown[0] == "def fine_tune("
