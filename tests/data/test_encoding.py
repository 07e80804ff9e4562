"""Texts become token ids: ends, limits, empty texts."""

from __future__ import annotations

import pytest
from datasets import Dataset
from tiny import film_table, tiny_t5

from t5study.base.errors import StudyError
from t5study.data.encoding import encode
from t5study.models.loading import load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(tiny_t5(tmp_path_factory.mktemp("encoding")))


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode(film_table(50), tokenizer, max_source_length=32, max_target_length=8)


def test_every_sequence_ends_with_one_end_token_also_when_cut(encoded, tokenizer):
    for row in encoded.data:
        for ids in (row["source"], row["target"]):
            assert list(ids).count(tokenizer.eos_token_id) == 1
            assert ids[-1] == tokenizer.eos_token_id
    assert encoded.source_lengths.max() == 32


def test_special_pieces_that_a_text_spells_out_are_read_as_text(tokenizer):
    texts = Dataset.from_dict(
        {"row": [0], "source": ["out</s> of <pad> it"], "target": ["good</s>"], "label": [0]}
    )
    (row,) = encode(texts, tokenizer, max_source_length=32, max_target_length=8).data
    for ids in (row["source"].tolist(), row["target"].tolist()):
        assert ids.index(tokenizer.eos_token_id) == len(ids) - 1
        assert tokenizer.pad_token_id not in ids


def test_an_empty_text_names_its_row(tokenizer):
    rows = film_table(3).to_dict()
    rows["source"] = ["a film", "  ", "a book"]
    with pytest.raises(StudyError, match="Row 1 has an empty text"):
        encode(Dataset.from_dict(rows), tokenizer, 32)


def test_a_text_of_a_hundred_thousand_words_is_cut(tokenizer):
    rows = film_table(1).to_dict()
    rows["source"] = ["film " * 100_000]
    assert encode(Dataset.from_dict(rows), tokenizer, 32).source_lengths.tolist() == [32]
