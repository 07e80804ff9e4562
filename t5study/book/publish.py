"""Publish: put outputs into the notebooks of the checkout, and run records into results/."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.base.files import remove
from t5study.book.assemble import load_executed
from t5study.book.card import check_size, publish_model
from t5study.book.chapters import Chapter, Layout, find_chapters
from t5study.book.job import Job, job_for, replay
from t5study.book.notebooks import publish_notebook, written_for
from t5study.book.pairs import check_sources
from t5study.book.prose import check_prose
from t5study.book.records import listed, places, write_index
from t5study.profiles import load_profile
from t5study.runs.record import Run, copy_record, records_below
from t5study.runs.store import RunStore
from t5study.study import Study


def publish(
    profile: str, chapters: Sequence[str] | None = None, *, root: Path | None = None
) -> list[Path]:
    """Refresh notebooks/*.ipynb and results/<profile>/ from a finished run of the profile.

    Of the run store the records that the profile lists and those that the pages name are published,
    each in the folder of its experiment; what neither names is removed from results/. Weights and
    checkpoints stay behind. With `chapters`, or where the published book was rendered again and the
    profile was not run here, the notebooks are refreshed from that rendering, and the records stay.
    Returns the notebooks and record folders written.

    Raises StudyError, before anything is written, when a chapter's outputs are not current, when a
    sentence is not so in its runs, when an experiment was not run, when a record names a machine
    path, when a trial would be lost, or when the model is too large.
    """
    layout = Layout.of(profile, root)
    selected = find_chapters(layout, chapters)
    check_sources(layout)
    job, rendered = job_for(layout), replay(profile, root)
    replayed = all(map(rendered.is_current, selected)) and not all(map(job.is_current, selected))
    if chapters or replayed:
        _check_current(rendered, selected, "make html")
        notebooks = _checked_notebooks(rendered.layout, selected)
        return [publish_notebook(*page, layout) for page in notebooks.items()]
    return _publish_run(job, selected)


def _publish_run(job: Job, chapters: Sequence[Chapter]) -> list[Path]:
    layout, settings = job.layout, load_profile(job.parameters)
    _check_current(job, chapters, f"make book PROFILE={layout.profile}")
    notebooks = _checked_notebooks(layout, chapters)
    study, results = Study(**job.parameters), layout.root / "results" / layout.profile
    # From the records, in whichever precision they were made.
    study.store = RunStore(layout.runs, training=False)
    runs = _to_publish(study, layout, notebooks.values())
    for run in runs:
        _check_no_paths(run.path, layout)
    models = {name: study.run(shown) for name, shown in settings.published_models.items()}
    for name, run in models.items():
        check_size(name, run)
    where = places(study, runs)
    written = [publish_notebook(*page, layout) for page in notebooks.items()]
    written += [copy_record(run.path, results / where[run.identity]) for run in runs]
    _remove_others(results, {results / place for place in where.values()})
    written.append(write_index(study, results))
    return written + [publish_model(*model, layout.root / "models") for model in models.items()]


def _to_publish(study: Study, layout: Layout, notebooks: Iterable[Any]) -> list[Run]:
    """The runs that the profile lists, and those that the pages name; by identity.

    Raises StudyError when one that the profile lists was not made. A pre-training for a GPU may
    lack, unless it was published before: it would leave results/ for good.
    """
    found, lacking = listed(study)
    for name in lacking:
        entry = study.profile.pretraining.get(name)
        if entry is None or not entry.gpu_only:
            raise StudyError(
                f"'{name}' stands in the profile {layout.profile} and was not run: "
                f'`t5study run --profile {layout.profile} --only "{name}"` runs it.'
            )
        config = study.pretraining_plan(name).config(study.hub)
        before = RunStore(layout.root / "results" / layout.profile, training=False).recorded(config)
        if before is not None:
            raise StudyError(
                f"The published trial '{name}' is not among the runs to be published: copy "
                f"{layout.shown(before.path)} into {layout.shown(layout.runs)}, and run "
                f"`t5study reproduce --profile {layout.profile} --force` first."
            )
    runs = {each.run.identity: each.run for each in found}
    return list((runs | _named(study.store, notebooks)).values())


def _checked_notebooks(layout: Layout, chapters: Sequence[Chapter]) -> dict[Chapter, Any]:
    notebooks = {chapter: load_executed(layout, chapter) for chapter in chapters}
    for chapter, notebook in notebooks.items():
        if written_for(notebook) != layout.profile:
            raise StudyError(
                f"Chapter {chapter.name} is written for the profile {written_for(notebook)}, which "
                f"its parameters name: outputs of {layout.profile} are not published in it."
            )
        check_prose(notebook, chapter.name)
    return notebooks


def _check_current(job: Job, chapters: Sequence[Chapter], command: str) -> None:
    for chapter in chapters:
        if not job.is_current(chapter):
            raise StudyError(
                f"Chapter {chapter.name} has no current outputs for profile {job.layout.profile}: "
                f"run `{command}` before publishing."
            )


def _named(store: RunStore, notebooks: Iterable[Any]) -> dict[str, Run]:
    """The runs of a store whose identities stand in the outputs, and those they began from."""
    others = {run.identity: run for run in store.runs()}
    named: dict[str, Run] = {}
    text = json.dumps([cell.get("outputs") for page in notebooks for cell in page.cells])
    while text:
        new = {name: others.pop(name) for name in list(others) if name in text}
        named |= new
        # A run that began from another one's model names it in its configuration.
        text = "".join(json.dumps(run.config) for run in new.values())
    return named


def _remove_others(results: Path, places: Collection[Path]) -> None:
    """Remove published records that lie elsewhere than in `places`, and folders left empty."""
    for record in list(records_below(results)):
        if record not in places:
            remove(record)
    for folder in results.glob("*/"):
        if not any(records_below(folder)):
            remove(folder)


def _check_no_paths(record: Path, layout: Layout) -> None:
    secrets = {str(layout.root), f"{Path.home()}{os.sep}"}
    for path in record.rglob("*"):
        if path.suffix in (".json", ".csv") and any(s in path.read_text("utf-8") for s in secrets):
            raise StudyError(
                f"{layout.shown(path)} names a folder of this machine: "
                "it is not published, mend what writes it."
            )
