"""The C library's memory on a processor: kept between updates, and given back now and then.

By default glibc returns every large tensor to the system and meets a page fault for each 4 KiB of
the next one, which takes a fifth of a training step.
"""

from __future__ import annotations

import ctypes
import os

KERNELS = 64
"""Kernels that oneDNN keeps: two shapes of a micro-batch, at least. Each takes about 100 KiB."""


def tune_allocator() -> bool:
    """Make the C library keep freed memory; return whether it did (glibc alone can).

    What is kept is given back by `return_memory`. oneDNN is told to keep few kernels, if it has
    made none yet: shapes are many and a kernel is made in no time, but a thousand take 100 MiB.
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
