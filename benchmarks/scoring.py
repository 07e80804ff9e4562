"""Ways of asking a model for a label, compared: two ways of generation, and scores."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import PreTrainedModel

from benchmarks.turns import Job, Turn
from benchmarks.work import Work, spread
from t5study.base.device import mixed, resolve_precision, usual_device
from t5study.data.encoding import Seq2SeqCollator
from t5study.judging.label_scoring import LabelSet, score_split
from t5study.models.loading import quiet
from t5study.runs.provenance import peak_memory_bytes
from t5study.training.acceleration import speed_up

TITLES = {
    "beams": "generate, 4 beams, fp32, 8 at a time",
    "greedy": "generate, greedy, sorted, 64 at a time",
    "ours": "this study's label scores",
}
ROWS = {"beams": (48, 1), "greedy": (128, 64), "ours": (128, 1)}
"""Texts that a way is asked for on a CPU, and how many of them are neighbours in length.

A way that sorts all texts would put neighbours together, so it is given such (see `spread`); on a
GPU there is time for all.
"""


def beams(model: PreTrainedModel, work: Work) -> None:
    """Beam search with the four beams of the report's translation, in the order given."""
    _generate(model, work, np.arange(len(work.encoded)), rows=8, num_beams=4)


def greedy(model: PreTrainedModel, work: Work) -> None:
    """Greedy generation, tuned: in bf16 where there is any, in length order, many at a time."""
    order = np.argsort(work.encoded.source_lengths, kind="stable")
    with mixed(resolve_precision("auto")):
        _generate(model, work, order, rows=64, num_beams=1)


def ours(model: PreTrainedModel, work: Work) -> None:
    """The study's label scores, in bf16 where there is any."""
    pad_id = work.tokenizer.pad_token_id
    collator = Seq2SeqCollator(pad_id, start_id=pad_id)
    with mixed(resolve_precision("auto")):
        score_split(model, work.encoded, collator, LabelSet(work.labels), 8192, start_id=pad_id)


ANSWERS: dict[str, Callable[[PreTrainedModel, Work], None]] = {
    "beams": beams,
    "greedy": greedy,
    "ours": ours,
}


def _generate(
    model: PreTrainedModel, work: Work, order: np.ndarray, rows: int, num_beams: int
) -> None:
    """Generate no more tokens than the longest label has, so that no text runs on."""
    longest = max(map(len, work.labels))
    data, device = work.encoded.data.with_format(None)["source"], next(model.parameters()).device
    for start in range(0, len(order), rows):
        ids = [data[int(row)] for row in order[start : start + rows]]
        batch = work.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(device)
        model.generate(**batch, num_beams=num_beams, do_sample=False, max_new_tokens=longest).cpu()


def score(job: Job, turn: Turn) -> None:
    """Measure one way of answering the same rows, once at each turn."""
    work = Work.load(job.task, job.source, job.rows, split="test")
    model = work.model()
    if torch.cuda.is_available():
        model.cuda()
    if job.method == "ours":
        speed_up(model, compiled=True, packing=usual_device() == "cpu")
    model.eval()
    asked = work if torch.cuda.is_available() else work.only(chosen(job.method, work))
    with torch.inference_mode(), quiet():
        for _ in range(job.warm_up + job.repeats):
            turn.wait()
            started = time.perf_counter()
            ANSWERS[job.method](model, asked)
            tokens_per_second = asked.tokens / (time.perf_counter() - started)
            turn.tell(
                {
                    "examples_per_second": tokens_per_second / work.tokens_an_example,
                    "tokens_per_second": tokens_per_second,
                    "peak_memory_bytes": peak_memory_bytes(),
                }
            )
        turn.wait()


def chosen(method: str, work: Work) -> np.ndarray:
    """Return the rows that a way of asking is measured on: their lengths are spread like all."""
    count, neighbours = ROWS[method]
    return spread(work.encoded.source_lengths, count, neighbours, seed=0)
