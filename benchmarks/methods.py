"""The ways of training that are compared: what people would use instead, and the study's trainer.

All see the same rows with the same model, and make an update from 128 examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedModel,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainerCallback,
)

from benchmarks.work import LONGEST_SOURCE, Work, spread
from t5study.base.device import resolve_precision, usual_device
from t5study.data.encoding import Seq2SeqCollator
from t5study.experiments.recipes import Recipe
from t5study.training.acceleration import speed_up
from t5study.training.callbacks import Pace
from t5study.training.loop import StudyTrainer
from t5study.training.losses import seq2seq_loss
from t5study.training.plan import UpdatePlan

if TYPE_CHECKING:
    from benchmarks.measure import Clock

BATCH = 128
LEARNING_RATE = 3e-4
"""The report's."""

TOKENS_AT_ONCE = 4096
"""Tokens of a micro-batch of the study's trainer, as in a recipe that does not say otherwise."""

LOOP, OURS, OURS_PADDED = "loop", "ours", "ours-padded"


@dataclass(frozen=True)
class Peer:
    """A way of training with Seq2SeqTrainer.

    `rows` are its batch size, by task where it differs; `grouped` says that a batch holds texts of
    nearly one length.
    """

    title: str
    rows: dict[str, int]
    pad_to_maximum: bool = False
    grouped: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)


# Where the hardware computes no bf16 it is emulated, a hundred times slower than fp32: the best
# that a peer can do there is fp32, and the study's trainer takes the same (see `doctor`).
_TUNED = {"bf16": resolve_precision("auto") == "bf16"}
_SMALL = {"any": 8}
# On two cores the fastest of 16 to 128 rows on emotion, where 128 are a whole update; on IMDB 8, 16
# and 32 are told apart by no more than repeats are. A GPU takes 32 of any length.
_LARGE = {"any": 32} if torch.cuda.is_available() else {"any": 128, "imdb": 16}
_LOOP_ROWS = {"any": 32, "imdb": 8}

PEERS = {
    "recipe": Peer(
        "report's recipe: 512 tokens, fp32, 8 × 16",
        _SMALL,
        pad_to_maximum=True,
        arguments={"optim": "adamw_torch"},
    ),
    "default": Peer("Seq2SeqTrainer, defaults", _SMALL),
    "tuned": Peer("Seq2SeqTrainer, tuned", _LARGE, grouped=True, arguments=_TUNED),
    "compiled": Peer(
        "Seq2SeqTrainer, tuned, compiled",
        _LARGE,
        grouped=True,
        arguments=_TUNED | {"torch_compile": True},
    ),
}
TITLES = {
    "recipe": PEERS["recipe"].title,
    LOOP: "a plain loop, fp32, AdamW",
    **{name: peer.title for name, peer in PEERS.items() if name != "recipe"},
    OURS_PADDED: "this study, a row for each text",
    OURS: "this study",
}
COMPILING = ("compiled", OURS_PADDED, OURS)

# Examples that are run for an update on a CPU: fewer than it has where it would take minutes, twice
# as many where one batch is all of it, so that the batches are not of one length alone. The clock
# scales them to the update (see `measure.Clock`).
_EXAMPLES = {
    "emotion": {"recipe": 8, "default": 32, LOOP: 64, "tuned": 256, "compiled": 256},
    "imdb": {"recipe": 8, "default": 16, LOOP: 16, "tuned": 32, "compiled": 32},
}


def examples_run(name: str, task: str) -> int:
    """Return how many examples are run for a measured update."""
    return BATCH if torch.cuda.is_available() else _EXAMPLES.get(task, {}).get(name, BATCH)


def packs(name: str) -> bool:
    """Whether short texts share rows."""
    return name == OURS and usual_device() == "cpu"


def run(
    name: str, work: Work, model: PreTrainedModel, updates: int, folder: Path, clock: Clock
) -> None:
    """Do so many updates by a method, each timed by the clock."""
    if name == LOOP:
        plain_loop(work, model, updates, clock)
    else:
        build = _peer if name in PEERS else _ours
        _watched(build(name, work, model, updates, folder), clock).train()


