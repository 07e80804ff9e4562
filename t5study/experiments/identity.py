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
from t5study.base.settings import checked
from t5study.data.tasks import Task, get_task
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

LENGTHS = (16, 32, 64, 128, 256, 512)
WIDTH, HEADS, REPEATS = 256, 4, 40
"""Of the measurement of parallelism: sequence lengths, width, attention heads, repeats."""

ROLES = {
    role: place
    for place, role in enumerate(
        (
            *("sentiment", "emotion", "acceptability", "sst", "paraphrase", "similarity"),
            *("entailment", "translation", "summary"),
        )
    )
}
"""The roles of the book's tasks and their places in a mixture; other roles come after, by name."""

KINDS: dict[str, dict[str, str]] = {
    "classification": {
        "tfidf-svm": "TF-IDF bigrams + linear SVM",
        "nb-svm": "NB-SVM bigrams",
    },
    "regression": {"tfidf-ridge": "TF-IDF bigrams + ridge regression"},
    "generation": {"copy": "copy of the source", "lead": "first sentence of the source"},
}
"""The baselines of each kind of task and what they are called; the first is the usual one."""

PAIR_KINDS: dict[str, dict[str, str]] = {
    "classification": {"overlap": "word overlap of the two texts + logistic regression"},
    "regression": {"overlap": "word overlap of the two texts + least squares"},
}
"""Further baselines of a task with two texts: they set one text against the other."""


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

    @property
    def _weights_from(self) -> str:
        scratch = self.init == "scratch"
        return self.checkpoint.design if scratch else self.checkpoint.fingerprint

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; its hash is the run's identity."""
        task, recipe = self.task, self.recipe
        return {
            "kind": "finetune",
            "task": task.name,
            "prompt": task.prefix + task.template,
            **task_definition(task),
            "data": data_identity(task, self.settings, hub, SPLITS),
            "model": {"name": self.checkpoint.name, "fingerprint": self._weights_from},
            "architecture": self.architecture,
            "init": self.init,
            "recipe": recipe_identity(recipe),
            "precision": recipe.precision,
            "seed": self.seed,
        }


def experiment_of(config: dict[str, Any], checkpoint: Checkpoint) -> Experiment:
    """Return the experiment of a record, from `checkpoint` and in the record's precision.

    Raises:
        StudyError: the recipe cannot be read, or the task is not what it was for that run.
    """
    task, recipe = get_task(config["task"]), {**config["recipe"], "precision": config["precision"]}
    if canonical(task_definition(task).get("definition")) != canonical(config.get("definition")):
        raise StudyError(
            f"The task {task.name} is defined otherwise than when this model learnt it, so its "
            "answers would be misread: train it again, or restore the task in data/tasks.py."
        )
    limits = {split: limit for split, (_, limit) in config["data"].items()}
    settings = TaskSettings(
        task=task.name, recipe=checked(Recipe, recipe, "the run's recipe"), **limits
    )
    architecture, init = config.get("architecture", "t5"), config.get("init", "pretrained")
    return Experiment(task, settings, checkpoint, architecture, init, config["seed"])


def recipe_identity(recipe: Recipe) -> dict[str, Any]:
    """Return the hyper-parameters that determine a result."""
    return recipe.model_dump(exclude=_NOT_IN_FINETUNING)


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
        in_order = sorted(self.parts, key=lambda role: (ROLES.get(role, len(ROLES)), role))
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


@dataclass(frozen=True)
class Baseline:
    """A baseline of one task: `kind` is one of its `kinds`, None the usual."""

    task: Task
    settings: TaskSettings
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *self.kinds):
            raise StudyError(
                f"The task {self.task.name} has no baseline '{self.kind}': "
                f"choose one of {', '.join(self.kinds)}."
            )

    @property
    def kinds(self) -> dict[str, str]:
        """The baselines that the task can have, and what they are called."""
        pairs = PAIR_KINDS.get(self.task.kind, {}) if len(self.task.fields) == 2 else {}
        return KINDS[self.task.kind] | pairs

    @property
    def name(self) -> str:
        """What the baseline is, in words."""
        return self.kinds[self.kind or next(iter(self.kinds))]

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result."""
        task = self.task
        return {
            "kind": "baseline",
            "name": self.name,
            "task": task.name,
            **task_definition(task),
            "data": data_identity(task, self.settings, hub, ("train", "test")),
            "cleaning": self.settings.recipe.cleaning,
        }


@dataclass(frozen=True)
class Casting:
    """How a task's labels look as texts to a checkpoint's tokenizer."""

    task: Task
    checkpoint: Checkpoint

    def config(self) -> dict[str, Any]:
        """Return what determines the result."""
        return {
            "kind": "casting",
            "task": self.task.name,
            "labels": list(self.task.label_words),
            "model": {"name": self.checkpoint.name, "fingerprint": self.checkpoint.fingerprint},
        }


@dataclass(frozen=True)
class Observing:
    """An observation of a checkpoint: its name in `observations.OBSERVATIONS`, and its inputs."""

    name: str
    checkpoint: Checkpoint
    inputs: dict[str, Any]

    def config(self) -> dict[str, Any]:
        """Return what determines the result."""
        return {
            "kind": "observation",
            "name": self.name,
            "model": {"name": self.checkpoint.name, "fingerprint": self.checkpoint.fingerprint},
            "inputs": self.inputs,
        }


def observed_model(name: str) -> str:
    """Return which model of a profile an observation looks at: its name begins with the model's.

    What is called after a subject, as `generation.sweep`, looks at T5.
    """
    first = name.partition(".")[0]
    return first if first in ("bert", "gpt", "minilm", "smollm2") else "t5"


def parallelism() -> dict[str, Any]:
    """Return what determines the measurement of parallelism, the machine aside."""
    return {
        "kind": "measurement",
        "name": "parallelism",
        "lengths": list(LENGTHS),
        "width": WIDTH,
        "heads": HEADS,
        "repeats": REPEATS,
    }
