"""Seals of run records and checkpoints: a list of checksums in each, so that no change goes unseen.

The list is a file SHA256SUMS as sha256sum writes it: `sha256sum -c SHA256SUMS` checks it by hand.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from t5study.base.errors import StudyError

SUMS = "SHA256SUMS"


def seal(folder: Path) -> None:
    """Write the checksums of all files of a folder into it."""
    lines = [f"{_sha256(path)}  {path.name}\n" for path in _files(folder)]
    (folder / SUMS).write_text("".join(lines), "utf-8")


def verify(record: Path) -> None:
    """Compare a published record with its seal.

    Raises:
        StudyError: it has none, or a file was changed, added or taken away; it is named.
    """
    problem = problem_of(record)
    if problem:
        raise StudyError(
            f"The published record {record.name} {problem}: restore it from git, or publish the "
            "profile again."
        )


def problem_of(folder: Path) -> str:
    """Return in what a folder differs from its seal, or that it has none; else nothing."""
    if not (folder / SUMS).is_file():
        return f"has no {SUMS}"
    lines = (folder / SUMS).read_text("utf-8", errors="replace").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = {path.name: path for path in _files(folder)}
    for name in sorted(sums.keys() | there.keys()):
        if name not in there:
            return f"lacks {name}"
        if name not in sums:
            return f"holds {name}, which was not published with it"
        if _sha256(there[name]) != sums[name]:
            return f"was changed after it was published: {name} is another"
    return ""


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
