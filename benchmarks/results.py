"""The measurements as files, and what is computed from them: rows of tables, and hours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch

from benchmarks import methods, scoring
from t5study.base.device import device_name, resolve_precision, usable_cores
from t5study.base.files import write_json
from t5study.base.project import git_commit
from t5study.runs.provenance import library_versions

RESULTS = Path(__file__).parent / "results"
BASELINES = {"training": "recipe", "scoring": "beams"}
TITLES = {"training": methods.TITLES, "scoring": scoring.TITLES}


def write_speed(folder: Path, measured: list[dict[str, Any]]) -> None:
    """Write speed.json: the machine, and the measurements without the path of their data."""
    speed = [{k: v for k, v in r.items() if k != "source"} for r in measured]
    write_json(folder / "speed.json", {"machine": machine(), "speed": speed})


def machine() -> dict[str, Any]:
    """Describe the machine by its parts; no names and no paths."""
    return {
        "device": device_name(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "precision": resolve_precision("auto"),
        "memory_bytes": psutil.virtual_memory().total,
        "libraries": library_versions(),
        "commit": git_commit(),
    }


@dataclass(frozen=True)
class Row:
    """One method on one task: medians over the repeats."""

    measured: dict[str, Any]
    baseline: float | None
    peak: float | None

    @property
    def method(self) -> str:
        """The method's short name."""
        return self.measured["method"]

    @property
    def title(self) -> str:
        """What the method is called in tables and figures."""
        return TITLES[self.measured["kind"]][self.method]

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

    def cells(self) -> tuple[str, ...]:
        """Return the method's line under `HEADS`."""
        m = self.measured
        return (
            self.title,
            f"{self.rate:.3g}",
            "–".join(f"{value:.3g}" for value in self.spread),
            f"{median(m['tokens_per_second']):,.0f}",
            f"{self.times:.1f}" if self.times else "",
            f"{median(m['flops']) / self.peak:.0%}" if self.peak else "",
            f"{median(m['padding']):.0%}" if "padding" in m else "",
            f"{max(m['peak_memory_bytes']) / 2**30:.1f} GiB",
        )


HEADS = ("method", "examples/s", "least–most", "tokens/s", "×", "of peak", "padding", "memory")


def rows_of(results: list[dict[str, Any]], kind: str, task: str) -> list[Row]:
    """Return the rows of one comparison in the order in which methods are listed."""
    found = {r["method"]: r for r in results if (r["kind"], r["task"]) == (kind, task)}
    baseline = found.get(BASELINES[kind])
    rate = median(baseline["examples_per_second"]) if baseline else None
    peaks = [peak for result in found.values() for peak in result.get("peak_flops", ())]
    peak = max(peaks, default=None)
    return [Row(found[name], rate, peak) for name in TITLES[kind] if name in found]


def comparisons(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the (kind, task) pairs that were measured."""
    return list(dict.fromkeys((r["kind"], r["task"]) for r in results))


HOURS_OF = {"emotion": 2 * 16_000, "imdb": 2 * 22_500}
"""Examples of the report's two fine-tunings, two epochs each; a tenth of IMDB's is validation."""

LABELS = 25_000
"""Reviews of IMDB's test set."""

WAYS = (("recipe", "beams"), ("tuned", "greedy"), (methods.OURS, "ours"))
"""Ways of training, each with the way of asking for labels that goes with it."""

HOURS_HEADS = ("hours for", "emotion, training", "IMDB, training", "IMDB, labels", "all")


def hours(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the hours that the report's fine-tunings would take whole, computed from the rates.

    Empty where a part is missing.
    """
    rates = {
        (kind, task, row.method): row.rate
        for kind, task in comparisons(results)
        for row in rows_of(results, kind, task)
    }
    lines = []
    for train, ask in WAYS:
        parts = [(("training", task, train), count) for task, count in HOURS_OF.items()]
        parts.append((("scoring", "imdb", ask), LABELS))
        if any(part not in rates for part, _ in parts):
            return []
        taken = [count / rates[part] / 3600 for part, count in parts]
        lines.append((methods.TITLES[train], *(f"{each:.2f}" for each in (*taken, sum(taken)))))
    return lines
