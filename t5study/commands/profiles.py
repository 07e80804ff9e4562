"""The commands about a profile: its plan, its runs, what it needs, its claims; and doctor."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import psutil
import torch

from t5study import planning
from t5study.base.device import device_name, resolve_precision
from t5study.base.words import spoken_time
from t5study.claims.judges import scorecard
from t5study.claims.schema import load_claims
from t5study.data.hub import Hub
from t5study.data.pins import Need, known_checkpoints, package_of
from t5study.data.tasks import TASKS
from t5study.profiles import load_parameters, load_profile, needs
from t5study.runs.provenance import library_versions
from t5study.runs.record import Run
from t5study.runs.store import RunStore
from t5study.study import Study


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
