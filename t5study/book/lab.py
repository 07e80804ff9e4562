"""Open JupyterLab on the chapters: `python -m t5study.book.lab`, which is what `make lab` does."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.book.chapters import Layout
from t5study.book.pairs import settle_pairs

KEPT = ("kernelspec", "language_info")


def leave_no_noise(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Before a chapter's notebook is saved, undo what says nothing about it.

    A save names the editor's kernel and version of Python, and counts every execution. The file
    keeps the names that it has, and cells are counted in their order.
    """
    file = Path(contents_manager.root_dir) / path
    if model["type"] != "notebook" or "t5study" not in model["content"]["metadata"]:
        return
    if file.is_file():
        before = json.loads(file.read_text("utf-8"))["metadata"]
        model["content"]["metadata"] |= {key: before[key] for key in KEPT if key in before}
    code = [cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, 1):
        if cell["execution_count"] is not None:
            cell["execution_count"] = count
        for output in cell["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = count


def main() -> None:
    """Make the pairs agree and become JupyterLab; further arguments are passed on to it."""
    root = Layout.of("published").root
    try:
        settle_pairs(Layout.of("published"))
    except StudyError as error:
        sys.exit(f"t5study: {error}")
    options = {
        "ServerApp.root_dir": root,
        "LabApp.default_url": "/lab/tree/notebooks",
        "FileContentsManager.pre_save_hook": f"{__spec__.name}.leave_no_noise",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())]
    # The environment's own commands come first, so that its kernel is the one that starts.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.execv(sys.executable, [*command, *sys.argv[1:]])


if __name__ == "__main__":
    main()
