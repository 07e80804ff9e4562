"""What is asked beside trainings: baselines, prompts, castings, observations, two measurements.

Each is fully determined, with the configuration that identifies it. Nothing here computes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from t5study.base.errors import StudyError
from t5study.data.tasks import Task
from t5study.experiments.identity import data_identity, task_definition
from t5study.experiments.recipes import TaskSettings
from t5study.models.checkpoints import Checkpoint
from t5study.runs.record import Run

if TYPE_CHECKING:
    from t5study.data.hub import Hub

LENGTHS = (16, 32, 64, 128, 256, 512)
WIDTH, HEADS, REPEATS = 256, 4, 40
"""Of the measurement of parallelism: sequence lengths, width, attention heads, repeats."""

LONGEST_IN_A_PROMPT = 256
"""Tokens of one text in a prompt; what is longer is cut."""

HALF_SMALL = "half of T5-small"
"""A T5 of half T5-small's width, with four layers in place of six."""

MEMORY_CASES: tuple[dict[str, Any], ...] = tuple(
    {"model": model, "rows": rows, "source": source, "target": target, **changes}
    for model, rows, source, target, changes in (
        ("t5-small", 8, 128, 2, {}),
        ("t5-small", 8, 128, 64, {}),
        ("t5-small", 2, 512, 2, {}),
        ("t5-small", 4, 512, 2, {}),
        ("t5-small", 2, 512, 2, {"micro_batches": 2}),
        ("t5-small", 2, 512, 2, {"gradient_checkpointing": True}),
        ("t5-small", 2, 512, 2, {"optimizer": "adafactor"}),
        ("t5-small", 2, 512, 2, {"lora_rank": 8}),
        ("t5-small", 2, 512, 2, {"lora_rank": 8, "gradient_checkpointing": True}),
        (HALF_SMALL, 4, 256, 2, {}),
        (HALF_SMALL, 4, 256, 2, {"precision": "bf16"}),
        (
            *(HALF_SMALL, 4, 256, 2),
            {"precision": "bf16", "gradient_checkpointing": True, "optimizer": "adafactor"},
        ),
        ("t5-base", 1, 512, 2, {}),
        ("t5-base", 1, 512, 2, {"gradient_checkpointing": True, "optimizer": "adafactor"}),
    )
)
"""Of the measurement of memory: a model, the examples and tokens of a micro-batch, and what of the
recipe is not float32 with AdamW. A processor without bf16 computes it slowly: hence a small model.
"""

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
class Prompting:
    """A pre-trained decoder asked for a task's labels, after so many solved examples.

    `prompt` holds the task's columns in braces and ends where the label word follows; the seed
    draws the examples.
    """

    task: Task
    settings: TaskSettings
    checkpoint: Checkpoint
    prompt: str
    shots: int
    seed: int

    def __post_init__(self) -> None:
        if self.task.kind != "classification":
            raise StudyError(f"The task {self.task.name} has no labels to ask a decoder for.")
        if sorted(re.findall(r"{(\w*)}", self.prompt)) != sorted(self.task.fields):
            raise StudyError(
                f"The prompt '{self.prompt}' needs each column of {self.task.name} once, in "
                f"braces: {', '.join(self.task.fields)}."
            )

    def config(self, hub: Hub) -> dict[str, Any]:
        """Return what determines the result; without examples the seed plays no part."""
        splits = ("train", "test") if self.shots else ("test",)
        return {
            "kind": "prompted",
            "task": self.task.name,
            **task_definition(self.task),
            "data": data_identity(self.task, self.settings, hub, splits),
            "model": {"name": self.checkpoint.name, "fingerprint": self.checkpoint.fingerprint},
            "prompt": self.prompt,
            "longest": LONGEST_IN_A_PROMPT,
            "shots": self.shots,
            **({"seed": self.seed} if self.shots else {}),
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
class Answering:
    """What a fine-tuned model answers to texts that are in no data set."""

    run: Run
    texts: tuple[str, ...]

    def config(self) -> dict[str, Any]:
        """Return what determines the result."""
        return {"kind": "answers", "run": self.run.identity, "texts": list(self.texts)}


@dataclass(frozen=True)
class Shrinking:
    """What a fine-tuned encoder with a head loses and saves when it is made smaller."""

    run: Run
    epochs: int = 2
    temperature: float = 2.0
    seed: int = 21

    def config(self) -> dict[str, Any]:
        """Return what determines the scores; times are the machine's."""
        settings = {name: getattr(self, name) for name in ("epochs", "temperature", "seed")}
        return {"kind": "shrinking", "run": self.run.identity, **settings}


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


@dataclass(frozen=True)
class ParallelismTiming:
    """How long recurrence and attention take, forward and back, by the length of a text."""

    def config(self) -> dict[str, Any]:
        """Return what determines the measurement, the machine aside."""
        return {
            "kind": "measurement",
            "name": "parallelism",
            "lengths": list(LENGTHS),
            "width": WIDTH,
            "heads": HEADS,
            "repeats": REPEATS,
        }


@dataclass(frozen=True)
class MemoryPeaks:
    """How much memory fine-tunings of several sizes and recipes take at most."""

    def config(self) -> dict[str, Any]:
        """Return what determines the measurement, the machine aside."""
        return {"kind": "measurement", "name": "memory", "cases": list(MEMORY_CASES)}
