"""The rows of an experiment: read, cast to text, and encoded for its model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasets import Dataset

from t5study.data.casts import cast
from t5study.data.encoding import Collator, Encoded, encode
from t5study.data.rows import split_rows
from t5study.experiments.identity import SPLITS, Experiment
from t5study.models.architectures import ARCHITECTURES, collator

if TYPE_CHECKING:
    from t5study.data.hub import Hub

LONGEST_TARGET = 160
"""Tokens of the longest text that a model learns to write, or is let write."""


@dataclass(frozen=True)
class TaskData:
    """The splits of an experiment by name, and what makes micro-batches of them.

    `texts` has the columns of `casts.cast`, `encoded` the same rows as token ids.
    """

    encoded: dict[str, Encoded]
    texts: dict[str, Dataset]
    collator: Collator

    @classmethod
    def load(
        cls, experiment: Experiment, hub: Hub, tokenizer: Any, splits: tuple[str, ...] = SPLITS
    ) -> TaskData:
        """Read and encode the splits; targets only where the model writes."""
        task, settings, recipe = experiment.task, experiment.settings, experiment.recipe
        writes = ARCHITECTURES[experiment.architecture].text_to_text
        texts = {
            split: cast(
                task, split_rows(task, hub, split, getattr(settings, split)), recipe.cleaning
            )
            for split in splits
        }
        encoded = {
            split: encode(
                table, tokenizer, recipe.max_source_length, LONGEST_TARGET if writes else 0
            )
            for split, table in texts.items()
        }
        return cls(
            encoded,
            texts,
            collator(experiment.architecture, tokenizer, task.kind == "regression"),
        )
