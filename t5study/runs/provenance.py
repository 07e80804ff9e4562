"""What a run was made with: device, versions, time, memory, commit. Never part of its identity."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from t5study.base.device import Device, device_name, usual_device
from t5study.base.project import git_commit

LIBRARIES = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "scikit-learn")


def peak_memory_bytes(device: Device | None = None) -> int:
    """Return this process's peak memory: allocated on the GPU for "cuda", resident for "cpu".

    It is the peak since the last `recorded` block began, or since the process did. `device` as
    for `device_name`.
    """
    import torch

    if (device or usual_device()) == "cuda":
        return torch.cuda.max_memory_allocated()
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _restart_peak(device: Device) -> None:
    """Count the peak memory from here on, where the system can."""
    import torch

    if device == "cpu":
        # Linux lowers the process's VmHWM to what it holds now: proc(5).
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    # A process that has not used its GPU has no peak there, and must not take hold of one here:
    # which of several GPUs is its own is settled later.
    elif torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


@contextlib.contextmanager
def recorded(device: Device | None = None) -> Iterator[dict[str, Any]]:
    """Fill the yielded dictionary with the provenance of what happens inside the block.

    `device` as for `device_name`. The peak memory is that of the block alone, where the system can
    tell; of a block with another one inside it is that since the inner one began.
    """
    device = device or usual_device()
    record: dict[str, Any] = {}
    _restart_peak(device)
    started = time.perf_counter()
    yield record
    record |= {
        "device": device_name(device),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "libraries": library_versions(),
        "commit": git_commit(),
        "seconds": time.perf_counter() - started,
        "peak_memory_bytes": peak_memory_bytes(device),
    }
