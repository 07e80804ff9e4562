"""What the chapters of one call have in common, and whether their outputs are current."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t5study.base.checksums import SUMS
from t5study.base.device import usable_cores
from t5study.base.files import sha256, write_text
from t5study.base.project import checkout
from t5study.book.chapters import Chapter, Layout, package_digest, read_parameters
from t5study.book.kernels import OFFLINE
from t5study.data.hub import Hub
from t5study.data.pins import Need, package_of
from t5study.runs.record import records_below
from t5study.runs.store import RunStore

VERDICTS = ("12_scorecard", "13_how_far")
"""Chapters that judge every run that is there, and so run last."""
REPLAYED_AT_ONCE = 4
"""Kernels side by side where nothing is computed, if there are so many cores; 1 GB each."""


@dataclass(frozen=True)
class Job:
    """One profile to run, or to replay from its published records, and what its kernels get."""

    layout: Layout
    profile: Mapping[str, Any]
    parameters: dict[str, Any]
    environment: dict[str, str]
    runs: Path
    training: bool
    at_once: int
    models: frozenset[str]
    """What cells may need: the models that can be asked, and the profile by its name."""

    def key(self, chapter: Chapter) -> str:
        """The hash under which the chapter's outputs are current, with the run store as it is."""
        facts = {
            "notebook": sha256(chapter.source),
            "package": self._package,
            "parameters": self.parameters,
            "models": sorted(self.models),
            **self._records(chapter),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def is_current(self, chapter: Chapter) -> bool:
        """Whether the chapter's outputs are what running it now would give."""
        same = read_stamp(self.layout, chapter).get("key") == self.key(chapter)
        return same and output_of(self.layout, chapter).is_file()

    @functools.cached_property
    def _package(self) -> str:
        return package_digest(self.layout.root)

    def _records(self, chapter: Chapter) -> dict[str, Any]:
        """What a page owes to the records in the store, beside the runs that it makes itself."""
        if not self.training:
            return {"records": self._published}
        if chapter.name in VERDICTS:
            # Those of other commands are judged as well.
            return {"records": [run.path.name for run in RunStore(self.runs).runs()]}
        return {}

    @functools.cached_property
    def _published(self) -> dict[str, str]:
        """The published records by name, each with the sha256 of its checksums."""
        lists = {path.name: path / SUMS for path in records_below(self.runs)}
        return {name: sha256(path) if path.is_file() else "" for name, path in lists.items()}


def job_for(
    layout: Layout, store: Path | None = None, source: Path | None = None, training: bool = True
) -> Job:
    """What the chapters of a layout share; the arguments are those of `reproduce`.

    Raises StudyError for an unknown profile.
    """
    parameters = read_parameters(layout)
    profile, runs = parameters["profile"], (store or layout.runs).resolve()
    # A run that two chapters need is made by one of them, and the other waits for it.
    environment = {**os.environ, "T5STUDY_STORE": str(runs), "T5STUDY_WAIT": "1"}
    environment["T5STUDY_CORPUS"] = str(layout.build / "corpus")
    if source is not None:
        environment["T5STUDY_HUB"] = str(source.resolve())
    if profile["synthetic"] or not training:
        environment |= OFFLINE
    if not training:
        # The name of a profile replays it.
        parameters = {**parameters, "profile": profile["name"]}
        environment["T5STUDY_TRAINING"] = "forbid"
    # Where nothing is trained a chapter keeps one core busy, and that mostly with imports.
    wished = profile.get("chapters_at_once", 1) if training else REPLAYED_AT_ONCE
    cores = usable_cores()
    at_once = min(cores, wished)
    if cores // at_once < (os.cpu_count() or 1):
        environment.setdefault("OMP_NUM_THREADS", str(cores // at_once))
    models = frozenset([*profile["models"], profile["name"]])
    models -= _not_at_hand(profile, source) if training else set()
    return Job(layout, profile, parameters, environment, runs, training, at_once, models)


def fetched(profile: Mapping[str, Any]) -> dict[str, str]:
    """The models of a profile whose weights the package index has, by name: hub names."""
    sources = profile["models"].items()
    named = {name: source["checkpoint"] for name, source in sources if isinstance(source, dict)}
    return {name: repo for name, repo in named.items() if package_of(repo)}


def _not_at_hand(profile: Mapping[str, Any], source: Path | None) -> set[str]:
    hub = Hub(source)
    return {
        name
        for name, repo in fetched(profile).items()
        if not hub.found(Need("models", repo)).startswith("in the")
    }


def replay(profile: str, root: Path | None = None) -> Job:
    """The job of rendering the published book of a profile again from `results/`."""
    root = (root or checkout()).resolve()
    layout = Layout.of(profile, root, root / "_build" / "rendered")
    return job_for(layout, layout.root / "results" / layout.profile, training=False)


def read_stamp(layout: Layout, chapter: Chapter) -> dict[str, Any]:
    """What is known of the chapter's last success: `key` and `result`; empty when nothing is."""
    try:
        return json.loads((layout.stamps / f"{chapter.name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(layout: Layout, chapter: Chapter, **known: Any) -> None:
    """Keep what is to be known of a success of the chapter."""
    write_text(layout.stamps / f"{chapter.name}.json", json.dumps(known, indent=2))


def output_of(layout: Layout, chapter: Chapter) -> Path:
    """Where the chapter's executed notebook lies, if it was executed."""
    return layout.executed / f"{chapter.name}.ipynb"


def executed_notebook(layout: Layout, chapter: Chapter) -> Path | None:
    """The chapter with outputs, if it was ever executed to its end."""
    path = output_of(layout, chapter)
    return path if path.is_file() and read_stamp(layout, chapter) else None
