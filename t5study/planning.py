"""What a profile will compute: every run, whether it is there, its time, its memory, its room."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from t5study.base.device import usual_device
from t5study.base.errors import StudyError
from t5study.base.words import spoken_time
from t5study.data.pins import Need, is_folder
from t5study.experiments.identity import Experiment, Mixture
from t5study.experiments.pretraining import Pretraining
from t5study.experiments.recipes import OWN, PretrainingRecipe, Recipe
from t5study.profiles import ModelSource
from t5study.runs.record import Run, canonical
from t5study.runs.store import RunStore
from t5study.study import Asked, Study
from t5study.training.memory import FULL, MOMENTS

GIB = 2**30


@dataclass(frozen=True)
class Step:
    """One run of a plan.

    Attributes:
        name: the experiment or the pre-training; `label` has the seed as well.
        asked: what is asked, fully determined; None where a model to start from is not at hand.
        found: the run, if it is in the store.
        seconds: what it is expected to take, by a record of the same run or with another seed.
        memory: its peak in bytes, by the same record.
        device: where that record was made.
        problem: why nothing more is known of it.
    """

    name: str
    label: str
    asked: Asked | Pretraining | None
    found: Run | None = None
    seconds: float | None = None
    memory: int | None = None
    device: str = ""
    problem: str = ""


def plan(study: Study, only: Sequence[str] = (), expected: bool = True) -> list[Step]:
    """Return the steps of a profile, pre-trainings first; of some names, with what they begin from.

    Runs that share their data and their model follow each other, so that both are loaded once.
    Without `expected` no earlier record is looked for, which takes a second or two. Nothing is
    computed, downloaded or written.

    Raises:
        StudyError: a name that the profile does not have.
    """
    experiments, own = _chosen(study, only)
    known = _earlier(study) if expected else {}
    steps = []
    for name in [*filter(study.has, own), *_together(study, experiments)]:
        problem = _not_at_hand(study, name)
        if problem:
            steps.append(Step(name, name, None, problem=problem))
        else:
            steps += [_step(study, known, name, *each) for each in labelled(study, name)]
    return steps


def labelled(study: Study, name: str, make: bool = False) -> list[tuple[str, Asked | Pretraining]]:
    """Return what a name asks for, each with its seed in words; `make` as for `Study.plans`."""
    if name in study.profile.pretraining:
        return [(name, study.pretraining_plan(name))]
    seeds = [f", seed {seed}" for seed in study.entry(name).seeds or []] or [""]
    return [
        (name + seed, asked) for seed, asked in zip(seeds, study.plans(name, make), strict=True)
    ]


def _chosen(study: Study, only: Sequence[str]) -> tuple[list[str], list[str]]:
    """The experiments and the pre-trainings that are asked for, in the profile's order."""
    for name in only:
        if name not in study.profile.pretraining:
            study.entry(name)
    experiments = [name for name in study.experiments if not only or name in only]
    begun_from = {study.experiments[name].model for name in experiments}
    made = study.profile.pretraining
    own = [name for name in made if not only or name in only or name in begun_from]
    return experiments, own


def _together(study: Study, names: Iterable[str]) -> list[str]:
    """The names with those next to each other that share data, model and length of texts."""
    groups: dict[str, list[str]] = {}
    for name in names:
        entry, settings = study.experiments[name], study.profile.settings(name)
        rows = {role: each.model_dump(exclude={"recipe"}) for role, each in settings.items()}
        length = study.recipe(name).max_source_length if entry.recipe else 0
        groups.setdefault(canonical([entry.model, length, rows]), []).append(name)
    return [name for group in groups.values() for name in group]


def _not_at_hand(study: Study, name: str) -> str:
    """Why the identity of an experiment is not known: its published model is not here."""
    model = None if name in study.profile.pretraining else study.entry(name).model
    source = study.profile.models[model] if model else OWN
    repo = source.checkpoint if isinstance(source, ModelSource) else source
    if repo == OWN or is_folder(repo):
        return ""
    found = study.hub.found(Need("models", repo))
    return "" if found.startswith("in ") else f"{repo} is {found}"


def _step(
    study: Study, known: dict[str, Run], name: str, label: str, asked: Asked | Pretraining
) -> Step:
    found = study.found(asked)
    record = found or (known and known.get(_but_for_the_seed(study.config(asked)))) or None
    if record is None:
        return Step(name, label, asked, found)
    made = record.provenance
    seconds, memory = made["seconds"], made["peak_memory_bytes"]
    return Step(name, label, asked, found, seconds, memory, made.get("device", ""))


def _earlier(study: Study) -> dict[str, Run]:
    """Records of the store and of the published book, by what they are but for the seed."""
    stores = [study.store, RunStore(study.published.parent / "published", training=False)]
    return {_but_for_the_seed(run.config): run for store in stores for run in store.runs()}


def _but_for_the_seed(config: dict[str, Any]) -> str:
    return canonical({k: v for k, v in config.items() if k not in ("seed", "result_version")})


