"""Checkpoints found through the hub or in a folder, with the fingerprint of what is in them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from t5study.base.errors import StudyError
from t5study.data.checkpoint_files import VOCABULARIES, has_weights
from t5study.data.mirror import checksum
from t5study.data.pins import all_pins, full_name
from t5study.models.checkpoints import Checkpoint, no_weights, read_object

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
    content = {key: value for key, value in read_object(path).items() if key not in without}
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
    content = read_object(path)
    try:
        pieces = content["model"]["vocab"]
        if isinstance(pieces, dict):
            return json.dumps(sorted(pieces.items(), key=lambda item: item[1])).encode()
        return json.dumps([piece for piece, _ in pieces]).encode()
    except (KeyError, TypeError, ValueError):
        raise StudyError(
            f"{path} holds no vocabulary (model.vocab): fetch it again, or save the tokenizer anew."
        ) from None
