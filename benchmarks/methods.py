"""The ways of training that are compared, each through transformers' Trainer.

All see the same rows with the same model and the same effective batch of 128 examples. A peer is
run as it is, and with its gradient accumulation mended: T5's forward takes `**kwargs`, so Trainer
leaves the division by the number of accumulated items to a model that ignores it, and the gradient
of 16 accumulated batches comes out about 16 times too large. Mending changes what is learnt, not
the work that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedModel,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
)

from benchmarks.work import LONGEST_SOURCE, PRETRAINING, Work, spread
from t5study.base.precision import resolve_precision
from t5study.data.batches import Seq2SeqCollator, UpdatePlan
from t5study.runs.provenance import usual_device
from t5study.training.acceleration import speed_up
from t5study.training.loop import EngineSettings, StudyTrainer, seq2seq_loss

BATCH = 128
TOKENS_AT_ONCE = 4096
"""Tokens of a micro-batch of the study's trainer, as in a recipe that does not say otherwise."""
OURS, OURS_PADDED = "ours", "ours-padded"


@dataclass(frozen=True)
class Peer:
    """A way of training with Seq2SeqTrainer.

    `rows` are its batch size, by task where it differs; `grouped` says that a batch holds texts of
    nearly one length.
    """

    title: str
    rows: dict[str, int]
    mended: bool = False
    pad_to_maximum: bool = False
    grouped: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)

    def rows_of(self, task: str) -> int:
        """Return the batch size on a task."""
        return self.rows.get(task, self.rows["any"])


# Where the hardware computes no bf16 it is emulated, a hundred times slower than fp32: the best
# that a peer can do there is fp32, and the study's trainer takes the same (see `doctor`).
_TUNED = {"bf16": resolve_precision("auto") == "bf16"}
_COMPILED = _TUNED | {"torch_compile": True}
_SMALL = {"any": 8}
# On two cores the fastest of 16 to 128 rows on emotion, where 128 are a whole update; on IMDB 8, 16
# and 32 are told apart by no more than repeats are. A GPU takes 32 of any length.
_LARGE = {"any": 32} if torch.cuda.is_available() else {"any": 128, "imdb": 16, PRETRAINING: 8}

PEERS = {
    "recipe": Peer(
        "report's recipe: 512 tokens, fp32, 8 × 16",
        _SMALL,
        # Lightning, which the report used, divides as it should.
        mended=True,
        pad_to_maximum=True,
        arguments={"optim": "adamw_torch"},
    ),
    "default": Peer("Seq2SeqTrainer, defaults", _SMALL),
    "default-mended": Peer("Seq2SeqTrainer, defaults, mended", _SMALL, mended=True),
    "tuned": Peer("Seq2SeqTrainer, tuned", _LARGE, grouped=True, arguments=_TUNED),
    "tuned-mended": Peer(
        "Seq2SeqTrainer, tuned, mended", _LARGE, mended=True, grouped=True, arguments=_TUNED
    ),
    "compiled": Peer("Seq2SeqTrainer, tuned, compiled", _LARGE, grouped=True, arguments=_COMPILED),
    "compiled-mended": Peer(
        "Seq2SeqTrainer, tuned, compiled, mended",
        _LARGE,
        mended=True,
        grouped=True,
        arguments=_COMPILED,
    ),
}
TITLES = {name: peer.title for name, peer in PEERS.items()} | {
    OURS_PADDED: "this study, a row for each text",
    OURS: "this study",
}
COMPILING = ("compiled", "compiled-mended", OURS_PADDED, OURS)

# Examples that are run for an update on a CPU: fewer than it has where it would take minutes, twice
# as many where one batch is all of it, so that the batches are not of one length alone. The clock
# scales them to the update (see `measure.Clock`).
_EXAMPLES = {
    "emotion": {"recipe": 8, "default": 32, "tuned": 256, "compiled": 256},
    "imdb": {"recipe": 8, "default": 16, "tuned": 32, "compiled": 32},
    PRETRAINING: {"default": 8, "tuned": 8, "compiled": 8, OURS: 8},
}


def examples_run(name: str, task: str) -> int:
    """Return how many examples are run for a measured update."""
    if torch.cuda.is_available():
        return BATCH
    return _EXAMPLES.get(task, {}).get(name.removesuffix("-mended"), BATCH)


@dataclass(frozen=True)
class Run:
    """A trainer ready to train; the clock scales an update's batches by `scale`."""

    trainer: Trainer
    scale: float


