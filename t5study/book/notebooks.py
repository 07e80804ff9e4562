"""The two files of a chapter: the source that runs, and the notebook with published outputs.

The notebook is written as JupyterLab would write it after running the chapter in a fresh kernel, so
that opening and saving it changes no byte, and running it changes the outputs alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from t5study.base.errors import StudyError
from t5study.base.files import write_text
from t5study.book.chapters import Chapter, Layout, read_text
from t5study.book.prose import quotations, recorded

KEPT_METADATA = ("tags", "mystnb", "jupyter", "lines_to_next_cell")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
"""How JupyterLab names the kernel of the environment that it runs in."""


def read_source(chapter: Chapter) -> NotebookNode:
    """The chapter's source as a notebook without outputs.

    Raises StudyError as `read_text`.
    """
    notebook = jupytext.reads(read_text(chapter.source, chapter.shown()), fmt="py:percent")
    notebook.metadata = {"kernelspec": dict(KERNEL)}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _name_cells(notebook)
    return notebook


def read_published(chapter: Chapter) -> NotebookNode | None:
    """The chapter's notebook as it lies beside its source, or None.

    Raises StudyError as `read_text`, and for a file that is no notebook.
    """
    if not chapter.published.is_file():
        return None
    shown = chapter.shown(".ipynb")
    text = read_text(chapter.published, shown)
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise StudyError(
            f"{shown} is no notebook ({reason}): remove it, and `t5study publish` makes it again."
        ) from None


def write_notebook(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook as the Jupyter server does."""
    write_text(path, nbformat.writes(notebook) + "\n")


def clean_notebook(notebook: NotebookNode, layout: Layout) -> NotebookNode:
    """Strip, in place, what execution left: injected cells, counts, machine paths, stray metadata.

    Returns the same notebook.
    """
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in tags_of(c)]
    # Folder names of this machine and what to print instead, the longest first.
    short = {str(layout.root): ".", sys.prefix: "<python>", str(Path.home()): "~"}
    places = sorted(
        (place for place in short.items() if len(place[0]) > 1), key=lambda place: -len(place[0])
    )
    for cell in notebook.cells:
        cell["metadata"] = {k: cell.metadata[k] for k in KEPT_METADATA if cell.metadata.get(k)}
    for cell in _code_cells(notebook):
        # Warnings of libraries are for who runs the notebook, not for who reads it.
        cell["outputs"] = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            _hide_paths(output, places)
    count_cells(notebook)
    language = notebook.metadata.get("language_info", {"name": "python"})
    notebook.metadata = {"kernelspec": dict(KERNEL), "language_info": language}
    _name_cells(notebook)
    return notebook


def publish_notebook(chapter: Chapter, notebook: NotebookNode, layout: Layout) -> Path:
    """Write a clean executed notebook beside the chapter's source, as JupyterLab would save it.

    Its metadata say of which profile the outputs are, and hold digests: of the code they came from,
    of the outputs, and of all cells, which a later edit of either file leaves behind. Returns its
    path.
    """
    show_facts(notebook)
    options = _pairing(layout.root)
    if options:
        notebook.metadata["jupytext"] = options
    notebook.metadata["t5study"] = {
        "profile": layout.profile,
        "source": code_digest(notebook),
        "outputs": outputs_digest(notebook, layout.profile),
        "cells": cells_digest(notebook),
    }
    write_notebook(chapter.published, notebook)
    return chapter.published


def count_cells(notebook: NotebookNode) -> None:
    """Count the cells that ran, in place, as if they had run once and in their order."""
    for count, cell in enumerate(_code_cells(notebook), 1):
        for counted in [cell, *cell.outputs]:
            if counted.get("execution_count") is not None:
                counted["execution_count"] = count


def show_facts(notebook: NotebookNode) -> None:
    """Give each cell of prose the values that it quotes, in place, where jupyterlab-myst has them.

    A cell that quotes what no cell gave is left as it is.
    """
    facts, _ = recorded(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            with suppress(StudyError):
                # As jupyterlab-myst keeps a role `eval` in the metadata of its cell.
                ok = {"metadata": {}, "status": "ok"}
                shown = [
                    {"expression": expression, "result": {"data": {"text/plain": value}, **ok}}
                    for expression, value in quotations(cell, facts, "")
                ]
                cell.metadata.pop("user_expressions", None)
                if shown:
                    cell.metadata["user_expressions"] = shown


def code_digest(notebook: NotebookNode) -> str:
    """The sha256 of a notebook's code cells: what its outputs were computed by."""
    return _digest([cell.source.rstrip() for cell in _code_cells(notebook)])


def texts_of(notebook: NotebookNode) -> list[tuple[str, str]]:
    """What a notebook says: the type and the text of each cell."""
    return [(cell.cell_type, cell.source.rstrip()) for cell in notebook.cells]


def cells_digest(notebook: NotebookNode) -> str:
    """The sha256 of what a notebook says."""
    return _digest(texts_of(notebook))


def outputs_digest(notebook: NotebookNode, profile: str) -> str:
    """The sha256 of a notebook's outputs, as those of a profile."""
    outputs = [
        [{k: v for k, v in output.items() if k != "execution_count"} for output in cell.outputs]
        for cell in _code_cells(notebook)
    ]
    return _digest([profile, outputs])


def written_for(notebook: NotebookNode) -> str:
    """The profile that the notebook's parameters name: the one that its prose is written for."""
    text = "\n".join(c.source for c in _code_cells(notebook) if "parameters" in tags_of(c))
    named = re.search(r"""^profile = ["']([^"']+)["']$""", text, re.M)
    return named[1] if named else "published"


def title_of(notebook: NotebookNode, fallback: str) -> str:
    """The text of the notebook's first heading."""
    for cell in notebook.cells:
        heading = re.search(r"^# (.+)$", cell.source, re.M)
        if cell.cell_type == "markdown" and heading:
            return heading[1].strip()
    return fallback


def tags_of(cell: Any) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def _code_cells(notebook: NotebookNode) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _name_cells(notebook: NotebookNode) -> None:
    """Name each cell by its text, so that a cell keeps its name when others come and go."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(f"{cell.cell_type} {cell.source.rstrip()}".encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def _pairing(root: Path) -> dict[str, str]:
    """What jupytext keeps of its settings in a notebook that it pairs."""
    settings = root / "pyproject.toml"
    if not settings.is_file():
        return {}
    options = tomllib.loads(settings.read_text("utf-8")).get("tool", {}).get("jupytext", {})
    return {key: value for key, value in options.items() if key.endswith("_filter")}


def _hide_paths(value: Any, places: list[tuple[str, str]]) -> None:
    """Replace machine paths in every text inside an output, in place."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        if isinstance(inner, str):
            # Pictures are base64: a short path could occur there by chance.
            if key not in ("image/png", "image/jpeg"):
                for path, short in places:
                    inner = re.sub(rf"{re.escape(path)}(?=[/\\\s:'\",)\]]|$)", short, inner)
                value[key] = inner
        elif isinstance(inner, (dict, list)):
            _hide_paths(inner, places)
