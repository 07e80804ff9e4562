"""JupyterLab on the chapters: `python -m t5study.book.lab` opens it, as `make lab` does.

The set-up puts `jupyter/*.json` into the environment, so that JupyterLab knows of the hook below
however it is started, and renders every cell: jupyterlab-myst shows no values in the prose of cells
that were not rendered before they ran.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat.sign import NotebookNotary

from t5study.base.errors import StudyError
from t5study.book.chapters import Layout, find_chapters
from t5study.book.notebooks import cells_digest, count_cells, read_published, show_facts
from t5study.book.pairs import problem_of, settle_pairs

KEPT = ("kernelspec", "language_info")


def leave_no_noise(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Before a chapter's notebook is saved, undo what says nothing about it.

    A save names the editor's kernel and version of Python, counts every execution, and has values
    for those cells of prose that were on the screen. The file keeps the names that it has, cells
    are counted in their order, and all prose has its values.
    """
    if model["type"] != "notebook" or "t5study" not in model["content"]["metadata"]:
        return
    notebook = model["content"] = nbformat.from_dict(model["content"])
    file = Path(contents_manager.root_dir) / path
    if file.is_file():
        before = json.loads(file.read_text("utf-8"))["metadata"]
        for key in KEPT:
            notebook.metadata.pop(key, None)
            if key in before:
                notebook.metadata[key] = before[key]
    notebook.metadata.t5study["cells"] = cells_digest(notebook)
    count_cells(notebook)
    show_facts(notebook)


def main() -> None:
    """Make the pairs agree and become JupyterLab; further arguments are passed on to it."""
    layout = Layout.of("published")
    try:
        settle_pairs(layout)
    except StudyError as error:
        sys.exit(f"t5study: {error}")
    _trust_published(layout)
    options = {"ServerApp.root_dir": layout.root, "LabApp.default_url": "/lab/tree/notebooks"}
    command = [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())]
    # The environment's own commands come first, so that its kernel is the one that starts.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.execv(sys.executable, [*command, *sys.argv[1:]])


def _trust_published(layout: Layout) -> None:
    """Let JupyterLab draw the figures of notebooks whose outputs are those that were published."""
    notary = NotebookNotary()
    for chapter in find_chapters(layout):
        if not problem_of(chapter):
            notary.sign(read_published(chapter))


if __name__ == "__main__":
    main()
