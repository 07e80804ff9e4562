"""The pocket corpus: its labels follow from its grammar, its splits do not touch."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from functools import cache
from itertools import combinations
from random import Random

import pytest

from t5study.base.errors import StudyError
from t5study.data import pocket
from t5study.data.pocket import datasets as pocket_cache
from t5study.data.pocket import generate
from t5study.data.pocket.draws import grammar
from t5study.data.pocket.events import WEIGHTS
from t5study.data.pocket.german import agree
from t5study.data.pocket.grammar import german_words, tokens_of, words, write
from t5study.data.tasks import EMOTIONS
from t5study.judging.faithfulness import invented

LABELLED = tuple(config for config in pocket.CONFIGS if config != "text")
GOLDEN = (
    1,
    {
        "text": "bdd8623a1b347cb8",
        "sentiment": "84c1bbbebea5e324",
        "emotion": "817f378660878548",
        "acceptability": "03401219bdc4cfb1",
        "sst": "0739bcc298f6f8ae",
        "paraphrase": "45ff12f7d908e078",
        "similarity": "f555727e8fd62d05",
        "entailment": "c85e6d7c358a7f63",
        "translation": "cd49a388ae6ef5bb",
        "summary": "1c1d7d887d515ec5",
    },
)

rows = cache(pocket.generate)


def strings(row: dict) -> tuple[str, ...]:
    return tuple(value for value in row.values() if isinstance(value, str))


def sentences(text: str) -> list[str]:
    return re.findall(r"[^.]+\.", text.replace(". ", "."))


def readings(sentence: str, symbols: dict) -> set:
    tokens = tokens_of(sentence)
    lowered = [tokens[0][0].lower() + tokens[0][1:], *tokens[1:]]
    accepts = grammar().accepts
    return {v for v, s in symbols.items() if accepts(tokens, s) or accepts(lowered, s)}


@pytest.mark.parametrize("config", LABELLED)
def test_splits_are_whole_and_disjoint(config):
    parts = [{strings(row) for row in rows(config, split)} for split in pocket.SPLITS]
    assert [len(part) for part in parts] == list(pocket.SIZES[config])
    assert not any(one & other for one, other in combinations(parts, 2))


def test_no_test_text_is_in_the_unlabelled_text():
    seen = set()
    for row in rows("text", "train"):
        parts = sentences(row["text"])
        seen |= {" ".join(parts[a:b]) for a in range(len(parts)) for b in range(a + 1, 5)}
    for config in LABELLED:
        held_out = {
            text
            for split in ("validation", "test")
            for row in rows(config, split)
            for text in strings(row)
        }
        assert not held_out & seen, config


@pytest.mark.parametrize(("config", "symbols"), [
    ("sentiment", {0: "REV.-", 1: "REV.+"}),
    ("sst", {0: "SST.-", 1: "SST.+"}),
    ("emotion", {i: f"EMO.{name}" for i, name in enumerate(EMOTIONS)}),
])  # fmt: skip
def test_the_grammar_reaches_the_ceiling_exactly(config, symbols):
    """The oracle is the grammar itself: a text has one label only, and noise is all it misses."""
    right = 0
    sample = rows(config, "test")
    for row in sample:
        found = [readings(s, symbols) for s in sentences(strings(row)[0])]
        answers = set.union(*found)
        assert len(answers) == 1, row
        right += answers == {row["label"]}
    assert right / len(sample) == pytest.approx(1 - pocket.NOISE[config])


def test_acceptability_is_what_the_parser_says():
    sample = rows("acceptability", "test")
    right = sum(pocket.parse(row["sentence"]) == bool(row["label"]) for row in sample)
    assert right / len(sample) == pytest.approx(1 - pocket.NOISE["acceptability"])


def test_the_parser_accepts_what_the_grammar_writes():
    for row in rows("text", "train")[:600]:
        for sentence in sentences(row["text"]):
            if not german(sentence):
                assert pocket.parse(sentence), sentence


def german(sentence: str) -> bool:
    listed = "der die das den dem ein eine einen im am als obwohl letzte gestern heute"
    return bool(set(listed.split()) & set(sentence.lower().rstrip(".").split()))


def test_the_parser_rejects_shuffled_words():
    random = Random(0)
    for row in rows("translation", "train")[:200] + rows("sst", "train")[:200]:
        before = strings(row)[0].rstrip(".").split()
        after = random.sample(before, len(before))
        text = " ".join(after)
        if after != before:
            assert not pocket.parse(text[0].upper() + text[1:] + "."), text


@pytest.mark.parametrize("sentence", [
    "The jokes was funny.", "The joke were funny.", "The boy see the dog.", "It are not true.",
    "A apple was bought by the king.", "the film was funny.", "The film was funny", "",
    "The film was quickly funny.", "Ein Junge wartete.",
])  # fmt: skip
def test_the_parser_rejects_errors(sentence):
    assert not pocket.parse(sentence)


def test_an_english_sentence_has_one_german_sentence():
    known: dict[str, str] = {}
    random = Random(1)
    for _ in range(4000):
        node = grammar().derive("EVENT", random)
        en, de = write(words(node)), write(agree(german_words(node)), english=False)
        assert known.setdefault(en, de) == de
    pairs = [row for split in pocket.SPLITS for row in rows("translation", split)]
    assert all(known.setdefault(row["en"], row["de"]) == row["de"] for row in pairs)


def test_german_agrees_and_puts_its_verb_last():
    bind = {"COMPLEX": "fact.text", "LATE": "sg.sg", "#ag": {"NP": "the", "NPD": "plain"}}
    bind |= {"V": "open", "#sub": {"NP": "aadj", "N": "woman", "A": "old"}}
    bind |= {"#pa": {"NP": "the", "NPD": "adj", "N": "letter", "A": "new"}}
    random = Random(3)
    nodes = [grammar().derive("COMPLEX", random, bind) for _ in range(20)]
    for node in nodes:
        text = " ".join(agree(german_words(node)))
        assert "eine alte Frau den neuen Brief öffnete" in text


def test_summaries_state_only_facts_of_their_stories():
    for row in rows("summary", "validation"):
        assert invented(row["summary"], row["document"]) == []


def test_similarity_is_a_sum_of_fifths():
    assert sum(WEIGHTS.values()) == pytest.approx(5)
    scores = [row["label"] for row in rows("similarity", "train")]
    assert (min(scores), max(scores)) == (0, 5)
    assert all(abs(score * 5 - round(score * 5)) < 1e-9 for score in scores)


@pytest.mark.parametrize("config", [c for c in LABELLED if c in pocket.NOISE])
def test_labels_are_alike_in_every_split(config):
    shares = []
    for split in pocket.SPLITS:
        labels = [row["label"] for row in rows(config, split)]
        shares.append([labels.count(label) / len(labels) for label in range(6)])
    for one, other in combinations(shares, 2):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.08


def digest(config: str) -> str:
    splits = ("validation",) if config == "text" else pocket.SPLITS
    text = json.dumps([rows(config, split) for split in splits], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_output_is_the_one_of_this_version():
    """If this fails, the corpus has changed: raise VERSION and renew the hashes together."""
    assert (pocket.VERSION, {config: digest(config) for config in pocket.CONFIGS}) == GOLDEN


def test_another_process_makes_the_same():
    code = "from t5study.data import pocket; print(pocket.generate('sst', 'validation'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.strip() == str(rows("sst", "validation"))


@pytest.mark.parametrize(("config", "split"), [("moods", "train"), ("sst", "dev")])
def test_unknown_names_are_refused(config, split):
    with pytest.raises(StudyError, match="choose"):
        pocket.generate(config, split)


def test_cached_rows_are_the_generated_ones_and_survive_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv(pocket_cache.FOLDER, str(tmp_path))
    pocket_cache.rows.cache_clear()
    first = pocket_cache.rows("sst", "validation")
    assert first == generate("sst", "validation")
    pocket_cache.rows.cache_clear()
    monkeypatch.setattr(pocket_cache, "generate", lambda *_: pytest.fail("generated a second time"))
    assert pocket_cache.rows("sst", "validation") == first
    pocket_cache.rows.cache_clear()


def test_cached_rows_of_another_grammar_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.setenv(pocket_cache.FOLDER, str(tmp_path))
    monkeypatch.setattr(pocket_cache, "_grammar_digest", lambda: "old")
    (tmp_path / "sst-test-old.json").write_text("[]")
    pocket_cache.rows.cache_clear()
    assert pocket_cache.rows("sst", "test") == []
    monkeypatch.setattr(pocket_cache, "_grammar_digest", lambda: "new")
    pocket_cache.rows.cache_clear()
    assert len(pocket_cache.rows("sst", "test")) == 1000
    pocket_cache.rows.cache_clear()


@pytest.mark.parametrize(
    ("sentence", "sound"),
    [
        ("The plot was awful, but I liked the songs.", True),
        ("The plot was good, but I liked the songs.", False),
        ("I am sad because I passed the exam.", False),
        ("The plot were good, but I liked the songs.", False),
        ("Good plot the was.", False),
    ],
)
def test_errors_of_form_and_of_sense_are_no_english_of_the_grammar(sentence, sound):
    assert pocket.parse(sentence) is sound
