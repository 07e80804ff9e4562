"""What can be asked: experiments, each fully determined, and the configuration that identifies it.

Nothing here computes. A page that is drawn from records asks the same questions as one that trains,
and finds the answers without waiting for the libraries that train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from t5study.base.errors import StudyError
from t5study.data import corpora
from t5study.data.hub import Hub
from t5study.data.tasks import Task
from t5study.experiments.recipes import PretrainingRecipe, Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint

SPLITS = ("train", "validation", "test")
_NOT_IN_FINETUNING = {
    *("tokens_per_micro_batch", "packing", "compile", "gradient_checkpointing"),
    *("keep_checkpoints", "precision"),
}
_NOT_IN_PRETRAINING = {"precision", "compile"}

BERT_FRAME = "[CLS] $A [SEP]"
"""How BERT reads a text of its own (Devlin et al. 2019, section 3); T5's way is `$A </s>`."""

LENGTHS = (16, 32, 64, 128, 256, 512)
WIDTH, HEADS, REPEATS = 256, 4, 40
"""Of the measurement of parallelism: sequence lengths, width, attention heads, repeats."""

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
            "data": data_identity(task, self.settings, hub, SPLITS),
            "model": {"name": self.checkpoint.name, "fingerprint": self._weights_from},
            "architecture": self.architecture,
            "init": self.init,
            "recipe": recipe_identity(recipe),
            "precision": recipe.precision,
            "seed": self.seed,
        }


def recipe_identity(recipe: Recipe) -> dict[str, Any]:
    """Return the hyper-parameters that determine a result."""
    return recipe.model_dump(exclude=_NOT_IN_FINETUNING)


def data_identity(
    task: Task, settings: TaskSettings, hub: Hub, splits: tuple[str, ...]
) -> dict[str, list[Any]]:
    """Return what determines the rows of each split: content fingerprint and row limit."""
    return {split: [task.fingerprint(hub, split), getattr(settings, split)] for split in splits}


@dataclass(frozen=True)
class Mixture:
    """One T5 fine-tuned on several tasks: experiments by role that differ in task and rows only."""

    parts: dict[str, Experiment]
    cap: int

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
class Pretraining:
    """One pre-training, fully determined. `architecture` is "t5", "bert" or "gpt"."""

    architecture: str
    recipe: PretrainingRecipe
    seed: int

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; its hash is the run's identity."""
        frame = {"frame": BERT_FRAME} if self.architecture == "bert" else {}
        return frame | {
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


@dataclass(frozen=True)
class Baseline:
    """A baseline of one task: `kind` is one of its `kinds`, None the usual."""

    task: Task
    settings: TaskSettings
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *self.kinds):
            raise StudyError(
                f"the task {self.task.name} has no baseline {self.kind!r}: "
                f"choose one of {', '.join(self.kinds)}"
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
class Look:
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
    """Return which model an observation looks at, "bert", "gpt" or "t5": its name begins with it.

    What is called after a subject, as `generation.sweep`, looks at T5.
    """
    first = name.partition(".")[0]
    return first if first in ("bert", "gpt") else "t5"


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