def _chosen(name: str, work: Work, updates: int) -> list[np.ndarray]:
    """Return the rows of each update, their lengths spread like those of all, so that few do.

    A method that groups by length gets batches of neighbours, spread in the same way.
    """
    count, peer = examples_run(name, work.name), PEERS.get(name)
    neighbours = _rows(peer.rows, work.name) if peer and peer.grouped else 1
    lengths = work.encoded.source_lengths
    return [spread(lengths, count, neighbours, step) for step in range(updates)]


def _rows(rows: dict[str, int], task: str) -> int:
    return rows.get(task, rows["any"])


def plain_loop(work: Work, model: PreTrainedModel, updates: int, clock: Clock) -> None:
    """Train as a tutorial does: random batches padded to their longest text, float32, AdamW."""
    device = torch.device(usual_device())
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    collate, rows = DataCollatorForSeq2Seq(work.tokenizer), _rows(_LOOP_ROWS, work.name)
    clock.begin()
    for update in _chosen(LOOP, work, updates):
        data = work.data.select(update)
        for batch in DataLoader(data, rows, shuffle=True, collate_fn=collate):
            batch = batch.to(device)
            loss = model(**batch).loss * len(batch["labels"]) / len(update)
            loss.backward()
            clock.saw(batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        clock.end()
        clock.begin()


def _watched(trainer: Trainer, clock: Clock) -> Trainer:
    """Let a clock time a trainer's updates."""
    step = trainer.training_step

    def seen(model: torch.nn.Module, inputs: dict[str, Any], *rest: Any) -> torch.Tensor:
        batches = inputs.get("micro_batches", [inputs])
        loss = step(model, inputs, *rest)
        clock.saw(*batches)
        return loss

    trainer.training_step = seen
    trainer.add_callback(_Watch(clock))
    return trainer


class _Watch(TrainerCallback):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Wait for the turn of the first update."""
        self.clock.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End an update and wait for the next turn.

        After the last update too: what a process does when it ends would slow the others down.
        """
        self.clock.end()
        self.clock.begin()


def _ours(name: str, work: Work, model: PreTrainedModel, updates: int, folder: Path) -> Trainer:
    pad_id, never = work.tokenizer.pad_token_id, 10**9
    plan = UpdatePlan(
        encoded=work.encoded,
        collator=Seq2SeqCollator(pad_id, start_id=pad_id),
        batch_size=BATCH,
        epochs=-(-updates * BATCH // len(work.encoded)),
        seed=0,
        tokens_per_micro_batch=TOKENS_AT_ONCE,
        cutting="shared rows" if packs(name) else "buckets",
    )
    speed_up(model, True, packs(name))
    recipe = Recipe(learning_rate=LEARNING_RATE).resolved()
    pace = Pace(evaluate_every=never, save_every=never, log_every=never)
    trainer = StudyTrainer(model, plan, seq2seq_loss, lambda _: {"loss": 0.0}, recipe, pace, folder)
    trainer.args.max_steps = updates
    # As with the peers: what workers make while others have their turn would not be timed.
    trainer.args.dataloader_num_workers = 0
    return trainer


def _peer(name: str, work: Work, model: PreTrainedModel, updates: int, folder: Path) -> Trainer:
    peer, chosen = PEERS[name], _chosen(name, work, updates)
    rows = _rows(peer.rows, work.name)
    to_longest = DataCollatorForSeq2Seq(work.tokenizer)
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=len(chosen[0]) // rows,
        max_steps=updates,
        learning_rate=LEARNING_RATE,
        train_sampling_strategy="sequential",
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **peer.arguments,
    )
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=work.data.select(np.concatenate(chosen)),
        data_collator=_to_maximum(work) if peer.pad_to_maximum else to_longest,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _to_maximum(work: Work) -> Callable[[list[dict]], dict]:
    """Pad sources to the maximum and labels to the longest, as the report's data set does."""

    def collate(rows: list[dict]) -> dict:
        labels = [row["labels"] for row in rows]
        longest = max(map(len, labels))
        batch = work.tokenizer.pad(
            [{"input_ids": row["input_ids"]} for row in rows],
            padding="max_length",
            max_length=LONGEST_SOURCE,
            return_tensors="pt",
        )
        return dict(batch) | {
            "labels": torch.tensor([ids + [-100] * (longest - len(ids)) for ids in labels])
        }

    return collate
