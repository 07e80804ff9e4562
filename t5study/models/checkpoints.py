"""Checkpoints: a configuration, a tokenizer and perhaps weights, in a folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t5study.base.errors import StudyError
from t5study.data.mirror import checksum
from t5study.data.pins import all_pins, full_name
from t5study.data.repositories import ORIGIN, VOCABULARIES, has_weights

if TYPE_CHECKING:
    from t5study.data.hub import Hub

# Keys of the JSON files that differ between savings of one and the same model.
_VOLATILE = {
    *("_name_or_path", "transformers_version", "torch_dtype", "dtype", "architectures"),
    *("name_or_path", "tokenizer_file", "special_tokens_map_file", "_from_model_config"),
}
_TEMPLATE = "chat_template.jinja"
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
# Where a text is cut and how rows are filled up is said with each call, whatever the file says.
_SAID_WITH_THE_CALL = {"version", "truncation", "padding"}
_SLOW_VOCABULARIES = ("spiece.model", "vocab.txt", "vocab.json", "merges.txt")

_PUBLISHED_MANNERS = {
    # sentence-transformers/all-MiniLM-L6-v2
    "66e17405487bce0c87822fcf1d05e966cfddd1017943603b2021372956dbf75f": (
        "661fe6f17124a54606b8bc8e4eb893dfae99723b3e8e97bc3cff8c6c89fd85ef"
    ),
}
"""Manners that published runs were made with, by design; their identities do not hold them.

A checkpoint of such a design with another manner is another design.
"""


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


def open_checkpoint(hub: Hub, repo: str, weights: bool = False) -> Checkpoint:
    """Find a checkpoint through the hub and take its fingerprint.

    Args:
        repo: a hub name, a pinned checkpoint's short name, or the path of a saved model.
        weights: whether weights are required, as with an explicit `--model`.

    Raises:
        StudyError: it cannot be had, or has no weights although they are required.
    """
    return checkpoint_in(hub.checkpoint(repo), name=full_name(repo), weights=weights)


def pinned_checkpoint(repo: str) -> Checkpoint | None:
    """The identity of a published checkpoint without its files, which a page of records needs not.

    None where no identity is pinned.
    """
    pin = all_pins()["models"].get(full_name(repo), {})
    if "fingerprint" not in pin:
        return None
    return Checkpoint(full_name(repo), Path(), pin["fingerprint"], pin["design"], False)


def checkpoint_in(folder: Path | str, name: str | None = None, weights: bool = False) -> Checkpoint:
    """The checkpoint kept in `folder`; see `open_checkpoint`."""
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise StudyError(f"{folder} has no config.json: name the folder of a saved model.")
    present = has_weights(folder)
    if weights and not present:
        raise no_weights(name or folder.name)
    design = _design(folder)
    content = hashlib.sha256(design.encode())
    for path in sorted(folder.glob("[!.]*.safetensors")) if present else ():
        content.update(bytes.fromhex(checksum(path)))
    return Checkpoint(name or folder.name, folder, content.hexdigest(), design, present)


def no_weights(name: str) -> StudyError:
    """The error of a checkpoint that cannot be loaded for lack of weights."""
    return StudyError(
        f"The checkpoint '{name}' has no weights (model.safetensors): fetch it with "
        "`t5study fetch --profile PROFILE --to DIR`, name another --model, "
        "or leave --model out to train from random weights."
    )


def _design(folder: Path) -> str:
    """SHA-256 over configuration, vocabulary and manner, whatever version saved them."""
    digest = hashlib.sha256(_json_bytes(folder / "config.json"))
    digest.update(_vocabulary(folder))
    design, manner = digest.hexdigest(), _manner(folder)
    if _PUBLISHED_MANNERS.get(design) == manner:
        return design
    return hashlib.sha256(f"{design}{manner}".encode()).hexdigest()


def _manner(folder: Path) -> str:
    """SHA-256 over what decides ids and generated text beside the pieces and the configuration.

    That is all of tokenizer.json, where scores, merges, normalisation and frame stand, or the files
    of an older tokenizer where there is none; and the settings of tokenizer and generation.
    """
    digest = hashlib.sha256()
    if (folder / "tokenizer.json").is_file():
        digest.update(_json_bytes(folder / "tokenizer.json", _SAID_WITH_THE_CALL))
    else:
        for path in (folder / name for name in _SLOW_VOCABULARIES):
            digest.update(path.read_bytes() if path.is_file() else b"")
    for path in (folder / name for name in _BESIDE):
        digest.update(_json_bytes(path) if path.is_file() else b"{}")
    if (folder / _TEMPLATE).is_file():
        digest.update((folder / _TEMPLATE).read_bytes())
    return digest.hexdigest()


def _json_bytes(path: Path, without: set[str] = _VOLATILE) -> bytes:
    """A JSON file's content in one form, without the keys that decide nothing."""
    content = {key: value for key, value in _read_json(path).items() if key not in without}
    return json.dumps(content, sort_keys=True).encode()


def _vocabulary(folder: Path) -> bytes:
    """The tokenizer's pieces in order; the bytes of an older vocabulary file where there is one."""
    if (folder / "tokenizer.json").is_file():
        return _pieces(folder / "tokenizer.json")
    for name in VOCABULARIES[1:]:
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    return b""


def _pieces(path: Path) -> bytes:
    content = _read_json(path)
    try:
        pieces = content["model"]["vocab"]
        if isinstance(pieces, dict):
            return json.dumps(sorted(pieces.items(), key=lambda item: item[1])).encode()
        return json.dumps([piece for piece, _ in pieces]).encode()
    except (KeyError, TypeError, ValueError):
        raise StudyError(
            f"{path} holds no vocabulary (model.vocab): fetch it again, or save the tokenizer anew."
        ) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise StudyError(
            f"{path} is damaged and cannot be read ({type(error).__name__}): fetch it again."
        ) from error
    if not isinstance(content, dict):
        raise StudyError(f"{path} is damaged, it holds no keys: fetch it again.")
    return content


def configuration(folder: Path) -> dict[str, Any]:
    """What a folder's config.json holds, nothing where there is none.

    Raises:
        StudyError: it is damaged.
    """
    path = folder / "config.json"
    return _read_json(path) if path.is_file() else {}
