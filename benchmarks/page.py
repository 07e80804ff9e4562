"""The book's tables and figure of the benchmarks, from the files in `benchmarks/results`.

`python -m benchmarks.page` writes them again: book/_speed.md, which the pages include, and the
figure beside it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks import memory, report

RESULTS = Path(__file__).parent / "results"
BOOK = Path(__file__).parents[1] / "book"
NOT_RUN = "Not run. `make bench` measures it on the machine at hand.\n"
NOT_WHOLE = (
    "The two fine-tunings run whole: not run. `.venv/bin/python -m benchmarks.headline` does it, "
    "in about the hours that the table says.\n"
)
MEMORY_HEADS = ("model", "precision", "optimiser", "length", "GB for one example")
TITLES = {
    ("training", "emotion"): "Training on emotion: short texts",
    ("training", "imdb"): "Training on IMDB: reviews of up to 512 tokens",
    ("training", "span-corruption"): "Training on corrupted spans: windows of full length",
    ("scoring", "imdb"): "Asking for labels: IMDB's test reviews",
}


def write(results: Path = RESULTS, book: Path = BOOK) -> None:
    """Write the fragments and the figure into the book's sources."""
    report.write_whole(book / "_speed.md", speed(results))
    report.write_whole(book / "_memory.md", memory_table(results))
    if (results / "speed.svg").is_file():
        shutil.copyfile(results / "speed.svg", book / "_static" / "speed.svg")


def speed(results: Path) -> str:
    """Return the tables of speed.json as MyST; without that file, that nothing was run."""
    path = results / "speed.json"
    if not path.is_file():
        return NOT_RUN
    parts = [*_parts(json.loads(path.read_text()))]
    for name, table, lacking in (("headline", _headline, NOT_WHOLE), ("agreement", _agreement, "")):
        kept = results / f"{name}.json"
        parts.append(table(json.loads(kept.read_text())) if kept.is_file() else lacking)
    return "\n".join(parts)


def _parts(content: dict[str, Any]) -> Iterator[str]:
    measured = content["speed"]
    yield _machine(content["machine"])
    if measured:
        yield _FIGURE
    for kind, task in report.comparisons(measured):
        lines = [report.cells(row) for row in report.rows_of(measured, kind, task)]
        yield _table(TITLES[kind, task], f"tab-bench-{task}-{kind}", report.HEADS, lines)
    if goals := report.goals(measured):
        lines = [(goal["what"], f"{goal['aim']:g}", f"{goal['reached']:.2f}") for goal in goals]
        heads = ("what", "aimed at", "reached here")
        yield _table("What was aimed at and what was reached", "tab-bench-goals", heads, lines)
    if lines := report.whole_lines(measured):
        title = (
            "The report's two fine-tunings on this study's training rows (IMDB without the tenth "
            "that is held out), two epochs: computed from the rates above, not run. Labels "
            "by four beams, greedily, and by scores"
        )
        yield _table(title, "tab-bench-whole", report.WHOLE_HEADS, lines)
        yield _bound(float(lines[-1][-1]))
    if content["growth"]:
        lines = report.growth_lines(content["growth"])
        title = "Time and memory as the data grow"
        yield _table(title, "tab-bench-growth", report.GROWTH_HEADS, lines)
    if found := content["learning"]:
        title = f"Validation loss after {found['examples']:,} examples of emotion, three seeds"
        lines = report.learning_lines(found)
        yield _table(title, "tab-bench-learning", report.LEARNING_HEADS, lines)


def _headline(content: dict[str, Any]) -> str:
    """The two fine-tunings as they were run, and what they took together."""
    runs = content["runs"]
    lines = [
        (
            run["task"],
            *(
                f"{run[part] / 60:.1f}"
                for part in ("seconds_of_training", "seconds_of_test", "seconds")
            ),
            f"{run['examples_per_second']:.1f}",
            f"{run['test_rows']:,}",
            f"{run['accuracy']:.3f}",
            f"{run['peak_memory_bytes'] / 2**30:.1f} GiB",
        )
        for run in runs
    ]
    minutes, aim = sum(run["seconds"] for run in runs) / 60, 60 * report.WHOLE_AIM
    together = f"Together {minutes:.0f} minutes, where {aim:.0f} were aimed at. "
    heads = (
        *("task", "training, min", "test, min", "all, min", "examples/s"),
        *("test rows", "accuracy", "peak memory"),
    )
    devices = " and ".join(dict.fromkeys(run["device"] for run in runs))
    title = f"The report's fine-tunings run whole, from random weights, on {devices}"
    return (
        f"{_table(title, 'tab-bench-headline', heads, lines)}\n"
        f"{together if len(runs) == len(report.WHOLE) else ''}*All* is from the first row of data "
        "to the record: reading, tokenising, compiling, checkpoints and validation are in it.\n"
    )


