"""torch.compile for training, with a line that says what came of it."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

GRAPHS = 64
"""Compiled graphs kept: blocks of two kinds in two stacks, training and not, by kind of input."""

log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=1)
def why_not_compile() -> str | None:
    """Return None where torch.compile works on this machine, or else the reason in one line."""
    # Each process of torchrun has a GPU of its own, and must not open another's.
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        torch.compile(lambda x: x + 1)(torch.ones(4, device=device))
    except Exception as error:  # inductor raises many kinds: no compiler, no headers, no disk
        lines = [line for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    return None


def compile_blocks(model: nn.Module) -> str:
    """Compile each block of a transformers model in place; return what was done, or why not.

    Blocks that are alike share their graphs and lengths are left symbolic, so there are a handful
    of graphs to compile (about a minute, kept on disk for the next run) and not one for each
    shape. A block that cannot be compiled runs as it was, with a warning.
    """
    reason = why_not_compile()
    if reason is not None:
        return f"not compiled ({reason})"
    kinds = set(getattr(model, "_no_split_modules", None) or ())
    blocks = [module for module in model.modules() if type(module).__name__ in kinds]
    if not blocks:
        return "not compiled (the model names no blocks)"
    torch._dynamo.config.recompile_limit = GRAPHS
    torch._dynamo.config.suppress_errors = True
    torch._dynamo.utils.counters["frames"].clear()
    # Else a batch of 8 rows is taken for the 8 heads, 512 tokens for the 512 units, and the graph
    # holds for such shapes only.
    torch.fx.experimental._config.use_duck_shape = False
    for block in blocks:
        block.compile(dynamic=True)
    return f"compiled {len(blocks)} blocks"


def what_compiled(told: str) -> str:
    """Return what `compile_blocks` told, and after training whether parts ran as they were.

    A block is compiled when it is first run, so only then is it known.
    """
    frames = torch._dynamo.utils.counters["frames"]
    failed = frames["total"] - frames["ok"]
    if not told.startswith("compiled") or not failed:
        return told
    return f"{told}, {failed} of {frames['total']} parts ran as they were"


def compiled_or_not(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled, or as it was where that does not work, with a line that says why.

    The first call compiles; a part that cannot be compiled runs as it was.
    """
    reason = why_not_compile()
    if reason is not None:
        log.info("torch.compile: not compiled (%s)", reason)
        return function
    torch._dynamo.config.suppress_errors = True
    return torch.compile(function)
