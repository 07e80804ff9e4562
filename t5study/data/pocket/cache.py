"""A cache of the corpus: written once and read by every kernel of a book.

Writing the unlabelled text takes ten seconds of each process that asks for it; reading it takes a
fraction of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache, lru_cache
from pathlib import Path

from t5study.base.files import write_text
from t5study.data.pocket.datasets import generate
from t5study.data.pocket.draws import Row

FOLDER = "T5STUDY_CORPUS"
"""Environment variable: the folder of the cache; without it there is none."""


@cache
def _grammar_digest() -> str:
    """A hash of the sources that the rows follow from, so that an old file is never taken."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("[!.]*.py")):
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
