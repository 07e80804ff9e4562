"""Held-out text of the bundled corpus, and its grammar as a referee.

These observations use the same sentences whatever model is looked at: they are plain English, so
a published checkpoint can be asked about them too. The referee is strict: it accepts the sentences
of the corpus's grammar and no others, so it judges models trained on that corpus alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from random import Random

from scipy.stats import binomtest

from t5study.chapters.observations.probing import marked_ids
from t5study.data.pocket import parse, rows, well_formed
from t5study.data.pocket.grammar import tokens_of

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")


def sentences_of(text: str) -> list[str]:
    """A text cut behind its full stops."""
    return [part for part in _SENTENCE_END.split(text.strip()) if part]


def _texts(split: str) -> list[str]:
    return [row["text"] for row in rows("text", split)]


@lru_cache(maxsize=1)
def training_texts() -> tuple[frozenset[str], frozenset[str]]:
    """The corpus's training texts, and the sentences in them."""
    texts = _texts("train")
    return frozenset(texts), frozenset(part for text in texts for part in sentences_of(text))


_ENGLISH = {
    "sentiment": "text",
    "emotion": "text",
    "summary": "document",
    "acceptability": "sentence",
}


def _words(config: str, column: str) -> set[str]:
    texts = (row[column] for row in rows(config, "validation"))
    return {word.lower() for text in texts for word in tokens_of(text)}


@lru_cache(maxsize=1)
def german_words() -> frozenset[str]:
    """Words that the corpus uses in German and never in English, in lower case."""
    english = set().union(
        *(_words(*item) for item in _ENGLISH.items()), _words("translation", "en")
    )
    return frozenset(_words("translation", "de") - english)


def is_german(text: str) -> bool:
    """Whether a text has a word that the corpus knows from German alone."""
    return any(word.lower() in german_words() for word in re.findall(r"\w+", text))


@lru_cache(maxsize=4)
def held_out(count: int, seed: int) -> tuple[str, ...]:
    """English texts of the validation split, in an order drawn by the seed."""
    texts = [text for text in _texts("validation") if not is_german(text)]
    return tuple(Random(f"{seed}/held-out").sample(texts, count))


def blanks(count: int, seed: int) -> list[str]:
    """Held-out texts, each with one of its words in square brackets; the same for every model."""
    random = Random(f"{seed}/blanks")
    marked = []
    for text in held_out(count, seed):
        word = random.choice(list(re.finditer(r"[A-Za-z]+", text)))
        marked.append(f"{text[: word.start()]}[{word[0]}]{text[word.end() :]}")
    return marked


def one_token(tokenizer, marked: list[str]) -> Iterator[tuple[list[int], int]]:
    """Ids and place of the marked word, for the texts where it is one token."""
    for text in marked:
        ids, places = marked_ids(tokenizer, text)
        if len(places) == 1:
            yield ids, places[0]


def found(ranks: list[int], answers: list[int]) -> dict:
    """Shares of blanks whose word came first, and among five, beside the commonest word's."""
    total = len(ranks)
    commonest = Counter(answers).most_common(1)[0][1] if answers else 0
    return {
        "first": share(sum(rank == 1 for rank in ranks), total),
        "among_five": share(sum(rank <= 5 for rank in ranks), total),
        "chance": share(commonest, total),
    }


def share(count: int, total: int) -> dict:
    """A share with its 95 % interval (Wilson 1927), which stays inside 0 to 1 at the ends."""
    if not total:
        return {"count": 0, "n": 0, "share": 0.0, "low": 0.0, "high": 1.0}
    interval = binomtest(count, total).proportion_ci(0.95, "wilson")
    return {
        "count": count,
        "n": total,
        "share": count / total,
        "low": float(interval.low),
        "high": float(interval.high),
    }


def judged(texts: list[str]) -> dict:
    """What the referee says of generated texts.

    A text without a full stop at its end was cut off and fails. `sentences` and `texts` are the
    shares that are grammatical, `well_formed` that of the sentences that are so apart from their
    sense. German ones are counted in `german` and judged by neither.
    `seen_sentences` and `seen_texts` count what occurs in the training text word for word.
    """
    known_texts, known_sentences = training_texts()
    english = [text for text in texts if text and not is_german(text)]
    parts = [part for text in english for part in sentences_of(text)]
    return {
        "n": len(texts),
        "german": sum(map(is_german, texts)),
        "empty": sum(not text for text in texts),
        "sentences": share(sum(map(parse, parts)), len(parts)),
        "well_formed": share(sum(map(well_formed, parts)), len(parts)),
        "texts": share(sum(all(map(parse, sentences_of(t))) for t in english), len(english)),
        "seen_sentences": share(sum(part in known_sentences for part in parts), len(parts)),
        "seen_texts": share(sum(text in known_texts for text in texts), len(texts)),
    }
