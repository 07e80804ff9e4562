"""Publish: put outputs into the notebooks of the checkout, and run records into results/."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.base.files import write_text
from t5study.book.assemble import load_executed
from t5study.book.card import check_size, publish_model
from t5study.book.chapters import (
    Chapter,
    Layout,
    code_digest,
    find_chapters,
    need,
    read_notebook,
)
from t5study.book.execute import Job, job_for, read_stamp, rendering
from t5study.book.prose import check_findings
from t5study.experiments.recipes import OWN
from t5study.profiles import Profile, load_profile
from t5study.runs.record import Run, copy_record
from t5study.runs.store import RunStore


def publish(
    profile: str, chapters: Sequence[str] | None = None, *, root: Path | None = None
) -> list[Path]:
    """Refresh notebooks/*.ipynb and results/<profile>/ from a finished run of the profile.

    Of the run store the records that the pages name are published; what a page no longer names is
    removed from results/. Weights and checkpoints stay behind. With `chapters`, or where the
    published book was rendered again and the profile was not run here, the notebooks are refreshed
    from that rendering, and the records stay. Returns the notebooks and record folders written.

    Raises StudyError, before anything is written, when a chapter's outputs are not current, when a
    sentence is not so in its runs, when a record names a machine path, when a trial would be lost,
    or when the model is too large.
    """
    layout = Layout.of(profile, root)
    selected = find_chapters(layout, chapters)
    job, rendered = job_for(layout), rendering(profile, root)
    if chapters or (_is_current(rendered, selected) and not _is_current(job, selected)):
        _check_current(rendered, selected, "make html")
        notebooks = _checked_notebooks(rendered.layout, selected)
        return [_publish_notebook(layout, *page) for page in notebooks.items()]
    return _publish_run(job, selected)


def _publish_run(job: Job, chapters: Sequence[Chapter]) -> list[Path]:
    layout, settings = job.layout, load_profile(job.parameters)
    _check_current(job, chapters, f"make book PROFILE={layout.profile}")
    if not settings.synthetic:
        _check_texts(layout, chapters)
    notebooks = _checked_notebooks(layout, chapters)
    records = _named(layout.runs, notebooks.values())
    results = layout.root / "results" / layout.profile
    for record in records:
        _check_no_paths(record, layout)
    _check_trials(job, results, records)
    joint = _joint_of_our_own(settings, records)
    for run in joint:
        check_size(run, settings)
    written = [_publish_notebook(layout, *page) for page in notebooks.items()]
    written += [copy_record(record, results / record.name) for record in records]
    _remove_others(results, records)
    return written + [publish_model(run, settings, layout.root / "models") for run in joint]


def _checked_notebooks(layout: Layout, chapters: Sequence[Chapter]) -> dict[Chapter, Any]:
    notebooks = {chapter: load_executed(layout, chapter) for chapter in chapters}
    for chapter, notebook in notebooks.items():
        check_findings(notebook, chapter.name)
    return notebooks


def stale_pairs(root: Path | None = None) -> list[str]:
    """One sentence for every published notebook that no longer is its source with outputs."""
    layout = Layout.of("pocket", root)
    problems = (_staleness(chapter) for chapter in find_chapters(layout))
    return [problem for problem in problems if problem]


def _staleness(chapter: Chapter) -> str:
    if not chapter.published.is_file():
        return ""
    nbformat = need("nbformat")
    pair, source = nbformat.read(chapter.published, as_version=4), read_notebook(chapter)
    remedy = "publish the chapter again"
    if any(cell.get("outputs") for cell in pair.cells):
        stamp = pair.metadata.get("t5study", {}).get("source")
        if stamp != code_digest(source):
            return f"{chapter.name}: the outputs are not those of the code cells, {remedy}."
    if _cells(pair) != _cells(source):
        return f"{chapter.name}: the cells of .ipynb and .py differ, {remedy}."
    return ""


def _cells(notebook: object) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.rstrip()) for cell in notebook.cells]


def _is_current(job: Job, chapters: Sequence[Chapter]) -> bool:
    return all(read_stamp(job.layout, c).get("key") == job.key(c) for c in chapters)


def _check_current(job: Job, chapters: Sequence[Chapter], command: str) -> None:
    for chapter in chapters:
        if not _is_current(job, [chapter]):
            raise StudyError(
                f"Chapter {chapter.name} has no current outputs for profile {job.layout.profile}: "
                f"run `{command}` before publishing."
            )


def _check_texts(layout: Layout, chapters: Sequence[Chapter]) -> None:
    for chapter in chapters:
        if read_stamp(layout, chapter).get("texts") != "hide":
            raise StudyError(
                f"Chapter {chapter.name} may show texts of data sets that are not ours to print: "
                "run it again with T5STUDY_TEXTS=hide and --force before publishing."
            )


def _publish_notebook(layout: Layout, chapter: Chapter, notebook: Any) -> Path:
    nbformat = need("nbformat")
    notebook.metadata["t5study"] = {
        "profile": layout.profile,
        "source": code_digest(read_notebook(chapter)),
    }
    write_text(chapter.published, nbformat.writes(notebook) + "\n")
    return chapter.published


def _named(store: Path, notebooks: Iterable[Any]) -> list[Path]:
    """The records of a store whose identities stand in the outputs, and those they began from."""
    others = {path.parent for path in store.glob("[!.]*/config.json")}
    named: set[Path] = set()
    text = json.dumps([cell.get("outputs") for page in notebooks for cell in page.cells])
    while text:
        new = {record for record in others if record.name in text}
        named |= new
        others -= new
        # A run that began from another one's model names it in its configuration.
        text = "".join((record / "config.json").read_text("utf-8") for record in new)
    return sorted(named)


