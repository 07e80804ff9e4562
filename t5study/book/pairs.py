"""Whether a chapter's two files belong together, and which of them was edited when they differ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from t5study.base.errors import StudyError
from t5study.base.files import content, write_text
from t5study.base.project import git
from t5study.book.chapters import Chapter, Layout, find_chapters, read_text
from t5study.book.notebooks import (
    cells_digest,
    code_digest,
    outputs_digest,
    read_published,
    read_source,
    texts_of,
    write_notebook,
    written_for,
)

TEXTS = (".md", ".yml", ".yaml", ".bib", ".css")


def check_sources(layout: Layout) -> None:
    """Read all that the book is made of, before anything runs.

    Raises StudyError, with file and line, for a text that is not UTF-8, for what a merge left to
    resolve, and for a chapter that was edited in its notebook where the source does not have it.
    """
    pages = [path for path in content(layout.root / "book") if path.suffix in TEXTS]
    for path in [layout.root / "_config.yml", *pages]:
        read_text(path, layout.shown(path))
    for chapter in find_chapters(layout):
        if _edited(layout.root, chapter) == ".ipynb":
            raise StudyError(
                f"{_difference(chapter)}, and the notebook was edited: `make lab` takes the edit "
                f"into the source, or `git checkout {chapter.shown('.ipynb')}` drops it."
            )


def settle_pairs(layout: Layout) -> None:
    """Make the two files of every chapter agree, as an editor of pairs needs them.

    An edit of either file is taken over into the other one or left for the editor to take over;
    where they agree nothing is written. A source without a notebook gets one.

    Raises StudyError where both files were edited, or as `check_sources`.
    """
    for chapter in find_chapters(layout):
        edited = _edited(layout.root, chapter)
        if edited == ".ipynb":
            options = jupytext.config.load_jupytext_config(str(chapter.source))
            text = jupytext.writes(read_published(chapter), fmt="py:percent", config=options)
            write_text(chapter.source, text)
        elif not chapter.published.is_file():
            write_notebook(chapter.published, read_source(chapter))
        elif edited:
            # The editor takes the text of the newer file and the outputs of the notebook.
            os.utime(chapter.source)


def problem_of(chapter: Chapter) -> str:
    """What is wrong with a published notebook, in one sentence, or nothing."""
    pair, source = read_published(chapter), read_source(chapter)
    if pair is None:
        return ""
    stamp = pair.metadata.get("t5study", {})
    profile, wanted = stamp.get("profile", "no profile"), written_for(source)
    problem = ""
    if any(cell.get("outputs") for cell in pair.cells):
        if profile != wanted:
            problem = f"the outputs are those of {profile} and the parameters name {wanted}"
        elif stamp.get("source") != code_digest(source):
            problem = "the outputs are not those of the code cells"
        elif stamp.get("outputs") != outputs_digest(pair, profile):
            problem = "the outputs are not those that were published"
    if not problem and texts_of(pair) != texts_of(source):
        problem = "the cells of .ipynb and .py differ"
    return f"{chapter.name}: {problem}, publish the chapter again." if problem else ""


def _edited(root: Path, chapter: Chapter) -> str:
    """The ending of the file that was edited since both were last written, where they differ.

    A file was not if it has the cells that the notebook's metadata remember, or those of the last
    commit. Where neither was, or nothing is known, the source counts.

    Raises StudyError where both were edited.
    """
    pair, source = read_published(chapter), read_source(chapter)
    if pair is None or texts_of(pair) == texts_of(source):
        return ""
    together = pair.metadata.get("t5study", {}).get("cells")
    edited = []
    for ending, notebook in ((".py", source), (".ipynb", pair)):
        if together not in (None, cells_digest(notebook)):
            before = _committed(root, chapter, ending)
            if before is None or texts_of(before) != texts_of(notebook):
                edited.append(ending)
    if len(edited) == 2:
        raise StudyError(
            f"{_difference(chapter)}, and both were edited: carry the edit of one over into the "
            "other, or drop one with `git checkout`."
        )
    return edited[0] if edited else ".py"


def _committed(root: Path, chapter: Chapter, ending: str) -> Any:
    """One of a chapter's files as it was last committed, or None."""
    text = git(root, "show", f"HEAD:{chapter.shown(ending)}")
    if not text:
        return None
    if ending == ".py":
        return jupytext.reads(text, fmt="py:percent")
    return nbformat.reads(text, as_version=4)


def _difference(chapter: Chapter) -> str:
    """Where the two files of a chapter part, as the beginning of a sentence."""
    source, pair = texts_of(read_source(chapter)), texts_of(read_published(chapter))
    same = 0
    while same < min(len(source), len(pair)) and source[same] == pair[same]:
        same += 1
    text = chapter.source.read_text("utf-8").splitlines()
    begins = [number for number, line in enumerate(text, 1) if line.startswith("# %%")]
    line = begins[min(same, len(begins) - 1)] if begins else 1
    return f"From line {line} on {chapter.shown()} has other cells than {chapter.shown('.ipynb')}"
