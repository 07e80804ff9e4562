"""A T5 divided among processes, as chapter 10 shows it (Zhao et al. 2023, section 3)."""

from __future__ import annotations

from typing import Any

from torch.distributed.fsdp import fully_shard


def shard(model: Any) -> Any:
    """Divide the weights of a T5 among all processes, block by block, in place.

    Gradients and the moments of an optimiser that is made afterwards are divided with them. The
    process group must stand. A block's weights are brought together when it computes.
    """
    for stack in (model.encoder, model.decoder):
        for block in stack.block:
            fully_shard(block)
    return fully_shard(model)
