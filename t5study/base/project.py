"""The checkout of the study: where it is, and which commit it stands at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from t5study.base.errors import StudyError

HOME = Path(__file__).resolve().parents[2]
"""The folder that the package lies in: a checkout, unless it was installed elsewhere."""

_MARKS = ("_config.yml", "book/_toc.yml", "notebooks/profiles")
_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")


def is_checkout(folder: Path) -> bool:
    """Return whether a folder holds the study: settings and contents of its book, and profiles."""
    return all((folder / mark).exists() for mark in _MARKS)


def find_checkout() -> Path | None:
    """Return the checkout that the package runs from, else the one around the working folder."""
    if is_checkout(HOME):
        return HOME
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if is_checkout(folder)), None)


def checkout() -> Path:
    """Return the folder of the checkout, as `find_checkout`.

    Raises:
        StudyError: there is none.
    """
    found = find_checkout()
    if found is None:
        raise StudyError(
            "The checkout of the study was not found: run this command in a clone of it, or install"
            " the package from one with `pip install -e .`."
        )
    return found


def workplace() -> Path:
    """Return the folder for what is made here: the checkout, or the working folder without one."""
    return find_checkout() or Path.cwd()


def git(root: Path, *words: str) -> str:
    """Return what a git command says of the repository that begins at `root`.

    It is empty without git, when the command fails, and where `root` has no repository of its own:
    one that lies further up, or that the environment names, is another's.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
    environment["GIT_CEILING_DIRECTORIES"] = str(root.resolve().parent)
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def git_commit(root: Path = HOME) -> str | None:
    """Return the short commit of a checkout, with a `+` when tracked files were changed since.

    Without `root` it is that of the code that runs; None where there is no commit.
    """
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    changed = commit and git(root, "status", "--porcelain", "--untracked-files=no")
    return (commit + ("+" if changed else "")) or None
