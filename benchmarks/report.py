"""The measurements as a JSON file, a figure, and tables for the terminal and for the book."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import matplotlib
import psutil
import torch
from rich.table import Table

from benchmarks import learning, methods, scoring
from t5study.base.precision import resolve_precision
from t5study.chapters.tables import mean_interval
from t5study.runs.provenance import device_name, git_commit, library_versions, usable_cores

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BASELINES = {"training": "recipe", "scoring": "beams"}
TITLES = {"training": methods.TITLES, "scoring": scoring.TITLES}
OURS_COLOUR, PEERS_COLOUR = "#0072B2", "#9A9A9A"

GOALS = (
    ("training", "emotion", "recipe", 100.0),
    ("training", "emotion", "default", 6.0),
    ("training", "emotion", "tuned", 1.5),
    ("training", "emotion", "compiled", 1.15),
    ("training", "imdb", "recipe", 8.0),
    ("scoring", "imdb", "beams", 4.0),
    ("scoring", "imdb", "greedy", 1.3),
)
"""How many times a way's rate was aimed at, on two cores that compute in bf16."""

PEAK_GOAL = ("training", "imdb", 0.25)
"""The share of the peak of matrix products that was aimed at."""


@dataclass
class Results:
    """What was measured on one machine with one state of the code, and the file that keeps it."""

    folder: Path
    speed: list[dict[str, Any]] = field(default_factory=list)
    growth: list[dict[str, Any]] = field(default_factory=list)
    learning: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Path) -> Results:
        """Return what an unfinished run of this code on this machine left, or nothing."""
        path = folder / "speed.json"
        if path.is_file():
            kept = json.loads(path.read_text())
            if kept["machine"] == machine() and not kept["finished"]:
                parts = (kept[name] for name in ("speed", "growth", "learning"))
                return cls(folder, *parts)
        return cls(folder)

    def add(self, measured: list[dict[str, Any]]) -> None:
        """Keep the results of one comparison, without the path of its data."""
        self.speed += [{k: v for k, v in r.items() if k != "source"} for r in measured]

    def write(self, finished: bool = False) -> None:
        """Write speed.json, whole or not at all."""
        content = {
            "machine": machine(),
            "finished": finished,
            "speed": self.speed,
            "growth": self.growth,
            "learning": self.learning,
        }
        write_json(self.folder / "speed.json", content)

    def finish(self) -> None:
        """Write speed.json as finished, and the figure."""
        self.write(finished=True)
        if self.speed:
            draw(self.speed, self.folder)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write results, in a folder that need not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a text beside its place and move it there."""
    staging = path.with_name(f".{path.name}")
    staging.write_text(text)
    os.replace(staging, path)


@dataclass(frozen=True)
class Row:
    """One method on one task: medians over the repeats."""

    measured: dict[str, Any]
    baseline: float | None
    peak: float | None

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
        return median(self.measured["flops"]) / self.peak if self.peak else None

    @property
    def memory(self) -> float:
        """Peak memory in GiB."""
        return max(self.measured["peak_memory_bytes"]) / 2**30


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


def rows_of(results: list[dict[str, Any]], kind: str, task: str) -> list[Row]:
    """Return the rows of one comparison in the order in which methods are listed."""
    found = {r["method"]: r for r in results if (r["kind"], r["task"]) == (kind, task)}
    # The report did no pre-training: there Seq2SeqTrainer's defaults are what is compared with.
    baseline = found.get(BASELINES[kind], found.get("default"))
    rate = median(baseline["examples_per_second"]) if baseline else None
    peaks = [peak for result in found.values() for peak in result.get("peak_flops", ())]
    peak = max(peaks, default=None)
    return [Row(found[name], rate, peak) for name in TITLES[kind] if name in found]


def comparisons(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the (kind, task) pairs that were measured."""
    return list(dict.fromkeys((r["kind"], r["task"]) for r in results))


HEADS = ("method", "examples/s", "least–most", "tokens/s", "×", "of peak", "padding", "memory")


def cells(row: Row) -> tuple[str, ...]:
    """Return one method's line under `HEADS`."""
    m = row.measured
    return (
        row.title,
        f"{row.rate:.3g}",
        "–".join(f"{value:.3g}" for value in row.spread),
        f"{median(m['tokens_per_second']):,.0f}" if "tokens_per_second" in m else "",
        f"{row.times:.1f}" if row.times else "",
        f"{row.peak_share:.0%}" if row.peak_share is not None else "",
        f"{median(m['padding']):.0%}" if "padding" in m else "",
        f"{row.memory:.1f} GiB",
    )


def table(kind: str, task: str, rows: list[Row]) -> Table:
    """Return the table of one comparison, for the terminal."""
    return _terminal(f"{task}: {kind}", HEADS, [cells(row) for row in rows])


GROWTH_HEADS = ("examples", "tokens", "seconds", "time a token", "memory", "relative")


