"""German agreement: articles, adjective endings and noun forms from gender, case and number."""

from __future__ import annotations

ARTICLES = {
    "def": {
        "nom": {"m": "der", "f": "die", "n": "das", "pl": "die"},
        "acc": {"m": "den", "f": "die", "n": "das", "pl": "die"},
        "dat": {"m": "dem", "f": "der", "n": "dem", "pl": "den"},
    },
    "indef": {
        "nom": {"m": "ein", "f": "eine", "n": "ein"},
        "acc": {"m": "einen", "f": "eine", "n": "ein"},
        "dat": {"m": "einem", "f": "einer", "n": "einem"},
    },
}
ENDINGS = {
    "def": {
        "nom": {"m": "e", "f": "e", "n": "e", "pl": "en"},
        "acc": {"m": "en", "f": "e", "n": "e", "pl": "en"},
        "dat": {"m": "en", "f": "en", "n": "en", "pl": "en"},
    },
    "indef": {
        "nom": {"m": "er", "f": "e", "n": "es"},
        "acc": {"m": "en", "f": "e", "n": "es"},
        "dat": {"m": "en", "f": "en", "n": "en"},
    },
}


def agree(tokens: list[str]) -> list[str]:
    """Replace the marks of noun phrases by the words they stand for.

    `@def.acc` is an article, `stem~` an adjective, `Noun/gender/weak/Plural/number` a noun. The
    article's case and the next noun's gender and number decide all three, as German does.
    """
    out: list[str] = []
    kind = case = gender = ""
    for place, token in enumerate(tokens):
        if token.startswith("@"):
            kind, case = token[1:].split(".")
            gender = _gender(next(t for t in tokens[place:] if t.count("/") == 4))
            out.append(ARTICLES[kind][case][gender])
        elif token.endswith("~"):
            stem, ending = token[:-1], ENDINGS[kind][case][gender]
            out.append(stem + (ending[1:] if stem.endswith("e") else ending))
        elif token.count("/") == 4:
            out.append(_noun(token, case))
        else:
            out.append(token)
    return out


def _gender(noun: str) -> str:
    _, gender, _, _, number = noun.split("/")
    return "pl" if number == "pl" else gender


def _noun(token: str, case: str) -> str:
    singular, _, weak, plural, number = token.split("/")
    if number == "sg":
        return weak if case != "nom" else singular
    return plural + "n" if case == "dat" and plural[-1] not in "ns" else plural


def past_plural(singular: str) -> str:
    """The plural of a past form: `lobte` to `lobten`, `sah` to `sahen`."""
    return singular + ("n" if singular.endswith("e") else "en")
