"""The experiment that a record was made by, to ask its model again."""

from __future__ import annotations

from typing import Any

from t5study.base.errors import StudyError
from t5study.base.settings import checked
from t5study.data.tasks import get_task
from t5study.experiments.identity import Experiment, task_definition
from t5study.experiments.recipes import Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint
from t5study.runs.record import canonical


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
