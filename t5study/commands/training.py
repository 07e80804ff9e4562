"""The command that fine-tunes: a task of the study, or files of the user's own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Columns:
    """The columns of a user's file as the command line names them; None where it does not."""

    text: str | None = None
    label: str | None = None
    target: str | None = None


def finetune(
    task: str | None,
    data: Path | None,
    columns: Columns,
    sizes: Mapping[str, int | str | None],
    source: Path | None,
    *,
    model: str | None,
    **how: Any,
) -> Run:
    """Fine-tune as the command line says; the run record is kept and returned.

    Args:
        task: of the study, in place of `data`, a file of the user's own.
        sizes: by split at most so many rows, or a file of them.
        how: as for `_finetune`.

    Raises:
        StudyError: what is asked for does not go together, or cannot be had.
    """
    limits, files = _limits_and_files(sizes)
    if data is None:
        _refuse_without_data(files, columns)
        if task is None:
            raise StudyError(
                "Say what to learn: --data FILE of your own, or --task with one of "
                f"{', '.join(TASKS)}."
            )
        return _finetune(get_task(task), Hub(source), model, limits, **how)
    if task or (columns.label and columns.target):
        one, other = ("--task", "--data") if task else ("--label-column", "--target-column")
        raise StudyError(f"{one} and {other} exclude each other: leave one out.")
    named = (columns.text or "text", columns.target or columns.label or "label")
    own = read_own({"train": data, **files}, *named, bool(columns.target))
    for line in own.told():
        log.info(line)
    return _finetune(own.task, OwnHub(source, own), model or OWN_MODEL, limits, **how)


def _limits_and_files(
    sizes: Mapping[str, int | str | None],
) -> tuple[dict[str, int | None], dict[str, Path]]:
    """What --validation and --test say: at most so many rows, or a file of them."""
    limits: dict[str, int | None] = {}
    files: dict[str, Path] = {}
    for split, value in sizes.items():
        try:
            limits[split] = None if value is None else int(value)
        except ValueError:
            files[split] = Path(str(value))
    return limits, files


def _refuse_without_data(files: Mapping[str, Path], columns: Columns) -> None:
    if files or columns != Columns():
        what = " and ".join(f"--{split}" for split in files) or "A column"
        raise StudyError(f"{what} of a file goes with --data FILE: name the file to learn from.")


def _finetune(
    task: Task,
    hub: Hub,
    model: str | None,
    limits: dict[str, int | None],
    way: str | None,
    recipe: Path | None,
    changes: dict[str, Any],
    seed: int,
    out: Path | None,
) -> Run:
    """`way` is how the model answers: "head", "text-to-text", or None for what is usual for it."""
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
