"""Mirrors: folders laid out as the hub's repositories, which of their files are read, checksums."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable
from pathlib import Path

from t5study.base.checksums import SUMS, read_checksums, save_checksums
from t5study.base.errors import StudyError
from t5study.base.files import replacing, sha256, unreadable
from t5study.data.checkpoint_files import CHECKPOINT_FILES, ORIGIN, has_vocabulary, has_weights
from t5study.data.pins import Need, splits_of

_AGAIN = "fetch it again with `t5study fetch --profile PROFILE --to DIR`"


def checksum(path: Path) -> str:
    """The SHA-256 of a file, computed once in a process as long as the file stays as it is.

    Raises:
        StudyError: it cannot be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return _checksum(path, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=256)
def _checksum(path: Path, changed: int, size: int) -> str:
    return sha256(path)


def verify(folder: Path) -> None:
    """Compare a folder with its list of checksums; one without a list passes.

    Raises:
        StudyError: a file is missing or another one; it is named.
    """
    if not (folder / SUMS).is_file():
        return
    for name, digest in sorted(read_checksums(folder).items()):
        path = folder / name
        if not path.is_file():
            raise StudyError(f"The folder lacks {path}, which its {SUMS} lists: {_AGAIN}.")
        if checksum(path) != digest:
            raise StudyError(f"{path} is damaged (its checksum differs from {SUMS}): {_AGAIN}.")


def copy(folder: Path, files: Iterable[Path], target: Path) -> None:
    """Copy files of a repository into a mirror, each whole or not at all, the checksums last.

    Files that are whole already are kept, so a broken copy continues with the same call, and so are
    those of another configuration of the same repository.

    Raises:
        StudyError: a file cannot be read, or `target` cannot be written to.
    """
    known = read_checksums(target) if (target / SUMS).is_file() else {}
    sums = {name: digest for name, digest in known.items() if (target / name).is_file()}
    for path in files:
        name = path.relative_to(folder).as_posix()
        sums[name] = checksum(path)
        if not (target / name).is_file() or checksum(target / name) != sums[name]:
            with replacing(target / name) as draft:
                shutil.copyfile(path, draft)
    save_checksums(target, sums)


def wanted_files(folder: Path, need: Need) -> list[Path]:
    """The files below a repository's folder that the study reads."""
    if need.kind == "models":
        patterns = (*CHECKPOINT_FILES, ORIGIN)
        return sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return sorted(path for split in splits_of(need) for path in parquet_files(folder, need, split))


def is_complete(folder: Path, need: Need) -> bool:
    """Whether all is there: every split, or configuration, vocabulary and weights.

    Raises:
        StudyError: a shard is missing, or the weights are no safetensors.
    """
    if need.kind == "models":
        described = (folder / "config.json").is_file() and has_vocabulary(folder)
        return described and has_weights(folder)
    return all(parquet_files(folder, need, split) for split in splits_of(need))


def parquet_files(folder: Path, need: Need, split: str) -> list[Path]:
    """A split's files in either layout of the hub: CONFIG/train-*.parquet or CONFIG/train/*.

    Raises:
        StudyError: one of the shards is missing, by the numbers in their names.
    """
    places = [need.config, "data"] if need.config == "default" else [need.config]
    for place in places:
        for pattern in (f"{split}-*.parquet", f"{split}/*.parquet"):
            files = sorted((folder / place).glob(pattern))
            if files:
                _refuse_a_gap(files, need.repo)
                return files
    return []


def _refuse_a_gap(files: list[Path], repo: str) -> None:
    """Shards are named train-00000-of-00003.parquet: all of them must be there."""
    stem = files[0].stem
    if "-of-" in stem and int(stem.rsplit("-of-", 1)[1]) != len(files):
        raise StudyError(
            f"{files[0].parent} lacks some of the files {stem.split('-')[0]}-* of {repo}: "
            "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
        )
