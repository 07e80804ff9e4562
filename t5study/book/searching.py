"""Search in a book that is opened from disk, where a page may not fetch another one."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup

from t5study.base.files import write_text

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
