"""The pocket corpus's data sets, drawn from the grammar.

Every sentence belongs to one split for ever: a checksum of it (of its meanings where it tells an
event, so that its wordings and its German stay together) says which. An item is in the split of
its first sentence; a pair in that of both, a story in that of its summary. Hence nothing of
validation or test can occur in any train split.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import cache, lru_cache
from random import Random
from typing import Any

from t5study.base.errors import StudyError
from t5study.data.pocket import lexicon
from t5study.data.pocket.german import agree
from t5study.data.pocket.grammar import (
    Binding,
    Grammar,
    Node,
    german_words,
    tokens_of,
    words,
    write,
)
from t5study.data.pocket.rules import CLASSES, STORIES, build, build_form

VERSION = 1
"""Raised whenever any generated row changes."""

SEED = 21
SIZES: dict[str, tuple[int, int, int]] = {
    "text": (40_000, 2_000, 2_000),
    "sentiment": (6_000, 1_000, 2_000),
    "emotion": (6_000, 1_000, 2_000),
    "acceptability": (4_000, 500, 1_000),
    "sst": (4_000, 500, 1_000),
    "paraphrase": (4_000, 500, 1_000),
    "similarity": (4_000, 500, 1_000),
    "entailment": (4_000, 500, 1_000),
    "translation": (4_000, 500, 1_000),
    "summary": (4_000, 500, 1_000),
}
CONFIGS = tuple(SIZES)
SPLITS = ("train", "validation", "test")
NOISE = {
    "sentiment": 0.02,
    "emotion": 0.03,
    "acceptability": 0.02,
    "sst": 0.02,
    "paraphrase": 0.02,
    "entailment": 0.02,
}
"""Share of rows of every split whose label is replaced by a wrong one; exact, not expected."""

EMOTION_SHARES = (0.29, 0.335, 0.08, 0.135, 0.12, 0.04)
Row = dict[str, Any]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar, built once per process."""
    return build()


@lru_cache(maxsize=1)
def _form_grammar() -> Grammar:
    return build_form()


def _german(node: Node) -> str:
    return write(agree(german_words(node)), english=False)


@cache
def _keys(symbol: str) -> list[str]:
    return grammar().keys(symbol)


def _split_of(key: str) -> str:
    bucket = zlib.crc32(key.encode()) % 8
    return "train" if bucket < 6 else "validation" if bucket == 6 else "test"


def _meanings(node: Node, out: list[str]) -> list[str]:
    for child in node.children.values():
        _meanings(child, out)
    if not node.children and node.alternative.key:
        out.append(node.alternative.key)
    return out


def _identity(node: Node) -> str:
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


class _Elsewhere(Exception):
    """What was to be said has no wording in this split: give the item up and draw another."""


ITEMS = ("REV", "SST", "EMO", "EVENT")
"""Symbols whose sentences can be a whole item of a data set."""


class _Draw:
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
            if (split is None or _split_of(_identity(node)) == split) and not _repeats(node):
                return node
        raise _Elsewhere

    def sentence(self, symbol: str, bind: Binding, first: bool = False) -> str:
        """A sentence; the first of an item must belong to the split.

        In a train split so must every sentence that could be an item by itself. Those of
        validation and test may go on with train sentences: their first one keeps them apart.
        """
        guarded = first or (self.split == "train" and symbol.startswith(ITEMS))
        return write(words(self.node(symbol, bind, self.split if guarded else None)))

    def choice(self, symbol: str) -> str:
        return self.random.choice(_keys(symbol))


def _person(draw: _Draw) -> dict[str, Any]:
    gender = draw.random.choice("mf")
    return {
        "NAME": gender,
        "FIRST": draw.choice(f"FIRST.{gender}"),
        "LAST": draw.choice("LAST"),
    }


# -- Reviews --


def _film(draw: _Draw) -> dict[str, Any]:
    names = {name: draw.choice(name) for name in ("TADJ", "TNOUN", "GENRE", "ROLE", "DAY")}
    return names | _person(draw) | {"#friend": names | _person(draw), "#other": _person(draw)}


