"""What the clone's public remote allows: repository, edit, issue and launch buttons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from t5study.base.project import git

PUBLIC_REMOTE = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


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
