"""Vocabulary: T5's layout of ids, one end token, determinism, unknowns."""

from __future__ import annotations

import random

import pytest
from sentencepiece import SentencePieceProcessor
from transformers import AutoTokenizer

from t5study.data.vocabulary import sentinel_ids, train_vocabulary

WORDS = [
    "the",
    "a",
    "film",
    "movie",
    "was",
    "is",
    "good",
    "bad",
    "great",
    "awful",
    "not",
    "very",
    "quite",
    "actor",
    "plot",
    "boring",
    "fine",
    "but",
    "and",
]


def texts(count: int = 600) -> list[str]:
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS, k=9)).capitalize() + "." for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return train_vocabulary(texts(), 300, tmp_path_factory.mktemp("vocabulary") / "made", 20)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def test_the_folder_holds_a_fast_t5_tokenizer(folder, tokenizer):
    names = {path.name for path in folder.iterdir()}
    assert {"tokenizer.json", "tokenizer_config.json", "spiece.model"} <= names
    assert tokenizer.is_fast
    assert type(tokenizer).__name__ == "T5Tokenizer"


def test_special_pieces_have_t5_s_ids(tokenizer):
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id) == (3, 4, 5)
    assert tokenizer.bos_token_id == tokenizer.eos_token_id


def test_sentinels_close_the_table_and_are_one_piece_each(tokenizer):
    ids = sentinel_ids(tokenizer)
    assert ids == list(range(len(tokenizer) - 1, len(tokenizer) - 21, -1))
    for number, sentinel in enumerate(ids):
        assert tokenizer(f"<extra_id_{number}>").input_ids == [sentinel, 1]
    assert tokenizer("a <extra_id_3> film").input_ids.count(ids[3]) == 1


def test_exactly_one_end_token_is_appended(tokenizer):
    for text in ("A film.", "", "A film was good. But the plot was not."):
        ids = tokenizer(text).input_ids
        assert ids.count(1) == 1
        assert ids[-1] == 1
    assert tokenizer("A film", "the plot").input_ids.count(1) == 2


def test_known_text_survives_the_round_trip(tokenizer):
    for text in texts(50):
        ids = tokenizer(text).input_ids
        assert 2 not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_what_was_never_seen_is_unknown(tokenizer):
    assert 2 in tokenizer("a Ж film").input_ids
    assert tokenizer("a {film}").input_ids.count(2) == 2


def test_white_space_folds_as_in_t5(tokenizer):
    assert tokenizer("a  film\n was ").input_ids == tokenizer("a film was").input_ids


def test_sentencepiece_and_the_fast_tokenizer_agree(folder, tokenizer):
    pieces = SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    for text in texts(50):
        assert tokenizer(text, add_special_tokens=False).input_ids == pieces.encode(text)


def test_the_same_texts_give_the_same_bytes(folder, tmp_path):
    again = train_vocabulary(texts(), 300, tmp_path / "again", 20)
    for name in ("spiece.model", "tokenizer.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_training_replaces_an_older_folder(tmp_path):
    train_vocabulary(texts(), 300, tmp_path / "made", 20)
    train_vocabulary(texts(), 300, tmp_path / "made", 10)
    assert len(sentinel_ids(AutoTokenizer.from_pretrained(tmp_path / "made"))) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
