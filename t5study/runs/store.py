"""The store of runs: find a record, or produce it once, whole, by one process at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from t5study.base.checksums import SUMS, check_checksums
from t5study.base.device import PRECISIONS, resolve_precision
from t5study.base.errors import StudyError
from t5study.base.files import locked, put_in_place, remove, write_json, writing
from t5study.runs.record import (
    FILES,
    RESULT_VERSION,
    Run,
    describe,
    identity_of,
    is_whole,
    named_identity,
    open_record,
    records_below,
)


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
            raise StudyError(
                f"The run gave no finite number for {', '.join(bad)}, so nothing is kept: try a "
                "lower learning rate, or the precision fp32."
            )
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


Produce = Callable[[Workspace], dict[str, Any]]
"""Fills the record of a workspace and returns the provenance."""


class RunStore:
    """Folder of run records, with published records as a second place to look.

    New records lie in `root`, each in a folder named by its identity. A record is found wherever it
    lies below `root` or `published`: by its folder's name, which ends with its identity, or else by
    what its configuration says.
    """

    def __init__(self, root: Path, published: Path | None = None, training: bool = True) -> None:
        self.root = Path(root)
        self.published = published
        self.training = training
        self._checked: set[Path] = set()

    def find(self, identity: str) -> Run | None:
        """Return the finished run of that identity, or None.

        Raises:
            StudyError: a folder of that name holds another run, or the record was published and
                changed since.
        """
        if is_whole(self.root / identity):
            return self._opened(self.root / identity)
        # Listed once: what is new lies in `root` under its identity.
        folder = self._listed.get(identity)
        return self._opened(folder) if folder else None

    @cached_property
    def _listed(self) -> dict[str, Path]:
        return self._list()

    def _list(self) -> dict[str, Path]:
        """Every record by identity. Only one without an identity in its name is opened for it."""
        places = [place for place in (self.published, self.root) if place is not None]
        records = (path for place in places for path in records_below(place))
        return {named_identity(path) or Run(path).identity: path for path in records}

    def _opened(self, folder: Path) -> Run:
        """The run of a record; a published one is compared with its checksums, once."""
        run = open_record(folder)
        if folder not in self._checked and (folder / SUMS).is_file():
            check_checksums(folder, FILES)
            self._checked.add(folder)
        return run

    def runs(self) -> list[Run]:
        """Return every finished run, own and published, ordered by identity.

        Runs of another RESULT_VERSION are left out: what they measured is not what is asked now.
        """
        found = self._list()
        runs = (self._opened(found[identity]) for identity in sorted(found))
        return [run for run in runs if run.config.get("result_version") == RESULT_VERSION]

    def obtain(self, config: dict[str, Any], produce: Produce, out: Path | None = None) -> Run:
        """Return the run of `config`: loaded if it is there, otherwise produced and kept.

        A run that was interrupted finds its own scratch folder again. With `out`, the record is
        written into that folder. The precision "auto" is what this machine computes natively; where
        training is forbidden, what the record was computed with, wherever that was.

        Raises:
            StudyError: training is forbidden and the run is absent, another process is producing
                the same run, or the folder cannot be written.
        """
        if not self.training:
            found = self.recorded(config)
            if found is None:
                raise StudyError(
                    f"No published record answers {describe(config)} and training is forbidden "
                    "here: run `make book` for this profile first."
                )
            return found
        if "precision" in config:
            config = {**config, "precision": resolve_precision(config["precision"])}
        identity = identity_of(config)
        if out is None:
            return self.find(identity) or self._produce(self.root / identity, config, produce)
        # The work in progress lies beside the folder under its name, and "." has none.
        out = Path(out).resolve()
        return _kept_in(out, identity) or self._produce(out, config, produce)

    def recorded(self, config: dict[str, Any]) -> Run | None:
        """Return the finished run of `config` in whichever precision it was computed, or None."""
        asked = [config]
        if config.get("precision") == "auto":
            asked = [{**config, "precision": precision} for precision in PRECISIONS]
        found = (self.find(identity_of(each)) for each in asked)
        return next((run for run in found if run is not None), None)

    def _produce(self, final: Path, config: dict[str, Any], produce: Produce) -> Run:
        identity, leader = identity_of(config), os.environ.get("RANK", "0") == "0"
        work = Workspace(final.with_name(f".{final.name}.{identity}.partial"), leader)
        if leader:
            with writing(final), _alone(final):
                # Another process may have finished the run while this one asked for the lock.
                if not _kept_in(final, identity):
                    _fill(work, config, produce)
                    put_in_place(work.record, final)
                remove(work.root)
        else:
            produce(work)
        _meet()
        return Run(final)


def _kept_in(final: Path, identity: str) -> Run | None:
    """The run of that identity in its place; None where the place is free."""
    if is_whole(final):
        if Run(final).identity == identity:
            return Run(final)
        raise StudyError(f"{final} already holds another run: choose an empty folder for --out.")
    if os.path.lexists(final) and not (final.is_dir() and not any(final.iterdir())):
        # Whole is asked again: another process may put the finished record there at any moment.
        if is_whole(final):
            return _kept_in(final, identity)
        raise StudyError(
            f"{final} is in the way, it is not empty and holds no whole run: delete it, move it "
            "elsewhere, or choose an empty folder for --out."
        )
    return None


def _alone(final: Path) -> AbstractContextManager[None]:
    """The lock of a record's place, so that two commands never write one record.

    With T5STUDY_WAIT set, as for the chapters of one book, the second waits for the first.
    """
    refusal = (
        f"Another process is writing a run into {final}: wait for it, stop it and run the same "
        "command again, or choose another folder with --out."
    )
    wait = bool(os.environ.get("T5STUDY_WAIT"))
    return locked(final.with_name(f".{final.name}.lock"), None if wait else refusal)


def _fill(work: Workspace, config: dict[str, Any], produce: Produce) -> None:
    """Fill the record of a workspace; after a failure keep only what an attempt can go on from."""
    remove(work.record)
    work.record.mkdir(parents=True)
    work.scratch.mkdir(exist_ok=True)
    try:
        write_json(work.record / "provenance.json", produce(work))
        write_json(work.record / "config.json", {**config, "result_version": RESULT_VERSION})
    except BaseException:
        remove(work.record)
        if not any(work.scratch.iterdir()):
            remove(work.root)
        raise


def _meet() -> None:
    """Wait for the other processes of torchrun, if there are any: then the record is whole."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


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
