"""Is what a summary says in its source?

A summary is read word by word. Numbers, dates and names are facts: one that the source does not
hold was invented. Any other content word that the source does not hold is listed too, but may be
an honest paraphrase. The check finds inventions, not distortions: a summary that gives one
person's words to another, or turns a "may" into a "will", uses only facts of its source and passes.
Maynez et al., On Faithfulness and Factuality in Abstractive Summarization (2020), section 2, call
the first kind extrinsic and the second intrinsic hallucination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from nltk.stem.porter import PorterStemmer
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from t5study.judging.scores import Metric, mean_of_rows

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {name[:3]: name for name in _MONTHS} | {"sept": "september"}
# "may" and "march" are also a verb: without a capital they are months beside one of these only.
_BEFORE_A_MONTH = {"in", "by", "since", "until", "till", "last", "next", "early", "late", "mid"}
# "one" is left out: it is a pronoun more often than a number.
_NUMBER_WORDS = {
    **{"zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"},
    **{"seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12"},
    **{"thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17"},
    **{"eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40"},
    **{"fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"},
    **{"hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000"},
}
FACTS = ("number", "month", "day", "name")


@dataclass(frozen=True)
class Word:
    """A word of a text: as written, what it is taken for, and the form in which it is compared."""

    text: str
    kind: str
    key: str


@cache
def _stem(word: str) -> str:
    return PorterStemmer().stem(word)


def _number(text: str) -> str:
    """ "637,000" and "637000" are one number, and so are "2.50" and "2.5"."""
    plain = re.sub(r",(?=\d{3}(?!\d))", "", text)
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _is_month(word: str, before: str, after: str) -> bool:
    if word.lower() not in {"may", "march"}:
        return word.lower() in _MONTHS
    beside = before.lower() in _BEFORE_A_MONTH or after[:1].isdigit() or before[:1].isdigit()
    return beside if word[0].islower() else True


def words(text: str) -> list[Word]:
    """Return the words of `text` in order, each marked as number, month, day, name, word or small.

    `small` are the words that only hold a sentence together ("the", "of"). A capital at the start
    of a sentence says little: such a word is a name if the next one has a capital too ("Anna
    Keller"), or if it stands elsewhere in the text with a capital and nowhere without.
    """
    found = list(_WORD.finditer(text))
    tokens = [match.group() for match in found]
    opens = [_starts(text, match) for match in found]
    lower = {token for token in tokens if token[0].islower()}
    inside = {token for token, first in zip(tokens, opens, strict=True) if not first}
    neighbours = zip(["", *tokens], tokens, [*tokens[1:], ""], [*opens[1:], True], strict=False)
    return [
        _word(
            token,
            before,
            after,
            named=token[0].isupper()
            and token.lower() not in {*ENGLISH_STOP_WORDS, *lower}
            and (token in inside or (after[:1].isupper() and not closed)),
        )
        for before, token, after, closed in neighbours
    ]


def _starts(text: str, match: re.Match) -> bool:
    """Does this word open a sentence or a quotation?"""
    before = text[: match.start()].rstrip(" \n\t\"'“”‘’(")
    return not before or before[-1] in ".!?:" or text[match.start() - 1] in '"“‘('


def _word(token: str, before: str, after: str, named: bool) -> Word:
    plain = re.sub(r"['’]s$", "", token)
    low = plain.lower()
    if token[0].isdigit():
        return Word(token, "number", _number(token))
    if _is_month(plain, before, after):
        return Word(token, "month", low)
    if low in _DAYS:
        return Word(token, "day", low)
    if low in _NUMBER_WORDS:
        return Word(token, "number", _NUMBER_WORDS[low])
    if named and low in _SHORT:
        return Word(token, "month", _SHORT[low])
    if low in ENGLISH_STOP_WORDS or len(low) < 2:
        return Word(token, "small", low)
    return Word(token, "name" if named else "word", _stem(low))


def _pieces(word: Word) -> Iterator[str]:
    """A hyphenated word is known when all its parts are."""
    yield from (_stem(part) for part in re.split(r"['’-]", word.text.lower()) if len(part) > 1)


def check(summary: str, source: str) -> pd.DataFrame:
    """Look up every number, month, day, name and content word of `summary` in `source`.

    Columns: `text` (as the summary writes it), `kind`, `found` (is it in the source?), in the
    order of the summary. Case, thousands commas and inflection ("predicts", "predicted") do not
    count; a month or number is found only as a month or number.
    """
    known = words(source)
    exact = {(word.kind, word.key) for word in known}
    loose = {key for word in known for key in (word.key, *_pieces(word))}
    table = []
    for word in words(summary):
        if word.kind == "small":
            continue
        if word.kind in ("name", "word"):
            found = word.key in loose or all(piece in loose for piece in _pieces(word))
        else:
            found = (word.kind, word.key) in exact
        table.append({"text": word.text, "kind": word.kind, "found": found})
    return pd.DataFrame(table, columns=["text", "kind", "found"]).astype({"found": bool})


def invented(summary: str, source: str) -> list[str]:
    """Return the facts (numbers, months, days, names) of `summary` that are not in `source`.

    An empty list does not prove a summary true; see the module's first lines.
    """
    table = check(summary, source)
    return table.loc[table["kind"].isin(FACTS) & ~table["found"], "text"].tolist()


def _without_invention(sources: Sequence[str], summaries: Sequence[str]) -> np.ndarray:
    """1 for a summary that says something and whose facts are all in its source, else 0."""
    pairs = zip(sources, summaries, strict=True)
    return np.array(
        [
            [float(bool(summary.strip()) and not invented(summary, source))]
            for source, summary in pairs
        ]
    )


faithful = Metric("faithful", _without_invention, mean_of_rows)
"""The share of summaries without invention: `faithful(sources, outputs)`, sources for targets."""
