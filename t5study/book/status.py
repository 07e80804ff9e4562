"""The status page: what the book ran on, and what each chapter took."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from t5study.base.device import usable_cores
from t5study.base.project import git_commit
from t5study.base.words import spoken_time
from t5study.book.chapters import Chapter, Layout, find_chapters, read_parameters
from t5study.book.job import read_stamp
from t5study.book.notebooks import read_source, title_of

LIBRARIES = (
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "sentencepiece",
    "safetensors",
    "numpy",
    "pandas",
    "scikit-learn",
    "papermill",
    "jupyter-book",
)

COMPUTED = "Every chapter was executed from its source on this machine and with these versions."
REPLAYED = (
    "Every chapter was drawn again from the published records on this machine and with these "
    "versions. Nothing was computed: what computed a result stands on the chapter's page."
)

DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def status_page(layout: Layout) -> str:
    """The page in MyST markdown, from the stamps of the chapters that ran."""
    parameters = read_parameters(layout)
    commit = (git_commit(layout.root) or "not recorded").replace("+", " with local changes")
    stamps = {chapter: read_stamp(layout, chapter) for chapter in find_chapters(layout)}
    rows = [_row(chapter, stamp["result"]) for chapter, stamp in stamps.items()]
    replayed = all(stamp.get("replayed") for stamp in stamps.values())
    facts = {
        "profile": f"`{layout.profile}`: {parameters['profile']['about']}",
        "seed": str(parameters["seed"]),
        "study": f"{metadata.version('t5study')}, commit {commit}",
        "device": device(),
        "system": f"{platform.system()} on {platform.machine()}",
        "python": platform.python_version(),
    }
    facts |= {name: metadata.version(name) for name in LIBRARIES}
    return "\n".join(
        [
            "# Status of this book",
            "",
            REPLAYED if replayed else COMPUTED,
            "",
            *_table(["", "in this build"], [[key, value] for key, value in facts.items()]),
            "",
            "## Chapters",
            "",
            "Time of the process that ran the chapter. A result that was already in the run store "
            "is loaded and not computed again; what it took when it was computed, time and memory, "
            "is in its run record and on the chapter's page.",
            "",
            *_table(["chapter", "time", "run at"], rows),
            "",
        ]
    )


def device() -> str:
    """What computed: the GPUs by name, or the number of CPU cores."""
    # PyTorch takes seconds to load, and finds no GPU where the system has no driver of one.
    if any(map(os.path.exists, DRIVERS)):
        import torch

        if torch.cuda.is_available():
            names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
            return ", ".join(names)
    return f"CPU, {usable_cores()} cores"


def _row(chapter: Chapter, result: dict[str, Any]) -> list[str]:
    return [
        f"[{title_of(read_source(chapter), chapter.name)}](../notebooks/{chapter.name}.ipynb)",
        spoken_time(result["seconds"]),
        result["finished"],
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
