"""One training loop for fine-tuning and pre-training, on transformers' Trainer.

The Trainer keeps the loop, mixed precision, processes and checkpoints. What is ours: an item of
its data loader is one whole update (a list of micro-batches), losses are summed and divided by the
items of the whole update, random numbers depend on seed and step alone, and a checkpoint appears
whole or not at all. So 16 x 1, 1 x 16 and two processes give the same gradient, and a run that was
killed continues to the numbers it would have reached.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors.torch
import torch
from accelerate.utils import gather_object
from safetensors import SafetensorError
from torch.utils.data import DataLoader, SequentialSampler
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    get_scheduler,
)
from transformers.optimization import Adafactor

from t5study.base.checksums import write_checksums
from t5study.base.errors import StudyError
from t5study.base.memory import is_out_of_memory
from t5study.data.batches import split_batch
from t5study.models.loading import quiet
from t5study.runs.provenance import usual_device
from t5study.runs.record import RESULT_VERSION
from t5study.training.acceleration import return_memory
from t5study.training.adafactor import BatchedAdafactor
from t5study.training.checkpointing import (
    best_of,
    evaluations,
    exhausted,
    latest_with_best,
    step_of,
)

SumLoss = Callable[[torch.nn.Module, dict[str, torch.Tensor]], torch.Tensor]
"""(model, micro-batch) -> sum of the losses of its items."""

_MADE_WITH = "made_with.json"

GROWN, LARGE = 10.0, 3.0
"""A loss that is so many times its first value, or times `LARGE` where it began lower, diverges."""

MEMORY_EVERY = 16
"""Updates between two returns of memory: one costs a twentieth of a second and its page faults."""

log = logging.getLogger(__name__)


class Plan(Protocol):
    """Updates by step, and whose share of each this process takes; see `batches.UpdatePlan`."""

    rank: int
    world_size: int

    def __len__(self) -> int: ...

    def __getitem__(self, step: int) -> dict[str, Any]: ...


@dataclass(frozen=True)
class EngineSettings:
    """What the loop needs to know; a recipe says it for fine-tuning and for pre-training."""

    seed: int
    learning_rate: float
    precision: str = "fp32"
    optimizer: str = "adamw"
    schedule: str = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    evaluate_every: int = 100
    save_every: int = 100
    log_every: int = 10
    keep_checkpoints: int = 5
    patience: int | None = None

    def decisive(self) -> dict[str, Any]:
        """Return what a later update depends on: a checkpoint made with other values is refused."""
        free = ("evaluate_every", "save_every", "log_every", "keep_checkpoints", "patience")
        return {name: value for name, value in asdict(self).items() if name not in free}


def mixed(precision: str) -> contextlib.AbstractContextManager:
    """Return the context in which a forward pass runs in "bf16", or in "fp32" as it is."""
    return torch.autocast(usual_device(), torch.bfloat16, enabled=precision == "bf16")


def seq2seq_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the cross-entropy summed over the label tokens of a micro-batch."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    # A cache serves generation; in training it makes a compiled block one graph a layer.
    logits = model(**inputs, use_cache=False).logits
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, -2).float(), batch["labels"].flatten(), reduction="sum"
    )


def classification_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the cross-entropy (or squared error, for float labels) summed over the texts."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    if batch["labels"].is_floating_point():
        kept = batch["labels"] != -100.0
        return ((logits.float().squeeze(-1) - batch["labels"]) ** 2)[kept].sum()
    return torch.nn.functional.cross_entropy(logits.float(), batch["labels"], reduction="sum")


def build_optimizer(model: torch.nn.Module, settings: EngineSettings) -> torch.optim.Optimizer:
    """Return AdamW or Adafactor over the report's two parameter groups.

    The report exempts names containing "bias" or "LayerNorm.weight" from weight decay. T5 calls
    its norms `layer_norm.weight`, so the second name never matches; with the report's weight
    decay of 0 this changes nothing, and the groups are kept as they were.
    """
    exempt = ("bias", "LayerNorm.weight")
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for name, p in named if not any(e in name for e in exempt)],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for name, p in named if any(e in name for e in exempt)], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimizer == "adafactor":
        # Fixed step size relative to the parameter's scale: Shazeer & Stern 2018, section 8,
        # with the schedule left to the recipe.
        # The library's own step is the faster one on a CPU, where nothing waits for a launch.
        adafactor = BatchedAdafactor if torch.cuda.is_available() else Adafactor
        return adafactor(
            groups, lr=settings.learning_rate, scale_parameter=True, relative_step=False
        )
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, eps=settings.adam_epsilon, fused=True
    )


@dataclass
class Stopwatch(TrainerCallback):
    """Seconds of training, waiting for data included; evaluation and checkpoints left out."""

    seconds: float = 0.0
    _started: float = field(default=0.0, repr=False)

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Start the clock before the first update is made."""
        self._started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Count an update, from the end of what was before it."""
        now = time.perf_counter()
        self.seconds += now - self._started
        self._started = now

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        """Leave an evaluation out."""
        self._started = time.perf_counter()

    def on_save(self, args, state, control, **kwargs) -> None:
        """Leave a checkpoint out."""
        self._started = time.perf_counter()


class _Progress(TrainerCallback):
    """One line a logged step: where the run is, its loss, and how long it will still take.

    The lines go to the package's log: the command line shows them, a notebook does not.
    """

    def __init__(self) -> None:
        self.started, self.first_step = time.perf_counter(), 0

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        self.started, self.first_step = time.perf_counter(), state.global_step

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        done = state.global_step - self.first_step
        if not done or not state.is_world_process_zero:
            return
        left = (time.perf_counter() - self.started) / done * (state.max_steps - state.global_step)
        losses = {"loss": "loss", "eval_loss": "validation loss"}
        shown = [f"{label} {logs[name]:.4f}" for name, label in losses.items() if name in logs]
        if shown:
            where = f"update {state.global_step} of {state.max_steps}"
            log.info("%s, %s, about %.0f s left", where, ", ".join(shown), left)


class _Memory(TrainerCallback):
    """Freed memory goes back to the system every so many updates, and does not pile up."""

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if args.device.type == "cpu" and state.global_step % MEMORY_EVERY == 0:
            return_memory()


class _Schedule(TrainerCallback):
    """When to log, evaluate, save and stop early: by step, and at the last step."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings

    def on_step_end(self, args, state, control, **kwargs) -> None:
        step, last = state.global_step, state.global_step >= state.max_steps
        control.should_evaluate = last or step % self.settings.evaluate_every == 0
        control.should_save = last or step % self.settings.save_every == 0
        # Logging with every save keeps the window of the averaged loss the same after a resume.
        control.should_log = (
            control.should_save or control.should_evaluate or step % self.settings.log_every == 0
        )

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        if exhausted(evaluations(state.log_history), self.settings.patience):
            control.should_training_stop = True
            control.should_save = True