def _remove_others(results: Path, records: Sequence[Path]) -> None:
    """Remove published records that are not among `records`."""
    kept = {record.name for record in records}
    for path in results.glob("*/"):
        if path.name not in kept:
            shutil.rmtree(path)


def _joint_of_our_own(profile: Profile, records: Sequence[Path]) -> list[Run]:
    """The run of the model of all tasks, where it is to be published; else nothing.

    The pocket one is made anew, and one that began from others' weights is not ours to publish.
    """
    runs = [Run(record) for record in records]
    joint = [run for run in runs if run.config.get("kind") == "joint"]
    ours = profile.models.get("t5") == OWN and not profile.synthetic
    return joint if ours and len(joint) == 1 else []


def _check_trials(job: Job, results: Path, records: Sequence[Path]) -> None:
    """Raise StudyError when a published trial is not among `records`.

    A trial needs a GPU: pages made without one lack it, and it would leave results/ for good.
    """
    # Late: it loads what draws figures, which the commands of the book do without.
    from t5study.study import Study

    layout, study = job.layout, Study(**job.parameters)
    kept, published = {record.name for record in records}, RunStore(results, training=False)
    trials = (name for name, entry in study.profile.pretraining.items() if entry.gpu_only)
    for name in trials:
        run = published.recorded(study.pretraining_plan(name).config(study.hub))
        if run is not None and run.path.name not in kept:
            raise StudyError(
                f"The published trial '{name}' is on no page that is to be published: copy "
                f"{layout.shown(run.path)} into {layout.shown(layout.runs)}, and run "
                f"`T5STUDY_TEXTS=hide t5study reproduce --profile {layout.profile} --force` first."
            )


def _check_no_paths(record: Path, layout: Layout) -> None:
    secrets = {str(layout.root), f"{Path.home()}{os.sep}"}
    for path in record.rglob("*"):
        if path.suffix in (".json", ".csv") and any(s in path.read_text("utf-8") for s in secrets):
            raise StudyError(
                f"{layout.shown(path)} names a folder of this machine: "
                "it is not published, mend what writes it."
            )
