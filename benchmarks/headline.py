"""The report's two fine-tunings whole, with their test sets: `python -m benchmarks.headline`.

What `t5study finetune` does, compiled: two epochs over all training rows of emotion and of IMDB,
then the label of every test row, with t5-small's architecture from random weights. Records are kept
in T5STUDY_STORE, else `_build/runs`: an interrupted run goes on by the same command, and a finished
one is read and not repeated.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import page, report
from benchmarks.command import in_a_sentence
from t5study.base.errors import StudyError
from t5study.commands import finetune
from t5study.runs.provenance import device_name
from t5study.runs.record import Run

SEED = 21

console = Console()


def main(
    source: Annotated[
        Path | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this; may be repeated.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = page.RESULTS,
) -> None:
    """Run both fine-tunings, or find their records, and write headline.json."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("t5study").setLevel(logging.INFO)
    for name in task or ():
        if name not in report.WHOLE:
            raise StudyError(f"There is no task '{name}' here: use {', '.join(report.WHOLE)}.")
    changes = {"compile": True}
    runs = [
        finetune(name, None, None, changes, limits={}, seed=SEED, source=source, out=None)
        for name in task or report.WHOLE
    ]
    content = {"runs": [found(run) for run in runs]}
    report.write_json(out / "headline.json", content)
    console.print_json(json.dumps(content))


def found(run: Run) -> dict[str, Any]:
    """Return what the record of a run says of its time.

    Raises StudyError where the run was interrupted, since its seconds are those since it went on,
    and where it was not compiled or made on another machine.
    """
    made, metrics = run.provenance, run.metrics
    if not made["compilation"].startswith("compiled") or made["device"] != device_name():
        raise StudyError(
            f"the run {run.identity} was made on {made['device']} ({made['compilation']}): name "
            "another folder with T5STUDY_STORE to run it compiled on this machine"
        )
    if made["resumed_from"]:
        raise StudyError(
            f"the run {run.identity} was interrupted, and its record has the seconds of its last "
            "part only: remove it and run it in one go to measure it"
        )
    return {
        "task": metrics["task"],
        "run": run.identity,
        "device": made["device"],
        "libraries": made["libraries"],
        "commit": made["commit"],
        "seconds": made["seconds"],
        "seconds_of_training": metrics["seconds"],
        "seconds_of_test": metrics["test_seconds"],
        "examples_per_second": metrics["examples_per_second"],
        "test_rows": metrics["n"],
        "accuracy": metrics["accuracy"],
        "peak_memory_bytes": metrics["peak_memory_bytes"],
    }


if __name__ == "__main__":
    in_a_sentence(typer.run, main)
