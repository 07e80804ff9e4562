"""The rules of the pocket corpus: `rules.txt`, and those that follow from `lexicon.yaml`."""

from __future__ import annotations

from pathlib import Path

import yaml

from t5study.data.pocket.german import past_plural
from t5study.data.pocket.grammar import FEATURES, Grammar
from t5study.data.tasks import EMOTIONS

CLASSES = ("pers", "text", "food", "mach", "anim", "art")
STORIES = ("fair", "prize", "fire", "theft", "strike", "concert")
FEATURES.update(
    n=("sg", "pl"), m=("sg", "pl"), p=("+", "-"), e=EMOTIONS, g=("m", "f"),
    c=("nom", "acc", "dat"), o=CLASSES, y=STORIES,
)  # fmt: skip

HERE = Path(__file__).parent
LEXICON = yaml.safe_load((HERE / "lexicon.yaml").read_text("utf-8"))


def table(name: str) -> list[list[str]]:
    """Return a table of the lexicon, an entry a row."""
    return [line.split() for line in LEXICON[name].splitlines()]


def _phrase(text: str) -> str:
    return text.replace("_", " ")


def _list(symbol: str, words: str) -> str:
    return f"{symbol} -> " + " | ".join(f"[{word}] {_phrase(word)}" for word in words.split())


def _synonyms(symbol: str, key: str, forms: str, german: str) -> str:
    return f"{symbol} -> " + " | ".join(
        f"[{key}] {_phrase(form)} = {german}" for form in forms.split("/")
    )


def _nouns() -> list[str]:
    out = []
    for kind, singular, plural, german, gender, german_plural, *weak in table("nouns"):
        key = singular.split("/")[0]
        for number, forms in (("sg", singular), ("pl", plural)):
            mark = f"{german}/{gender}/{(weak or [german])[0]}/{german_plural}/{number}"
            out.append(_synonyms(f"N.{number}.{kind}", key, forms, mark))
    return out


def _adjectives() -> list[str]:
    return [
        _synonyms(f"A.{kind}", forms.split("/")[0], forms, german + "~")
        for kinds, forms, german in table("adjectives")
        for kind in kinds.split(",")
    ]


def _verbs() -> list[str]:
    out = []
    for kinds, base, third, past, part, *german in table("verbs"):
        key = base.split("/")[0]
        base_de, third_de, past_de, part_de = german
        forms = {
            "prs.sg": (third, third_de), "prs.pl": (base, base_de), "inf": (base, base_de),
            "pst.sg": (past, past_de), "pst.pl": (past, past_plural(past_de)),
            "neg.sg": (base, past_de), "neg.pl": (base, past_plural(past_de)),
            "part": (part, part_de),
        }  # fmt: skip
        for kind in kinds.split(","):
            out += [_synonyms(f"V.{n}.{kind}", key, en, de) for n, (en, de) in forms.items()]
    for base, third, past, base_de, third_de, past_de in table("intransitives"):
        forms = {
            "prs.sg": (third, third_de), "prs.pl": (base, base_de),
            "pst.sg": (past, past_de), "pst.pl": (past, past_plural(past_de)),
            "neg.sg": (base, past_de), "neg.pl": (base, past_plural(past_de)),
        }  # fmt: skip
        out += [_synonyms(f"VI.{name}", base, en, de) for name, (en, de) in forms.items()]
    return out


def _adverbials() -> list[str]:
    return [
        f"{symbol} -> [{english}] {_phrase(english)} = {_phrase(german)}"
        for symbol, name in (("TIME", "times"), ("PLACE", "places"))
        for english, _, german in table(name)
    ]


def _others() -> list[str]:
    """For each emotion, the words and causes of the other five."""
    out = []
    for emotion in EMOTIONS:
        for symbol in ("EP", "EADJ", "CAUSE", "WHY"):
            others = (f"[{e}] <{symbol}.{e}>" for e in EMOTIONS if e != emotion)
            out.append(f"{symbol}.not.{emotion} -> " + " | ".join(others))
    return out


def build() -> Grammar:
    """The whole grammar, from the rules in `rules.txt` and the lexicon."""
    lists = [_list(symbol, listed) for symbol, listed in LEXICON["words"].items()]
    written = (HERE / "rules.txt").read_text("utf-8")
    lexical = [*_nouns(), *_adjectives(), *_verbs(), *_adverbials()]
    return Grammar("\n".join([written, *lists, *lexical, *_others()]))