class StudyTrainer(Trainer):
    """transformers' Trainer over a plan of whole updates.

    `evaluation(model)` returns a dictionary with at least "loss"; the checkpoint with the lowest
    is the one that `train_to_best` loads.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        plan: Plan,
        sum_loss: SumLoss,
        evaluation: Callable[[torch.nn.Module], dict[str, float]],
        settings: EngineSettings,
        folder: Path,
    ) -> None:
        self.plan = plan
        self.sum_loss = sum_loss
        self.evaluation = evaluation
        self.settings = settings
        self.folder = Path(folder)
        self.stopwatch = Stopwatch()
        self.parts = 1
        """Pieces that each micro-batch is cut into, since memory ran out."""
        self.resumed_from = 0
        """Updates that were done before this process began."""
        self._checkpoint: Path | None = None
        self._exchanging = False
        self._first_loss: float | None = None
        """The loss of update 1, in the process life that began there."""
        optimizer = build_optimizer(model, settings)
        schedule = settings.schedule.replace("-", "_")
        if schedule == "constant" and settings.warmup_steps:
            # transformers' constant schedule leaves the warm-up out.
            schedule = "constant_with_warmup"
        scheduler = get_scheduler(
            schedule,
            optimizer,
            num_warmup_steps=settings.warmup_steps,
            num_training_steps=len(plan),
        )
        super().__init__(
            model=model,
            args=_training_arguments(settings, self.folder, len(plan)),
            train_dataset=plan,
            callbacks=[_Schedule(settings), self.stopwatch, _Progress(), _Memory()],
            optimizers=(optimizer, scheduler),
        )
        self.remove_callback(PrinterCallback)
        if (plan.rank, plan.world_size) != (self.args.process_index, self.args.world_size):
            raise StudyError(
                f"RANK and WORLD_SIZE say process {plan.rank} of {plan.world_size}, but this is "
                f"process {self.args.process_index} of {self.args.world_size}: start several "
                "processes with torchrun, or unset RANK and WORLD_SIZE"
            )

    def get_train_dataloader(self) -> DataLoader:
        """Yield updates in order of their step; the plan has already shared them out."""
        return DataLoader(
            self.plan,
            batch_size=1,
            sampler=SequentialSampler(self.plan),
            collate_fn=_only,
            num_workers=self.args.dataloader_num_workers,
        )

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """Accumulate the gradient of one update; return its mean loss per item.

        Where memory runs out the micro-batches of this and all later updates are halved and the
        update is done again: its examples, and so its gradient, stay the same.
        """
        model.train()
        while True:
            try:
                total = self._accumulate(model, inputs)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(inputs["micro_batches"])
            else:
                now = self.state.global_step + 1
                self._refuse_no_number("loss", total.item(), f"at update {now}")
                if now == 1:
                    self._first_loss = float(self.accelerator.gather(total).mean())
                return total
            # Only here has the error, and with it what the failed pass had computed, gone.
            model.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _accumulate(self, model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
        seed = update_seed(self.settings.seed, self.state.global_step, self.args.process_index)
        torch.manual_seed(seed)
        micro_batches = [
            part
            for batch in inputs["micro_batches"]
            for part in split_batch(batch, min(self.parts, len(batch["input_ids"])))
        ]
        several = self.args.world_size > 1
        if several:
            # From the last forward pass on the processes wait for each other's gradients, and
            # nothing can be done again. In fine-tuning the smallest micro-batch comes last then.
            micro_batches.reverse()
        # Each process averages its gradient with the others', hence the factor.
        scale = self.args.world_size / inputs["items"]
        total = torch.zeros((), device=self.args.device)
        for number, batch in enumerate(micro_batches, start=1):
            is_last = number == len(micro_batches)
            with contextlib.nullcontext() if is_last else self.accelerator.no_sync(model):
                self._exchanging = False
                armed = model.register_forward_hook(self._arm) if several and is_last else None
                with armed or contextlib.nullcontext(), self.compute_loss_context_manager():
                    loss = self.sum_loss(model, self._prepare_inputs(batch)) * scale
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _arm(self, *_: Any) -> None:
        """Note that the model, whose forward pass has ended, waits for an exchange."""
        self._exchanging = True

    def _halve(self, micro_batches: list[dict[str, torch.Tensor]]) -> None:
        rows = max(len(batch["input_ids"]) for batch in micro_batches)
        if self._exchanging:
            raise StudyError(
                f"process {self.args.process_index} ran out of memory at update "
                f"{self.state.global_step + 1}: lower tokens_per_micro_batch and run the same "
                "command again, it continues from the last checkpoint"
            ) from None
        if self.parts >= rows:
            length = max(batch["input_ids"].shape[1] for batch in micro_batches)
            raise StudyError(
                f"one text of {length} tokens does not fit into memory beside the model: lower "
                "max_source_length, set gradient_checkpointing, or take a smaller model"
            ) from None
        self.parts *= 2
        log.warning(
            "out of memory at update %d: micro-batches cut into %d, the update stays whole",
            self.state.global_step + 1,
            self.parts,
        )

    def _refuse_no_number(self, name: str, loss: float, when: str) -> None:
        if not math.isfinite(loss):
            raise StudyError(
                f"the {name} is {loss} {when}: {self._likely_cause()}; the checkpoints before it "
                "are kept"
            )

    def _likely_cause(self) -> str:
        rate = self.settings.learning_rate
        return f"the likely cause is the learning rate {rate:g}, lower it in the recipe"

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, and stop a run whose loss has left all bounds though it is still a number."""
        super().log(logs, *args, **kwargs)
        if "loss" not in logs:
            return
        first = self._first_loss
        if first is None:
            first = next(row["loss"] for row in self.state.log_history if "loss" in row)
        if logs["loss"] > GROWN * max(first, LARGE):
            raise StudyError(
                f"the loss has grown from {first:.3g} to {logs['loss']:.3g} at update "
                f"{self.state.global_step}: {self._likely_cause()}"
            )

    def evaluate(self, *args, **kwargs) -> dict[str, float]:
        """Run the evaluation and log it with the prefix `eval_`."""
        self.model.eval()
        metrics = {f"eval_{name}": value for name, value in self.evaluation(self.model).items()}
        when = f"after update {self.state.global_step}"
        self._refuse_no_number("validation loss", metrics["eval_loss"], when)
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def train_to_best(self) -> dict[str, Any]:
        """Train, or continue from the last whole checkpoint, and load the best weights.

        Returns {"best_step": int, "best_loss": float, "resumed_from": int}.
        """
        self.find_start(latest_with_best)
        self.train_from_start()
        step, loss = best_of(evaluations(self.state.log_history))
        weights = self.folder / f"checkpoint-{step}" / "model.safetensors"
        safetensors.torch.load_model(self.model, weights)
        return {"best_step": step, "best_loss": loss, "resumed_from": self.resumed_from}

    def find_start(self, newest: Callable[[Path], Path | None]) -> None:
        """Settle where to begin: at the checkpoint that `newest` finds, or from the first update.

        It is the same in all processes and was made as this run is. Raises StudyError where it was
        made with other settings or other code, or where the processes share no folder.
        """
        if self.args.world_size > 1:
            self._refuse_unshared_folder()
        with self.accelerator.main_process_first():
            self._checkpoint = newest(self.folder)
        if self._checkpoint is not None:
            self.resumed_from = step_of(self._checkpoint)
            parts = self._agreed(self._checkpoint)["parts"]
            # Earlier code kept one number, that of the first process.
            parts = parts if isinstance(parts, list) else [parts]
            mine = self.args.process_index
            # With another number of processes, each takes what had to suffice for the worst.
            self.parts = parts[mine] if len(parts) == self.args.world_size else max(parts)

    def train_from_start(self) -> None:
        """Train from where `find_start` has settled to begin, to the end."""
        start = self._checkpoint
        if start is not None:
            self.state = TrainerState.load_from_json(str(start / "trainer_state.json"))
        # A run that had stopped early would be trained on: the Trainer keeps no stop.
        if not exhausted(evaluations(self.state.log_history), self.settings.patience):
            try:
                with quiet():
                    self.train(resume_from_checkpoint=str(start) if start else None)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                raise StudyError(
                    f"memory ran out beside the batches of update {self.state.global_step + 1}: "
                    "take the optimizer adafactor, set gradient_checkpointing, or take a smaller "
                    "model; the checkpoints before it are kept"
                ) from error

    def _refuse_unshared_folder(self) -> None:
        (token,) = gather_object([uuid.uuid4().hex])[:1]
        mark = self.folder / f".shared-{token}"
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        self.accelerator.wait_for_everyone()
        shared = all(gather_object([mark.is_file()]))
        if self.accelerator.is_main_process:
            mark.unlink()
        if not shared:
            raise StudyError(
                f"not all processes see the same {self.folder}: name a folder with --out that all "
                "machines share"
            )

    def _agreed(self, checkpoint: Path) -> dict[str, Any]:
        path = checkpoint / _MADE_WITH
        made_with = json.loads(path.read_text()) if path.is_file() else {}
        own = self._made_with()
        other = sorted(name for name in own if made_with.get(name) != own[name])
        if other:
            raise StudyError(
                f"{checkpoint} was made with another {', '.join(other)}: remove "
                f"{checkpoint.parent} to begin anew, or run what it belongs to"
            )
        return made_with

    def _made_with(self) -> dict[str, Any]:
        return {
            **self.settings.decisive(),
            "updates": len(self.plan),
            "code": RESULT_VERSION,
        }

    def _save_checkpoint(self, model, trial) -> None:
        """Write a checkpoint beside its place, with checksums, and move it there whole."""
        staging = self.folder / ".staging"
        parts = gather_object([self.parts])
        if self.args.should_save:
            shutil.rmtree(staging, ignore_errors=True)
        self.args.output_dir = str(staging)
        try:
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                self._move_in_place(staging, self._made_with() | {"parts": parts})
        # A full disk shows as any of these, by the library that was writing.
        except (OSError, SafetensorError, RuntimeError) as error:
            shutil.rmtree(staging, ignore_errors=True)
            if isinstance(error, RuntimeError) and not _is_of_writing(error):
                raise
            raise StudyError(
                f"the checkpoint of update {self.state.global_step} cannot be written "
                f"({error}): free some space and run the same command again, it continues from "
                "the checkpoint before"
            ) from error
        finally:
            self.args.output_dir = str(self.folder)
        # No process may look for a checkpoint that is still being written.
        self.accelerator.wait_for_everyone()

    def _move_in_place(self, staging: Path, made_with: dict[str, Any]) -> None:
        name = f"checkpoint-{self.state.global_step}"
        # A pickle that nothing here reads, and that names paths of the machine.
        (staging / name / "training_args.bin").unlink(missing_ok=True)
        (staging / name / _MADE_WITH).write_text(json.dumps(made_with))
        write_checksums(staging / name)
        shutil.rmtree(self.folder / name, ignore_errors=True)
        os.replace(staging / name, self.folder / name)
        staging.rmdir()
        self._prune()

    def _prune(self) -> None:
        """Keep the best checkpoints by validation loss, and two to resume from.

        Should the newest be damaged, there is the one before it.
        """
        losses = evaluations(self.state.log_history)
        ranked = sorted(losses, key=lambda step: (losses[step], step))
        kept = {step_of(folder): folder for folder in self.folder.glob("checkpoint-*")}
        wanted = {*ranked[: self.settings.keep_checkpoints], *sorted(kept)[-2:]}
        for step in kept.keys() - wanted:
            shutil.rmtree(kept[step])

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing to save: random numbers depend on seed and step alone."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing to load: random numbers depend on seed and step alone."""


def update_seed(seed: int, step: int, process: int = 0) -> int:
    """Return the seed of the random numbers (dropout) of one update in one process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


def _is_of_writing(error: RuntimeError) -> bool:
    # How torch's writer of files tells that it could not write.
    return "PytorchStreamWriter" in str(error) or "inline_container" in str(error)


def _only(items: list[dict[str, Any]]) -> dict[str, Any]:
    return items[0]


def _training_arguments(settings: EngineSettings, folder: Path, steps: int) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=settings.seed,
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        ddp_find_unused_parameters=False,
        # No buffer is learnt, and one process may do its forward pass again, where memory ran out.
        ddp_broadcast_buffers=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        # A GPU must not wait for the processor to make the next update; on a CPU they share cores.
        dataloader_num_workers=4 if torch.cuda.is_available() else 0,
    )
    # Several GPUs take torchrun. By itself the Trainer would share each micro-batch out among them
    # by DataParallel, which leaves mixed precision out.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
