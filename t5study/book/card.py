"""The one checkpoint that is published: the model of all tasks, with a card that describes it."""

from __future__ import annotations

import shutil
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.base.files import debris, replacing, write_text
from t5study.data.corpora import SOURCES
from t5study.data.pins import terms
from t5study.data.tasks import get_task
from t5study.profiles import Profile
from t5study.runs.record import Run

NAME = "joint"
LARGEST = 16 * 2**20
"""Bytes that the published folder may have: a clone brings it along."""
_LEFT_OUT = ("history.csv", "predictions.parquet")


def publish_model(run: Run, profile: Profile, models: Path) -> Path:
    """Copy a joint run with its weights into `models`, with a model card; return the folder.

    It is a run record, so `t5study predict` answers from it.

    Raises StudyError as `check_size` does.
    """
    check_size(run, profile)
    with replacing(models / NAME) as draft:
        shutil.copytree(run.path, draft, ignore=lambda _, names: {*_LEFT_OUT, *debris(names)})
        write_text(draft / "README.md", model_card(run, profile))
    return models / NAME


def check_size(run: Run, profile: Profile) -> None:
    """Raise StudyError when a run's model is too large to be kept beside the code, or not there."""
    size = sum(path.stat().st_size for path in run.model.rglob("*") if path.is_file())
    if size > LARGEST:
        raise StudyError(
            f"The joint model of {profile.name} has {size / 2**20:.0f} MiB and at most "
            f"{LARGEST / 2**20:.0f} are published: choose a smaller architecture."
        )


def model_card(run: Run, profile: Profile) -> str:
    """Return the card: what it is, how it was made, what it reaches, whose data it has seen."""
    (model,) = {entry.model for entry in profile.experiments.values() if entry.tasks}
    made = profile.pretraining[model or ""]
    sizes = made.architecture
    rows = [
        f"| {role} | {part['task']} | {metric} | {part[metric]:.3f} |"
        for role, part in run.metrics["tasks"].items()
        for metric in get_task(part["task"]).metrics[:1]
    ]
    return "\n".join(
        [
            "# One small T5 for all tasks of the study",
            "",
            f"A T5 of {run.metrics['parameters']:,} parameters (width {sizes.d_model}, "
            f"{sizes.num_layers} encoder and {sizes.num_decoder_layers} decoder layers), "
            f"pre-trained by this study on {made.tokens:,} tokens "
            f"({', '.join(made.corpus)}) and fine-tuned on {len(rows)} tasks at once, told apart "
            "by their prefixes. No published weights went into it. The profile "
            f"`{profile.name}` makes it; `{run.identity}` is its run.",
            "",
            "It is a small model from a small budget, made to be looked at. Do not use it to judge "
            "people or texts that matter.",
            "",
            "```bash",
            f".venv/bin/t5study predict models/{NAME} --role sentiment "
            '--text "A thin plot, but I smiled."',
            "```",
            "",
            "| role | task | metric | on the test rows |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "GLUE's test labels are not public: its tasks are judged on the development sets.",
            "",
            "## Data and their terms",
            "",
            "No text of a data set is in this folder. The weights and the vocabulary were learnt "
            "from these sets, some of which are for research only, and so is the model:",
            "",
            *(f"- `{repo}`: {terms(repo)}" for repo in _repositories(profile, run)),
            "",
        ]
    )


def _repositories(profile: Profile, run: Run) -> list[str]:
    """What was read in pre-training, then what the tasks are made of; each once."""
    first = (SOURCES[name].repo for name in profile.pretraining["t5"].corpus)
    return list(dict.fromkeys([*first, *run.provenance["data"]]))
