"""What a link to a glossary term or to a figure says when the pointer rests on it."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, SoupStrainer, Tag

from t5study.base.files import write_text

_LINK = re.compile(r'<a class="reference internal" href="([^"#]*#(?:term|fig)-[^"]+)">')


def add_hovers(html: Path) -> None:
    """Give each link to a term its definition as a title, and each to a figure its caption.

    Citations have theirs from Sphinx. A link to what is not there stays as it is.
    """
    said, parts = {}, SoupStrainer(["dt", "dd", "figure"])
    for page in html.rglob("*.html"):
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser", parse_only=parts)
        for found in soup.find_all(["dt", "figure"], id=re.compile("^(term|fig)-")):
            words = found.find_next_sibling("dd") if found.name == "dt" else found.figcaption
            if words:
                said[page.resolve(), found["id"]] = _plain(words)
    for page in html.rglob("*.html"):

        def title(link: re.Match, page: Path = page) -> str:
            path, _, name = link[1].partition("#")
            target = (page.parent / path).resolve() if path else page.resolve()
            words = said.get((target, name))
            return f'{link[0][:-1]} title="{escape(words)}">' if words else link[0]

        text = page.read_text("utf-8")
        write_text(page, _LINK.sub(title, text))


def _plain(words: Tag) -> str:
    for mark in words.find_all("a", class_="headerlink"):
        mark.decompose()
    return " ".join(words.get_text().split())
