"""One model for all tasks: a mixture of several tasks' training rows, told apart by prefixes.

Mixed as in Raffel et al. (2020), section 3.5.2, "examples-proportional mixing": a task is met as
often as it has training rows, but no more often than a limit `cap` (their K). The trainer, the
loss and the way answers are judged are those of a fine-tuning on one task.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from datasets import concatenate_datasets

from t5study.data.encoding import Encoded
from t5study.experiments.data import TaskData
from t5study.experiments.identity import Mixture
from t5study.judging.answers import evaluate
from t5study.models.loading import load_tokenizer
from t5study.runs.provenance import recorded
from t5study.training.finetune import mean_loss, plan_settings, train_and_judge
from t5study.training.loop import Validation
from t5study.training.plan import UpdatePlan

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace


@lru_cache(maxsize=2)
def mixed_order(sizes: tuple[int, ...], cap: int, seed: int, epoch: int) -> np.ndarray:
    """Rows of one epoch over tasks laid end to end: at most `cap` of each task, shuffled.

    Every row of a task comes once before any comes twice.
    """
    chosen, first = [], 0
    for task, size in enumerate(sizes):
        take = min(size, cap)
        passes, places = np.divmod(np.arange(epoch * take, (epoch + 1) * take), size)
        for number in np.unique(passes):
            order = np.random.default_rng([seed, task, int(number)]).permutation(size)
            chosen.append(first + order[places[passes == number]])
        first += size
    return np.random.default_rng([seed, epoch]).permutation(np.concatenate(chosen))


@dataclass(frozen=True)
class MixturePlan(UpdatePlan):
    """Updates over tasks laid end to end in `encoded`; `sizes` are their numbers of rows."""

    sizes: tuple[int, ...] = ()
    cap: int = 1

    @property
    def updates_per_epoch(self) -> int:
        """Updates that hold at most `cap` rows of each task; the last one may be smaller."""
        return -(-sum(min(size, self.cap) for size in self.sizes) // self.batch_size)

    def rows(self, step: int) -> np.ndarray:
        """Return the row indices of the update, over all processes."""
        epoch, position = divmod(step, self.updates_per_epoch)
        order = mixed_order(self.sizes, self.cap, self.seed, epoch)
        return order[position * self.batch_size : (position + 1) * self.batch_size]


def end_to_end(parts: list[Encoded]) -> Encoded:
    """Return the examples of several tasks as one, without the labels, which text does not need."""
    return Encoded(
        concatenate_datasets([part.data.remove_columns("label") for part in parts]),
        np.concatenate([part.source_lengths for part in parts]),
        np.concatenate([part.target_lengths for part in parts]),
        parts[0].max_source_length,
    )


def finetune_jointly(mixture: Mixture, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Fine-tune on the mixture, choose the checkpoint by the mean of the tasks' validation losses,
    and answer every task's test rows.

    The record is like that of a fine-tuning, but metrics.json holds the metrics of each role under
    `tasks`, and predictions.parquet the predictions of all roles with a column `role`.
    """
    with recorded() as provenance:
        mixture = mixture.resolved()
        shared = mixture.any_part
        tokenizer = load_tokenizer(shared.checkpoint)
        data = {role: TaskData.load(part, hub, tokenizer) for role, part in mixture.parts.items()}
        plan = _plan(mixture, data)

        def judge(model: torch.nn.Module) -> tuple[dict[str, Any], pd.DataFrame]:
            judged = {
                role: evaluate(part, data[role], model, tokenizer, "test")
                for role, part in mixture.parts.items()
            }
            metrics = {role: metrics for role, (metrics, _) in judged.items()}
            tables = [table.assign(role=role) for role, (_, table) in judged.items()]
            return {"tasks": metrics, "shares": _shares(plan, list(data))}, pd.concat(tables)

        provenance |= train_and_judge(
            shared, tokenizer, plan, _mean_of_tasks(mixture, data), judge, work
        )
        repos = dict.fromkeys(part.task.repo for part in mixture.parts.values())
        provenance["data"] = {repo: hub.revision(repo) for repo in repos}
    return provenance


def _plan(mixture: Mixture, data: dict[str, TaskData]) -> MixturePlan:
    encoded = [part.encoded["train"] for part in data.values()]
    sizes = tuple(map(len, encoded))
    examples = sum(min(size, mixture.cap) for size in sizes)
    return MixturePlan(
        end_to_end(encoded),
        next(iter(data.values())).collator,
        sizes=sizes,
        cap=mixture.cap,
        **plan_settings(mixture.any_part, examples),
    )


def _mean_of_tasks(mixture: Mixture, data: dict[str, TaskData]) -> Validation:
    """Each task counts alike: otherwise the tasks with long targets alone would choose."""
    losses = [mean_loss(part, data[role]) for role, part in mixture.parts.items()]
    return lambda model: {"loss": float(np.mean([loss(model)["loss"] for loss in losses]))}


def _shares(plan: MixturePlan, roles: list[str]) -> dict[str, float]:
    """The share of each role among the examples of an epoch."""
    taken = [min(size, plan.cap) for size in plan.sizes]
    return {role: count / sum(taken) for role, count in zip(roles, taken, strict=True)}
