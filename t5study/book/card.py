"""The models that are published: adapters that answer a reader's own sentence, each with a card."""

from __future__ import annotations

import shutil
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.base.files import debris, replacing, write_text
from t5study.data.checkpoint_files import ADAPTER_SETTINGS
from t5study.data.pins import terms
from t5study.data.tasks import get_task
from t5study.models.checkpoints import read_object
from t5study.runs.record import Run

LARGEST = 3 * 2**20
"""Bytes that a published folder may have: a clone brings it along."""
_LEFT_OUT = ("history.csv", "predictions.parquet")


def publish_model(name: str, run: Run, models: Path) -> Path:
    """Copy a run with its adapters into `models`, with a model card; return the folder.

    It is a run record, so `t5study predict` answers from it.

    Raises StudyError as `check_size` does.
    """
    check_size(name, run)
    with replacing(models / name) as draft:
        shutil.copytree(run.path, draft, ignore=lambda _, names: {*_LEFT_OUT, *debris(names)})
        write_text(draft / "README.md", model_card(name, run))
    return models / name


def check_size(name: str, run: Run) -> None:
    """Raise StudyError when a run's model is too large to be kept beside the code."""
    size = sum(path.stat().st_size for path in run.model.rglob("*") if path.is_file())
    if size > LARGEST:
        raise StudyError(
            f"The model {name} has {size / 2**20:.0f} MiB and at most {LARGEST // 2**20} are "
            "published: give its recipe a lora_rank, or a smaller one."
        )


def model_card(name: str, run: Run) -> str:
    """Return the card: what it is, how it was made, what it reaches, whose data it has seen."""
    task, metrics, recipe = get_task(run.config["task"]), run.metrics, run.config["recipe"]
    base = read_object(run.model / ADAPTER_SETTINGS)["base_model_name_or_path"]
    words = ", ".join(task.label_words)
    rows = [f"| {metric} | {metrics[metric]:.3f} |" for metric in task.metrics if metric in metrics]
    return "\n".join(
        [
            f"# {name.capitalize()}: {words}",
            "",
            f"Low-rank adapters (rank {recipe['lora_rank']}) and a head, "
            f"{metrics['trained_parameters']:,} numbers, learnt on `{task.repo}` ({task.config}) "
            f"beside the {metrics['parameters'] - metrics['trained_parameters']:,} of `{base}`, "
            "which stay as they are and are fetched once. Do not use it to judge people or texts "
            "that matter.",
            "",
            "```bash",
            f'.venv/bin/t5study predict models/{name} --text "Not bad at all."',
            "```",
            "",
            f"| metric ({metrics['split']} rows) | |",
            "| --- | ---: |",
            *rows,
            "",
            f"The seed is {run.config['seed']}, the run `{run.identity}`.",
            "",
            "## Data and their terms",
            "",
            "No text of the data set is in this folder. What was learnt from it has its terms:",
            "",
            f"- `{task.repo}`: {terms(task.repo)}",
            "",
        ]
    )
