"""What the clone's public remote allows: repository, edit, issue and launch buttons."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

PUBLIC_REMOTE = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


def git(root: Path, *words: str) -> str:
    """The output of a git command in `root`; empty without git, or when the command fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def commit(root: Path) -> str:
    """The short commit of the checkout, marked when files were changed since; may be empty."""
    name = git(root, "rev-parse", "--short=12", "HEAD")
    changed = name and git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{name} with local changes" if changed else name


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
