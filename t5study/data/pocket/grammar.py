"""A weighted context-free grammar that both writes and recognises sentences.

Rules are written as text (see `rules`). One rule set serves three purposes: `Grammar.derive`
draws a derivation, `words` and `german_words` read the English and the German sentence off it
(a synchronous grammar: each alternative may have two right-hand sides over the same children),
and `Grammar.accepts` decides whether a sentence has a derivation at all.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

FEATURES: dict[str, tuple[str, ...]] = {}
"""Values that each `$x` in a rule runs through; `rules` fills it."""

Binding = Mapping[str, "str | Binding"]


@dataclass(frozen=True, slots=True)
class Child:
    """A non-terminal inside an alternative; `role` tells apart two children and scopes bindings."""

    symbol: str
    role: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """One right-hand side: English items, German items (or None), meaning key and weight."""

    items: tuple[str | Child, ...]
    german: tuple[str | Child, ...] | None
    key: str
    weight: float


@dataclass(frozen=True, slots=True)
class Node:
    """A derivation: the alternative that was used and one node for each of its children."""

    alternative: Alternative
    children: dict[Child, Node]


def _item(text: str) -> str | Child:
    if len(text) > 2 and text[0] == "<" and text[-1] == ">":
        symbol, _, role = text[1:-1].partition("#")
        return Child(symbol, role)
    return text


def _alternative(text: str) -> Alternative:
    key, weight = "", 1.0
    if match := re.match(r"\s*\[(\S+?)\]\s", text + " "):
        key, text = match[1], text[match.end() :]
    if match := re.search(r"\s\*([\d.]+)\s*$", text):
        weight, text = float(match[1]), text[: match.start()]
    english, separator, german = text.partition(" = ")
    items = tuple(_item(token) for token in english.split())
    other = tuple(_item(token) for token in german.split()) if separator else None
    return Alternative(items, other, key, weight)


def _expand(line: str) -> Iterable[str]:
    names = [name for name in FEATURES if f"${name}" in line]
    for values in itertools.product(*(FEATURES[name] for name in names)):
        expanded = line
        for name, value in zip(names, values, strict=True):
            expanded = expanded.replace(f"${name}", value)
            if name == "p":
                expanded = expanded.replace("$q", "-" if value == "+" else "+")
        yield expanded


def _merge(alternatives: list[Alternative], new: Alternative) -> None:
    """Add an alternative, or its weight to the same one (`$x` repeats what does not use it)."""
    for place, old in enumerate(alternatives):
        if (old.items, old.german, old.key) == (new.items, new.german, new.key):
            alternatives[place] = replace(old, weight=old.weight + new.weight)
            return
    alternatives.append(new)


class Grammar:
    """Symbols and their weighted alternatives, read from rule text.

    A rule is `SYMBOL -> alternative | alternative`; lines that begin with `|` continue it. In an
    alternative `<X>` is a non-terminal, `<X#role>` one with a role, `[key]` in front names the
    meaning (alternatives with one key are synonyms), ` *3` at the end is the weight, and ` = `
    separates the English from the German side. `$n`, `$p`, ... run through `FEATURES`.
    """

    def __init__(self, text: str) -> None:
        self.rules: dict[str, list[Alternative]] = {}
        joined = re.sub(r"\n\s*\|", " |", text)
        for line in joined.splitlines():
            if "->" in line:
                for rule in _expand(line):
                    symbol, _, right = rule.partition("->")
                    alternatives = self.rules.setdefault(symbol.strip(), [])
                    for part in right.split(" | "):
                        _merge(alternatives, _alternative(part))
        self._tables: dict[tuple[str, str], tuple[list[float], list[Alternative]]] = {}
        self._base = {symbol: symbol.split(".")[0] for symbol in self.rules}
        self._first = self._first_words()

    def _table(self, symbol: str, key: str) -> tuple[list[float], list[Alternative]]:
        found = self._tables.get((symbol, key))
        if found is None:
            chosen = [a for a in self.rules[symbol] if not key or a.key == key]
            found = (list(itertools.accumulate(a.weight for a in chosen)), chosen)
            self._tables[symbol, key] = found
        return found

    def derive(self, symbol: str, random: Random, bind: Binding | None = None) -> Node:
        """Draw a derivation of `symbol`.

        `bind` fixes meanings: `{"TADJ": "silent"}` restricts every symbol TADJ or TADJ.x to the
        alternatives with that key; `{"#ag": {...}}` holds the bindings inside children with role
        `ag`.
        """
        key = bind.get(self._base[symbol], "") if bind else ""
        sums, alternatives = self._table(symbol, key)
        if len(sums) == 1:
            alternative = alternatives[0]
        else:
            alternative = alternatives[bisect_right(sums, random.random() * sums[-1])]
        children = {}
        for item in alternative.items:
            if item.__class__ is Child:
                inner = bind.get("#" + item.role, bind) if bind and item.role else bind
                children[item] = self.derive(item.symbol, random, inner)
        return Node(alternative, children)

    def keys(self, symbol: str) -> list[str]:
        """The different meanings of a symbol, in the order of its rules."""
        return list(dict.fromkeys(a.key for a in self.rules[symbol]))

    def _first_words(self) -> dict[str, frozenset[str]]:
        first: dict[str, frozenset[str]] = {symbol: frozenset() for symbol in self.rules}
        changed = True
        while changed:
            changed = False
            for symbol, alternatives in self.rules.items():
                words = set(first[symbol])
                for alternative in alternatives:
                    head = alternative.items[0]
                    words |= first[head.symbol] if isinstance(head, Child) else {head}
                if len(words) > len(first[symbol]):
                    first[symbol], changed = frozenset(words), True
        return first

    def accepts(self, words: list[str], symbol: str) -> bool:
        """Whether the words are a sentence of `symbol`: top-down search, each span done once."""
        known: dict[tuple[str, int], frozenset[int]] = {}

        def ends(name: str, start: int) -> frozenset[int]:
            if start >= len(words) or words[start] not in self._first[name]:
                return frozenset()
            if (name, start) not in known:
                found: set[int] = set()
                for alternative in self.rules[name]:
                    found |= walk(alternative.items, start)
                known[name, start] = frozenset(found)
            return known[name, start]

        def walk(items: tuple[str | Child, ...], start: int) -> set[int]:
            places = {start}
            for item in items:
                if isinstance(item, Child):
                    places = set().union(*(ends(item.symbol, place) for place in places))
                else:
                    places = {p + 1 for p in places if p < len(words) and words[p] == item}
                if not places:
                    break
            return places

        return len(words) in ends(symbol, 0)


def words(node: Node) -> list[str]:
    """The English words of a derivation, in order."""
    out: list[str] = []
    _collect(node, out)
    return out


def _collect(node: Node, out: list[str]) -> None:
    children = node.children
    for item in node.alternative.items:
        if item.__class__ is Child:
            _collect(children[item], out)
        else:
            out.append(item)


def german_words(node: Node) -> list[str]:
    """The German words of a derivation, before articles and endings agree (see `german`)."""
    if node.alternative.german is None:
        return list(node.alternative.items)
    out: list[str] = []
    for item in node.alternative.german:
        out.extend(german_words(node.children[item]) if isinstance(item, Child) else [item])
    return out


_CLOSING = re.compile(r" ([.,?!])")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")


def write(tokens: list[str], english: bool = True) -> str:
    """Words to a sentence: spaces, a capital at each sentence start, `an` before a vowel."""
    text = _CLOSING.sub(r"\1", " ".join(tokens))
    if english:
        text = _A_BEFORE_VOWEL.sub(r"\1n ", text)
    return text[:1].upper() + text[1:]


def tokens_of(sentence: str) -> list[str]:
    """A sentence back to the grammar's words; `a` before a vowel stays wrong (as `a!`)."""
    found = re.findall(r"[^\s.,?!]+|[.,?!]", sentence)
    out = []
    for word, following in zip(found, [*found, ""][1:], strict=True):
        vowel = following[:1] in set("aeiou")
        if word.lower() == "an":
            word = word[:1] if vowel else word
        elif word.lower() == "a" and vowel:
            word = "a!"
        out.append(word)
    return out
