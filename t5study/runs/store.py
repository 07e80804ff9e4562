"""Run records: the identity of a run, and saving, finding and loading what it produced.

A run is kept as a folder of small files. Its name is a hash of everything that determines its
result, so the same question is never computed twice, and a different question never finds the
wrong answer.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.base.precision import PRECISIONS, resolve_precision

RESULT_VERSION = 2
"""Raised by hand when a change of the code can alter results; part of every identity."""

_REQUIRED = ("config.json", "metrics.json", "provenance.json")
_UNWRITABLE = (
    errno.ENOSPC,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EEXIST,
)


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal content gives equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity_of(config: dict[str, Any]) -> str:
    """Return the identity of a run: 16 hex digits of a hash over its configuration.

    The configuration holds what determines the result (task and data fingerprint, model
    fingerprint, recipe, resolved precision, seed); device, number of processes, micro-batch and
    compilation are provenance and must not be in it.
    """
    return _digest({**config, "result_version": RESULT_VERSION})


def _digest(config: dict[str, Any]) -> str:
    """The identity of a configuration that names its result version."""
    return hashlib.sha256(canonical(config).encode()).hexdigest()[:16]


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, whole or not at all."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True, default=_plain) + "\n")
    os.replace(temporary, path)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return value.name
    raise TypeError(f"not JSON: {type(value)}")


@dataclass(frozen=True)
class Run:
    """One finished run, read from its record folder."""

    path: Path

    @property
    def identity(self) -> str:
        """The identity under which the run is kept, by the version of the code that made it."""
        return _digest(self.config)

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
        return pd.read_csv(self._file("history.csv"))

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Test predictions by row number: row, label, prediction, and one probability a label."""
        return pd.read_parquet(self._file("predictions.parquet"))

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Small arrays that figures are drawn from, by name."""
        with np.load(self._file("arrays.npz"), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    @property
    def model(self) -> Path:
        """Folder of the trained checkpoint; published records have none."""
        folder = self.path / "model"
        if not folder.is_dir():
            raise StudyError(
                f"the record {self.path.name} holds no checkpoint (published records have none): "
                "run the chapter that trains it first"
            )
        return folder

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise StudyError(
                f"the run record {self.path.name} lacks {name}: delete that folder and run again"
            )
        return path

    def _json(self, name: str) -> dict[str, Any]:
        path = self._file(name)
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise StudyError(
                f"{name} of the run record {self.path.name} is not valid JSON ({error}): "
                "delete that folder and run again"
            ) from None


def part_of(run: Run, role: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return metrics and predictions of one role of a joint run."""
    table = run.predictions
    mine = table[table["role"] == role].drop(columns="role")
    return run.metrics["tasks"][role], mine.dropna(axis="columns", how="all").reset_index(drop=True)


@dataclass
class Workspace:
    """Where a run in progress writes: `record` becomes the record, `scratch` is thrown away."""

    root: Path
    leader: bool = True
    """Whether this process writes the record; of several started by torchrun only rank 0 does."""

    @property
    def record(self) -> Path:
        """Folder whose content becomes the run record."""
        return self.root / "record"

    @property
    def scratch(self) -> Path:
        """Folder for training checkpoints; survives an interruption, not the end of the run."""
        return self.root / "scratch"

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json; a number that is not finite is an error of the run, not a result."""
        bad = list(_not_finite(metrics))
        if bad:
            raise StudyError(f"the run gave no finite number for {', '.join(bad)}: nothing is kept")
        if self.leader:
            write_json(self.record / "metrics.json", metrics)

    def save_values(self, values: dict[str, Any]) -> None:
        """Write values.json."""
        if self.leader:
            write_json(self.record / "values.json", values)

    def save_history(self, history: pd.DataFrame) -> None:
        """Write history.csv."""
        if self.leader:
            history.to_csv(self.record / "history.csv", index=False, float_format="%.8g")

    def save_predictions(self, predictions: pd.DataFrame) -> None:
        """Write predictions.parquet."""
        if self.leader:
            predictions.to_parquet(self.record / "predictions.parquet", index=False)

    def save_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Write arrays.npz."""
        if self.leader:
            np.savez_compressed(self.record / "arrays.npz", **arrays)


