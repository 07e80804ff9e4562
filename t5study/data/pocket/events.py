"""Events of the pocket corpus, and what is asked about two of them or their two languages."""

from __future__ import annotations

from typing import Any

from t5study.data.pocket.draws import Draw, Elsewhere, Row, german, keys, split_of
from t5study.data.pocket.grammar import words, write
from t5study.data.pocket.rules import CLASSES

Frame = dict[str, Any]
WEIGHTS = {
    "V": 1.2, "agN": 1.0, "paN": 1.0, "agA": 0.4, "paA": 0.4, "TIME": 0.4, "PLACE": 0.6,
}  # fmt: skip
"""What each part of an event counts in similarity; the weights add up to 5."""


def _frame(draw: Draw, shape: str = "tp", kind: str | None = None) -> Frame:
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


def _changed(draw: Draw, frame: Frame, slot: str) -> Frame:
    """The frame with another value in one slot."""
    taken = {frame[slot], frame["agN"] if slot == "paN" else "", frame["paN"]}
    options = [k for k in keys(_slot_symbol(frame, slot)) if k not in taken]
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


def _tell(draw: Draw, frame: Frame) -> str:
    """One way to say a frame: active or passive, some order, some synonyms."""
    voices = ("NEGATED",) if frame["neg"] else ("CLAUSE", "CLAUSE", "PASSIVE")
    symbol = f"{draw.random.choice(voices)}.{frame['n']}.{frame['m']}.{frame['o']}"
    return write([*words(draw.node(symbol, _bind(frame), None)), "."])


def _home(frame: Frame) -> str:
    """The split of every sentence that tells this frame and no more (see `identity`)."""
    slots = ["V", "agN", "paN"]
    slots += [f"{role}A" for role in ("ag", "pa") if frame[role + "S"] == "adj"]
    slots += [name for mark, name in (("t", "TIME"), ("p", "PLACE")) if mark in frame["shape"]]
    return split_of(" ".join(sorted(frame[slot] for slot in slots)))


def _told_pair(draw: Draw, one: Frame, other: Frame, label: float) -> Row:
    """Two events in words, if both belong to the split."""
    if draw.split != _home(one) or draw.split != _home(other):
        raise Elsewhere
    return _pair(_tell(draw, one), _tell(draw, other), label)


def _pair(first: str, second: str, label: float) -> Row:
    if first == second:
        raise Elsewhere
    return {"sentence1": first, "sentence2": second, "label": label}


def _swap(frame: Frame) -> Frame:
    """Who did it and whom it was done to, exchanged (people only)."""
    other = {"n": frame["m"], "m": frame["n"]}
    for part in "NAS":
        other |= {f"ag{part}": frame[f"pa{part}"], f"pa{part}": frame[f"ag{part}"]}
    return frame | other


def _altered(draw: Draw, frame: Frame) -> Frame:
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


def paraphrase(draw: Draw) -> Row:
    kind = "pers" if draw.plan.random() < 0.4 else None
    frame = _frame(draw, draw.plan.choice(("-", "t", "p", "tp")), kind)
    frame |= {name: draw.plan.choice(("adj", "adj", "plain")) for name in ("agS", "paS")}
    label = int(draw.plan.random() < 0.6)
    second = frame if label else _altered(draw, frame)
    return _told_pair(draw, frame, second, label)


def similarity(draw: Draw) -> Row:
    frame = other = _frame(draw)
    slots = draw.plan.sample(list(WEIGHTS), draw.plan.randrange(len(WEIGHTS) + 1))
    for slot in slots:
        other = _changed(draw, other, slot)
    score = 5.0 - sum(WEIGHTS[slot] for slot in slots)
    return _told_pair(draw, frame, other, abs(round(score, 1)))


def _less(draw: Draw, frame: Frame) -> Frame:
    """A frame that follows from `frame`: some detail left out."""
    shapes = {"tp": ("t", "p", "-"), "t": ("-",), "p": ("-",), "-": ("-",)}
    weaker = dict(frame, shape=draw.plan.choice(shapes[frame["shape"]]))
    for role in ("ag", "pa"):
        if draw.plan.random() < 0.4:
            weaker[role + "S"] = "plain"
    return weaker


def entailment(draw: Draw) -> Row:
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


def _told(draw: Draw, frame: Frame, label: int) -> Row:
    """A premise with a clause: what `because` says is so, what somebody says need not be."""
    bind = _bind(frame) | {"COMPLEX": f"{('fact', 'view')[label]}.{frame['o']}"}
    bind |= {"LATE": f"{frame['n']}.{frame['m']}", "#sub": bind["#ag"], "#ag": {}}
    hypothesis = _less(draw, frame) | {"shape": "-"}
    if draw.split != _home(hypothesis):
        raise Elsewhere
    premise = draw.node("COMPLEX", bind, draw.split)
    return _pair(write([*words(premise), "."]), _tell(draw, hypothesis), label)


def translation(draw: Draw) -> Row:
    node = draw.node("EVENT", {}, draw.split)
    return {"en": write(words(node)), "de": german(node)}


def episode(draw: Draw) -> str:
    """Two or three sentences about one person."""
    agent = {"N": draw.choice("N.sg.pers"), "NP": "the"}
    bind = {"#ag": agent}
    sentences = [draw.sentence("EVENT", bind, not i) for i in range(draw.random.choice((1, 2, 3)))]
    return " ".join(sentences)


def german_episode(draw: Draw) -> str:
    bind = {"#ag": {"N": draw.choice("N.sg.pers"), "NP": "the"}}
    nodes = [draw.node("EVENT", bind, draw.split) for _ in range(draw.random.choice((1, 2, 2)))]
    texts = [german(node) for node in nodes]
    if draw.random.random() < 0.3:
        texts = [write(words(nodes[0])), texts[0]]
    return " ".join(texts)
