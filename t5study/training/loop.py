"""One training loop for fine-tuning and pre-training, on transformers' Trainer.

The Trainer keeps the loop, mixed precision, processes and checkpoints. What is ours: an item of
its data loader is one whole update (a list of micro-batches), losses are summed and divided by the
items of the whole update, random numbers depend on seed and step alone, and a checkpoint appears
whole or not at all. So 16 x 1, 1 x 16 and two processes give the same gradient, and a run that was
killed continues to the numbers it would have reached.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors.torch
import torch
from accelerate.utils import gather_object
from torch.utils.data import DataLoader, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerState, TrainingArguments

from t5study.base.errors import StudyError
from t5study.base.out_of_memory import is_out_of_memory
from t5study.data.batches import split_batch
from t5study.data.checkpoint_files import ADAPTER
from t5study.experiments.recipes import Optimisation
from t5study.models.loading import quiet
from t5study.runs.record import RESULT_VERSION
from t5study.training.callbacks import Divergence, KeepPace, Pace, Progress, ReturnMemory, Stopwatch
from t5study.training.checkpointing import (
    Checkpoints,
    best_of,
    evaluations,
    exhausted,
    latest_with_best,
    refuse_unshared,
    step_of,
)
from t5study.training.losses import SumLoss
from t5study.training.optimisers import build_optimizer, build_schedule

log = logging.getLogger(__name__)

Validation = Callable[[torch.nn.Module], dict[str, float]]
"""Gives what is measured of a model on held-out rows, with at least "loss"."""


class Plan(Protocol):
    """Updates by step, and whose share of each this process takes; see `plan.UpdatePlan`.

    An update is {"micro_batches": list of dictionaries of tensors, this process's share, "items":
    the loss items of the whole update, over all processes}.
    """

    seed: int
    rank: int
    world_size: int

    def __len__(self) -> int: ...

    def __getitem__(self, step: int) -> dict[str, Any]: ...


class StudyTrainer(Trainer):
    """transformers' Trainer over a plan of whole updates, with checkpoints below `folder`.

    Args:
        sum_loss: what is minimised, a sum over the items of a micro-batch.
        validation: gives "loss"; the checkpoint with the least is the one `train_to_best` loads.
        recipe: of known precision (`resolved`).
    """

    def __init__(
        self,
        model: torch.nn.Module,
        plan: Plan,
        sum_loss: SumLoss,
        validation: Validation,
        recipe: Optimisation,
        pace: Pace,
        folder: Path,
    ) -> None:
        self.plan, self.sum_loss, self.validation = plan, sum_loss, validation
        self.recipe, self.pace, self.folder = recipe, pace, Path(folder)
        self.stopwatch = Stopwatch()
        self.divergence = Divergence(recipe.learning_rate)
        self.checkpoints = Checkpoints(self.folder, _decisive(plan, recipe), pace.keep_checkpoints)
        self.parts = 1
        """Pieces that each micro-batch is cut into, since memory ran out."""
        self.resumed_from = 0
        """Updates that were done before this process began."""
        self._checkpoint: Path | None = None
        self._exchanging = False
        optimizer = build_optimizer(model, recipe)
        super().__init__(
            model=model,
            args=_training_arguments(plan, recipe, self.folder),
            train_dataset=plan,
            callbacks=[KeepPace(pace), self.stopwatch, Progress(), ReturnMemory(), self.divergence],
            optimizers=(optimizer, build_schedule(optimizer, recipe, len(plan))),
        )
        self.remove_callback(PrinterCallback)
        args = self.args
        if (plan.rank, plan.world_size) != (args.process_index, args.world_size):
            raise StudyError(
                f"RANK and WORLD_SIZE say process {plan.rank} of {plan.world_size}, but this is "
                f"process {args.process_index} of {args.world_size}: start several processes with "
                "torchrun, or unset RANK and WORLD_SIZE."
            )

    def get_train_dataloader(self) -> DataLoader:
        """Yield updates in order of their step; the plan has already shared them out."""
        return DataLoader(
            self.plan,
            batch_size=1,
            sampler=SequentialSampler(self.plan),
            collate_fn=itemgetter(0),
            num_workers=self.args.dataloader_num_workers,
        )

    # --- one update

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
                self.divergence.refuse_no_number("loss", total.item(), f"at update {now}")
                if now == 1:
                    self.divergence.first_loss = float(self.accelerator.gather(total).mean())
                return total
            # Only here has the error, and with it what the failed pass had computed, gone.
            model.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _accumulate(self, model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
        seed = update_seed(self.plan.seed, self.state.global_step, self.args.process_index)
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
        update = self.state.global_step + 1
        if self._exchanging:
            raise StudyError(
                f"Process {self.args.process_index} ran out of memory at update {update}: lower "
                "tokens_per_micro_batch and run the same command again, it continues from the last "
                "checkpoint."
            ) from None
        rows, length = (
            max(batch["input_ids"].shape[side] for batch in micro_batches) for side in (0, 1)
        )
        if self.parts >= rows:
            raise StudyError(
                f"One text of {length} tokens does not fit into memory beside the model: lower "
                "max_source_length, set gradient_checkpointing, or take a smaller model."
            ) from None
        self.parts *= 2
        log.warning(
            "out of memory at update %d: micro-batches cut into %d, the update stays whole",
            update,
            self.parts,
        )

    def evaluate(self, *args, **kwargs) -> dict[str, float]:
        """Run the validation and log it with the prefix `eval_`."""
        self.model.eval()
        metrics = {f"eval_{name}": value for name, value in self.validation(self.model).items()}
        when = f"after update {self.state.global_step}"
        self.divergence.refuse_no_number("validation loss", metrics["eval_loss"], when)
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    # --- a whole run

    def train_to_best(self) -> tuple[int, float]:
        """Train, or continue from the last whole checkpoint, and load the best weights.

        Returns the step of the least validation loss, and that loss.
        """
        self.find_start(latest_with_best)
        self.train_from_start()
        step, loss = best_of(evaluations(self.state.log_history))
        checkpoint = self.folder / f"checkpoint-{step}"
        if (checkpoint / ADAPTER).is_file():
            # Late: peft serves adapters alone.
            from peft import set_peft_model_state_dict

            set_peft_model_state_dict(self.model, safetensors.torch.load_file(checkpoint / ADAPTER))
        else:
            safetensors.torch.load_model(self.model, checkpoint / "model.safetensors")
        return step, loss

    def find_start(self, newest: Callable[[Path], Path | None]) -> None:
        """Settle where to begin: at the checkpoint that `newest` finds, or from the first update.

        It is the same in all processes and was made as this run is. Raises StudyError where it was
        made with other settings or other code, or where the processes share no folder.
        """
        if self.args.world_size > 1:
            refuse_unshared(self.folder, self.accelerator)
        with self.accelerator.main_process_first():
            self._checkpoint = newest(self.folder)
        if self._checkpoint is not None:
            self.resumed_from = step_of(self._checkpoint)
            parts = self.checkpoints.checked(self._checkpoint)["parts"]
            # With another number of processes, each takes what had to suffice for the worst.
            same = len(parts) == self.args.world_size
            self.parts = parts[self.args.process_index] if same else max(parts)

    def train_from_start(self) -> None:
        """Train from where `find_start` has settled to begin, to the end."""
        start = self._checkpoint
        if start is not None:
            self.state = TrainerState.load_from_json(str(start / "trainer_state.json"))
        # A run that had stopped early would be trained on: the Trainer keeps no stop.
        if exhausted(evaluations(self.state.log_history), self.pace.patience):
            return
        try:
            with quiet():
                self.train(resume_from_checkpoint=str(start) if start else None)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise StudyError(
                f"Memory ran out beside the batches of update {self.state.global_step + 1}: take "
                "the optimizer adafactor, set gradient_checkpointing, or take a smaller model; the "
                "checkpoints before it are kept."
            ) from error

    def _save_checkpoint(self, model, trial) -> None:
        """Write a checkpoint beside its place, with checksums, and move it there whole."""
        step, writes = self.state.global_step, self.args.should_save
        parts = gather_object([self.parts])
        with self.checkpoints.staging(step, writes) as staging:
            self.args.output_dir = str(staging)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.args.output_dir = str(self.folder)
            if writes:
                losses = evaluations(self.state.log_history)
                draft = staging / f"checkpoint-{step}"
                self.checkpoints.put_in_place(draft, {"parts": parts}, losses)
        # No process may look for a checkpoint that is still being written.
        self.accelerator.wait_for_everyone()

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing to save: random numbers depend on seed and step alone."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing to load: random numbers depend on seed and step alone."""


def update_seed(seed: int, step: int, process: int = 0) -> int:
    """Return the seed of the random numbers (dropout) of one update in one process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


def _decisive(plan: Plan, recipe: Optimisation) -> dict[str, Any]:
    """What a later update depends on: a checkpoint made with other values is refused."""
    names = ("learning_rate", "precision", "optimizer", "schedule", "warmup_steps", "weight_decay")
    return {
        **{name: getattr(recipe, name) for name in (*names, "adam_epsilon", "max_grad_norm")},
        "seed": plan.seed,
        "updates": len(plan),
        "code": RESULT_VERSION,
    }


def _training_arguments(plan: Plan, recipe: Optimisation, folder: Path) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=len(plan),
        per_device_train_batch_size=1,
        learning_rate=recipe.learning_rate,
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=plan.seed,
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
