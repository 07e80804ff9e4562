"""One PDF of all pages: what a browser is given to print, and what is said where there is none."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from t5study.base.errors import StudyError
from t5study.book import Layout, assemble, reproduce
from t5study.book.pdf import build_pdf

PRINTS_THE_SOURCE = """#!/bin/sh
for word; do case $word in
--print-to-pdf=*) to=${word#*=} ;;
file://*) page=${word#file://} ;;
esac; done
cp "$page" "$to"
"""


def browser(folder, monkeypatch, script):
    folder.mkdir()
    program = folder / "chromium"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_all_chapters_are_printed_as_one_page_with_its_styles(project, tmp_path, monkeypatch):
    reproduce("tiny", root=project, console=Console(quiet=True))
    assemble("tiny", root=project)
    layout = Layout.of("tiny", project)
    browser(tmp_path / "silent", monkeypatch, "#!/bin/sh\necho no display >&2\n")
    with pytest.raises(StudyError, match="chromium printed no PDF; it said: no display"):
        build_pdf(layout)
    assert not (layout.build / "book.pdf").exists()
    browser(tmp_path / "prints", monkeypatch, PRINTS_THE_SOURCE)
    printed = build_pdf(layout)
    assert printed == layout.build / "book.pdf"
    page = printed.read_text("utf-8")
    titles = " ".join(re.findall(r"<h[12]>(.*?)</h[12]>", page, re.S))
    assert "Sentiment" in titles
    assert "Emotion" in titles
    assert 'href="_static/' in page
    assert "../_static" not in page
    assert not list(layout.build.glob("sphinx*"))


def test_without_a_browser_the_package_to_install_is_named(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StudyError, match="install one"):
        build_pdf(Layout.of("tiny", project))