def _review(draw: _Draw, polarity: str, intro: float) -> str:
    bind = _film(draw)
    symbols = ["INTRO"] if draw.plan.random() < intro else []
    symbols += [f"REV.{polarity}"] * draw.plan.choice((2, 2, 3) if symbols else (2, 3, 3))
    return " ".join(draw.sentence(symbol, bind, not i) for i, symbol in enumerate(symbols))


def _sentiment(draw: _Draw) -> Row:
    label = draw.plan.randrange(2)
    return {"text": _review(draw, "-+"[label], 0.3), "label": label}


def _sst(draw: _Draw) -> Row:
    label = draw.plan.randrange(2)
    return {"sentence": draw.sentence(f"SST.{'-+'[label]}", {}, True), "label": label}


# -- Emotions --


def _emotion(draw: _Draw) -> Row:
    label = draw.plan.choices(range(6), EMOTION_SHARES)[0]
    symbol = f"EMO.{lexicon.EMOTIONS[label]}"
    text = draw.sentence(symbol, {}, True)
    return {"text": text, "label": label}


def _diary(draw: _Draw) -> str:
    emotion = draw.random.choice(lexicon.EMOTIONS)
    gender = draw.random.choice("mf")
    bind = {"WHO": gender, "KNOWN": draw.random.choice(("kin", "name"))}
    bind |= {name: draw.choice(f"{name}.{gender}") for name in ("KIN", "FIRST")}
    bind["CITY"] = draw.choice("CITY")
    kinds = draw.random.choice((("EMO", "FEEL"), ("FEEL", "EMO"), ("FEEL", "FEEL", "EMO")))
    return " ".join(draw.sentence(f"{k}.{emotion}", bind, not i) for i, k in enumerate(kinds))


# -- Events: paraphrase, similarity, entailment, translation --

Frame = dict[str, Any]
WEIGHTS = {
    "V": 1.2, "agN": 1.0, "paN": 1.0, "agA": 0.4, "paA": 0.4, "TIME": 0.4, "PLACE": 0.6,
}  # fmt: skip
"""What each part of an event counts in similarity; the weights add up to 5."""


def _frame(draw: _Draw, shape: str = "tp", kind: str | None = None) -> Frame:
    """An event: who did what to whom, when and where, with keys of the grammar."""
    kind = kind or draw.random.choice(CLASSES)
    frame = {"n": draw.random.choice(("sg", "sg", "pl")), "m": draw.random.choice(("sg", "pl"))}
    frame |= {"o": kind, "shape": shape, "neg": False, "agD": "the", "paD": "the"}
    for slot in WEIGHTS:
        frame[slot] = draw.choice(_slot_symbol(frame, slot))
    frame |= {"agS": "adj", "paS": "adj"}
    while kind == "pers" and frame["agN"] == frame["paN"]:
        frame["paN"] = draw.choice("N.sg.pers")
    return frame


def _slot_symbol(frame: Frame, slot: str) -> str:
    kind = "pers" if slot.startswith("ag") else frame["o"]
    symbols = {"N": f"N.sg.{kind}", "A": f"A.{kind}", "V": f"V.inf.{kind}"}
    return symbols.get(slot[-1], slot) if slot not in ("TIME", "PLACE") else slot


def _changed(draw: _Draw, frame: Frame, slot: str) -> Frame:
    """The frame with another value in one slot."""
    taken = {frame[slot], frame["agN"] if slot == "paN" else "", frame["paN"]}
    options = [k for k in _keys(_slot_symbol(frame, slot)) if k not in taken]
    return frame | {slot: draw.random.choice(options)}


def _bind(frame: Frame) -> dict[str, Any]:
    noun = {
        role: {"NP": frame[role + "D"], "NPD": frame[role + "S"], "N": frame[role + "N"],
               "A": frame[role + "A"]}
        for role in ("ag", "pa")
    }  # fmt: skip
    shape = frame["shape"]
    bind = {"#ag": noun["ag"], "#pa": noun["pa"], "CLAUSE": shape, "PASSIVE": shape}
    bind |= {"NEGATED": shape} | {key: frame[key] for key in ("V", "TIME", "PLACE")}
    return bind


