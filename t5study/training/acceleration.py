"""What makes training fast on the device at hand; no result depends on it beyond rounding."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from collections.abc import Callable

from torch import nn

from t5study.base.device import usual_device

KERNELS = 64
"""Kernels that oneDNN keeps: two shapes of a micro-batch, at least. Each takes about 100 KiB."""

log = logging.getLogger(__name__)


def speed_up(model: nn.Module, compiled: bool, packing: bool = False) -> Callable[[], str]:
    """Prepare a model for training on this device, in place.

    Returns a function that says, after the training, what compiling came to.

    On a processor dropout, cross-attention and the position bias become cheap, the allocator keeps
    its memory, and with `packing` short texts share the rows of T5's encoder. With `compiled` the
    blocks are compiled.
    """
    # Late, all: a GPU needs neither of the first two, and few recipes compile.
    if packing:
        from t5study.training.packing import pack_encoder

        pack_encoder(model)
    if usual_device() == "cpu":
        from t5study.training import cpu

        tune_allocator()
        cpu.cheapen_dropout(model)
        cpu.shorten_cross_attention(model)
        cpu.align_position_bias(model)
    if not compiled:
        return lambda: "not asked for"
    from t5study.training.compiling import compile_blocks, what_compiled

    outcome = compile_blocks(model)
    log.info("torch.compile: %s", outcome)
    return functools.partial(what_compiled, outcome)


def tune_allocator() -> bool:
    """Make the C library keep freed memory; return whether it did (glibc alone can).

    By default it returns every large tensor to the system and meets a page fault for each 4 KiB of
    the next one, which takes a fifth of a training step. What is kept is given back by
    `return_memory`. oneDNN is told to keep few kernels, if it has made none yet: shapes are many
    and a kernel is made in no time, but a thousand take 100 MiB.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    parameters = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, 2**31 - 1)}
    parameters["M_TOP_PAD"] = (-2, 64 * 2**20)
    return all(_glibc("mallopt", option, value) == 1 for option, value in parameters.values())


def return_memory() -> bool:
    """Give what `tune_allocator` has kept and nobody uses back to the system; return whether so.

    Tensors of many sizes leave gaps between them, and the kept memory grows with their number.
    """
    return _glibc("malloc_trim", 0) == 1


def _glibc(function: str, *arguments: int) -> int | None:
    """Call a function of glibc; None where another C library is used (musl, macOS, Windows)."""
    try:
        return getattr(ctypes.CDLL(None), function)(*arguments)
    except (AttributeError, OSError, TypeError):
        return None
