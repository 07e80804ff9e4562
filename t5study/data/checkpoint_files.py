"""Which files a checkpoint's folder holds, and whether those that are needed are there."""

from __future__ import annotations

import json
from pathlib import Path

from t5study.base.errors import StudyError

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
ADAPTER, ADAPTER_SETTINGS = "adapter_model.safetensors", "adapter_config.json"
"""The files of adapters, as peft calls them."""
VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt", "vocab.json")
ORIGIN = "origin.txt"
"""In a checkpoint that is not the hub's own: where its weights are from, in words."""


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
    if any((folder / name).is_file() for name in ("model.safetensors", ADAPTER)):
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
    for pattern in ("*.bin", "*.ckpt", "*.gguf"):
        for path in sorted(folder.glob(pattern)):
            raise StudyError(
                f"The checkpoint {folder} has its weights in {path.name} only, which is not read "
                "(a pickle can run code): save it as model.safetensors."
            )
    return False