def _tell(draw: _Draw, frame: Frame) -> str:
    """One way to say a frame: active or passive, some order, some synonyms."""
    voices = ("NEGATED",) if frame["neg"] else ("CLAUSE", "CLAUSE", "PASSIVE")
    symbol = f"{draw.random.choice(voices)}.{frame['n']}.{frame['m']}.{frame['o']}"
    return write([*words(draw.node(symbol, _bind(frame), None)), "."])


def _home(frame: Frame) -> str:
    """The split of every sentence that tells this frame and no more (see `_identity`)."""
    slots = ["V", "agN", "paN"]
    slots += [f"{role}A" for role in ("ag", "pa") if frame[role + "S"] == "adj"]
    slots += [name for mark, name in (("t", "TIME"), ("p", "PLACE")) if mark in frame["shape"]]
    return _split_of(" ".join(sorted(frame[slot] for slot in slots)))


def _told_pair(draw: _Draw, one: Frame, other: Frame, label: float) -> Row:
    """Two events in words, if both belong to the split."""
    if draw.split != _home(one) or draw.split != _home(other):
        raise _Elsewhere
    return _pair(_tell(draw, one), _tell(draw, other), label)


def _pair(first: str, second: str, label: float) -> Row:
    if first == second:
        raise _Elsewhere
    return {"sentence1": first, "sentence2": second, "label": label}


def _swap(frame: Frame) -> Frame:
    """Who did it and whom it was done to, exchanged (people only)."""
    other = {"n": frame["m"], "m": frame["n"]}
    for part in "NAS":
        other |= {f"ag{part}": frame[f"pa{part}"], f"pa{part}": frame[f"ag{part}"]}
    return frame | other


def _altered(draw: _Draw, frame: Frame) -> Frame:
    """A frame that is false or unknown where `frame` is true."""
    slots = [
        "V",
        "agN",
        "paN",
        *(f"{role}A" for role in ("ag", "pa") if frame[role + "S"] == "adj"),
    ]
    slots += ["TIME"] * ("t" in frame["shape"]) + ["PLACE"] * ("p" in frame["shape"])
    if frame["o"] == "pers" and draw.plan.random() < 0.5:
        return _swap(frame)
    if "p" not in frame["shape"] and draw.plan.random() < 0.3:
        return frame | {"neg": True}
    return _changed(draw, frame, draw.plan.choice(slots))


def _paraphrase(draw: _Draw) -> Row:
    kind = "pers" if draw.plan.random() < 0.4 else None
    frame = _frame(draw, draw.plan.choice(("-", "t", "p", "tp")), kind)
    frame |= {name: draw.plan.choice(("adj", "adj", "plain")) for name in ("agS", "paS")}
    label = int(draw.plan.random() < 0.6)
    second = frame if label else _altered(draw, frame)
    return _told_pair(draw, frame, second, label)


def _similarity(draw: _Draw) -> Row:
    frame = other = _frame(draw)
    slots = draw.plan.sample(list(WEIGHTS), draw.plan.randrange(len(WEIGHTS) + 1))
    for slot in slots:
        other = _changed(draw, other, slot)
    score = 5.0 - sum(WEIGHTS[slot] for slot in slots)
    return _told_pair(draw, frame, other, abs(round(score, 1)))


def _less(draw: _Draw, frame: Frame) -> Frame:
    """A frame that follows from `frame`: some detail left out."""
    shapes = {"tp": ("t", "p", "-"), "t": ("-",), "p": ("-",), "-": ("-",)}
    weaker = dict(frame, shape=draw.plan.choice(shapes[frame["shape"]]))
    for role in ("ag", "pa"):
        if draw.plan.random() < 0.4:
            weaker[role + "S"] = "plain"
    return weaker


def _entailment(draw: _Draw) -> Row:
    kind = "pers" if draw.plan.random() < 0.4 else None
    frame = _frame(draw, draw.plan.choice(("t", "p", "tp")), kind)
    label = draw.plan.randrange(2)
    if draw.plan.random() < 0.3:
        return _told(draw, frame, label)
    weaker = _less(draw, frame)
    if not label:
        return _told_pair(draw, frame, weaker, 0)
    if draw.plan.random() < 0.3:
        return _told_pair(draw, weaker, frame, 1)
    return _told_pair(draw, frame, _altered(draw, weaker), 1)


