"""The optimiser and the learning rate's schedule that a recipe asks for."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import LRScheduler
from transformers import get_scheduler
from transformers.optimization import Adafactor

from t5study.experiments.recipes import Optimisation

EXEMPT_FROM_DECAY = ("bias", "LayerNorm.weight")
"""What the report exempts from weight decay, by parts of parameters' names.

T5 calls its norms `layer_norm.weight`, so the second never matches. With the report's weight decay
of 0 that changes nothing, and the groups are kept as they were.
"""


def build_optimizer(model: torch.nn.Module, recipe: Optimisation) -> torch.optim.Optimizer:
    """Return AdamW or Adafactor over the report's two groups of parameters."""
    groups: list[list[torch.nn.Parameter]] = [[], []]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[any(part in name for part in EXEMPT_FROM_DECAY)].append(parameter)
    decays = (recipe.weight_decay, 0.0)
    decayed = [
        {"params": group, "weight_decay": decay}
        for group, decay in zip(groups, decays, strict=True)
        if group
    ]
    if recipe.optimizer == "adafactor":
        # Shazeer & Stern (2018), section 8: steps relative to the parameter's scale. The schedule
        # is left to the recipe.
        return Adafactor(
            decayed, lr=recipe.learning_rate, scale_parameter=True, relative_step=False
        )
    return torch.optim.AdamW(decayed, lr=recipe.learning_rate, eps=recipe.adam_epsilon, fused=True)


def build_schedule(
    optimizer: torch.optim.Optimizer, recipe: Optimisation, updates: int
) -> LRScheduler:
    """Return the schedule of the learning rate over a run of so many updates."""
    name = recipe.schedule.replace("-", "_")
    if name == "constant" and recipe.warmup_steps:
        # transformers' constant schedule leaves the warm-up out.
        name = "constant_with_warmup"
    return get_scheduler(
        name, optimizer, num_warmup_steps=recipe.warmup_steps, num_training_steps=updates
    )
