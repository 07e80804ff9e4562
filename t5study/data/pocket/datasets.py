"""The pocket corpus's data sets: their sizes, and their noise.

Every kernel of a book reads them from a cache: writing the unlabelled text takes ten seconds,
reading it a fraction of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from random import Random

from t5study.base.errors import StudyError
from t5study.base.files import content, write_text
from t5study.data.pocket import acceptability, events, reviews
from t5study.data.pocket.draws import Draw, Elsewhere, Row

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


FOLDER = "T5STUDY_CORPUS"
"""Environment variable: the folder of the cache; without it there is none."""


def _text(draw: Draw) -> Row:
    makers: tuple[Callable[[], str], ...] = (
        lambda: reviews.review(draw, draw.plan.choice("+-"), 0.6),
        lambda: reviews.diary(draw),
        lambda: events.episode(draw),
        lambda: reviews.news(draw)[0],
        lambda: events.german_episode(draw),
    )
    return {"text": draw.plan.choices(makers, (30, 22, 22, 12, 14))[0]()}


_MAKERS: dict[str, Callable[[Draw], Row]] = {
    "text": _text,
    "sentiment": reviews.sentiment,
    "emotion": reviews.emotion,
    "acceptability": acceptability.acceptability,
    "sst": reviews.sst,
    "paraphrase": events.paraphrase,
    "similarity": events.similarity,
    "entailment": events.entailment,
    "translation": events.translation,
    "summary": reviews.summary,
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
    draw, rows, seen = Draw(random, split), [], set()
    while len(rows) < size:
        draw.next_try()
        try:
            row = _MAKERS[config](draw)
        except Elsewhere:
            continue
        key = tuple(value for value in row.values() if isinstance(value, str))
        if key not in seen:
            seen.add(key)
            rows.append(row)
            draw.next_row()
    _add_noise(rows, config, random)
    return rows


@cache
def _grammar_digest() -> str:
    """A hash of the sources that the rows follow from, so that an old file is never taken."""
    digest = hashlib.sha256()
    for path in content(Path(__file__).parent):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=8)
def rows(config: str, split: str) -> list[Row]:
    """Return what `generate` returns; not to be changed in place.

    Raises StudyError as `generate` does.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate(config, split)
    path = Path(folder) / f"{config}-{split}-{_grammar_digest()}.json"
    if not path.is_file():
        write_text(path, json.dumps(generate(config, split), ensure_ascii=False))
    return json.loads(path.read_text("utf-8"))


def _add_noise(rows: list[Row], config: str, random: Random) -> None:
    """Give the stated share of rows a wrong label."""
    classes = 6 if config == "emotion" else 2
    for row in random.sample(rows, round(NOISE.get(config, 0.0) * len(rows))):
        row["label"] = random.choice([c for c in range(classes) if c != row["label"]])
