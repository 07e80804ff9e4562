"""Held-out text of the bundled corpus.

These observations use the same sentences whatever model is looked at: they are plain English, so
a published checkpoint can be asked about them too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from random import Random

import torch
from scipy.stats import binomtest

from t5study.chapters.observations.probing import marked_ids, rank_of
from t5study.data.pocket import rows
from t5study.data.pocket.grammar import tokens_of


def _texts(split: str) -> list[str]:
    return [row["text"] for row in rows("text", split)]


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


def found(tokenizer, marked: list[str], chances: Callable[[list[int], int], torch.Tensor]) -> dict:
    """Shares of blanks whose word came first, and among five, beside the commonest word's.

    Words that are not one token in this vocabulary are passed over. `chances` gives probabilities
    over the vocabulary at a place, from the ids of a text.
    """
    ranks, answers = [], []
    for text in marked:
        ids, places = marked_ids(tokenizer, text)
        if len(places) == 1:
            answers.append(ids[places[0]])
            ranks.append(rank_of(chances(ids, places[0]), answers[-1]))
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