def _agreement(found: dict[str, Any]) -> str:
    heads = ("generation", "scores in", "wrote a label", "scores name it too")
    lines = [
        (
            report.TITLES["scoring"][pair["generation"]],
            pair["scores"],
            f"{pair['wrote']:,}",
            "" if pair["same"] is None else f"{pair['same']:.2%}",
        )
        for pair in found["pairs"]
    ]
    accuracy = " and ".join(f"{a:.1%} in {name}" for name, a in found["accuracy"].items())
    title = (
        f"{found['rows']:,} test reviews, by a T5 of {found['parameters'] / 1e6:.1f} M weights "
        f"fine-tuned on IMDB (run {found['run']}), whose scores are right on {accuracy}"
    )
    return _table(title, "tab-bench-agreement", heads, lines)


_FIGURE = """\
```{figure} _static/speed.svg
---
name: fig-bench-speed
alt: >-
  Horizontal bars of examples a second for each way of training and of asking for labels, a
  panel for each comparison; the bar of this study is blue, the others are grey. The tables below
  hold the same numbers.
---
Examples a second. A bar is the median of the repeats, the line on it reaches from the least to the
greatest; in brackets, how many times the first way of the panel.
```
"""


def _machine(machine: dict[str, Any]) -> str:
    bf16 = machine["precision"] == "bf16"
    precision = (
        "The hardware computes in bf16, and so does each way that says bf16 where there is any."
        if bf16
        else "The hardware has no bf16 arithmetic: each way that asks for it where there is any, "
        "the study's included, computes in fp32 here."
    )
    return (
        f"Measured on: {machine['device']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB of memory; torch "
        f"{machine['libraries']['torch']}, transformers {machine['libraries']['transformers']}. "
        f"{precision}\n"
    )


def _bound(hours: float) -> str:
    least = hours * (1 - report.SPARED)
    reachable = "more than that"
    if least > report.WHOLE_AIM:
        reachable = "less: no code that does these sums reaches them on this machine"
    return (
        "The last line is a bound for this machine: the model's own operations, with nothing "
        "between them, at the best measured rate of a product of matrices. Short queries spare at "
        f"most a seventh of them, which leaves {least:.2f} hours. The {60 * report.WHOLE_AIM:.0f} "
        f"minutes that were aimed at are {reachable}.\n"
    )


def memory_table(results: Path) -> str:
    """Return the table of memory.json as MyST."""
    path = results / "memory.json"
    if not path.is_file():
        return NOT_RUN
    content = json.loads(path.read_text())
    how = "measured" if content["measured"] else "estimated, not measured"
    heads = (*MEMORY_HEADS, *(f"in {card} GB" for card in memory.CARDS))
    lines = [
        (
            *(need["model"], need["precision"], need["optimizer"], str(need["length"])),
            f"{_one_example(need) / memory.GB:.1f}",
            *(str(need["largest_batch"][str(card)] or "none") for card in memory.CARDS),
        )
        for need in content["needs"]
    ]
    fits = _table(f"Examples that fit at once ({how})", "tab-bench-memory", heads, lines)
    checked = results / "memory-checked.json"
    if content["measured"] or not checked.is_file():
        return fits
    return f"{fits}\n{_checked(content['needs'], json.loads(checked.read_text()))}"


def _one_example(need: dict[str, Any]) -> float:
    named = {part.name: need[part.name] for part in fields(memory.Need)}
    return memory.Need(**named).one_example


def _checked(estimates: list[dict[str, Any]], checked: dict[str, Any]) -> str:
    """The estimates beside what a GPU measured of the same combinations."""
    key = ("model", "precision", "optimizer", "length")
    by_key = {tuple(need[name] for name in key): need for need in estimates}
    lines = []
    for need in checked["needs"]:
        estimate = by_key[tuple(need[name] for name in key)]
        pairs = (
            f"{each[part] / memory.GB:.2f}"
            for part in ("fixed", "example")
            for each in (estimate, need)
        )
        lines.append((*(str(need[name]) for name in key), *pairs))
    heads = (
        *MEMORY_HEADS[:4],
        *("GB whatever the batch: estimated", "measured", "GB an example: estimated", "measured"),
    )
    title = f"Estimates and measurements on one {checked['device']}"
    return _table(title, "tab-bench-memory-checked", heads, lines)


def _table(title: str, name: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ("---", *("---:" for _ in heads[1:]))
    rows = "".join(f"| {' | '.join(line)} |\n" for line in (heads, rule, *lines))
    return f"```{{table}} {title}\n:name: {name}\n\n{rows}```\n"


if __name__ == "__main__":
    write()
