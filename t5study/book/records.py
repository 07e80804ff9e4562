"""Where published records lie: in folders named after experiments, with an index to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t5study.base.files import write_text
from t5study.data.tasks import get_task
from t5study.experiments.entries import folder_name
from t5study.profiles import OBSERVATIONS, pretraining_folder
from t5study.runs.record import Run
from t5study.study import Study

INDEX = "index.csv"
COLUMNS = (
    *("experiment", "task", "model", "init", "recipe", "labels", "seed"),
    *("metric", "score", "record"),
)


@dataclass(frozen=True)
class Listed:
    """A run that a profile lists: by which name, and in which folder of that name it lies."""

    name: str
    folder: str
    run: Run

    @property
    def place(self) -> Path:
        """Its place below `results/<profile>/`: `<experiment>/<seed>-<identity>`."""
        seed = self.run.config.get("seed")
        front = "" if seed is None else f"{seed}-"
        return Path(self.folder) / f"{front}{self.run.identity}"


def listed(study: Study) -> tuple[list[Listed], list[str]]:
    """Return the runs of a profile's pre-trainings and experiments, and the names that lack one."""
    made = study.profile.pretraining
    plans = [(n, pretraining_folder(n), study.pretraining_plan(n)) for n in made]
    plans += [(n, folder_name(n), plan) for n in study.experiments for plan in study.plans(n)]
    found = [(name, folder, study.found(plan)) for name, folder, plan in plans]
    lacking = dict.fromkeys(name for name, _, run in found if run is None)
    return [Listed(*each) for each in found if each[2] is not None], list(lacking)


def places(study: Study, runs: Iterable[Run]) -> dict[str, Path]:
    """Return where each run lies below `results/<profile>/`, by its identity."""
    known = {each.run.identity: each.place for each in listed(study)[0]}
    return {run.identity: known.get(run.identity) or _place_of_observation(run) for run in runs}


def _place_of_observation(run: Run) -> Path:
    """Return where a run that no profile lists lies: `observations/<what it is>-<identity>`."""
    config = run.config
    words = [config.get("name") or config["kind"], config.get("task") or ""]
    return Path(OBSERVATIONS) / f"{folder_name(' '.join(words))}-{run.identity}"


def index(study: Study) -> str:
    """Return the index of a profile's records as CSV: a row a run, and a task of a joint run."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for each in listed(study)[0]:
        writer.writerows(_rows(study, each))
    return text.getvalue()


def _rows(study: Study, each: Listed) -> Iterator[dict[str, Any]]:
    run, metrics = each.run, each.run.metrics
    row = {
        "experiment": each.name,
        "seed": run.config.get("seed", ""),
        "record": each.place.as_posix(),
    }
    if run.config["kind"] == "pretrain":
        yield row | {"model": each.name, **_score(metrics, "held_out_loss")}
        return
    entry = study.experiments[each.name]
    row |= {"model": entry.model or entry.baseline, "init": entry.init, "recipe": entry.recipe}
    row["labels"] = "" if entry.labels is None else entry.labels
    for role in entry.roles:
        task = study.task(role).name
        metric = get_task(task).metrics[0]
        reached = metrics["tasks"][role] if entry.tasks else metrics
        yield row | {"task": task, **_score(reached, metric)}


def _score(metrics: dict[str, Any], name: str) -> dict[str, str]:
    return {"metric": name, "score": f"{metrics[name]:.4f}"}


def write_index(study: Study, results: Path) -> Path:
    """Write the index of a profile's records beside them."""
    write_text(results / INDEX, index(study))
    return results / INDEX
