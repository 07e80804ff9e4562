"""What the chapters promise about themselves."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from t5study.book.prose import quotations, recorded

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))


def code_cells(name: str) -> list:
    cells = jupytext.read(NOTEBOOKS / f"{name}.py").cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_the_two_chapters_share_every_line_but_the_name_of_the_task():
    sentiment, emotion = (
        [
            (cell.source, str(cell.metadata))
            for cell in code_cells(name)
            if "only-here" not in cell.metadata.get("tags", [])
        ]
        for name in ("06_sentiment", "07_emotion")
    )
    renamed = [tuple(part.replace("sentiment", "emotion") for part in pair) for pair in sentiment]
    assert renamed == emotion


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_has_a_name_a_caption_and_an_alternative_text(path):
    shown = []
    for cell in code_cells(path.stem):
        settings = cell.metadata.get("mystnb", {})
        if re.search(r"^\w+\.plot_\w+\(", cell.source, re.M):
            shown.append(settings)
    for settings in shown:
        assert settings.get("figure", {}).get("name", "").startswith("fig-")
        assert len(settings["figure"]["caption"]) > 40
        assert len(settings["image"]["alt"]) > 40


TYPED = re.compile(r"(?<![\w.`{-])(?:0\.\d{2,}|\d{1,3}(?:\.\d+)? ?%)")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_result_is_typed_into_the_prose(path):
    """Scores and percentages in prose come from runs; mathematics and code may hold any."""
    found = []
    for cell in jupytext.read(path).cells:
        if cell.cell_type != "markdown":
            continue
        prose = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$]+\$|`[^`]*`", "", cell.source, flags=re.S)
        found += [m for m in TYPED.findall(prose) if m not in ("95 %", "95%")]
    assert found == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_notebooks_tell_and_the_package_works(path):
    """A function in a notebook is there to be read: a mask, a loss, a dozen lines at most."""
    for cell in code_cells(path.stem):
        for body in re.findall(r"^def .*?(?=^\S|\Z)", cell.source, re.M | re.S):
            assert len(body.strip().splitlines()) <= 12


def test_every_figure_named_in_prose_exists():
    names, wanted = set(), set()
    for path in CHAPTERS:
        for cell in jupytext.read(path).cells:
            names |= {cell.metadata.get("mystnb", {}).get("figure", {}).get("name")}
            if cell.cell_type == "markdown":
                wanted |= set(re.findall(r"{numref}`(fig-[\w-]+)`", cell.source))
    assert wanted
    assert wanted <= names


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_prose_quotes_facts_that_a_cell_above_it_gave(path):
    """In an editor the cells run in their order, and a value must be there when it is quoted."""
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            above = nbformat.v4.new_notebook(cells=notebook.cells[:place])
            quotations(cell, recorded(above)[0], path.stem)


def kinds_of(cell) -> set[str]:
    """On which pages a cell stands: tags of cells that not every page has."""
    tags = {tag for tag in cell.metadata.get("tags", []) if re.match("finds:|only:|needs:", tag)}
    return tags | ({"only:published"} if any(tag.startswith("finds:") for tag in tags) else set())


def test_what_is_referred_to_stands_on_every_page_that_refers_to_it():
    homes, uses = {}, []
    for path in CHAPTERS:
        for cell in jupytext.read(path).cells:
            kinds = kinds_of(cell)
            homes[cell.metadata.get("mystnb", {}).get("figure", {}).get("name")] = kinds
            if cell.cell_type == "markdown":
                homes |= dict.fromkeys(re.findall(r"^\(([\w-]+)\)=", cell.source, re.M), kinds)
                found = re.findall(r"\{(?:ref|numref)\}`(?:[^`<]*<)?([\w-]+)>?`", cell.source)
                uses += [(path.stem, name, kinds) for name in found]
    assert [
        (chapter, name)
        for chapter, name, kinds in uses
        if not {kind for kind in homes.get(name, ()) if not kind.startswith("finds:")} <= kinds
    ] == []
