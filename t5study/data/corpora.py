"""Unlabelled text for pre-training: gathered, freed of test texts, and packed into a file of ids.

A text that also stands in a test set is left out, whatever its spacing, capitals and punctuation
(IMDB's splits share reviews), and so is a text that came before. One text in a hundred, chosen by
its hash, is held out to measure the loss on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from t5study.base.errors import StudyError
from t5study.base.files import replacing
from t5study.data.pins import POCKET

if TYPE_CHECKING:
    from t5study.data.hub import Hub

_TEXTS_AT_ONCE = 1000
HELD_OUT_SHARE = 100
"""One text in this many is held out."""

_IMDB = "stanfordnlp/imdb"
_IMDB_TESTS = ((_IMDB, "plain_text", "test"),)
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Source:
    """A data set whose texts are read, and the splits none of whose texts may be among them."""

    repo: str
    config: str
    split: str
    tests: tuple[tuple[str, str, str], ...] = ()


SOURCES: dict[str, Source] = {
    "pocket-text": Source(
        POCKET,
        "text",
        "train",
        tuple((POCKET, config, "test") for config in ("text", "sentiment", "emotion")),
    ),
    "imdb-unlabelled": Source(_IMDB, "plain_text", "unsupervised", _IMDB_TESTS),
    "imdb-train": Source(_IMDB, "plain_text", "train", _IMDB_TESTS),
    "classic-books": Source("local/classic-books", "default", "train"),
}


@dataclass(frozen=True)
class Corpus:
    """Texts to train on, texts held out, and what was left out and why."""

    train: list[str]
    held_out: list[str]
    counts: dict[str, int]


def text_key(text: str) -> bytes:
    """A hash of a text's letters and digits: equal for texts that differ in nothing else."""
    return hashlib.blake2b(
        _NO_WORD.sub(" ", text.casefold()).strip().encode(), digest_size=16
    ).digest()


def sift(texts: Iterable[str], tests: Iterable[str] = ()) -> Corpus:
    """Deal texts into a corpus, leaving out those of `tests`, repeats and blank ones.

    Raises StudyError when there is not one text to train on and one to hold out.
    """
    kept: dict[bytes, str] = {}
    counts = dict.fromkeys(("excluded_in_test", "excluded_repeated", "excluded_blank"), 0)
    in_test = frozenset(map(text_key, tests))
    for text in texts:
        key = text_key(text)
        if not text.strip():
            counts["excluded_blank"] += 1
        elif key in in_test:
            counts["excluded_in_test"] += 1
        elif key in kept:
            counts["excluded_repeated"] += 1
        else:
            kept[key] = text
    if len(kept) < 2:
        raise StudyError(
            f"The pre-training corpus has {len(kept)} texts ({counts['excluded_blank']} blank ones "
            f"and {counts['excluded_in_test']} of a test set left out), but one is held out to "
            "measure the loss on: give it more text."
        )
    # A corpus too small for a share of a hundredth holds out its last text.
    held_out = [k for k in kept if int.from_bytes(k[:8]) % HELD_OUT_SHARE == 0] or [list(kept)[-1]]
    aside = set(held_out)
    corpus = Corpus(
        [text for key, text in kept.items() if key not in aside],
        [kept[key] for key in held_out],
        counts,
    )
    counts |= {"documents": len(corpus.train), "documents_held_out": len(corpus.held_out)}
    return corpus


def gather(names: Sequence[str], hub: Hub) -> Corpus:
    """The corpus of a recipe: its sources one after the other, without any of their test texts."""
    sources = [SOURCES[name] for name in names]
    tests = dict.fromkeys(test for source in sources for test in source.tests)
    return sift(
        (
            text
            for source in sources
            for text in _texts(hub, source.repo, source.config, source.split)
        ),
        (text for test in tests for text in _texts(hub, *test)),
    )


def identity(names: Sequence[str], hub: Hub) -> dict[str, Any]:
    """What determines the corpus: fingerprints of its sources and of the tests left out."""
    sources = [SOURCES[name] for name in names]
    tests = dict.fromkeys(test for source in sources for test in source.tests)
    return {
        "sources": [hub.fingerprint(s.repo, s.config, s.split) for s in sources],
        "without": [hub.fingerprint(*test) for test in tests],
    }


def _texts(hub: Hub, repo: str, config: str, split: str) -> list[str]:
    return hub.dataset(repo, config, split)["text"]


# --- packing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TokenStream:
    """A corpus as one row of ids, read from disk as it is needed.

    `ids` holds the texts one after the other, `starts` where each begins and, as its last entry,
    where the last one ends.
    """

    ids: np.ndarray
    starts: np.ndarray

    def document(self, index: int) -> np.ndarray:
        """The ids of one text."""
        return self.ids[self.starts[index] : self.starts[index + 1]]

    @property
    def documents(self) -> int:
        """Number of texts."""
        return len(self.starts) - 1


def pack(texts: Sequence[str], tokenizer: Any, path: Path) -> TokenStream:
    """Tokenise texts into the file `path` (16-bit ids where the vocabulary allows) and map it.

    Time and disk are linear in the text; memory holds one batch. An existing whole file is used.
    """
    dtype = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
    index = _index(path)
    if not index.exists():
        lengths: list[int] = []
        with replacing(path) as draft, draft.open("wb") as file:
            for first in range(0, len(texts), _TEXTS_AT_ONCE):
                some = texts[first : first + _TEXTS_AT_ONCE]
                rows = tokenizer(some, add_special_tokens=False)["input_ids"]
                lengths += map(len, rows)
                file.write(np.fromiter(chain.from_iterable(rows), dtype=dtype).tobytes())
        # Written last: where it stands, the ids are whole.
        with replacing(index) as draft, draft.open("wb") as file:
            np.save(file, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))
    return packed(path)


def packed(path: Path) -> TokenStream:
    """Map the file that `pack` wrote; StudyError when there is not one id in it."""
    starts = np.load(_index(path))
    if starts[-1] == 0:
        raise StudyError("The pre-training corpus has no piece of the vocabulary in it: give text.")
    width = path.stat().st_size // int(starts[-1])
    dtype = np.uint16 if width == np.dtype(np.uint16).itemsize else np.uint32
    return TokenStream(np.memmap(path, dtype=dtype, mode="r"), starts)


def _index(path: Path) -> Path:
    return path.with_suffix(".starts.npy")


def separated(stream: TokenStream, separator: int) -> TokenStream:
    """The same texts, each followed by the id `separator`, as a language model needs them."""
    ids = np.insert(stream.ids, stream.starts[1:], separator)
    return TokenStream(ids, stream.starts + np.arange(len(stream.starts)))


def sentence_ends(tokenizer: Any) -> np.ndarray:
    """Boolean table over the vocabulary: pieces that close a sentence (they end in . ! or ?)."""
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return np.array([piece.rstrip("\"'”’)").endswith((".", "!", "?")) for piece in pieces])


def sentences(ids: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Cut the ids of a text behind every piece that closes a sentence."""
    cuts = np.flatnonzero(ends[ids]) + 1
    parts = np.split(ids, cuts)
    return [part for part in parts if len(part)]
