"""Reviews, feelings and news stories of the pocket corpus."""

from __future__ import annotations

from typing import Any

from t5study.data.pocket.draws import Draw, Elsewhere, Row, identity, keys, person, split_of
from t5study.data.pocket.grammar import words, write
from t5study.data.pocket.rules import STORIES
from t5study.data.tasks import EMOTIONS

EMOTION_SHARES = (0.29, 0.335, 0.08, 0.135, 0.12, 0.04)


# -- Reviews --


def _film(draw: Draw) -> dict[str, Any]:
    names = {name: draw.choice(name) for name in ("TADJ", "TNOUN", "GENRE", "ROLE", "DAY")}
    return names | person(draw) | {"#friend": names | person(draw), "#other": person(draw)}


def review(draw: Draw, polarity: str, intro: float) -> str:
    bind = _film(draw)
    symbols = ["INTRO"] if draw.plan.random() < intro else []
    symbols += [f"REV.{polarity}"] * draw.plan.choice((2, 2, 3) if symbols else (2, 3, 3))
    return " ".join(draw.sentence(symbol, bind, not i) for i, symbol in enumerate(symbols))


def sentiment(draw: Draw) -> Row:
    label = draw.plan.randrange(2)
    return {"text": review(draw, "-+"[label], 0.3), "label": label}


def sst(draw: Draw) -> Row:
    label = draw.plan.randrange(2)
    return {"sentence": draw.sentence(f"SST.{'-+'[label]}", {}, True), "label": label}


# -- Emotions --


def emotion(draw: Draw) -> Row:
    label = draw.plan.choices(range(6), EMOTION_SHARES)[0]
    symbol = f"EMO.{EMOTIONS[label]}"
    text = draw.sentence(symbol, {}, True)
    return {"text": text, "label": label}


def diary(draw: Draw) -> str:
    emotion = draw.random.choice(EMOTIONS)
    gender = draw.random.choice("mf")
    bind = {"WHO": gender, "KNOWN": draw.random.choice(("kin", "name"))}
    bind |= {name: draw.choice(f"{name}.{gender}") for name in ("KIN", "FIRST")}
    bind["CITY"] = draw.choice("CITY")
    kinds = draw.random.choice((("EMO", "FEEL"), ("FEEL", "EMO"), ("FEEL", "FEEL", "EMO")))
    return " ".join(draw.sentence(f"{k}.{emotion}", bind, not i) for i, k in enumerate(kinds))


# -- News --


STORY = ("lead", "more", "extra", "end")


def news(draw: Draw) -> tuple[str, str]:
    """A story of four sentences and its one-sentence summary, which decides the split."""
    slots = ("CITY", "DAY", "NUM", "EVN", "PRIZE", "BUILDING", "LOOT", "WORKERS", "JOB")
    values = {slot: draw.random.sample(keys(slot), 3) for slot in slots[:3]}
    values |= {slot: draw.random.sample(keys(slot), 3) for slot in slots[3:-1]}
    job = draw.choice("JOB")
    bind, other, third = (
        {slot: chosen[i] for slot, chosen in values.items()} | {"JOB": job} | person(draw)
        for i in range(3)
    )
    bind |= {"#other": other, "#third": third}
    for kind in draw.random.sample(STORIES, len(STORIES)):
        summary = draw.node(f"sum.{kind}", bind, None)
        if split_of(identity(summary)) == draw.split:
            parts = [draw.sentence(f"{part}.{kind}", bind) for part in STORY]
            return " ".join(parts), write(words(summary))
    raise Elsewhere


def summary(draw: Draw) -> Row:
    document, summary = news(draw)
    return {"document": document, "summary": summary}
