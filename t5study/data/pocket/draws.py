"""Draws from the grammar, kept apart by split.

Every sentence belongs to one split for ever: a checksum of it (of its meanings where it tells an
event, so that its wordings and its German stay together) says which. An item is in the split of
its first sentence; a pair in that of both, a story in that of its summary. Hence nothing of
validation or test can occur in any train split.
"""

from __future__ import annotations

import re
import zlib
from functools import cache, lru_cache
from random import Random
from typing import Any

from t5study.data.pocket.german import agree
from t5study.data.pocket.grammar import Binding, Grammar, Node, german_words, words, write
from t5study.data.pocket.rules import build

Row = dict[str, Any]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar, built once per process."""
    return build()


def german(node: Node) -> str:
    return write(agree(german_words(node)), english=False)


@cache
def keys(symbol: str) -> list[str]:
    return grammar().keys(symbol)


def split_of(key: str) -> str:
    bucket = zlib.crc32(key.encode()) % 8
    return "train" if bucket < 6 else "validation" if bucket == 6 else "test"


def _meanings(node: Node, out: list[str]) -> list[str]:
    for child in node.children.values():
        _meanings(child, out)
    if not node.children and node.alternative.key:
        out.append(node.alternative.key)
    return out


def identity(node: Node) -> str:
    """What decides a sentence's split: its meanings where it tells an event, else its words.

    So all wordings of an event, active or passive, English or German, are in the same split.
    """
    if node.alternative.german is not None:
        return " ".join(sorted(_meanings(node, [])))
    return " ".join(words(node))


def _repeats(node: Node) -> bool:
    """Whether something is `dull and dull`."""
    return _SAME_TWICE.search(" ".join(words(node))) is not None


_SAME_TWICE = re.compile(r"\b(\w+) (?:and|or) \1\b")


class Elsewhere(Exception):
    """What was to be said has no wording in this split: give the item up and draw another."""


ITEMS = ("REV", "SST", "EMO", "EVENT")
"""Symbols whose sentences can be a whole item of a data set."""


class Draw:
    """Sentences of one split, from one stream of random numbers.

    `plan` makes the decisions about an item that rejection must not bias, above all its label: it
    starts anew from the same number in every try at one row.
    """

    def __init__(self, random: Random, split: str) -> None:
        self.random, self.split = random, split
        self.plan = Random()
        self.next_row()

    def next_row(self) -> None:
        """Go on to another row, with a plan of its own."""
        self._row = self.random.getrandbits(64)

    def next_try(self) -> None:
        """Take up the row's plan from its start."""
        self.plan.seed(self._row)

    def node(self, symbol: str, bind: Binding, split: str | None, tries: int = 12) -> Node:
        """A derivation whose sentence belongs to `split` (None: to any)."""
        for _ in range(tries):
            node = grammar().derive(symbol, self.random, bind)
            if (split is None or split_of(identity(node)) == split) and not _repeats(node):
                return node
        raise Elsewhere

    def sentence(self, symbol: str, bind: Binding, first: bool = False) -> str:
        """A sentence; the first of an item must belong to the split.

        In a train split so must every sentence that could be an item by itself. Those of
        validation and test may go on with train sentences: their first one keeps them apart.
        """
        guarded = first or (self.split == "train" and symbol.startswith(ITEMS))
        return write(words(self.node(symbol, bind, self.split if guarded else None)))

    def choice(self, symbol: str) -> str:
        return self.random.choice(keys(symbol))


def person(draw: Draw) -> dict[str, Any]:
    gender = draw.random.choice("mf")
    return {
        "NAME": gender,
        "FIRST": draw.choice(f"FIRST.{gender}"),
        "LAST": draw.choice("LAST"),
    }
