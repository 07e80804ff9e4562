"""Checksums of run records and checkpoints: a list in each, so that no change goes unseen.

The list is a file SHA256SUMS as sha256sum writes it: `sha256sum -c SHA256SUMS` checks it by hand.
What a system or an editor leaves in the folder beside them is no content, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.base.files import content, sha256, unreadable, write_text

SUMS = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files below a folder into it.

    Raises:
        StudyError: the folder cannot be written to.
    """
    save_checksums(folder, {name: sha256(folder / name) for name in _names(folder)})


def save_checksums(folder: Path, sums: dict[str, str]) -> None:
    """Write checksums by file name as the list of a folder."""
    write_text(folder / SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def read_checksums(folder: Path) -> dict[str, str]:
    """Return the checksums by file name that a folder's list holds.

    Raises:
        StudyError: the list is damaged, or cannot be read.
    """
    path = folder / SUMS
    try:
        lines = path.read_text("utf-8").splitlines()
        pairs = (line.split(maxsplit=1) for line in lines if line.strip())
        return {name.lstrip("*"): digest for digest, name in pairs}
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError:  # no UTF-8, or a line that is cut off
        raise StudyError(
            f"{path} is damaged, it is no list of checksums and names: delete it and fetch again, "
            "or restore it from git."
        ) from None


def check_checksums(record: Path, known: Collection[str] | None = None) -> None:
    """Compare a published record with its checksums; `known` as for `difference`.

    Raises:
        StudyError: it has none, or a file was changed, added or taken away; it is named.
    """
    found = difference(record, known)
    if found:
        raise StudyError(
            f"The published record {record.name} {found}: restore it from git, or publish the "
            "profile again."
        )


def difference(folder: Path, known: Collection[str] | None = None) -> str:
    """Return in what a folder differs from its checksums, or that it has none; else nothing.

    A file that is not listed counts when its name is among `known`, those that are ever read;
    without it, whatever its name, unless a system or an editor left it.
    """
    if not (folder / SUMS).is_file():
        return f"has no {SUMS}"
    try:
        sums = read_checksums(folder)
    except StudyError:
        return f"has a damaged {SUMS}"
    for name, digest in sorted(sums.items()):
        if not (folder / name).is_file():
            return f"lacks {name}"
        if sha256(folder / name) != digest:
            return f"was changed after it was published: {name} is another"
    for name in _names(folder):
        if name not in sums and (known is None or name in known):
            return f"holds {name}, which was not published with it"
    return ""


def _names(folder: Path) -> list[str]:
    paths = (path.relative_to(folder).as_posix() for path in content(folder))
    return [name for name in paths if name != SUMS]
