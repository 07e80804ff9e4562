"""Whose folder, whose repository: the study's own, wherever a command is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from t5study.base import project
from t5study.base.errors import StudyError
from t5study.base.project import checkout, find_checkout, git, git_commit, workplace

ROOT = Path(__file__).resolve().parents[2]


def clone(folder: Path) -> Path:
    """What a checkout is known by."""
    for name in ("book", "notebooks/profiles"):
        (folder / name).mkdir(parents=True)
    for name in ("_config.yml", "book/_toc.yml"):
        (folder / name).touch()
    return folder


def git_in(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True)


def committed(folder: Path) -> Path:
    git_in(folder, "init", "-q")
    git_in(folder, "add", ".")
    git_in(folder, "commit", "-qm", "all")
    return folder


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As though the package were installed outside of a clone; the folder that it lies in."""
    place = tmp_path / "site-packages"
    place.mkdir()
    monkeypatch.setattr(project, "HOME", place)
    return place


def test_the_clone_is_that_of_the_package_whatever_folder_one_works_in(tmp_path, monkeypatch):
    (tmp_path / "_config.yml").touch()
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "claims.yml").touch()
    another = clone(tmp_path / "another")
    for folder in (tmp_path, tmp_path / "book", another, ROOT / "notebooks"):
        monkeypatch.chdir(folder)
        assert find_checkout() == checkout() == workplace() == ROOT


def test_a_package_that_is_installed_elsewhere_takes_the_clone_one_works_in(
    tmp_path, monkeypatch, installed
):
    mine = clone(tmp_path / "mine")
    # Another book inside it, whose files have some of the same names.
    (mine / "sub" / "book").mkdir(parents=True)
    (mine / "sub" / "_config.yml").touch()
    for folder in (mine, mine / "notebooks", mine / "sub" / "book"):
        monkeypatch.chdir(folder)
        assert checkout() == mine


@pytest.mark.parametrize("mark", ["_config.yml", "book/_toc.yml", "notebooks/profiles"])
def test_a_folder_that_lacks_a_mark_is_no_clone(tmp_path, monkeypatch, installed, mark):
    folder = clone(tmp_path / "folder")
    (folder / mark).rename(folder / "away")
    monkeypatch.chdir(folder)
    assert find_checkout() is None
    assert workplace() == folder
    with pytest.raises(StudyError, match="checkout of the study was not found: run this command"):
        checkout()


def test_the_commit_is_that_of_the_code_and_says_when_files_were_changed(tmp_path, monkeypatch):
    mine = committed(clone(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    commit = git_commit(mine)
    assert len(commit) == 12
    (mine / "new file").touch()
    assert git_commit(mine) == commit
    (mine / "_config.yml").write_text("title: another")
    assert git_commit(mine) == f"{commit}+"


def test_a_zip_unpacked_inside_another_repository_has_no_commit(tmp_path, monkeypatch):
    outer = tmp_path / "outer"
    unpacked = clone(outer / "unpacked")
    committed(outer)
    git_in(outer, "remote", "add", "origin", "https://github.com/someone/else.git")
    assert git_commit(outer)
    assert git_commit(unpacked) is None
    assert git(unpacked, "remote", "get-url", "origin") == ""
    # As in a hook of the other repository's git.
    monkeypatch.setenv("GIT_DIR", str(outer / ".git"))
    assert git_commit(unpacked) is None


def test_without_a_repository_or_git_there_is_no_commit(tmp_path, monkeypatch):
    assert git_commit(clone(tmp_path / "zip")) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(ROOT) is None
