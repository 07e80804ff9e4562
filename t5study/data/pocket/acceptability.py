"""What is English of the pocket grammar, and sentences with one error in them."""

from __future__ import annotations

from functools import lru_cache

from t5study.data.pocket.draws import Draw, Elsewhere, Row, grammar
from t5study.data.pocket.grammar import tokens_of, write
from t5study.data.pocket.rules import table

_NUMBER_PAIRS = "was/were is/are has/have says/say thinks/think wants/want"
_LOOSE = {
    *("not", "never", "hardly", "really", "very", "truly", "quite", "rather", "so"),
    *("that", "now", "I"),
}
"""Words that may move or fall away and leave good English that the grammar merely lacks."""


@lru_cache(maxsize=1)
def _wrong_forms() -> dict[str, str]:
    """For each form of a verb one that is wrong in its place, whatever its subject is."""
    pairs = [pair.split("/") for pair in _NUMBER_PAIRS.split()]
    for row in table("verbs"):
        columns = [column.split("/") for column in row[1:5]]
        for base, third, past, part in zip(*columns, strict=True):
            pairs += [[base, third], *([[past, part]] if past != part else [])]
    pairs += [row[:2] for row in table("intransitives")]
    return {a: b for one, other in pairs for a, b in ((one, other), (other, one))}


def parse(sentence: str) -> bool:
    """Whether a sentence is English of the pocket grammar (one sentence, with its full stop)."""
    tokens = tokens_of(sentence)
    if not tokens or not tokens[0][0].isupper():
        return False
    lowered = [tokens[0][0].lower() + tokens[0][1:], *tokens[1:]]
    return grammar().accepts(tokens, "S") or grammar().accepts(lowered, "S")


def _broken(draw: Draw, text: str) -> str:
    """The sentence with one error in it: order, a word lost or too many, a wrong verb form."""
    kind = draw.plan.choice(("order", "form", "form", "drop", "double"))
    tokens = tokens_of(text)
    place = draw.random.randrange(1, len(tokens) - 2)
    if kind == "drop" and tokens[place] == "the":
        raise Elsewhere  # "the boys may feed horses" is good English
    if kind != "form" and _LOOSE & set(tokens[place : place + 2]):
        raise Elsewhere
    if kind == "order":
        tokens[place], tokens[place + 1] = tokens[place + 1], tokens[place]
    elif kind == "drop":
        del tokens[place]
    elif kind == "double":
        tokens.insert(place, draw.random.choice(("was", "of", "is")))
    else:
        forms = _wrong_forms()
        places = [i for i, token in enumerate(tokens) if token in forms]
        if not places:
            raise Elsewhere
        place = draw.random.choice(places)
        tokens[place] = forms[tokens[place]]
    out = write(tokens)
    if parse(out):
        raise Elsewhere
    return out


def acceptability(draw: Draw) -> Row:
    label = int(draw.plan.random() < 0.6)
    symbol = draw.plan.choice(("EVENT", "EVENT", "REV.+", "REV.-", "EMO.joy", "EMO.fear"))
    text = draw.sentence(symbol, {}, True)
    return {"sentence": text if label else _broken(draw, text), "label": label}
