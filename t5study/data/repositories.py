"""Which files of a repository the study reads, in the layout of the hub."""

from __future__ import annotations

import json
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.data.pins import Need, splits_of

CHECKPOINT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*.safetensors",
)
VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt", "vocab.json")
ORIGIN = "origin.txt"
"""In a checkpoint that is not the hub's own: where its weights are from, in words."""


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


def has_vocabulary(folder: Path) -> bool:
    """Whether a checkpoint brings a tokenizer."""
    return any((folder / name).is_file() for name in VOCABULARIES)


def has_weights(folder: Path | str) -> bool:
    """Whether a checkpoint folder holds safetensors weights.

    Raises:
        StudyError: its weights are in a format that is not read, or a shard is missing.
    """
    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return True
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StudyError(f"{index} is damaged: fetch the checkpoint again.") from None
        lacking = sorted(name for name in shards if not (folder / name).is_file())
        if lacking:
            raise StudyError(
                f"The checkpoint {folder} lacks its weight file {lacking[0]}: fetch it again."
            )
        return True
    for pattern, what in (
        ("*.bin", "a pickle, which is not read because it can run code"),
        ("*.ckpt", "a pickle, which is not read because it can run code"),
        ("*.gguf", "a format that is read for the checkpoints in pins.yaml only"),
    ):
        for path in sorted(folder.glob(pattern)):
            raise StudyError(
                f"The checkpoint {folder} has its weights in {path.name} only, {what}: save it as "
                "model.safetensors."
            )
    return False