def _told(draw: _Draw, frame: Frame, label: int) -> Row:
    """A premise with a clause: what `because` says is so, what somebody says need not be."""
    bind = _bind(frame) | {"COMPLEX": f"{('fact', 'view')[label]}.{frame['o']}"}
    bind |= {"LATE": f"{frame['n']}.{frame['m']}", "#sub": bind["#ag"], "#ag": {}}
    hypothesis = _less(draw, frame) | {"shape": "-"}
    if draw.split != _home(hypothesis):
        raise _Elsewhere
    premise = draw.node("COMPLEX", bind, draw.split)
    return _pair(write([*words(premise), "."]), _tell(draw, hypothesis), label)


def _translation(draw: _Draw) -> Row:
    node = draw.node("EVENT", {}, draw.split)
    return {"en": write(words(node)), "de": _german(node)}


def _episode(draw: _Draw) -> str:
    """Two or three sentences about one person."""
    agent = {"N": draw.choice("N.sg.pers"), "NP": "the"}
    bind = {"#ag": agent}
    sentences = [draw.sentence("EVENT", bind, not i) for i in range(draw.random.choice((1, 2, 3)))]
    return " ".join(sentences)


def _german_episode(draw: _Draw) -> str:
    bind = {"#ag": {"N": draw.choice("N.sg.pers"), "NP": "the"}}
    nodes = [draw.node("EVENT", bind, draw.split) for _ in range(draw.random.choice((1, 2, 2)))]
    texts = [_german(node) for node in nodes]
    if draw.random.random() < 0.3:
        texts = [write(words(nodes[0])), texts[0]]
    return " ".join(texts)


# -- News --


STORY = ("lead", "more", "extra", "end")


def _news(draw: _Draw) -> tuple[str, str]:
    """A story of four sentences and its one-sentence summary, which decides the split."""
    slots = ("CITY", "DAY", "NUM", "EVN", "PRIZE", "BUILDING", "LOOT", "WORKERS", "JOB")
    values = {slot: draw.random.sample(_keys(slot), 3) for slot in slots[:3]}
    values |= {slot: draw.random.sample(_keys(slot), 3) for slot in slots[3:-1]}
    job = draw.choice("JOB")
    bind, other, third = (
        {slot: chosen[i] for slot, chosen in values.items()} | {"JOB": job} | _person(draw)
        for i in range(3)
    )
    bind |= {"#other": other, "#third": third}
    for kind in draw.random.sample(STORIES, len(STORIES)):
        summary = draw.node(f"sum.{kind}", bind, None)
        if _split_of(_identity(summary)) == draw.split:
            parts = [draw.sentence(f"{part}.{kind}", bind) for part in STORY]
            return " ".join(parts), write(words(summary))
    raise _Elsewhere


def _summary(draw: _Draw) -> Row:
    document, summary = _news(draw)
    return {"document": document, "summary": summary}


# -- Acceptability --

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
    for line in lexicon.VERBS.strip().splitlines():
        columns = [column.split("/") for column in line.split()[1:5]]
        for base, third, past, part in zip(*columns, strict=True):
            pairs += [[base, third], *([[past, part]] if past != part else [])]
    pairs += [line.split()[:2] for line in lexicon.INTRANSITIVES.strip().splitlines()]
    return {a: b for one, other in pairs for a, b in ((one, other), (other, one))}


def sentences(text: str) -> list[str]:
    """The sentences of a text of the corpus."""
    return re.findall(r"[^.]+\.", text.replace(". ", "."))


def parse(sentence: str) -> bool:
    """Whether a sentence is English of the pocket grammar (one sentence, with its full stop)."""
    return _accepts(grammar(), tokens_of(sentence))


def well_formed(sentence: str) -> bool:
    """Whether a sentence has the form of the pocket grammar, though it may contradict itself."""
    return _accepts(_form_grammar(), tokens_of(sentence))


def _accepts(rules: Grammar, tokens: list[str]) -> bool:
    if not tokens or not tokens[0][0].isupper():
        return False
    lowered = [tokens[0][0].lower() + tokens[0][1:], *tokens[1:]]
    return rules.accepts(tokens, "S") or rules.accepts(lowered, "S")


