"""The two files of a chapter: read as they are, checked before anything runs, never overwritten."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import stale_pairs
from rich.console import Console

from t5study.base.errors import StudyError
from t5study.book import Layout, find_chapters, make_book, publish
from t5study.book.notebooks import publish_notebook, read_published, read_source
from t5study.book.pairs import check_sources, settle_pairs

SOURCE, PAIR = "notebooks/06_sentiment.py", "notebooks/06_sentiment.ipynb"


def git(project: Path, *words: str) -> str:
    command = ["git", "-C", project, "-c", "user.name=A", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def edit(path: Path, old: str, new: str, newer: bool = True) -> None:
    """Edit a file, and give it a time after or before that of its pair."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    other = path.with_suffix({".py": ".ipynb", ".ipynb": ".py"}[path.suffix])
    moved = other.stat().st_mtime + (5 if newer else -5)
    os.utime(path, (moved, moved))


def changed(project: Path) -> list[str]:
    return git(project, "status", "--porcelain").split()[1::2]


def editor_reads(project: Path) -> str:
    """What an editor of pairs opens: the source, unless the notebook is newer and another."""
    source, pair = project / SOURCE, project / PAIR
    chapter = find_chapters(Layout.of("tiny", project))[0]
    same = [c.source for c in read_source(chapter).cells] == [
        c.source for c in read_published(chapter).cells
    ]
    assert same or source.stat().st_mtime > pair.stat().st_mtime
    return source.read_text()


def test_pairs_that_agree_are_left_alone(published):
    os.utime(published / PAIR)
    settle_pairs(Layout.of("tiny", published))
    check_sources(Layout.of("tiny", published))
    assert changed(published) == []
    assert stale_pairs(published) == []


@pytest.mark.parametrize("newer", [True, False])
def test_an_edit_of_either_file_is_kept_however_old_it_is(published, newer):
    edit(published / SOURCE, "The answer is", "An edit says", newer)
    settle_pairs(Layout.of("tiny", published))
    assert "An edit says" in editor_reads(published)
    assert changed(published) == [SOURCE]
    git(published, "checkout", "-q", ".")
    edit(published / PAIR, "The answer is", "Another edit says", newer)
    with pytest.raises(StudyError, match=r"line 1 on notebooks/06_sentiment.py .*`make lab` takes"):
        check_sources(Layout.of("tiny", published))
    settle_pairs(Layout.of("tiny", published))
    assert "Another edit says" in editor_reads(published)
    assert 'tags=["parameters"]' in (published / SOURCE).read_text()
    check_sources(Layout.of("tiny", published))


def test_where_both_files_were_edited_nothing_is_run_published_or_lost(published):
    edit(published / SOURCE, "store = ", "shop = ")
    edit(published / PAIR, "The answer is", "Another edit says")
    before = [(published / name).read_bytes() for name in (SOURCE, PAIR)]
    for act in (
        lambda: settle_pairs(Layout.of("tiny", published)),
        lambda: make_book("tiny", root=published, console=Console(quiet=True)),
        lambda: publish("tiny", root=published),
    ):
        with pytest.raises(StudyError, match=r"line 1 on .*06_sentiment\.py.*both were edited"):
            act()
    assert [(published / name).read_bytes() for name in (SOURCE, PAIR)] == before


def test_without_commits_the_notebook_remembers_what_it_was_written_with(published):
    (published / ".git").rename(published / "git")
    edit(published / SOURCE, "The answer is", "An edit says")
    check_sources(Layout.of("tiny", published))
    edit(published / PAIR, "The answer is", "Another edit says")
    with pytest.raises(StudyError, match="both were edited"):
        check_sources(Layout.of("tiny", published))
    edit(published / SOURCE, "An edit says", "The answer is")
    with pytest.raises(StudyError, match="the notebook was edited"):
        check_sources(Layout.of("tiny", published))


def test_a_source_may_be_edited_after_its_notebook_was_published_and_before_a_commit(published):
    chapter = find_chapters(Layout.of("tiny", published))[0]
    edit(published / SOURCE, "The answer is", "An edit says")
    publish_notebook(chapter, read_source(chapter), Layout.of("tiny", published))
    edit(published / SOURCE, "An edit says", "A second edit says")
    check_sources(Layout.of("tiny", published))


def test_a_save_by_an_editor_that_knows_nothing_of_the_study_is_taken_with_its_commit(published):
    for name in (SOURCE, PAIR):
        edit(published / name, "The answer is", "An edit says")
    check_sources(Layout.of("tiny", published))
    git(published, "commit", "-qam", "edit")
    edit(published / SOURCE, "An edit says", "A second edit says")
    check_sources(Layout.of("tiny", published))


def test_a_source_without_a_notebook_gets_one(published):
    (published / PAIR).unlink()
    settle_pairs(Layout.of("tiny", published))
    chapter = find_chapters(Layout.of("tiny", published))[0]
    assert read_published(chapter).cells == read_source(chapter).cells


CONFLICT = "<<<<<<< HEAD\n# Old.\n=======\n# New.\n>>>>>>> other\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("book/intro.md", f"# A book\n\n{CONFLICT}".encode(), r"intro\.md, line 3, .*conflict"),
        ("book/intro.md", "# Bücher\n".encode("latin-1"), r"intro\.md, line 1, is not UTF-8"),
        ("book/references.bib", b"@a\n@b \xff", r"references\.bib, line 2, is not UTF-8"),
        (SOURCE, f"# %%\n1\n{CONFLICT}".encode(), r"06_sentiment\.py, line 3, .*conflict"),
        (SOURCE, b"# %%\n# \xe9\n", r"06_sentiment\.py, line 2, is not UTF-8"),
        (PAIR, f"{{\n{CONFLICT}}}".encode(), r"06_sentiment\.ipynb, line 2, .*conflict"),
        (PAIR, b"{", r"06_sentiment\.ipynb is no notebook"),
        (PAIR, b"[]", r"06_sentiment\.ipynb is no notebook"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_before_anything_runs(
    published, name, content, sentence
):
    (published / name).write_bytes(content)
    with pytest.raises(StudyError, match=sentence):
        make_book("tiny", root=published, console=Console(quiet=True))
    assert not (published / "_build" / "tiny" / "notebooks").exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"42"', '"43"', "the outputs are not those that were published"),
        ('"profile": "tiny"', '"profile": "huge"', "outputs are those of huge and the parameters"),
        ("shop", "shop", None),
    ],
)
def test_outputs_that_were_edited_or_are_of_another_profile_are_found(
    published, old, new, sentence
):
    text = (published / PAIR).read_text()
    (published / PAIR).write_text(text.replace(old, new))
    found = stale_pairs(published)
    assert len(found) == (sentence is not None)
    assert all(one.startswith("06_sentiment: ") and sentence in one for one in found)


def test_a_notebook_has_the_values_that_its_prose_quotes_and_cells_named_by_their_text(published):
    notebook = json.loads((published / PAIR).read_text())
    first = notebook["cells"][0]
    (shown,) = first["metadata"]["user_expressions"]
    assert shown["expression"] == "facts.answer"
    assert shown["result"]["data"] == {"text/plain": "42"}
    ids = [cell["id"] for cell in notebook["cells"]]
    edit(published / SOURCE, "store = ", "shop = ")
    after = [
        cell["id"] for cell in read_source(find_chapters(Layout.of("tiny", published))[0]).cells
    ]
    assert [a == b for a, b in zip(ids, after, strict=True)] == [True, True, False, True]