class RunStore:
    """Folder of run records, with published records as a second place to look."""

    def __init__(self, root: Path, published: Path | None = None, training: bool = True) -> None:
        self.root = Path(root)
        self.published = published
        self.training = training

    def find(self, identity: str) -> Run | None:
        """Return the finished run of that identity, or None."""
        for place in (self.root, self.published):
            if place is not None and _is_whole(place / identity):
                return Run(place / identity)
        return None

    def runs(self) -> list[Run]:
        """Return every finished run, own and published, ordered by identity.

        Runs of another RESULT_VERSION are left out: what they measured is not what is asked now.
        """
        found = {}
        for place in (self.published, self.root):
            if place is not None and place.is_dir():
                found |= {p.name: Run(p) for p in sorted(place.iterdir()) if _is_whole(p)}
        runs = (found[name] for name in sorted(found))
        return [run for run in runs if run.config.get("result_version") == RESULT_VERSION]

    def obtain(
        self,
        config: dict[str, Any],
        produce: Callable[[Workspace], dict[str, Any]],
        out: Path | None = None,
    ) -> Run:
        """Return the run of `config`: loaded if it is there, otherwise produced and kept.

        `produce` fills `workspace.record` and returns the provenance. A run that was interrupted
        finds its own scratch folder again. With `out`, the record is written into that folder.
        The precision "auto" is what this machine computes natively; where training is forbidden,
        what the record was computed with, wherever that was.

        Raises StudyError when training is forbidden and the run is absent, when another process
        is producing the same run, or when the folder cannot be written.
        """
        if not self.training:
            return self._recorded(config)
        config = _resolved(config)
        identity = identity_of(config)
        if out is not None:
            # The work in progress lies beside the folder under its name, and "." has none.
            return self._obtain_into(Path(out).resolve(), identity, config, produce)
        return self.find(identity) or self._produce(self.root / identity, identity, config, produce)

    def has(self, config: dict[str, Any]) -> bool:
        """Return whether `obtain` would load the run of `config` and not produce it."""
        if not self.training:
            return self.recorded(config) is not None
        return self.find(identity_of(_resolved(config))) is not None

    def recorded(self, config: dict[str, Any]) -> Run | None:
        """Return the finished run of `config` in whichever precision it was computed, or None."""
        asked = [config]
        if config.get("precision") == "auto":
            asked = [{**config, "precision": precision} for precision in PRECISIONS]
        found = (self.find(identity_of(each)) for each in asked)
        return next((run for run in found if run is not None), None)

    def _recorded(self, config: dict[str, Any]) -> Run:
        found = self.recorded(config)
        if found is None:
            raise StudyError(
                f"no published record answers {describe(config)} and training is forbidden here: "
                "run `make book` for this profile first"
            )
        return found

    def _obtain_into(
        self, out: Path, identity: str, config: dict[str, Any], produce: Callable
    ) -> Run:
        if _is_whole(out):
            if Run(out).identity == identity:
                return Run(out)
            raise StudyError(f"{out} already holds another run: choose an empty folder for --out")
        if out.is_dir() and any(out.iterdir()):
            raise StudyError(f"{out} is not empty and holds no run: choose an empty folder")
        _refuse_another_run_into(out, identity)
        return self._produce(out, identity, config, produce)

    def _produce(
        self, final: Path, identity: str, config: dict[str, Any], produce: Callable
    ) -> Run:
        rank = int(os.environ.get("RANK", "0"))
        work = Workspace(final.with_name(f".{final.name}.{identity}.partial"), leader=rank == 0)
        if not work.leader:
            produce(work)
            _meet()
            return Run(final)
        _refuse_what_is_in_the_way(final)
        with _writing(final), _exclusive(work, identity):
            # Another process may have finished the run while this one asked for the lock.
            if _is_whole(final):
                shutil.rmtree(work.root, ignore_errors=True)
                return Run(final)
            shutil.rmtree(work.record, ignore_errors=True)
            work.record.mkdir(parents=True)
            work.scratch.mkdir(exist_ok=True)
            provenance = _produced(work, produce)
            write_json(work.record / "provenance.json", provenance)
            write_json(work.record / "config.json", {**config, "result_version": RESULT_VERSION})
            if final.is_dir():
                final.rmdir()
            os.replace(work.record, final)
            shutil.rmtree(work.root, ignore_errors=True)
        _meet()
        return Run(final)


