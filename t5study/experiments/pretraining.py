"""A pre-training, fully determined, and the configuration that identifies it. Nothing computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from t5study.data import corpora, vocabulary
from t5study.experiments.identity import unless_published
from t5study.experiments.recipes import PretrainingRecipe

if TYPE_CHECKING:
    from t5study.data.hub import Hub

_NOT_IN_PRETRAINING = {"precision", "compile"}

BERT_FRAME = "[CLS] $A [SEP]"
"""How BERT reads a text of its own (Devlin et al. 2019, section 3); T5's way is `$A </s>`."""


@dataclass(frozen=True)
class Pretraining:
    """One pre-training, fully determined. `architecture` is "t5", "bert" or "gpt"."""

    architecture: str
    recipe: PretrainingRecipe
    seed: int

    def resolved(self) -> Pretraining:
        """Return it in the precision that this machine computes in, where that was left open."""
        return replace(self, recipe=self.recipe.resolved())

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; its hash is the run's identity."""
        frame = {"frame": BERT_FRAME} if self.architecture == "bert" else {}
        return frame | {
            **vocabulary_definition(),
            "kind": "pretrain",
            "model": self.architecture,
            "architecture": self.architecture,
            "data": corpora.identity(self.recipe.corpus, hub),
            "recipe": self.recipe.model_dump(exclude=_NOT_IN_PRETRAINING),
            "precision": self.recipe.precision,
            "seed": self.seed,
        }

    @property
    def rows(self) -> int:
        """Sequences in an update."""
        return self.recipe.batch_tokens // self.recipe.sequence_length

    @property
    def steps(self) -> int:
        """Updates that use up the budget of tokens."""
        return max(1, self.recipe.tokens // (self.rows * self.recipe.sequence_length))


def vocabulary_definition() -> dict[str, Any]:
    """Return the words and characters that a vocabulary holds whatever the text, as a key."""
    wanted = {"words": vocabulary.PROMPT_WORDS, "characters": vocabulary.PROMPT_CHARACTERS}
    return unless_published("(vocabulary)", "vocabulary", wanted)
