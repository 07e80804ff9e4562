"""What a run was made with: device, versions, time, memory, commit. Never part of its identity."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from t5study.base.device import Device, device_name, usual_device
from t5study.base.project import git_commit

if TYPE_CHECKING:
    from t5study.runs.record import Run

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


def provenance_table(profile: str, seed: int, runs: Sequence[Run]) -> pd.DataFrame:
    """Return two columns, what and value, over all runs that a page used."""
    named = {"profile": profile, "seed": str(seed)}
    if not runs:
        return pd.DataFrame({"value": named})
    records = [run.provenance for run in runs]
    data: dict[str, str] = {}
    weights: dict[str, str] = {}
    devices, commits = [], []
    # A dictionary for each library: a set that keeps the order in which its versions were met.
    versions: dict[str, dict[str, None]] = {}
    for record in records:
        data |= record.get("data", {})
        weights |= record.get("weights", {})
        devices.append(record["device"])
        for name, number in record["libraries"].items():
            versions.setdefault(name, {})[number] = None
        commits.append(record["commit"] or "unknown")
    peak = max(record["peak_memory_bytes"] for record in records)
    rows = named | {
        "runs": ", ".join(run.identity for run in runs),
        "data": "; ".join(f"{name} at {_short(revision)}" for name, revision in data.items()),
        **({"weights": "; ".join(map(": ".join, weights.items()))} if weights else {}),
        "device": "; ".join(dict.fromkeys(devices)),
        "libraries": ", ".join(f"{name} {' and '.join(all_)}" for name, all_ in versions.items()),
        "computing time": f"{sum(r['seconds'] for r in records):.0f} s",
        "peak memory": f"{peak / 2**20:.0f} MiB",
        "commit": ", ".join(dict.fromkeys(commits)),
    }
    return pd.DataFrame({"value": rows})


def _short(revision: str) -> str:
    """A commit's or a checksum's first twelve digits; any other revision in full."""
    return revision[:12] if set(revision) <= set("0123456789abcdef") else revision
