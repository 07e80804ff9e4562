"""What the commands of the command line do, without printing."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import torch

from t5study import planning
from t5study.base.device import device_name, resolve_precision
from t5study.base.errors import StudyError
from t5study.base.project import workplace
from t5study.base.settings import checked, read_yaml
from t5study.base.words import spoken_time
from t5study.claims.judges import scorecard
from t5study.claims.schema import load_claims
from t5study.data.casts import clean_like_report, is_blank
from t5study.data.hub import Hub
from t5study.data.pins import Need, is_folder, known_checkpoints, package_of
from t5study.data.tasks import TASKS, Task, get_task
from t5study.experiments.identity import Experiment
from t5study.experiments.recipes import Recipe, TaskSettings
from t5study.experiments.reopening import experiment_of
from t5study.judging import answers
from t5study.models.architectures import architecture_of
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_tokenizer
from t5study.models.opening import checkpoint_in, open_checkpoint
from t5study.profiles import load_parameters, load_profile, needs
from t5study.runs.provenance import library_versions
from t5study.runs.record import Run
from t5study.runs.store import RunStore
from t5study.study import Study
from t5study.training import finetune as training

T5_SMALL = "google-t5/t5-small"
WAYS = {"head": False, "text-to-text": True}
"""How a model answers, and whether it writes."""
log = logging.getLogger(__name__)


def finetune(
    task: str,
    model: str | None,
    way: str | None,
    recipe: Path | None,
    changes: dict[str, Any],
    limits: dict[str, int | None],
    seed: int,
    source: Path | None,
    out: Path | None,
) -> Run:
    """Fine-tune as the command line says; the run record is kept and returned.

    `way` is how the model answers: "head", "text-to-text", or None for what is usual for it.
    """
    chosen_task, hub = get_task(task), Hub(source)
    settings = checked(
        TaskSettings,
        {"task": task, **limits, "recipe": _recipe(recipe, changes)},
        "the command line",
    )
    chosen, init = _start(hub, model)
    architecture = architecture_of(chosen, _writes(chosen_task, way))
    experiment = Experiment(chosen_task, settings, chosen, architecture, init, seed)
    store = RunStore(Path(os.environ.get("T5STUDY_STORE") or workplace() / "_build" / "runs"))
    return store.obtain(
        experiment.config(hub), lambda work: training.finetune(experiment, hub, work), out=out
    )


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


def pretrain(model: str, profile: str, seed: int, source: Path | None) -> Run:
    """Pre-train one of a profile's own models."""
    return Study(load_profile(profile), seed=seed, source=source).pretraining(model)


def plan(profile: str, source: Path | None) -> Iterator[str]:
    """Say what there is to compute for a profile, and whether this machine has room for it."""
    study = _computing(profile, source)
    steps = planning.plan(study)
    yield from planning.described(study, steps)
    planning.refuse_what_does_not_fit(study, steps)


def run(profile: str, only: Sequence[str], source: Path | None) -> Iterator[str]:
    """Compute the runs of a profile, or of some names of it; say what became of each."""
    study = _computing(profile, source)
    steps = planning.plan(study, only)
    planning.refuse_what_does_not_fit(study, steps)
    number = 0
    for name in dict.fromkeys(step.name for step in steps):
        for label, asked in planning.labelled(study, name, make=True):
            number += 1
            began, there = time.monotonic(), study.found(asked) is not None
            path = study.obtain(asked).path
            took = "there" if there else f"done in {spoken_time(time.monotonic() - began)}"
            yield f"[{number}/{max(number, len(steps))}] {label}: {took}, {path}"


def _computing(profile: str, source: Path | None) -> Study:
    """The study of a profile with the seed of its file, which computes what is not there."""
    settings, seed = load_parameters(profile)
    return Study(settings, seed, source=source)


def evaluate(run: Path, split: str, source: Path | None) -> dict[str, Any]:
    """Return the metrics of a trained checkpoint on a split."""
    opened = _open_run(run, "finetune")
    if split not in ("validation", "test"):
        raise StudyError(f"There is no split '{split}' to judge: choose validation or test.")
    return answers.evaluate_again(
        experiment_of(opened.config, checkpoint_in(opened.model, weights=True)), Hub(source), split
    )


