"""Put the pages together: executed notebooks, book pages, settings and contents in one folder.

The folder keeps the layout of the repository, so that the links to edit a page hold. It holds the
notebooks as `.ipynb` only: with a `.py` beside it, Jupyter Book finds each page twice.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml

from t5study.base.errors import StudyError
from t5study.base.files import debris, write_text, writing
from t5study.base.project import git
from t5study.book import rooms
from t5study.book.chapters import Chapter, Layout, find_chapters, read_parameters
from t5study.book.job import executed_notebook, read_stamp
from t5study.book.notebooks import (
    clean_notebook,
    code_digest,
    read_source,
    write_notebook,
    written_for,
)
from t5study.book.prose import linked, set_prose
from t5study.book.status import status_page

DOWNLOADS = "downloads"
PUBLIC_REMOTE = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
PICTURE = "fig-extent"
"""The figure of a chapter that the first page shows, too."""
_FOUND = re.compile(r"<!-- found -->\n(.*?)<!-- until here -->", re.S)


def assemble(profile: str, *, root: Path | None = None, build: Path | None = None) -> Path:
    """Write the Jupyter Book sources of a profile to `<build>/source` and return that folder.

    Raises StudyError when a chapter has no outputs or they belong to other cells, when a chapter
    is in no part of book/_toc.yml, or when the folder cannot be written.
    """
    layout = Layout.of(profile, root, build)
    parameters = read_parameters(layout)
    chapters = find_chapters(layout)
    ours = written_for(read_source(chapters[0])) == layout.profile
    badge = badge_text(layout, parameters["profile"]["synthetic"], ours)
    shutil.rmtree(layout.source, ignore_errors=True)
    numbers = {int(chapter.name[:2]): chapter.name for chapter in chapters}
    _copy_pages(layout, badge, numbers, ours)
    for chapter in chapters:
        _add_chapter(layout, chapter, badge, numbers)
    write_text(layout.source / "book" / "status.md", _badged(status_page(layout), badge))
    _write_settings(layout, chapters)
    return layout.source


def badge_text(layout: Layout, synthetic: bool, ours: bool) -> str:
    """The MyST note at the top of every page that is not of the profile the prose is written for.

    A page of that profile (`ours`) has none, unless it was made from the bundled corpus.
    """
    if not synthetic:
        return (
            ""
            if ours
            else (
                f":::{{admonition}} Computed with the profile `{layout.profile}`\n"
                ":class: note\n"
                "The book is written for other runs; what it says of their numbers is left out.\n"
                ":::"
            )
        )
    return (
        ":::{admonition} Computed on the pocket corpus\n"
        ":class: warning pocket-badge\n"
        f"This page was built with the `{layout.profile}` profile: synthetic text and small models "
        "that the run trained itself, so that it builds anywhere in minutes. Its numbers show that "
        "the method works; they are no measurement on the real data sets and are not to be "
        "compared with the report's.\n"
        ":::"
    )


def load_executed(layout: Layout, chapter: Chapter) -> Any:
    """The chapter's executed notebook, cleaned.

    Raises StudyError when it was not executed, or from other cells than the source has now.
    """
    path = executed_notebook(layout, chapter)
    if path is None:
        raise StudyError(
            f"Chapter {chapter.name} has not been run with profile {layout.profile}: "
            f"run `make book PROFILE={layout.profile}` first."
        )
    notebook = clean_notebook(nbformat.read(path, as_version=4), layout)
    if code_digest(notebook) != code_digest(read_source(chapter)):
        raise StudyError(
            f"Chapter {chapter.name} was changed after it was run with profile "
            f"{layout.profile}: run `make book PROFILE={layout.profile}` again."
        )
    return notebook


def contents(layout: Layout, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """The table of contents: book/_toc.yml with its patterns replaced by the pages there are.

    Raises StudyError when a chapter is in no part.
    """
    toc = yaml.safe_load((layout.root / "book" / "_toc.yml").read_text("utf-8"))
    parts = []
    for part in toc["parts"]:
        pages = [page for entry in part["chapters"] for page in _pages(layout.source, entry)]
        if pages:
            parts.append({**part, "chapters": [{"file": page} for page in pages]})
    listed = {page["file"] for part in parts for page in part["chapters"]}
    for chapter in chapters:
        if f"notebooks/{chapter.name}" not in listed:
            raise StudyError(
                f"Chapter {chapter.name} is in no part of book/_toc.yml: add a pattern there."
            )
    return {**toc, "parts": parts}


def _pages(source: Path, entry: dict[str, str]) -> list[str]:
    pattern = entry.get("glob") or entry["file"]
    found = sorted(path for path in source.glob(f"{pattern}.*") if path.suffix in (".md", ".ipynb"))
    return [path.relative_to(source).with_suffix("").as_posix() for path in found]


def _copy_pages(layout: Layout, badge: str, numbers: dict[int, str], ours: bool) -> None:
    book = layout.root / "book"
    with writing(layout.source):
        shutil.copytree(
            book, layout.source / "book", ignore=lambda _, names: {"_toc.yml", *debris(names)}
        )
    write_text(layout.source / "book" / "_rooms.md", rooms.table())
    write_text(layout.source / "book" / "_static" / "rooms.svg", rooms.picture())
    write_text(layout.source / "book" / "_found.md", _found(layout.root) if ours else "")
    write_text(layout.source / "book" / "_picture.md", "")
    if (layout.root / "CITATION.cff").is_file():
        write_text(layout.source / "book" / "cite.md", _citation(layout.root))
    for page in (layout.source / "book").glob("*.md"):
        write_text(page, _badged(linked(page.read_text("utf-8"), numbers), badge))


def _found(root: Path) -> str:
    """What was found, in the words and numbers of README, which a test reads from the records."""
    readme = root / "README.md"
    found = _FOUND.search(readme.read_text("utf-8")) if readme.is_file() else None
    return found[1] if found else ""


def _citation(root: Path) -> str:
    """The page on how to cite the book, from CITATION.cff."""
    cite = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    year = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["copyright"]
    authors = " and ".join(f"{{{author['name']}}}" for author in cite["authors"])
    fields = {
        "author": authors,
        "title": f"{{{cite['title']}}}",
        "version": cite["version"],
        "year": year,
        "license": cite["license"],
    }
    entry = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    named = ", ".join(author["name"] for author in cite["authors"])
    return (
        f"# How to cite\n\n{named} ({year}). *{cite['title']}*, version {cite['version']}. "
        f"{cite['license']} licence.\n\n```bibtex\n@software{{t5study,\n{entry},\n}}\n```\n"
    )


def _add_chapter(layout: Layout, chapter: Chapter, badge: str, numbers: dict[int, str]) -> None:
    notebook = load_executed(layout, chapter)
    ours, models = written_for(notebook) == layout.profile, read_stamp(layout, chapter)["models"]
    notebook = set_prose(notebook, chapter.name, ours, models)
    title = next((c for c in notebook.cells if re.search(r"^# ", c.source, re.M)), None)
    if title is None or title.cell_type != "markdown":
        raise StudyError(f"Chapter {chapter.name} has no title: begin it with a `# ` heading.")
    number = int(chapter.name[:2])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, numbers, number)
    title.source = _badged(re.sub(r"^# ", f"# {number} ", title.source, count=1, flags=re.M), badge)
    notebook.cells.append(_footer(chapter))
    _keep_picture(notebook, layout)
    write_notebook(layout.source / "notebooks" / f"{chapter.name}.ipynb", notebook)
    downloads = layout.source / DOWNLOADS
    downloads.mkdir(exist_ok=True)
    shutil.copyfile(chapter.source, downloads / chapter.source.name)


def _keep_picture(notebook: Any, layout: Layout) -> None:
    """Write the figure that the first page shows, where this chapter has it and drew it."""
    book = layout.source / "book"
    for cell in notebook.cells:
        said = cell.metadata.get("mystnb", {})
        if said.get("figure", {}).get("name") == PICTURE:
            drawn = (output.get("data", {}).get("image/svg+xml") for output in cell.outputs)
            for svg in filter(None, drawn):
                write_text(book / "_static" / f"{PICTURE}.svg", "".join(svg))
                image = f"```{{image}} _static/{PICTURE}.svg\n:alt: {said['image']['alt']}\n```\n"
                write_text(book / "_picture.md", image)


def _footer(chapter: Chapter) -> Any:
    return nbformat.v4.new_markdown_cell(
        f"---\n\nThis chapter to take away: {{download}}`script <../{DOWNLOADS}/{chapter.name}.py>`"
        f" · {{download}}`notebook <{chapter.name}.ipynb>`. "
        "What it ran on: [status](../book/status.md).",
        id="chapter-footer",
    )


def _badged(page: str, badge: str) -> str:
    """`page` with the badge under its first heading, which no comment in a block of code is."""
    lines, in_code = page.split("\n"), False
    for place, line in enumerate(lines):
        in_code ^= line.startswith("```")
        if badge and not in_code and line.startswith("# "):
            lines[place] = f"{line}\n\n{badge}"
            break
    return "\n".join(lines)


def _write_settings(layout: Layout, chapters: Sequence[Chapter]) -> None:
    settings = yaml.safe_load((layout.root / "_config.yml").read_text("utf-8"))
    for key, value in repository_settings(layout.root).items():
        settings[key] = {**settings.get(key, {}), **value}
    settings = {**settings, "only_build_toc_files": True}
    toc = contents(layout, chapters)
    write_text(layout.source / "_config.yml", yaml.safe_dump(settings, sort_keys=False))
    write_text(layout.source / "_toc.yml", yaml.safe_dump(toc, sort_keys=False))


def repository_settings(root: Path) -> dict[str, Any]:
    """Settings for Jupyter Book that turn the buttons on; none without a public remote.

    Binder installs environment.yml and runs the notebooks. Colab opens a notebook alone, without
    the package and the profiles, so that its first cell would fail: there is no button for it.
    """
    match = PUBLIC_REMOTE.fullmatch(git(root, "remote", "get-url", "origin"))
    if match is None:
        return {}
    url = f"https://github.com/{match[1]}/{match[2]}"
    branch = git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    return {
        "repository": {"url": url, "branch": branch.removeprefix("origin/") or "main"},
        "html": {
            "use_repository_button": True,
            "use_edit_page_button": True,
            "use_issues_button": True,
        },
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
        },
    }
