"""Publish: put outputs into the notebooks of the checkout, and run records into results/."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from t5study.book.assemble import load_executed
from t5study.book.card import publish_model
from t5study.book.chapters import (
    Chapter,
    Layout,
    chapter_key,
    code_digest,
    find_chapters,
    need,
    package_digest,
    read_notebook,
    read_parameters,
    replacing,
    write_text,
)
from t5study.book.execute import read_stamp
from t5study.errors import StudyError
from t5study.profiles import load_profile
from t5study.runs import Run
from t5study.seals import seal

NOT_PUBLISHED = ("model", "scratch", "*.safetensors", "*.bin", "*.pt", "*.pth")


def publish(profile: str, *, root: Path | None = None) -> list[Path]:
    """Refresh notebooks/*.ipynb and results/<profile>/ from a finished run of the profile.

    Of the run store the records that the pages name are published; what a page no longer names is
    removed from results/. Weights and checkpoints stay behind. Returns the notebooks and record
    folders written.

    Raises StudyError when a chapter's outputs are not current, or a record names a machine path.
    """
    layout = Layout.of(profile, root)
    chapters = find_chapters(layout)
    _check_current(layout, chapters)
    notebooks = {chapter: load_executed(layout, chapter) for chapter in chapters}
    records = _named(layout.runs, notebooks.values())
    for record in records:
        _check_no_paths(record, layout)
    written = [_publish_notebook(layout, *page) for page in notebooks.items()]
    results = layout.root / "results" / layout.profile
    written += [_publish_record(record, results / record.name) for record in records]
    _remove_others(results, records)
    return written + _publish_model(layout, records)


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


def _check_current(layout: Layout, chapters: Sequence[Chapter]) -> None:
    parameters, package = read_parameters(layout), package_digest(layout.root)
    for chapter in chapters:
        stamp = read_stamp(layout, chapter)
        if stamp.get("key") != chapter_key(chapter, parameters, package):
            raise StudyError(
                f"Chapter {chapter.name} has no current outputs for profile {layout.profile}: "
                f"run `make book PROFILE={layout.profile}` before publishing."
            )
        if not parameters["profile"]["synthetic"] and stamp.get("texts") != "hide":
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


def _publish_record(record: Path, target: Path) -> Path:
    with replacing(target) as draft:
        shutil.copytree(record, draft, ignore=shutil.ignore_patterns(*NOT_PUBLISHED))
        seal(draft)
    return target


def _publish_model(layout: Layout, records: Sequence[Path]) -> list[Path]:
    """The model of all tasks, where it was made from real data; the pocket one is made anew."""
    profile = load_profile(read_parameters(layout))
    joint = [record for record in records if Run(record).config.get("kind") == "joint"]
    if profile.synthetic or len(joint) != 1:
        return []
    return [publish_model(Run(joint[0]), profile, layout.root / "models")]


def _check_no_paths(record: Path, layout: Layout) -> None:
    secrets = {str(layout.root), f"{Path.home()}{os.sep}"}
    for path in record.rglob("*"):
        if path.suffix in (".json", ".csv") and any(s in path.read_text("utf-8") for s in secrets):
            raise StudyError(
                f"{layout.shown(path)} names a folder of this machine: "
                "it is not published, mend what writes it."
            )
