"""The experiment that a record was made by, to ask its model again."""

from __future__ import annotations

from typing import Any, get_args

from t5study.base.errors import StudyError
from t5study.base.reading import checked
from t5study.data.own.data import task_of
from t5study.data.tasks import OWN_DATA, get_task
from t5study.experiments.identity import Experiment, task_definition
from t5study.experiments.recipes import ArchitectureName, Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint
from t5study.runs.record import canonical


def experiment_of(config: dict[str, Any], checkpoint: Checkpoint) -> Experiment:
    """Return the experiment of a record, from `checkpoint` and in the record's precision.

    Raises:
        StudyError: the configuration cannot be read, or the task is not what it was for that run.
    """
    try:
        return _experiment(config, checkpoint)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudyError(
            f"The record's config.json says what no run does ({type(error).__name__}: {error}): "
            "take another copy of the record."
        ) from error


def _experiment(config: dict[str, Any], checkpoint: Checkpoint) -> Experiment:
    definition = config.get("definition", {})
    own = definition.get("repo") == OWN_DATA
    task = task_of(definition) if own else get_task(config["task"])
    if canonical(task_definition(task).get("definition")) != canonical(config.get("definition")):
        raise StudyError(
            f"The task {task.name} is defined otherwise than when this model learnt it, so its "
            "answers would be misread: train it again, or restore the task in data/tasks.py."
        )
    recipe = {**config["recipe"], "precision": config["precision"]}
    limits = {split: limit for split, (_, limit) in config["data"].items()}
    settings = TaskSettings(
        task=task.name, recipe=checked(Recipe, recipe, "the run's recipe"), **limits
    )
    architecture, init = config.get("architecture", "t5"), config.get("init", "pretrained")
    if architecture not in get_args(ArchitectureName):
        raise StudyError(f"The record names the architecture {architecture!r}, which is not known.")
    return Experiment(task, settings, checkpoint, architecture, init, config["seed"])
