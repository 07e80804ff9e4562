"""The report's fine-tuning on IMDB, whole, on a GPU: `python -m benchmarks.gpu`.

Two epochs over IMDB's training reviews and the scores of its 25,000 test reviews, with t5-small's
architecture and the study's own trainer, once for each way of computing attention. What compiles
is warmed up before the clock starts. Weights are random: a step takes as long with them.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from transformers import PreTrainedModel, T5ForConditionalGeneration

from benchmarks import report
from benchmarks.command import in_a_sentence
from benchmarks.methods import BATCH, unsaved
from benchmarks.turns import answer_of
from benchmarks.work import LONGEST_SOURCE, LONGEST_TARGET, MODEL, matmul_peak, training_flops
from t5study.base.errors import StudyError
from t5study.base.precision import resolve_precision
from t5study.data.batches import Encoded, Seq2SeqCollator, UpdatePlan, encode
from t5study.data.casts import cast, label_ids
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.judging.predictions import LabelSet, score_split
from t5study.models.checkpoints import open_checkpoint
from t5study.models.loading import load_tokenizer, quiet, random_model
from t5study.runs.provenance import device_name, library_versions
from t5study.training.acceleration import speed_up
from t5study.training.loop import mixed

RESULTS = Path(__file__).parent / "results" / "gpu.json"
ATTENTIONS = ("eager", "sdpa", "flex_attention")
"""Names that transformers gives them; `eager` is the plain products, fused by the compiler."""

EPOCHS = 2
TOKENS_AT_ONCE = 65_536
WARM_UP_UPDATES = 6

console = Console()


def measure(attention: str, source: str | None) -> dict[str, Any]:
    """Return the seconds of training and of scoring, and the share of the peak they reach."""
    hub, task, seed = Hub(source), get_task("imdb"), 21
    checkpoint = open_checkpoint(hub, MODEL)
    tokenizer = load_tokenizer(checkpoint)
    train, test = (
        encode(cast(task, split_rows(task, hub, split)), tokenizer, LONGEST_SOURCE, LONGEST_TARGET)
        for split in ("train", "test")
    )
    labels = LabelSet(label_ids(task, tokenizer))
    model = random_model(checkpoint, seed, T5ForConditionalGeneration)
    model.set_attn_implementation(attention)
    collator = Seq2SeqCollator(tokenizer.pad_token_id, start_id=tokenizer.pad_token_id)
    plan = UpdatePlan(train, collator, BATCH, EPOCHS, seed, TOKENS_AT_ONCE)
    began = time.perf_counter()
    compilation = speed_up(model, compiled=True)
    _train(model, plan, WARM_UP_UPDATES)
    _score(model, test, collator, labels)
    warmed = time.perf_counter()
    _train(model, plan, len(plan))
    trained = time.perf_counter()
    _score(model, test, collator, labels)
    scored = time.perf_counter()
    flops = EPOCHS * training_flops(model.config, train.source_lengths, train.target_lengths)
    peak = matmul_peak()
    return {
        "attention": attention,
        "compilation": compilation,
        "seconds_to_compile": warmed - began,
        "seconds_of_training": trained - warmed,
        "seconds_of_scoring": scored - trained,
        "seconds": scored - warmed,
        "reviews_trained": EPOCHS * len(train),
        "reviews_scored": len(test),
        "flops": flops,
        "peak_flops": peak,
        "share_of_peak": flops / (trained - warmed) / peak,
        "peak_memory_bytes": torch.cuda.max_memory_allocated(),
    }


def _train(model: PreTrainedModel, plan: UpdatePlan, updates: int) -> None:
    with tempfile.TemporaryDirectory() as folder, quiet():
        unsaved(model, plan, updates, Path(folder)).train()
    torch.cuda.synchronize()


def _score(
    model: PreTrainedModel, test: Encoded, collator: Seq2SeqCollator, labels: LabelSet
) -> np.ndarray:
    model.eval()
    with torch.inference_mode(), mixed(resolve_precision("auto")):
        return score_split(
            model, test, collator, labels, TOKENS_AT_ONCE, start_id=collator.start_id
        )


def table(found: list[dict[str, Any]]) -> Table:
    """Return a row a way of computing attention."""
    result = Table(title="IMDB, two epochs and the test set", title_justify="left")
    for head in ("attention", "training, s", "test set, s", "both, s", "share of peak", "GB"):
        result.add_column(head, justify="right")
    for row in found:
        if "failed" in row:
            result.add_row(row["attention"], *["failed"] * 5)
            continue
        result.add_row(
            row["attention"],
            *(f"{row[f'seconds{part}']:.1f}" for part in ("_of_training", "_of_scoring", "")),
            f"{100 * row['share_of_peak']:.1f} %",
            f"{row['peak_memory_bytes'] / 1e9:.1f}",
        )
    return result


def main(
    attention: Annotated[list[str] | None, typer.Option(help="Only this; may be repeated.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Mirror of the hub; else T5STUDY_HUB, else the hub.")
    ] = None,
    alone: Annotated[bool, typer.Option(help="Print one measurement as JSON.")] = False,
) -> None:
    """Measure each way of computing attention in a process of its own, and write gpu.json."""
    logging.disable(logging.WARNING)
    if not torch.cuda.is_available():
        raise StudyError("there is no GPU here: this is measured on one, and estimated nowhere")
    if alone:
        print(json.dumps(measure((attention or ATTENTIONS)[0], source)))
        return
    found = [apart(name, source) for name in attention or ATTENTIONS]
    console.print(table(found))
    content = {"device": device_name(), "libraries": library_versions(), "measured": found}
    report.write_json(RESULTS, content)


def apart(attention: str, source: str | None) -> dict[str, Any]:
    """Measure in a process of its own; where that fails, keep the reason."""
    arguments = ["--alone", "--attention", attention, *(["--source", source] if source else [])]
    try:
        return answer_of("benchmarks.gpu", arguments)
    except StudyError as error:
        return {"attention": attention, "failed": str(error)}


if __name__ == "__main__":
    in_a_sentence(typer.run, main)