def predict(run: Path, texts: list[str], role: str | None = None) -> list[str]:
    """Answer texts: the label and every label's probability, or the generated text.

    `role` chooses the task of a model that was fine-tuned on several at once.
    """
    opened = _open_run(run, "finetune", "joint")
    checkpoint = checkpoint_in(opened.model, weights=True)
    experiment = experiment_of(_of_one_task(opened, role), checkpoint)
    task = experiment.task
    tokenizer = load_tokenizer(experiment.checkpoint)
    model = answers.saved_model(experiment)
    sources = _sources(task, texts, experiment.recipe.cleaning)
    if task.kind == "generation":
        return answers.write_texts(experiment, model, tokenizer, sources)
    shares = answers.answer_texts(experiment, model, tokenizer, sources)
    words = task.label_words
    return [
        f"{words[row.argmax()]}  ("
        + ", ".join(f"{word} {share:.3f}" for word, share in zip(words, row, strict=True))
        + ")"
        for row in shares
    ]


def _sources(task: Task, texts: list[str], cleaning: str) -> list[str]:
    if len(task.fields) > 1:
        raise StudyError(
            f"{task.name} answers pairs of sentences, --text gives one: predict with a run of a "
            "task that takes a single text."
        )
    for text in texts:
        if is_blank(text):
            raise StudyError("--text is empty: give it at least one word.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise StudyError(f"--text {text!r} is not UTF-8: save or paste it as UTF-8.") from None
    clean = clean_like_report if cleaning == "report" else str
    return [task.source({task.fields[0]: clean(text)}) for text in texts]


def _open_run(folder: Path, *kinds: str) -> Run:
    if not (folder / "config.json").is_file():
        raise StudyError(f"{folder} is no run record: name a folder that holds config.json.")
    run = Run(folder)
    kind = run.config.get("kind")
    if kind not in kinds:
        raise StudyError(
            f"{folder} holds a run of kind {kind}, not {' or '.join(kinds)}: name another."
        )
    return run


def _of_one_task(run: Run, role: str | None) -> dict[str, Any]:
    """The configuration of a run, or of a joint run that of one role's task."""
    tasks = run.config.get("tasks")
    if tasks is None:
        if role is not None:
            raise StudyError(f"{run.path.name} is a run of one task: leave out --role.")
        return run.config
    if role not in tasks:
        raise StudyError(
            f"{run.path.name} is a model of several tasks: name one with --role, of "
            f"{', '.join(tasks)}."
        )
    return {**run.config, **tasks[role], "architecture": "t5"}


def fetch(profile: str, to: Path, source: Path | None) -> list[Path]:
    """Make a mirror of all that a profile needs; return its repositories."""
    return Hub(source).fetch(needs(load_profile(profile)), to)


def fetch_weights(profile: str | None, source: Path | None) -> list[Path]:
    """Have checkpoints on this machine: a profile's, or all that the package index holds.

    Returns their folders.
    """
    if profile is None:
        wanted = [repo for repo in known_checkpoints() if package_of(repo)]
    else:
        wanted = [need.repo for need in needs(load_profile(profile)) if need.kind == "models"]
    hub = Hub(source)
    return [hub.checkpoint(repo) for repo in wanted]


def claims(profile: str) -> pd.DataFrame:
    """Return the verdict on every claim, by the runs in a profile's store and its published ones.

    So a fresh clone, which has computed nothing, shows the published verdicts.
    """
    study = Study(load_profile(profile))
    return scorecard(load_claims(), RunStore(study.store.root, published=study.published))


def doctor(source: Path | None) -> list[tuple[str, str]]:
    """Return what this machine offers, as (what, found)."""
    memory = psutil.virtual_memory()
    rows = [
        ("device", device_name()),
        ("GPUs", str(torch.cuda.device_count())),
        ("precision of `auto`", resolve_precision("auto")),
        ("memory", f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB free"),
    ]
    rows += list(library_versions().items())
    hub = Hub(source)
    data = dict.fromkeys(Need("datasets", task.repo, task.config) for task in TASKS.values())
    rows += [(f"data {need.repo} ({need.config})", hub.found(need)) for need in data]
    models = (Need("models", repo) for repo in known_checkpoints())
    return rows + [(f"checkpoint {need.repo}", hub.found(need)) for need in models]
