"""Whether label scores name the label that generation writes: `python -m benchmarks.agreement`.

Random weights write no labels, so the model must have learnt to: it is the `model` of a run record.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from transformers import PreTrainedModel, T5ForConditionalGeneration

from benchmarks import page, report, scoring
from benchmarks.command import in_a_sentence
from benchmarks.work import Work
from t5study.base.precision import resolve_precision
from t5study.models.checkpoints import checkpoint_in
from t5study.models.loading import load_model, parameter_count, quiet
from t5study.runs.provenance import device_name, library_versions, usual_device

TASK = "imdb"
ASKED = 5_000
"""Test reviews: ones on which 99.9 % agreement allows five exceptions."""

console = Console()


def main(
    model: Annotated[Path, typer.Argument(help="A T5 fine-tuned on IMDB: RECORD/model.")],
    source: Annotated[
        str | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Test reviews to ask for.", min=1)] = ASKED,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = page.RESULTS,
) -> None:
    """Ask one model for the labels of the same reviews in each way, and write agreement.json."""
    logging.disable(logging.WARNING)
    checkpoint = checkpoint_in(model, weights=True)
    work = Work.load(TASK, source, rows, split="test", checkpoint=checkpoint)
    found = compared(load_model(checkpoint, T5ForConditionalGeneration), work)
    content = {"run": model.parent.name, "device": device_name()}
    content |= {"libraries": library_versions()} | found
    report.write_json(out / "agreement.json", content)
    console.print_json(json.dumps(found))


def compared(model: PreTrainedModel, work: Work) -> dict[str, Any]:
    """Ask in each way, and return how accurate the scores are and how far they agree.

    A precision's scores are compared with each way of generating: `wrote` counts the reviews on
    which generation wrote a label, and `same` the share of those on which the scores name it too.
    """
    model = model.to(usual_device()).eval()
    precisions = dict.fromkeys(("fp32", resolve_precision("auto")))
    with torch.inference_mode(), quiet():
        written = {name: answer(model, work) for name, answer in scoring.GENERATIONS.items()}
        scored = {each: scoring.scores(model, work, each) for each in precisions}
    truth = np.asarray(work.encoded.data["label"])
    return {
        "parameters": parameter_count(model),
        "rows": len(truth),
        "accuracy": {name: float(np.mean(given == truth)) for name, given in scored.items()},
        "pairs": [
            {"generation": name, "scores": precision} | agreement(theirs, ours)
            for name, theirs in written.items()
            for precision, ours in scored.items()
        ],
    }


def agreement(written: np.ndarray, scored: np.ndarray) -> dict[str, Any]:
    """Return how often generation wrote a label, and the share of those that the scores name too.

    Where it wrote no label there is nothing to agree with: `same` is None where it never did.
    """
    label = written != scoring.OTHER
    same = float(np.mean(written[label] == scored[label])) if label.any() else None
    return {"wrote": int(label.sum()), "same": same}


if __name__ == "__main__":
    in_a_sentence(typer.run, main)
