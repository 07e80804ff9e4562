"""Checkpoints: a configuration, a tokenizer and perhaps weights, in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.data.checkpoint_files import ORIGIN


@dataclass(frozen=True)
class Checkpoint:
    """A saved model's folder and what identifies it.

    Attributes:
        name: what people call it, a hub name or a folder's.
        fingerprint: identifies the design and the weights (if it has any).
        design: identifies all files but the weights: what a random model is made from, how a text
            becomes ids, and how text is generated.
    """

    name: str
    folder: Path
    fingerprint: str
    design: str
    has_weights: bool

    @property
    def model_type(self) -> str:
        """What kind of model config.json says it is."""
        return str(configuration(self.folder).get("model_type"))

    @property
    def origin(self) -> str:
        """Where its weights are from, in words, where they are not the hub's own; else empty."""
        path = self.folder / ORIGIN
        return path.read_text("utf-8").strip() if path.is_file() else ""

    @property
    def origins(self) -> dict[str, Any]:
        """What a run's provenance says of the weights, if anything."""
        return {"weights": {self.name: self.origin}} if self.origin else {}


def no_weights(name: str) -> StudyError:
    """The error of a checkpoint that cannot be loaded for lack of weights."""
    return StudyError(
        f"The checkpoint '{name}' has no weights (model.safetensors): fetch it with "
        "`t5study fetch --profile PROFILE --to DIR`, name another --model, "
        "or leave --model out to train from random weights."
    )


def configuration(folder: Path) -> dict[str, Any]:
    """What a folder's config.json holds, nothing where there is none.

    Raises:
        StudyError: it is damaged.
    """
    path = folder / "config.json"
    return read_object(path) if path.is_file() else {}


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file of a checkpoint holds.

    Raises:
        StudyError: it is damaged, or holds no keys.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        content = None
    if not isinstance(content, dict):
        raise StudyError(f"{path} is damaged and cannot be read: fetch it again.")
    return content
