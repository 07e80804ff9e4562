"""A search from disk has the texts of the pages, without their scripts."""

from __future__ import annotations

import json

from t5study.book.build import TEXTS, bring_texts


def test_the_texts_of_articles_are_brought_along(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "a.html").write_text(
        '<html><head></head><article class="bd-article"><p>One &lt; two</p>'
        "<script>no()</script></article></html>"
    )
    (tmp_path / "search.html").write_text("<html><head></head><body></body></html>")
    bring_texts(tmp_path)
    written = (tmp_path / TEXTS).read_text().removeprefix("window.BOOK_TEXTS = ")
    assert json.loads(written.rstrip(";\n")) == {"a.html": "One &lt; two"}
    assert f'<head>\n<script src="{TEXTS}">' in (tmp_path / "search.html").read_text()
