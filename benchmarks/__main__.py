"""`python -m benchmarks`: measure the speed of training and label scoring, side by side."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import methods, report, scoring
from benchmarks.measure import Job
from benchmarks.work import PRETRAINING
from t5study.errors import StudyError

TASKS = ("emotion", "imdb", PRETRAINING)
PRETRAINED_BY = ("default", "tuned", "compiled", methods.OURS)
"""The report did no pre-training, and mending its peers changes no time."""
RESULTS = Path(__file__).parent / "results"
console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Three repeats in place of seven.")
    ] = False,
    task: Annotated[list[str] | None, typer.Option(help="Only this task; may be repeated.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Only this method; may be repeated.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Fine-tuned T5 for label scoring, to compare answers.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Train t5-small's architecture in each way, ask it for labels in each way, and compare."""
    jobs = _jobs(quick, task, method, source, model)
    results = []
    for number, job in enumerate(jobs, start=1):
        title = report.TITLES[job.kind][job.method]
        with console.status(f"{number} of {len(jobs)}: {job.task}, {job.kind}, {title}"):
            results.append(_measure(job))
        rate = report.Row(results[-1], None).rate
        console.print(f"{number} of {len(jobs)}: {job.task}, {job.kind}, {title}: {rate:.3g}/s")
        report.write(results, out)
    for pair in report.comparisons(results):
        console.print(report.table(*pair, report.rows_of(results, *pair)))
    console.print(f"Written to {out}")


def _jobs(
    quick: bool,
    tasks: list[str] | None,
    names: list[str] | None,
    source: Path | None,
    model: Path | None,
) -> list[Job]:
    known = {"training": tuple(methods.TITLES), "scoring": tuple(scoring.TITLES)}
    _refuse_unknown("task", tasks, TASKS)
    _refuse_unknown("method", names, (*known["training"], *known["scoring"]))
    repeats = 3 if quick else 7
    rows = {"training": 2048, "scoring": 128 if quick else 512}
    return [
        Job(kind, name, task, rows[kind], repeats, source and str(source), model and str(model))
        for task in tasks or TASKS
        for kind in known
        if kind == "training" or task == "imdb"
        for name in known[kind]
        if task != PRETRAINING or name in PRETRAINED_BY
        if not names or name in names
    ]


def _refuse_unknown(what: str, given: list[str] | None, known: tuple[str, ...]) -> None:
    for name in given or ():
        if name not in known:
            raise StudyError(f"There is no {what} '{name}': use {', '.join(dict.fromkeys(known))}.")


def _measure(job: Job) -> dict[str, Any]:
    """Run a job in a process of its own and return what it measured."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.measure", json.dumps(asdict(job)), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment())
        if done.returncode or not target.is_file():
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise StudyError(f"Measuring '{job.method}' on {job.task} failed: {reason}")
        return json.loads(target.read_text())


def _environment() -> dict[str, str]:
    return os.environ | {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}


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