def _resolved(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the precision that this machine computes in."""
    if "precision" not in config:
        return config
    return {**config, "precision": resolve_precision(config["precision"])}


def _meet() -> None:
    """Wait for the other processes of torchrun, if there are any: then the record is whole."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


def _produced(work: Workspace, produce: Callable[[Workspace], dict[str, Any]]) -> dict[str, Any]:
    """Produce the record; after a failure keep only what a later attempt can continue from."""
    try:
        return produce(work)
    except BaseException:
        shutil.rmtree(work.record, ignore_errors=True)
        if not any(work.scratch.iterdir()):
            shutil.rmtree(work.root, ignore_errors=True)
        raise


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


def _is_whole(path: Path) -> bool:
    return all((path / name).is_file() for name in _REQUIRED)


def _refuse_what_is_in_the_way(final: Path) -> None:
    """Raise StudyError when the record could not take its place once it is produced."""
    empty = not os.path.lexists(final) or (final.is_dir() and not any(final.iterdir()))
    # Whole is asked last: another process may put the finished record there at any moment.
    if not empty and not _is_whole(final):
        raise StudyError(
            f"{final} is in the way and holds no whole run: delete it, or move it elsewhere, and "
            "run the same command again"
        )


def _not_finite(value: Any, place: str = "") -> Iterator[str]:
    """Give the places of numbers that are not finite, such as `tasks.sst.intervals.accuracy[0]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple | np.ndarray):
        for number, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{number}]")
    elif isinstance(value, float | np.floating) and not np.isfinite(value):
        yield place


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn a folder that cannot be written into one clear sentence."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise StudyError(
            f"cannot write the run record under {path.parent}: {error.strerror or error}; "
            "free some space or choose another folder with --out"
        ) from error


@contextlib.contextmanager
def _exclusive(work: Workspace, identity: str) -> Iterator[None]:
    """Hold the lock of a run in progress, so that two commands never write one record.

    With T5STUDY_WAIT set, as for the chapters of one book, the second waits for the first.
    """
    wait = bool(os.environ.get("T5STUDY_WAIT"))
    while True:
        work.root.mkdir(parents=True, exist_ok=True)
        try:
            handle = (work.root / "lock").open("w")
        except FileNotFoundError:
            # Who finished the run took the folder away between these two lines.
            continue
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise StudyError(
                    f"another process is already producing the run {identity}: "
                    "wait for it, or stop it and run the same command again"
                ) from None
            # Who held the lock may have finished and taken the folder away, lock and all.
            if _is_same_file(handle, work.root / "lock"):
                yield
                return


def _refuse_another_run_into(out: Path, identity: str) -> None:
    """Raise StudyError while another run is being written for the same folder."""
    pattern = f".{glob.escape(out.name)}.{'?' * len(identity)}.partial"
    for partial in out.parent.glob(pattern):
        lock = partial / "lock"
        if partial.name == f".{out.name}.{identity}.partial" or not lock.is_file():
            continue
        with lock.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StudyError(
                    f"another process is producing another run for {out}: wait for it, or choose "
                    "another folder for --out"
                ) from None


def _is_same_file(handle: IO[str], path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat())
