"""Build the HTML with Jupyter Book 1; make sure that it is there and needs no network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from html import escape
from importlib import metadata
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from t5study.base.errors import StudyError
from t5study.base.files import put_in_place, write_text
from t5study.book.chapters import Layout
from t5study.book.hovers import add_hovers

EXTERNAL_LOAD = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc=["'](?:https?:)?//[^"']*["']"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|preconnect|icon)["'])"""
    r"""[^>]*?\bhref=["'](?:https?:)?//[^"']*["']""",
    re.I,
)
MENDED = (
    # sphinx-thebe puts its scripts on every page even when it is switched off.
    (
        re.compile(
            r"\s*<script[^>]*(?:sphinx-thebe\.js[^>]*>|x-thebe-config[^>]*>[^<]*"
            r"|>(?:const THEBE_JS_URL|kernelName =)[^<]*)</script>"
        ),
        "",
    ),
    # What two buttons of the theme are called to a screen reader is not what they read.
    (re.compile(r'(<button[^>]*search-button-field[^>]*?) aria-label="Search"'), r"\1"),
    (re.compile(r'(<i class="theme-switch [^>]*?) title="[^"]*"'), r'\1 aria-hidden="true"'),
    # A list whose parts are no items of it.
    (re.compile(r'(<div) role="list"( class="citation-list">)'), r"\1\2"),
    # A source that is offered for download would be opened.
    (re.compile(r'target="_blank"(\s+class="[^"]*btn-download-source-button)'), r"download\1"),
)
PREVIEW = re.compile(r'(<meta content=")(_static/[^"]*)(" property="og:image" ?/>)')
"""The picture that another site shows beside a link to a page: only a whole address is of use."""
FOUND = "built-from.sha256"


def build_html(profile: str, *, root: Path | None = None, build: Path | None = None) -> Path:
    """Build `<build>/html` from the assembled sources and return its index page.

    Nothing is done when the sources are those of the last build. A warning fails the build.

    Raises StudyError with the first warning or error, or naming the page that was not built.
    """
    layout = Layout.of(profile, root, build)
    digest = _source_digest(layout.source)
    mark = layout.html / FOUND
    index = layout.html / "index.html"
    if index.is_file() and mark.is_file() and mark.read_text() == digest:
        return index
    output = layout.build / "sphinx"
    shutil.rmtree(output, ignore_errors=True)
    run_jupyter_book(layout, output)
    pages = output / "_build" / "html"
    _check_pages(layout, pages)
    mend(pages, _address(layout))
    add_hovers(pages)
    refuse_external_loads(pages)
    bring_texts(pages)
    write_text(pages / FOUND, digest)
    put_in_place(pages, layout.html)
    shutil.rmtree(output, ignore_errors=True)
    return index


def external_loads(html: Path) -> list[str]:
    """Every script, style sheet or picture that a page of the book would fetch from elsewhere."""
    found = []
    for page in sorted(html.rglob("*.html")):
        for match in EXTERNAL_LOAD.finditer(page.read_text("utf-8")):
            found.append(f"{page.relative_to(html)}: {match[0]}")
    return found


def _source_digest(source: Path) -> str:
    digest = hashlib.sha256(metadata.version("jupyter-book").encode())
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(source).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def run_jupyter_book(layout: Layout, output: Path, *options: str) -> None:
    """Build the assembled sources below `output`; a warning is an error.

    Raises:
        StudyError: with the first warning or error.
    """
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(layout.source), "--path-output", str(output)]
    command += ["--config", str(layout.source / "_config.yml")]
    command += ["--toc", str(layout.source / "_toc.yml"), "-W", "-n", "--keep-going"]
    command += options
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"},
    )
    log = layout.build / "book.log"
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    write_text(log, said)
    if done.returncode:
        first = _first_problem(said).replace(f"{layout.source}{os.sep}", "")
        raise StudyError(f"The book did not build: {first} (the whole log: {layout.shown(log)}).")


def _first_problem(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for mark in ("WARNING:", "ERROR:", "Error"):
        for line in lines:
            if mark in line:
                return line.rstrip(".")
    return lines[-1].rstrip(".") if lines else "jupyter-book said nothing"


def _check_pages(layout: Layout, html: Path) -> None:
    toc = yaml.safe_load((layout.source / "_toc.yml").read_text("utf-8"))
    names = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    missing = [name for name in names if not (html / f"{name}.html").is_file()]
    if missing or not (html / "index.html").is_file():
        raise StudyError(
            f"Jupyter Book ended without an error but built no {', '.join(missing) or 'index'}: "
            f"see {layout.shown(layout.build / 'book.log')}."
        )


def _address(layout: Layout) -> str:
    """Where the book will be read, by `html: baseurl` of the settings; "" if that is not known."""
    settings = yaml.safe_load((layout.source / "_config.yml").read_text("utf-8"))
    return settings.get("html", {}).get("baseurl") or ""


def mend(html: Path, address: str = "") -> None:
    """Put right what the theme gets wrong on every page, as `MENDED` lists it.

    The picture for links is given its whole `address`; without one it is left out.
    """
    picture = rf"\g<1>{address.rstrip('/')}/\2\3" if address else ""
    for page in html.rglob("*.html"):
        text = PREVIEW.sub(picture, page.read_text("utf-8"))
        for wrong, right in MENDED:
            text = wrong.sub(right, text)
        write_text(page, text)


def refuse_external_loads(html: Path) -> None:
    """Raise StudyError when a page would fetch something from elsewhere."""
    loads = external_loads(html)
    if loads:
        raise StudyError(
            f"The book would fetch something from the network ({loads[0]}): "
            "remove it, or bring the file along in book/_static."
        )


# --- search in a book that is opened from disk, where a page may not fetch another one

TEXTS = "_static/search_texts.js"
_NOT_READ = ("script", "style", "nav", "svg", "form")


def bring_texts(html: Path) -> None:
    """Write the text of every page into one script, and load it where the search shows its hits.

    `book/_static/reading.js` hands it to Sphinx's search in place of the pages.
    """
    texts = {}
    for page in sorted(html.rglob("*.html")):
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
        article = soup.find("article", class_="bd-article")
        if article is None:
            continue
        for element in article.find_all(_NOT_READ):
            element.decompose()
        texts[page.relative_to(html).as_posix()] = escape(" ".join(article.get_text(" ").split()))
    write_text(html / TEXTS, f"window.BOOK_TEXTS = {json.dumps(texts)};\n")
    search = html / "search.html"
    if search.is_file():
        text = search.read_text("utf-8")
        write_text(search, text.replace("<head>", f'<head>\n<script src="{TEXTS}"></script>', 1))
