"""The ways of training that are compared, each through transformers' Trainer.

All see the same rows with the same model and the same effective batch of 128 examples. A peer is
run as it is, and with its gradient accumulation mended: T5's forward takes `**kwargs`, so Trainer
leaves the division by the number of accumulated items to a model that ignores it, and the gradient
of 16 accumulated batches comes out about 16 times too large. Mending changes what is learnt, not
the work that is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedModel,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
)

from benchmarks.work import LONGEST_SOURCE, PRETRAINING, Work
from t5study.acceleration import speed_up
from t5study.batches import Seq2SeqCollator, UpdatePlan
from t5study.engine import EngineSettings, StudyTrainer, resolve_precision, seq2seq_loss

BATCH = 128
LEARNING_RATE = 3e-4
OURS = "ours"


@dataclass(frozen=True)
class Peer:
    """A way of training with Seq2SeqTrainer.

    `measured` is the number of accumulated batches of an update that are run where a whole update
    takes minutes; the clock scales them up to the update (see `measure.Clock`).
    """

    title: str
    rows: int
    mended: bool = False
    pad_to_longest: bool = False
    measured: dict[str, int] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def accumulated(self) -> int:
        """Batches of `rows` in one update of the effective batch."""
        return BATCH // self.rows


# Where the hardware computes no bf16 it is emulated, a hundred times slower than fp32: the best
# that a peer can do there is fp32, and the study's trainer takes the same (see `doctor`).
_TUNED = {
    "bf16": resolve_precision("auto") == "bf16",
    "train_sampling_strategy": "group_by_length",
}
_COMPILED = _TUNED | {"torch_compile": True}
_LONG = {PRETRAINING: 1}
_SLOW = {"imdb": 4, PRETRAINING: 2}

PEERS = {
    "recipe": Peer(
        "report's recipe: 512 tokens, fp32, 8 × 16",
        8,
        # Lightning, which the report used, divides as it should.
        mended=True,
        pad_to_longest=True,
        measured={"imdb": 2, "emotion": 2},
        arguments={"optim": "adamw_torch"},
    ),
    "default": Peer("Seq2SeqTrainer, defaults", 8, measured=_SLOW),
    "default-mended": Peer("Seq2SeqTrainer, defaults, mended", 8, mended=True, measured=_SLOW),
    "tuned": Peer("Seq2SeqTrainer, tuned", 32, measured=_LONG, arguments=_TUNED),
    "tuned-mended": Peer(
        "Seq2SeqTrainer, tuned, mended", 32, mended=True, measured=_LONG, arguments=_TUNED
    ),
    "compiled": Peer("Seq2SeqTrainer, tuned, compiled", 32, measured=_LONG, arguments=_COMPILED),
    "compiled-mended": Peer(
        "Seq2SeqTrainer, tuned, compiled, mended",
        32,
        mended=True,
        measured=_LONG,
        arguments=_COMPILED,
    ),
}
TITLES = {name: peer.title for name, peer in PEERS.items()} | {OURS: "this study"}


@dataclass(frozen=True)
class Run:
    """A trainer ready to train; the clock scales an update's batches by `scale`."""

    trainer: Trainer
    scale: float


def build(
    name: str, work: Work, updates: int, folder: Path, seed: int = 0, whole: bool = False
) -> Run:
    """Return the trainer of a method for so many updates; `whole` forbids shortened updates."""
    model = work.model(seed)
    if name == OURS:
        return Run(_ours(work, model, updates, folder, seed), 1.0)
    peer = PEERS[name]
    measured = peer.accumulated if whole else peer.measured.get(work.name, peer.accumulated)
    trainer = _peer(peer, work, model, updates, folder, seed, measured)
    return Run(trainer, peer.accumulated / measured)


class _Unsaved(StudyTrainer):
    """The study's trainer without checkpoints, which no peer writes here either."""

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write nothing."""


def _ours(
    work: Work, model: PreTrainedModel, updates: int, folder: Path, seed: int
) -> StudyTrainer:
    precision = resolve_precision("auto")
    pad_id = work.tokenizer.pad_token_id
    speed_up(model, compiled=True)
    plan = UpdatePlan(
        work.encoded,
        Seq2SeqCollator(pad_id, start_id=pad_id),
        batch_size=BATCH,
        epochs=-(-updates * BATCH // len(work.encoded)),
        seed=seed,
        tokens_per_micro_batch=8192,
    )
    settings = EngineSettings(
        seed=seed,
        learning_rate=LEARNING_RATE,
        precision=precision,
        evaluate_every=10**9,
        save_every=10**9,
        log_every=10**9,
    )
    trainer = _Unsaved(model, plan, seq2seq_loss, lambda _: {"loss": 0.0}, settings, folder)
    trainer.args.max_steps = updates
    return trainer


def _peer(
    peer: Peer,
    work: Work,
    model: PreTrainedModel,
    updates: int,
    folder: Path,
    seed: int,
    accumulated: int,
) -> Seq2SeqTrainer:
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=peer.rows,
        gradient_accumulation_steps=accumulated,
        max_steps=updates,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        weight_decay=0.0,
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **peer.arguments,
    )
    collator = DataCollatorForSeq2Seq(
        work.tokenizer,
        # With the model at hand the collator makes decoder_input_ids, which a loss outside of the
        # model needs.
        model=model,
        padding="max_length" if peer.pad_to_longest else True,
        max_length=LONGEST_SOURCE if peer.pad_to_longest else None,
    )
    data = work.encoded.data.with_format(None).select_columns(["source", "target"])
    data = data.rename_columns({"source": "input_ids", "target": "labels"})
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        data_collator=collator if not peer.pad_to_longest else _short_labels(collator),
        compute_loss_func=_mended_loss if peer.mended else None,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _short_labels(collator: DataCollatorForSeq2Seq) -> Callable[[list[dict]], dict]:
    """Pad sources to the maximum and labels to two tokens, as the report's data set does."""

    def collate(rows: list[dict]) -> dict:
        labels = [row["labels"] for row in rows]
        longest = max(map(len, labels))
        batch = collator.tokenizer.pad(
            [{"input_ids": row["input_ids"]} for row in rows],
            padding="max_length",
            max_length=collator.max_length,
            return_tensors="pt",
        )
        batch["labels"] = torch.tensor([ids + [-100] * (longest - len(ids)) for ids in labels])
        batch["decoder_input_ids"] = collator.model.prepare_decoder_input_ids_from_labels(
            labels=batch["labels"]
        )
        return batch

    return collate


def _mended_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any) -> torch.Tensor:
    total = torch.nn.functional.cross_entropy(
        outputs.logits.flatten(0, -2).float(), labels.flatten(), reduction="sum"
    )
    return total / num_items_in_batch
