"""The command that fine-tunes: a task of the study, or files of the user's own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.base.project import workplace
from t5study.base.reading import checked, read_yaml
from t5study.data.hub import Hub
from t5study.data.own.data import OwnHub, read_own
from t5study.data.pins import is_folder
from t5study.data.tasks import TASKS, Task, get_task
from t5study.experiments.identity import Experiment
from t5study.experiments.recipes import Recipe, TaskSettings
from t5study.models.architectures import architecture_of
from t5study.models.checkpoints import Checkpoint
from t5study.models.opening import checkpoint_in, open_checkpoint
from t5study.runs.record import Run
from t5study.runs.store import RunStore, Workspace
from t5study.training import finetune as training

T5_SMALL = "google-t5/t5-small"
WAYS = {"head": False, "text-to-text": True}
"""How a model answers, and whether it writes."""
log = logging.getLogger(__name__)


OWN_MODEL = "minilm"
"""What learns from files of the user's own where no model is named."""
OWN_RECIPE: dict[str, Any] = {
    "epochs": 4,
    "min_updates": 80,
    "batch_size": 16,
    "warmup_steps": 10,
    "max_source_length": 256,
    "keep_checkpoints": 1,
}
"""Where the report's hyper-parameters, which are for tens of thousands of rows, would learn nothing
from the few hundred that people have. Epochs are added until there are `min_updates`."""
OWN_RATES: dict[str, dict[str, Any]] = {
    "t5": {"learning_rate": 5e-3, "optimizer": "adafactor", "min_updates": 240},
    "bert": {"learning_rate": 2e-4},
}
"""What a kind of model learns with: a T5 of the study as in the published runs."""


def finetune(
    task: Task,
    hub: Hub,
    model: str | None,
    way: str | None,
    recipe: Path | None,
    changes: dict[str, Any],
    limits: dict[str, int | None],
    seed: int,
    out: Path | None,
) -> Run:
    """Fine-tune as the command line says; the run record is kept and returned.

    `way` is how the model answers: "head", "text-to-text", or None for what is usual for it.
    """
    values = _recipe(recipe, changes)
    settings = _settings(task, limits, values)
    chosen, init = _start(hub, model)
    if isinstance(hub, OwnHub):
        settings = _settings(task, limits, _usual(chosen.model_type) | values)
    architecture = architecture_of(chosen, _writes(task, way))
    experiment = Experiment(task, settings, chosen, architecture, init, seed)

    def produce(work: Workspace) -> dict[str, Any]:
        about = {"own_data": hub.data.about()} if isinstance(hub, OwnHub) else {}
        return training.finetune(experiment, hub, work) | about

    store = RunStore(Path(os.environ.get("T5STUDY_STORE") or workplace() / "_build" / "runs"))
    return store.obtain(experiment.config(hub), produce, out=out)


def finetune_task(task: str | None, model: str | None, source: Path | None, **rest: Any) -> Run:
    """Fine-tune on a task of the study; `rest` as for `finetune`."""
    if task is None:
        raise StudyError(
            f"Say what to learn: --data FILE of your own, or --task with one of {', '.join(TASKS)}."
        )
    return finetune(get_task(task), Hub(source), model, **rest)


def finetune_own(
    files: Mapping[str, Path],
    columns: tuple[str, str],
    writes: bool,
    model: str | None,
    source: Path | None,
    **rest: Any,
) -> Run:
    """Fine-tune on files of the user's own, and say what is in them.

    Args:
        files: "train", and perhaps "validation" and "test"; what is not given is held out.
        columns: of the texts, and of the labels or the texts to be written.
        writes: whether the answers are texts to be written.
        rest: as for `finetune`.
    """
    data = read_own(files, *columns, writes)
    for line in data.told():
        log.info(line)
    return finetune(data.task, OwnHub(source, data), model or OWN_MODEL, **rest)


def _settings(task: Task, limits: dict[str, int | None], recipe: dict[str, Any]) -> TaskSettings:
    return checked(
        TaskSettings, {"task": task.name, **limits, "recipe": recipe}, "the command line"
    )


def _usual(kind: str) -> dict[str, Any]:
    return OWN_RECIPE | OWN_RATES.get(kind, OWN_RATES["bert"])


def _writes(task: Task, way: str | None) -> bool | None:
    """Whether the model must write its answers, None where either way will do."""
    if way not in (None, *WAYS):
        raise StudyError(f"There is no way to answer '{way}': --as takes {' or '.join(WAYS)}.")
    if task.kind != "generation":
        return WAYS.get(way)
    if way == "head":
        raise StudyError(
            f"The answers of {task.name} are texts, which no head gives: leave out --as."
        )
    return True


def _recipe(path: Path | None, changes: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if path is not None:
        if not path.is_file():
            raise StudyError(f"There is no recipe file {path}: check --recipe.")
        values = dict(read_yaml(path))
        checked(Recipe, values, str(path))
    return values | {name: value for name, value in changes.items() if value is not None}


def _start(hub: Hub, model: str | None) -> tuple[Checkpoint, str]:
    """The checkpoint to start from, and whether its weights are used."""
    if model is None:
        log.info("No --model: t5-small's configuration is trained from random weights.")
        return open_checkpoint(hub, T5_SMALL), "scratch"
    folder = Path(model)
    if (folder / "model" / "config.json").is_file():
        folder = folder / "model"
    if is_folder(model):
        return checkpoint_in(folder, name=Path(model).name, weights=True), "pretrained"
    return open_checkpoint(hub, model, weights=True), "pretrained"
