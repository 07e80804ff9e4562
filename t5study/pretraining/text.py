"""The text of a pre-training, made ready once for all runs of a store: vocabulary and packed ids.

Models that are to be compared read the same text with the same vocabulary, and a budget differs
from another in nothing but how long it reads. Gathering, training a vocabulary and tokenising take
minutes on real text, so the first run does them and the others map its files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t5study.base.files import locked, write_json
from t5study.data import corpora
from t5study.data.corpora import TokenStream
from t5study.data.vocabulary import PROMPT_WORDS, train_vocabulary
from t5study.experiments.recipes import PretrainingRecipe
from t5study.models.loading import load_tokenizer
from t5study.runs.record import identity_of

if TYPE_CHECKING:
    from t5study.data.hub import Hub

SENTINELS = 100
SENTINELS_SMALL = 20
SMALL_VOCABULARY = 4000
"""Below this size a vocabulary is for short texts, which need few sentinels."""


@dataclass(frozen=True)
class CorpusText:
    """Tokenizer, the streams of ids to train on and to judge by, and what was left out."""

    tokenizer: Any
    train: TokenStream
    held_out: TokenStream
    counts: dict[str, int]


def corpus_text(recipe: PretrainingRecipe, hub: Hub, store: Path) -> CorpusText:
    """Return the recipe's text out of `store`, made there by whichever process comes first.

    The folder's name is a hash of all that determines its content. Others wait while one writes.
    """
    config = {
        "kind": "text",
        "data": corpora.identity(recipe.corpus, hub),
        "vocabulary_size": recipe.vocabulary_size,
        "words": list(PROMPT_WORDS),
    }
    folder = store / f".text-{identity_of(config)}"
    with locked(folder / "lock"):
        if not (folder / "counts.json").is_file():
            _make(recipe, hub, folder)
    return CorpusText(
        load_tokenizer(folder / "vocabulary"),
        corpora.packed(folder / "train.ids"),
        corpora.packed(folder / "held-out.ids"),
        json.loads((folder / "counts.json").read_text()),
    )


def _make(recipe: PretrainingRecipe, hub: Hub, folder: Path) -> None:
    corpus = corpora.gather(recipe.corpus, hub)
    vocabulary, size = folder / "vocabulary", recipe.vocabulary_size
    if not vocabulary.exists():
        sentinels = SENTINELS if size >= SMALL_VOCABULARY else SENTINELS_SMALL
        train_vocabulary(
            corpus.train, size, vocabulary, sentinels, _whole_words(corpus.train, size)
        )
    tokenizer = load_tokenizer(vocabulary)
    corpora.pack(corpus.train, tokenizer, folder / "train.ids")
    corpora.pack(corpus.held_out, tokenizer, folder / "held-out.ids")
    # Written last: where it stands, everything is whole.
    write_json(folder / "counts.json", corpus.counts)


def _whole_words(texts: Sequence[str], size: int) -> list[str]:
    """The words of all prompts and labels; of the texts, too, where the vocabulary has room."""
    own = dict.fromkeys(word for text in texts for word in re.findall(r"[\w'-]+", text))
    return [*dict.fromkeys([*PROMPT_WORDS, *(own if len(own) < size else ())])]
