"""Which files of a repository the study reads, in the layout of the hub."""

from __future__ import annotations

from pathlib import Path

from t5study.base.errors import StudyError
from t5study.data.checkpoint_files import CHECKPOINT_FILES, ORIGIN, has_vocabulary, has_weights
from t5study.data.pins import Need, splits_of


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
