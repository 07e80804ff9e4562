"""What computes here: the device, its name, the usable cores, and the number format it takes.

torch is imported late, since that takes seconds: a page drawn from records asks no device.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Literal

Device = Literal["cpu", "cuda"]
PRECISIONS = ("fp32", "bf16")


def usual_device() -> Device:
    """Return where models are trained and asked here: on the GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name(device: Device | None = None) -> str:
    """Return the accelerator's model, or the processor's and how many threads are used.

    `device` is where the work is done: without it, the GPU where there is one.
    """
    import torch

    if (device or usual_device()) == "cuda":
        return torch.cuda.get_device_name()
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_precision(precision: str) -> str:
    """Return what "auto" stands for, by what the device computes natively; else `precision`."""
    if precision != "auto":
        return precision
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in checks)
    return "bf16" if native else "fp32"


def mixed(precision: str) -> contextlib.AbstractContextManager[None]:
    """Return the context in which a forward pass runs in "bf16", or in "fp32" as it is."""
    import torch

    enabled = {"fp32": False, "bf16": True}[precision]
    return torch.autocast(usual_device(), torch.bfloat16, enabled=enabled)