def _broken(draw: _Draw, text: str) -> str:
    """The sentence with one error in it: order, a word lost or too many, a wrong verb form."""
    kind = draw.plan.choice(("order", "form", "form", "drop", "double"))
    tokens = tokens_of(text)
    place = draw.random.randrange(1, len(tokens) - 2)
    if kind == "drop" and tokens[place] == "the":
        raise _Elsewhere  # "the boys may feed horses" is good English
    if kind != "form" and _LOOSE & set(tokens[place : place + 2]):
        raise _Elsewhere
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
            raise _Elsewhere
        place = draw.random.choice(places)
        tokens[place] = forms[tokens[place]]
    out = write(tokens)
    if parse(out):
        raise _Elsewhere
    return out


def _acceptability(draw: _Draw) -> Row:
    label = int(draw.plan.random() < 0.6)
    symbol = draw.plan.choice(("EVENT", "EVENT", "REV.+", "REV.-", "EMO.joy", "EMO.fear"))
    text = draw.sentence(symbol, {}, True)
    return {"sentence": text if label else _broken(draw, text), "label": label}


# -- Unlabelled text --


def _text(draw: _Draw) -> Row:
    makers: tuple[Callable[[], str], ...] = (
        lambda: _review(draw, draw.plan.choice("+-"), 0.6),
        lambda: _diary(draw),
        lambda: _episode(draw),
        lambda: _news(draw)[0],
        lambda: _german_episode(draw),
    )
    return {"text": draw.plan.choices(makers, (30, 22, 22, 12, 14))[0]()}


# -- The door --

_MAKERS: dict[str, Callable[[_Draw], Row]] = {
    "text": _text,
    "sentiment": _sentiment,
    "emotion": _emotion,
    "acceptability": _acceptability,
    "sst": _sst,
    "paraphrase": _paraphrase,
    "similarity": _similarity,
    "entailment": _entailment,
    "translation": _translation,
    "summary": _summary,
}


def generate(config: str, split: str) -> list[Row]:
    """The rows of one split of one config: the same in every process, no row twice."""
    if config not in SIZES:
        raise StudyError(
            f"The pocket corpus has no {config!r}; choose one of {', '.join(CONFIGS)}."
        )
    if split not in SPLITS:
        raise StudyError(f"The pocket corpus has no split {split!r}; choose {', '.join(SPLITS)}.")
    size = SIZES[config][SPLITS.index(split)]
    random = Random(f"{SEED}/{config}/{split}")
    draw, rows, seen = _Draw(random, split), [], set()
    while len(rows) < size:
        draw.next_try()
        try:
            row = _MAKERS[config](draw)
        except _Elsewhere:
            continue
        key = tuple(value for value in row.values() if isinstance(value, str))
        if key not in seen:
            seen.add(key)
            rows.append(row)
            draw.next_row()
    _add_noise(rows, config, random)
    return rows


def _add_noise(rows: list[Row], config: str, random: Random) -> None:
    """Give the stated share of rows a wrong label."""
    classes = 6 if config == "emotion" else 2
    for row in random.sample(rows, round(NOISE.get(config, 0.0) * len(rows))):
        row["label"] = random.choice([c for c in range(classes) if c != row["label"]])


def _ceiling(config: str) -> dict[str, Any]:
    metric, why = {
        "text": (None, "unlabelled"),
        "similarity": ("pearson", "the score is a sum over the parts that both sentences share"),
        "translation": ("exact_match", "each English sentence has exactly one German one"),
        "summary": ("exact_match", "the summary states fixed facts of the story in a fixed form"),
    }.get(config, ("accuracy", "the label follows from the grammar, but for the noise added"))
    noise = NOISE.get(config, 0.0)
    return {"metric": metric, "best": None if metric is None else 1 - noise, "noise": noise,
            "why": why}  # fmt: skip


CEILINGS: dict[str, dict[str, Any]] = {config: _ceiling(config) for config in CONFIGS}
"""For each config: the metric, the best value any model can reach, the label noise, the reason."""
