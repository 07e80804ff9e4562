"""What can be asked: experiments, each fully determined, and the configuration that identifies it.

Nothing here computes. A page that is drawn from records asks the same questions as one that trains,
and finds the answers without waiting for the libraries that train.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from t5study.base.errors import StudyError
from t5study.data.tasks import Task
from t5study.experiments.recipes import Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint
from t5study.runs.record import canonical

if TYPE_CHECKING:
    from t5study.data.hub import Hub

SPLITS = ("train", "validation", "test")
_NOT_IN_FINETUNING = {
    *("tokens_per_micro_batch", "packing", "compile", "gradient_checkpointing"),
    *("keep_checkpoints", "precision"),
}

ROLES = (
    *("sentiment", "emotion", "acceptability", "sst", "paraphrase", "similarity"),
    *("entailment", "translation", "summary"),
)
"""The roles of the book's tasks, as they stand in a mixture; other roles come after, by name."""

PUBLISHED_DEFINITIONS = {
    "(vocabulary)": "1812b4335cc1920a",
    "imdb": "700864186ad74791",
    "emotion": "de5011a7f99756a1",
    "cola": "f68b8d8914703453",
    "sst2": "681b5a9e0e577900",
    "mrpc": "b07ed18ec6804b58",
    "rte": "b6479b5995a2daf9",
    "wnli": "3125d087d6c2a882",
    "stsb": "7916dbae1a13cf92",
    "multi30k": "22e6449c132e86ba",
    "ntrex": "958ad64b71930146",
    "bbc": "ef57d2c1114f140a",
    "scitldr": "79184df59515c99d",
    "pocket-sentiment": "1dddb2dcb90731a5",
    "pocket-emotion": "1eb8fb8e2748602b",
    "pocket-sst": "b68021715035bc25",
    "pocket-acceptability": "15bb16c9a6a0d6bb",
    "pocket-paraphrase": "91271d0495b3e51d",
    "pocket-entailment": "7552719c78ca52ea",
    "pocket-similarity": "4c21d769808fa086",
    "pocket-translation": "18814891f5c7be36",
    "pocket-summary": "72340b10a1c41d3c",
}
"""Definitions that the published runs were made with, and whose identities do not hold them.

A definition that differs from its hash here, or has none, is written into the identity in full.
"""


@dataclass(frozen=True)
class Experiment:
    """One fine-tuning, fully determined.

    `architecture` is "t5" (text to text) or "bert" or "gpt" (a classification head on top);
    `init` is "pretrained", or "scratch" for the same configuration with random weights.
    """

    task: Task
    settings: TaskSettings
    checkpoint: Checkpoint
    architecture: str
    init: str
    seed: int

    @property
    def recipe(self) -> Recipe:
        """The hyper-parameters."""
        return self.settings.recipe

    def resolved(self) -> Experiment:
        """Return it in the precision that this machine computes in, where that was left open."""
        settings = self.settings.model_copy(update={"recipe": self.recipe.resolved()})
        return replace(self, settings=settings)

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; its hash is the run's identity."""
        task, recipe, start = self.task, self.recipe, self.checkpoint
        weights = start.design if self.init == "scratch" else start.fingerprint
        return {
            "kind": "finetune",
            "task": task.name,
            "prompt": task.prefix + task.template,
            **task_definition(task),
            "data": data_identity(task, self.settings, hub, SPLITS),
            "model": {"name": start.name, "fingerprint": weights},
            "architecture": self.architecture,
            "init": self.init,
            "recipe": recipe_identity(recipe),
            "precision": recipe.precision,
            "seed": self.seed,
        }


def recipe_identity(recipe: Recipe) -> dict[str, Any]:
    """Return the hyper-parameters that determine a result."""
    decisive = recipe.model_dump(exclude=_NOT_IN_FINETUNING)
    # The published runs had no such choice.
    return {k: value for k, value in decisive.items() if (k, value) != ("lora_rank", None)}


def task_definition(task: Task) -> dict[str, Any]:
    """Return what becomes of a row, a label and a score, as the key `definition` of a run.

    Fields at their defaults are left out, so that a field that tasks gain changes no identity. All
    is left out where the definition is the one of the published runs, which do not name it.
    """
    fields = {
        field.name: getattr(task, field.name)
        for field in dataclasses.fields(task)
        if field.name != "name" and getattr(task, field.name) != field.default
    }
    if "splits" in fields:
        fields["splits"] = {name: [place.split, place.part] for name, place in task.splits.items()}
    return unless_published(task.name, "definition", fields)


def unless_published(name: str, key: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition under its key, or nothing where the published runs were made with it."""
    digest = hashlib.sha256(canonical(definition).encode()).hexdigest()[:16]
    return {} if PUBLISHED_DEFINITIONS.get(name) == digest else {key: definition}


def data_identity(
    task: Task, settings: TaskSettings, hub: Hub, splits: tuple[str, ...]
) -> dict[str, list[Any]]:
    """Return what determines the rows of each split: content fingerprint and row limit."""
    return {split: [task.fingerprint(hub, split), getattr(settings, split)] for split in splits}


@dataclass(frozen=True)
class Mixture:
    """One T5 fine-tuned on several tasks: experiments by role that differ in task and rows only.

    The roles stand in one order, however they were listed: the order decides how rows are shuffled.
    Raises StudyError where the experiments differ in more, or start from something else than a
    pre-trained T5.
    """

    parts: dict[str, Experiment]
    cap: int

    def __post_init__(self) -> None:
        in_order = [*(r for r in ROLES if r in self.parts), *sorted({*self.parts} - {*ROLES})]
        object.__setattr__(self, "parts", {role: self.parts[role] for role in in_order})
        first = self.any_part
        for name in ("recipe", "checkpoint", "architecture", "init", "seed"):
            if any(getattr(part, name) != getattr(first, name) for part in self.parts.values()):
                raise StudyError(
                    f"The tasks of one model ({', '.join(self.parts)}) differ in their {name}: "
                    "give them the same."
                )
        if (first.architecture, first.init) != ("t5", "pretrained"):
            raise StudyError("A model of several tasks starts from a pre-trained T5: choose one.")

    def resolved(self) -> Mixture:
        """Return it in the precision that this machine computes in, where that was left open."""
        return replace(self, parts={role: part.resolved() for role, part in self.parts.items()})

    @property
    def any_part(self) -> Experiment:
        """One of the experiments: recipe, checkpoint and seed are the same in all."""
        return next(iter(self.parts.values()))

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; its hash is the run's identity."""
        shared = self.any_part
        return {
            "kind": "joint",
            "tasks": {
                role: {
                    "task": part.task.name,
                    "prompt": part.task.prefix + part.task.template,
                    **task_definition(part.task),
                    "data": data_identity(part.task, part.settings, hub, SPLITS),
                }
                for role, part in self.parts.items()
            },
            "cap": self.cap,
            "model": {"name": shared.checkpoint.name, "fingerprint": shared.checkpoint.fingerprint},
            "recipe": recipe_identity(shared.recipe),
            "precision": shared.recipe.precision,
            "seed": shared.seed,
        }
