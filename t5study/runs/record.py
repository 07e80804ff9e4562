"""The record of a run: a folder of small files, named by the hash of what determines its result.

So the same question is never computed twice, and a different question never finds the wrong answer.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from t5study.base.checksums import write_checksums
from t5study.base.errors import StudyError
from t5study.base.files import replacing

RESULT_VERSION = 2
"""Raised by hand when a change of the code can alter results; part of every identity."""

REQUIRED = ("config.json", "metrics.json", "provenance.json")
FILES = (*REQUIRED, "values.json", "history.csv", "predictions.parquet", "arrays.npz")
"""The files that a record can hold, beside the folder `model` of one that trained."""

_IDENTITY = re.compile(r"(?:.*-)?([0-9a-f]{16})")


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal content gives equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity_of(config: dict[str, Any]) -> str:
    """Return the identity of a run: 16 hex digits of a hash over its configuration.

    The configuration holds what determines the result (task and data fingerprint, model
    fingerprint, recipe, resolved precision, seed); device, number of processes, micro-batch and
    compilation are provenance and must not be in it. One that names no result version is of this.
    """
    full = {"result_version": RESULT_VERSION, **config}
    return hashlib.sha256(canonical(full).encode()).hexdigest()[:16]


def describe(config: dict[str, Any]) -> str:
    """Return a short human name of a run's configuration, for messages."""
    words = [str(config.get("kind", "run"))]
    for key in ("name", "task", "model", "init"):
        value = config.get(key)
        if isinstance(value, dict):
            value = value.get("name")
        if value:
            words.append(str(value))
    if "seed" in config:
        words.append(f"seed {config['seed']}")
    return " ".join(words)


@dataclass(frozen=True)
class Run:
    """One finished run, read from its record folder."""

    path: Path

    @property
    def identity(self) -> str:
        """The identity under which the run is kept, by the version of the code that made it."""
        return identity_of(self.config)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What determined the result."""
        return self._json("config.json")

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The measured figures."""
        return self._json("metrics.json")

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Device, library versions, wall time, peak memory, commit."""
        return self._json("provenance.json")

    @cached_property
    def values(self) -> dict[str, Any]:
        """Texts and small values of an observation."""
        return self._json("values.json")

    @cached_property
    def history(self) -> pd.DataFrame:
        """Training history: one row per logged step (step, epoch, loss, validation_loss, ...)."""
        return self._read("history.csv", pd.read_csv)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Test predictions by row number: row, label, prediction, and one probability a label."""
        return self._read("predictions.parquet", pd.read_parquet)

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Small arrays that figures are drawn from, by name."""
        return self._read("arrays.npz", _arrays)

    @property
    def model(self) -> Path:
        """Folder of the trained checkpoint; published records have none."""
        folder = self.path / "model"
        if not folder.is_dir():
            raise StudyError(
                f"The record {self.path.name} holds no checkpoint (published records have none): "
                "run the chapter that trains it first."
            )
        return folder

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise StudyError(
                f"The run record {self.path} lacks {name}: delete that folder and run again."
            )
        return path

    def _read(self, name: str, read: Callable[[Path], Any]) -> Any:
        try:
            return read(self._file(name))
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise StudyError(
                f"The {name} of the run record {self.path} is damaged and cannot be read "
                f"({type(error).__name__}): delete that folder and run again."
            ) from error

    def _json(self, name: str) -> dict[str, Any]:
        path = self._file(name)
        try:
            found = json.loads(path.read_text("utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StudyError(
                f"The {name} of the run record {self.path} is damaged: "
                "delete that folder and run again."
            )
        return found


def part_of(run: Run, role: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return metrics and predictions of one role of a joint run."""
    table = run.predictions
    mine = table[table["role"] == role].drop(columns="role")
    return run.metrics["tasks"][role], mine.dropna(axis="columns", how="all").reset_index(drop=True)


def is_whole(folder: Path) -> bool:
    """Return whether a folder is a finished record."""
    return all((folder / name).is_file() for name in REQUIRED)


def records_below(place: Path) -> Iterator[Path]:
    """Give the finished records below a folder, at any depth, in the order of their paths.

    Hidden folders are runs in progress, and are left out.
    """
    for folder in sorted(place.glob("[!.]*/")):
        if is_whole(folder):
            yield folder
        else:
            yield from records_below(folder)


def named_identity(folder: Path) -> str | None:
    """Return the identity that a folder is named after: `1f…`, or `21-1f…`; None without one."""
    found = _IDENTITY.fullmatch(folder.name)
    return found[1] if found else None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def copy_record(folder: Path, target: Path) -> Path:
    """Copy what a record holds, without weights, into the place of `target`, with its checksums.

    Raises:
        StudyError: `target` cannot be written.
    """
    with replacing(target) as draft:
        draft.mkdir()
        for name in FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, draft / name)
        write_checksums(draft)
    return target


def open_record(folder: Path) -> Run:
    """Return the run of a finished record.

    Raises:
        StudyError: the folder is named after another run.
    """
    run, named = Run(folder), named_identity(folder)
    if named not in (None, run.identity):
        raise StudyError(
            f"The record {folder} is named after another run than {run.identity}, which it holds: "
            "give it that name back, or restore it from git."
        )
    return run