def build(name: str, work: Work, updates: int, folder: Path, seed: int = 0) -> Trainer:
    """Return the trainer of a method for so many whole updates, with the data in its own order."""
    if name == OURS:
        plan = UpdatePlan(**_plan(work, updates, seed))
        return _ours(work, plan, updates, folder, compiled=False)
    grouping = {"train_sampling_strategy": "group_by_length"} if PEERS[name].grouped else {}
    return _peer(name, work, work.data, updates, BATCH, folder, seed, grouping)


def build_measured(name: str, work: Work, updates: int, folder: Path) -> Run:
    """Return the trainer of a method for updates that are measured.

    Each is made of examples whose lengths are spread like the data's, so that a few are enough;
    a method that groups by length gets batches of neighbours, spread in the same way.
    """
    count = examples_run(name, work.name)
    grouped = name in PEERS and PEERS[name].grouped
    rows = PEERS[name].rows_of(work.name) if grouped else 1
    chosen = [spread(work.encoded.source_lengths, count, rows, step) for step in range(updates)]
    if name not in PEERS:
        settings = _plan(work, updates, 0) | {"batch_size": count}
        settings["packing"] &= name == OURS
        trainer = _ours(work, _Chosen(**settings, chosen=chosen), updates, folder, compiled=True)
    else:
        data = work.data.select(np.concatenate(chosen))
        order = {"train_sampling_strategy": "sequential"}
        trainer = _peer(name, work, data, updates, count, folder, 0, order)
    return Run(trainer, BATCH / count)


@dataclass(frozen=True)
class _Chosen(UpdatePlan):
    """A plan whose updates are given rows."""

    chosen: Sequence[np.ndarray] = ()

    def rows(self, step: int) -> np.ndarray:
        """Return the rows given for an update."""
        return self.chosen[step]

    def __len__(self) -> int:
        return len(self.chosen)


class _Unsaved(StudyTrainer):
    """The study's trainer without checkpoints, which no peer writes here either."""

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write nothing."""


def unsaved(
    model: PreTrainedModel,
    plan: UpdatePlan,
    updates: int,
    folder: Path,
    learning_rate: float = 3e-4,
) -> StudyTrainer:
    """Return the study's trainer for so many updates, in this machine's best precision.

    It keeps nothing and evaluates nothing. The learning rate is the report's.
    """
    never = 10**9
    settings = EngineSettings(
        seed=plan.seed,
        learning_rate=learning_rate,
        precision=resolve_precision("auto"),
        evaluate_every=never,
        save_every=never,
        log_every=never,
    )
    trainer = _Unsaved(model, plan, seq2seq_loss, lambda _: {"loss": 0.0}, settings, folder)
    trainer.args.max_steps = updates
    # As with the peers: what workers prepare while others have their turn would not be timed.
    trainer.args.dataloader_num_workers = 0
    return trainer


def _plan(work: Work, updates: int, seed: int) -> dict[str, Any]:
    pad_id = work.tokenizer.pad_token_id
    return {
        "encoded": work.encoded,
        "collator": Seq2SeqCollator(pad_id, start_id=pad_id),
        "batch_size": BATCH,
        "epochs": -(-updates * BATCH // len(work.encoded)),
        "seed": seed,
        "tokens_per_micro_batch": TOKENS_AT_ONCE,
        "packing": usual_device() == "cpu",
    }


def _ours(work: Work, plan: UpdatePlan, updates: int, folder: Path, compiled: bool) -> StudyTrainer:
    model = work.model(plan.seed)
    speed_up(model, compiled, plan.packing)
    return unsaved(model, plan, updates, folder, work.learning_rate)


def _peer(
    name: str,
    work: Work,
    data: Dataset,
    updates: int,
    examples: int,
    folder: Path,
    seed: int,
    order: dict[str, str],
) -> Seq2SeqTrainer:
    peer, model = PEERS[name], work.model(seed)
    rows = peer.rows_of(work.name)
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=examples // rows,
        max_steps=updates,
        learning_rate=work.learning_rate,
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
        **order,
    )
    collator = DataCollatorForSeq2Seq(
        work.tokenizer,
        # With the model at hand the collator makes decoder_input_ids, which a loss outside of the
        # model needs.
        model=model,
        padding="max_length" if peer.pad_to_maximum else True,
        max_length=LONGEST_SOURCE if peer.pad_to_maximum else None,
    )
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        data_collator=collator if not peer.pad_to_maximum else _short_labels(collator),
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
