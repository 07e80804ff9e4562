"""The measurements as a table, a figure and a JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib
import psutil
import torch
from rich.table import Table

from benchmarks import methods, scoring
from t5study.engine import resolve_precision
from t5study.provenance import device_name, git_commit, library_versions

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BASELINES = {"training": "recipe", "scoring": "beams"}
TITLES = {"training": methods.TITLES, "scoring": scoring.TITLES}
_OURS_COLOUR, _PEERS_COLOUR = "#0072B2", "#9A9A9A"


@dataclass(frozen=True)
class Row:
    """One method on one task: medians over the repeats."""

    measured: dict[str, Any]
    baseline: float | None

    @property
    def title(self) -> str:
        """What the method is called in tables and figures."""
        return TITLES[self.measured["kind"]][self.measured["method"]]

    @property
    def rate(self) -> float:
        """Examples a second."""
        return median(self.measured["examples_per_second"])

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest rate of the repeats."""
        return min(self.measured["examples_per_second"]), max(self.measured["examples_per_second"])

    @property
    def times(self) -> float | None:
        """How many times the rate of the first way in the table, where that was measured too."""
        return self.rate / self.baseline if self.baseline else None

    @property
    def peak_share(self) -> float | None:
        """The share of the measured peak of matrix products, for training."""
        if "flops" not in self.measured:
            return None
        return median(self.measured["flops"]) / self.measured["peak_flops"]


def machine() -> dict[str, Any]:
    """Describe the machine by its parts; no names and no paths."""
    return {
        "device": device_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "precision": resolve_precision("auto"),
        "memory_bytes": psutil.virtual_memory().total,
        "libraries": library_versions(),
        "commit": git_commit(),
    }


def rows_of(results: list[dict[str, Any]], kind: str, task: str) -> list[Row]:
    """Return the rows of one comparison in the order in which methods are listed."""
    found = {r["method"]: r for r in results if (r["kind"], r["task"]) == (kind, task)}
    # The report did no pre-training: there Seq2SeqTrainer's defaults are what is compared with.
    baseline = found.get(BASELINES[kind], found.get("default"))
    rate = median(baseline["examples_per_second"]) if baseline else None
    return [Row(found[name], rate) for name in TITLES[kind] if name in found]


def comparisons(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the (kind, task) pairs that were measured."""
    return list(dict.fromkeys((r["kind"], r["task"]) for r in results))


def table(kind: str, task: str, rows: list[Row]) -> Table:
    """Return the table of one comparison."""
    result = Table(title=f"{task}: {kind}", title_justify="left")
    result.add_column("method")
    heads = ("examples/s", "least–most", "tokens/s", "×", "of peak", "padding", "memory")
    for head in heads:
        result.add_column(head, justify="right")
    for row in rows:
        m = row.measured
        result.add_row(
            row.title,
            f"{row.rate:.3g}",
            "–".join(f"{value:.3g}" for value in row.spread),
            f"{median(m['tokens_per_second']):,.0f}" if "tokens_per_second" in m else "",
            f"{row.times:.1f}" if row.times else "",
            f"{row.peak_share:.0%}" if row.peak_share is not None else "",
            f"{median(m['padding']):.0%}" if "padding" in m else "",
            f"{m['peak_memory_bytes'] / 2**30:.1f} GiB",
        )
    return result


def draw(results: list[dict[str, Any]], folder: Path) -> None:
    """Write speed.png and speed.svg: examples a second by method, a panel for each comparison."""
    panels = comparisons(results)
    counts = [len(rows_of(results, *panel)) for panel in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(8, 0.9 * len(panels) + 0.42 * sum(counts)),
        height_ratios=counts,
        squeeze=False,
        layout="constrained",
    )
    for axis, (kind, task) in zip(axes[:, 0], panels, strict=True):
        rows = rows_of(results, kind, task)[::-1]
        rates = [row.rate for row in rows]
        errors = [[r.rate - r.spread[0] for r in rows], [r.spread[1] - r.rate for r in rows]]
        ours = [row.measured["method"] == methods.OURS for row in rows]
        colours = [_OURS_COLOUR if mine else _PEERS_COLOUR for mine in ours]
        axis.barh([row.title for row in rows], rates, color=colours, xerr=errors, capsize=2)
        for place, row in enumerate(rows):
            times = f"  {row.rate:.3g}" + (f"  ({row.times:.0f}×)" if row.times else "")
            axis.text(row.spread[1], place, times, va="center", fontsize=8)
        axis.set_xlim(0, 1.25 * max(row.spread[1] for row in rows))
        axis.set_title(f"{task}: {kind}", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(axis="y", labelsize=8)
    axes[-1, 0].set_xlabel("examples per second (bar: median of repeats; line: least to most)")
    for name in ("speed.png", "speed.svg"):
        figure.savefig(folder / name, dpi=150)
    plt.close(figure)


def agreement(results: list[dict[str, Any]], task: str) -> dict[str, float]:
    """Return, for each way of generating, the share of its labels that label scores also give.

    Where generation wrote no label there is nothing to agree with; a way that wrote none is left
    out.
    """
    answers = {
        r["method"]: r["answers"] for r in results if (r["kind"], r["task"]) == ("scoring", task)
    }
    ours = answers.pop(methods.OURS, [])
    shares = {}
    for name, theirs in answers.items():
        pairs = [(a, b) for a, b in zip(theirs, ours, strict=False) if a != scoring.OTHER]
        if pairs:
            shares[name] = sum(a == b for a, b in pairs) / len(pairs)
    return shares


def write(results: list[dict[str, Any]], folder: Path) -> None:
    """Write speed.json whole, and the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [
        {k: v for k, v in r.items() if k not in ("answers", "source", "model")} for r in results
    ]
    tasks = [task for kind, task in comparisons(results) if kind == "scoring"]
    content = {
        "machine": machine(),
        "results": kept,
        "agreement": {task: agreement(results, task) for task in tasks},
    }
    staging = folder / ".speed.json"
    staging.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(staging, folder / "speed.json")
    draw(results, folder)
