"""`python -m benchmarks`: the speed of training and label scoring, side by side."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from benchmarks import growth, learning, memory, methods, page, report, scoring
from benchmarks.command import in_a_sentence
from benchmarks.turns import Job, answer_of, take_turns
from benchmarks.work import PRETRAINING
from t5study.base.errors import StudyError
from t5study.base.precision import resolve_precision

TASKS = ("emotion", "imdb", PRETRAINING)
PARTS = ("speed", "learning", "growth")
RESULTS = page.RESULTS
REPEATS = 9
CORPUS_ROWS = 2048
"""Rows that a task's lengths are taken from."""

LEARNT_FROM = 2048
VARIED_ON = "emotion"
"""Mending changes no work, and packing only what is done with short texts: shown on one task."""
VARIANTS = ("mended", "padded")

console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    task: Annotated[list[str] | None, typer.Option(help="Only this task; may be repeated.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Only this method; may be repeated.")
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option(help=f"Only one of {', '.join(PARTS)}; may be repeated.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Train t5-small's architecture in each way, ask it for labels in each way, and compare.

    What an interrupted run of the same code on the same machine has measured is not repeated.
    """
    _refuse_unknown("task", task, TASKS)
    _refuse_unknown("method", method, (*methods.TITLES, *scoring.TITLES))
    _refuse_unknown("part", part, PARTS)
    whole = not (task or method or part)
    if not whole and out == RESULTS:
        raise StudyError("--task, --method and --part measure a part: name its folder with --out.")
    where = source and str(source)
    parts = part or PARTS
    results = report.Results.opened(out)
    if "speed" in parts:
        for kind, name in _comparisons(task or TASKS):
            jobs = _jobs(kind, name, method, where)
            if jobs and (kind, name) not in report.comparisons(results.speed):
                for group in _groups(jobs):
                    results.add(take_turns(group, _saying(f"{name}, {kind}")))
                results.write()
                console.print(report.table(kind, name, report.rows_of(results.speed, kind, name)))
    if "growth" in parts and not results.growth:
        results.growth = _growth(where)
        results.write()
        console.print(report.growth_table(results.growth))
    if "learning" in parts and not results.learning:
        results.learning = _learning(where)
        results.write()
        console.print(report.learning_table(results.learning))
    if whole and torch.cuda.is_available():
        memory.main(out)
    results.finish()
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
    """Part the jobs into the ways and their variants: memory does not hold all at once."""
    ways, variants = (
        [job for job in jobs if job.method.endswith(VARIANTS) == varied] for varied in (False, True)
    )
    return [group for group in (ways, variants) if group]


def _methods(kind: str, task: str) -> list[str]:
    if kind == "scoring":
        return list(scoring.TITLES)
    names = [name for name in methods.TITLES if task == VARIED_ON or not name.endswith(VARIANTS)]
    # Compiling takes minutes, and the mended loss is not part of what is compiled. The report did
    # no pre-training.
    left_out = {"compiled-mended"}
    if task == PRETRAINING:
        # Windows have one length, so nothing but bf16 sets the tuned way apart.
        left_out |= {"recipe", *(() if resolve_precision("auto") == "bf16" else ("tuned",))}
    return [name for name in names if name not in left_out]


def _refuse_unknown(what: str, given: list[str] | None, known: tuple[str, ...]) -> None:
    for name in given or ():
        if name not in known:
            raise StudyError(f"There is no {what} '{name}': use {', '.join(dict.fromkeys(known))}.")


def _saying(title: str) -> Any:
    return lambda text: console.print(f"{title}: {text}", style="dim", highlight=False)


def _growth(source: str | None) -> list[dict[str, Any]]:
    """Measure the numbers of examples by turns, each time in a process of its own."""
    found: dict[int, list[dict[str, Any]]] = {examples: [] for examples in growth.SIZES}
    for turn in range(growth.TURNS):
        for examples, runs in found.items():
            repeats = max(1, growth.SIZES[-1] // (2 * examples))
            job = {"task": "emotion", "examples": examples, "repeats": repeats, "source": source}
            runs.append(answer_of("benchmarks.growth", [json.dumps(job)]))
        _saying("growth")(f"turn {turn + 1} of {growth.TURNS}")
    return growth.compared([growth.typical(runs) for runs in found.values()])


def _learning(source: str | None) -> dict[str, Any]:
    """Train with each method, two at a time: here nobody looks at the clock."""
    jobs = [
        {"method": name, "task": "emotion", "examples": LEARNT_FROM, "source": source}
        for name in learning.METHODS
    ]
    with ThreadPoolExecutor(1 if torch.cuda.is_available() else 2) as pool:
        found = list(
            pool.map(
                lambda job: answer_of(
                    "benchmarks.learning", [json.dumps(job)], OMP_NUM_THREADS="1"
                ),
                jobs,
            )
        )
    return {
        "examples": LEARNT_FROM,
        "methods": learning.judged(dict(zip(learning.METHODS, found, strict=True))),
    }


def main() -> None:
    """Run the command; a mistake of the user ends in one sentence."""
    logging.disable(logging.WARNING)
    in_a_sentence(app)


if __name__ == "__main__":
    main()
