"""`python -m benchmarks`: the speed of training and of asking for labels, side by side."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from benchmarks import memory, methods, page, scoring
from benchmarks.results import RESULTS, write_speed
from benchmarks.turns import Job, take_turns
from t5study.base.errors import StudyError

TASKS = ("emotion", "imdb")
REPEATS = 9
CORPUS_ROWS = 2048
"""Rows that a task's lengths are taken from."""

console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    task: Annotated[list[str] | None, typer.Option(help="Only this task; may be repeated.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Only this method; may be repeated.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Train t5-small's architecture in each way, ask it for labels in each way, and compare."""
    _refuse_unknown("task", task, TASKS)
    _refuse_unknown("method", method, (*methods.TITLES, *scoring.TITLES))
    if (task or method) and out == RESULTS:
        raise StudyError("--task and --method measure a part: name its folder with --out.")
    measured: list[dict[str, Any]] = []
    for kind, name in _comparisons(task or TASKS):
        for jobs in _groups(_jobs(kind, name, method, source and str(source))):
            measured += take_turns(jobs, _saying(f"{name}, {kind}"))
        print(page.comparison(measured, kind, name))
    if torch.cuda.is_available() and not (task or method):
        memory.main(out)
    write_speed(out, measured)
    if out == RESULTS:
        page.write()
    console.print(f"Written to {out}", highlight=False)


def _comparisons(tasks: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    training = [("training", task) for task in tasks]
    return training + [("scoring", task) for task in tasks if task == "imdb"]


def _jobs(kind: str, task: str, names: list[str] | None, source: str | None) -> list[Job]:
    """Return a job for each method of a comparison; what compiles warms up twice."""
    return [
        Job(kind, name, task, CORPUS_ROWS, 2 if name in methods.COMPILING else 1, REPEATS, source)
        for name in _methods(kind, task)
        if not names or name in names
    ]


def _groups(jobs: list[Job]) -> list[list[Job]]:
    """Part the jobs into ways and the variant of ours: memory does not hold all at once."""
    varied = [job for job in jobs if job.method == methods.OURS_PADDED]
    ways = [job for job in jobs if job not in varied]
    return [group for group in (ways, varied) if group]


def _methods(kind: str, task: str) -> list[str]:
    if kind == "scoring":
        return list(scoring.TITLES)
    # Sharing rows changes only what is done with short texts.
    return [name for name in methods.TITLES if task == "emotion" or name != methods.OURS_PADDED]


def _refuse_unknown(what: str, given: list[str] | None, known: tuple[str, ...]) -> None:
    for name in given or ():
        if name not in known:
            raise StudyError(f"There is no {what} '{name}': use {', '.join(dict.fromkeys(known))}.")


def _saying(title: str):
    return lambda text: console.print(f"{title}: {text}", style="dim", highlight=False)


def main() -> None:
    """Run the command; a mistake of the user ends in one sentence."""
    logging.disable(logging.WARNING)
    try:
        app()
    except StudyError as error:
        console.print(str(error), style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