def growth_lines(sizes: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each number of examples under `GROWTH_HEADS`."""
    return [
        (
            f"{size['examples']:,}",
            f"{size['tokens']:,}",
            f"{size['seconds']:.1f}",
            f"{size['time_per_token']:.2f}",
            f"{size['peak_memory_bytes'] / 2**20:,.0f} MiB",
            f"{size['memory']:.2f}",
        )
        for size in sizes
    ]


def growth_table(sizes: list[dict[str, Any]]) -> Table:
    """Return the table of growing data, for the terminal."""
    return _terminal("growth with the number of examples", GROWTH_HEADS, growth_lines(sizes))


LEARNING_HEADS = ("method", "validation loss", "by seed", "ours minus it", "95 % interval", "ours")


def learning_lines(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for each method under `LEARNING_HEADS`, from the losses by seed."""
    losses = {name: m["losses"] for name, m in found["methods"].items()}
    ours = losses[methods.OURS]
    return [
        (
            methods.TITLES[name],
            f"{mean(theirs):.3f}",
            " ".join(f"{loss:.3f}" for loss in theirs),
            *(("", "", "") if name == methods.OURS else _paired(ours, theirs)),
        )
        for name, theirs in losses.items()
    ]


def _paired(ours: list[float], theirs: list[float]) -> tuple[str, str, str]:
    """The mean difference seed by seed, its 95 % Student interval, and whether that leaves zero."""
    gap, low, high = mean_interval([a - b for a, b in zip(ours, theirs, strict=True)])
    verdict = "higher" if low > 0 else "lower" if high < 0 else "not told apart"
    return f"{gap:+.3f}", f"{low:+.3f} to {high:+.3f}", verdict


def learning_table(found: dict[str, Any]) -> Table:
    """Return the table of validation losses, for the terminal."""
    title = f"validation loss after {found['examples']} examples, {len(learning.SEEDS)} seeds"
    return _terminal(title, LEARNING_HEADS, learning_lines(found))


def _terminal(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    result = Table(title=title, title_justify="left")
    result.add_column(heads[0])
    for head in heads[1:]:
        result.add_column(head, justify="right")
    for line in lines:
        result.add_row(*line)
    return result


def goals(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was aimed at and what was reached, for each goal that was measured."""
    reached = []
    for kind, task, name, aim in GOALS:
        rates = {row.measured["method"]: row.rate for row in rows_of(results, kind, task)}
        if name in rates and methods.OURS in rates:
            what = f"{task}, {kind}: times “{TITLES[kind][name]}”"
            reached.append({"what": what, "aim": aim, "reached": rates[methods.OURS] / rates[name]})
    kind, task, aim = PEAK_GOAL
    for row in rows_of(results, kind, task):
        if row.measured["method"] == methods.OURS:
            what = f"{task}, {kind}: share of the peak"
            reached.append({"what": what, "aim": aim, "reached": row.peak_share})
    return reached


WHOLE = {"emotion": 2 * 16_000, "imdb": 2 * 22_500}
"""Examples of the report's two fine-tunings, two epochs each; a tenth of IMDB's is validation."""

WHOLE_LABELS = 25_000
"""Reviews of IMDB's test set."""

WHOLE_WAYS = (("recipe", "beams"), ("tuned", "greedy"), (methods.OURS, "ours"))
"""Ways of training, each with the way of asking for labels that goes with it."""

WHOLE_AIM = 1.25
"""Hours that were aimed at for both, with the labels."""

SPARED = 1 / 7
"""At most so great a part of T5-small's operations is spared by short queries.

A token of a source costs 4 + 8 + 2 products of the model's width squared in a pair of layers:
attention's four weights, the feed-forward's two, four times as wide, and the decoder's keys and
values, which are the two that are spared.
"""

WHOLE_HEADS = ("hours for", "emotion, training", "IMDB, training", "IMDB, labels", "all")


def whole_lines(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the hours that the report's fine-tunings would take whole, computed from the rates.

    The last line is a bound: the operations of the model at the best rate of a matrix product.
    Labels take no backward pass, hence a third of the operations. Empty where a part is missing.
    """
    training = {task: _by_method(results, "training", task) for task in WHOLE}
    asked = _by_method(results, "scoring", "imdb")
    lines = []
    for train, ask in WHOLE_WAYS:
        if ask not in asked or any(train not in found for found in training.values()):
            return []
        seconds = [count / training[task][train].rate for task, count in WHOLE.items()]
        seconds.append(WHOLE_LABELS / asked[ask].rate)
        lines.append(_hours(training["emotion"][train].title, seconds))
    ours = {task: found[methods.OURS] for task, found in training.items()}
    least = [WHOLE[task] / row.rate * row.peak_share for task, row in ours.items()]
    least.append(least[1] / WHOLE["imdb"] * WHOLE_LABELS / 3)
    return [*lines, _hours("nothing but products of matrices, at the measured peak", least)]


def _by_method(results: list[dict[str, Any]], kind: str, task: str) -> dict[str, Row]:
    return {row.measured["method"]: row for row in rows_of(results, kind, task)}


def _hours(title: str, seconds: list[float]) -> tuple[str, ...]:
    return title, *(f"{each / 3600:.2f}" for each in (*seconds, sum(seconds)))


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
        colours = [OURS_COLOUR if mine else PEERS_COLOUR for mine in ours]
        axis.barh([row.title for row in rows], rates, color=colours, xerr=errors, capsize=2)
        for place, row in enumerate(rows):
            times = f"  {row.rate:.3g}" + (f"  ({row.times:.1f}×)" if row.times else "")
            axis.text(row.spread[1], place, times, va="center", fontsize=8)
        axis.set_xlim(0, 1.25 * max(row.spread[1] for row in rows))
        axis.set_title(f"{task}: {kind}", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(axis="y", labelsize=8)
    axes[-1, 0].set_xlabel("examples per second (bar: median of repeats; line: least to most)")
    with plt.rc_context({"svg.hashsalt": "t5study"}):
        for name in ("speed.png", "speed.svg"):
            figure.savefig(folder / name, dpi=150, metadata=_UNDATED[name[-3:]])
    plt.close(figure)


_UNDATED: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}}