def described(study: Study, steps: Sequence[Step]) -> list[str]:
    """Return a plan as lines of text: a run a line, and what is left to do in all."""
    left = [step for step in steps if step.found is None]
    lines = [f"{'there':<7}{'time':<14}{'memory':<10}run"]
    for step in steps:
        time = "" if step.seconds is None else spoken_time(step.seconds)
        memory = "" if step.memory is None else f"{step.memory / GIB:.1f} GiB"
        note = f" ({step.problem})" if step.problem else ""
        there = "yes" if step.found else "no"
        lines.append(f"{there:<7}{time:<14}{memory:<10}{step.label}{note}")
    return [*lines, "", *_summary(study, steps, left)]


def _summary(study: Study, steps: Sequence[Step], left: Sequence[Step]) -> Iterator[str]:
    made = study.profile.pretraining
    if without := [name for name in made if made[name].gpu_only and not study.has(name)]:
        yield f"Left out where there is no GPU: {'; '.join(without)}."
    yield f"{len(steps) - len(left)} of {len(steps)} runs are there, in {study.store.root}."
    timed = [step for step in left if step.seconds is not None]
    if timed:
        devices = ", ".join(dict.fromkeys(step.device for step in timed))
        time = spoken_time(sum(step.seconds or 0 for step in timed))
        memory = max(step.memory or 0 for step in timed) / GIB
        yield (
            f"{len(timed)} of the others took {time} in all, and at most {memory:.1f} GiB, "
            f"when they were made ({devices})."
        )
    if len(timed) < len(left):
        yield (
            f"Of {len(left) - len(timed)} there is no earlier record to go by; the profile plans "
            f"{spoken_time(60 * study.profile.budget_minutes)} for the whole book."
        )


# --- does it fit?


def refuse_what_does_not_fit(study: Study, steps: Iterable[Step]) -> None:
    """Compare what steps need with what the machine has, before anything is computed.

    Memory is counted from below: weights, gradients and the optimiser's numbers, without texts.

    Raises:
        StudyError: the weights of a model do not fit into memory, or the checkpoints on the disk.
    """
    missing = [step for step in steps if step.found is None and step.asked is not None]
    there, most = memory_bytes(), 0
    kept = 0
    for step in missing:
        weights, optimizer = _weights(study, step)
        needed = weights * FULL * (2 + MOMENTS[optimizer])
        if needed > there:
            raise StudyError(
                f"The training of '{step.name}' has {weights / 1e9:.1f} billion weights and takes "
                f"{needed / GIB:,.0f} GiB of memory at least, of which there are "
                f"{there / GIB:,.1f}: choose a smaller model, or a machine with more."
            )
        kept += weights * FULL
        # The checkpoints that a training in progress keeps.
        recipe = _recipe(step.asked)
        several = recipe.keep_checkpoints if recipe else 1
        most = max(most, several * weights * FULL * (1 + MOMENTS[optimizer]))
    root = study.store.root.resolve()
    place = next(path for path in (root, *root.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if kept + most > free:
        raise StudyError(
            f"The {len(missing)} runs of {study.profile.name} that are not there yet take "
            f"{(kept + most) / GIB:,.1f} GiB of disk at least, and {place} has "
            f"{free / GIB:,.1f} free: free some, run a part with --only, or name another folder "
            "in T5STUDY_STORE."
        )


def _recipe(asked: Asked | Pretraining | None) -> Recipe | None:
    """The recipe of a fine-tuning, on one task or on several."""
    if isinstance(asked, Mixture):
        return asked.any_part.recipe
    return asked.recipe if isinstance(asked, Experiment) else None


def _weights(study: Study, step: Step) -> tuple[int, str]:
    """How many weights a step trains, and with which optimiser; 0 where they are not known."""
    if isinstance(step.asked, Pretraining):
        return weight_count(step.asked.recipe), step.asked.recipe.optimizer
    recipe = _recipe(step.asked)
    if recipe is None:
        return 0, "adafactor"
    model = study.experiments[step.name].model or ""
    if study.profile.models[model] == OWN:
        return weight_count(study.profile.pretraining[model]), recipe.optimizer
    checkpoint = study.checkpoint(model, make=False)
    size = sum(path.stat().st_size for path in checkpoint.folder.glob("*.safetensors"))
    return size // FULL, recipe.optimizer


def weight_count(recipe: PretrainingRecipe) -> int:
    """Return about how many weights a model of the study's own has; norms and biases left out."""
    size = recipe.architecture
    inner = size.d_kv * size.num_heads
    attention, feed_forward = 4 * size.d_model * inner, 2 * size.d_model * size.d_ff
    decoder = (size.num_decoder_layers or 0) * (2 * attention + feed_forward)
    embeddings = recipe.vocabulary_size * size.d_model
    return embeddings + size.num_layers * (attention + feed_forward) + decoder


def memory_bytes() -> int:
    """Return the memory that a training here can have at most: the GPU's, or the machine's."""
    if usual_device() == "cuda":
        import torch

        return torch.cuda.get_device_properties(0).total_memory
    # What a container says of its memory.
    places = [
        Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory/memory.limit_in_bytes")
    ]
    limits = [path.read_text().strip() for path in places if path.is_file()]
    return min([psutil.virtual_memory().total, *(int(text) for text in limits if text.isdigit())])
