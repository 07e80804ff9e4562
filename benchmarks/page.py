"""The book's tables and figure of the benchmarks, from the files in `benchmarks/results`.

`python -m benchmarks.page` writes them again: book/_speed.md and book/_memory.md, which the pages
include, and the figure beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import memory, methods
from benchmarks.results import (
    HEADS,
    HOURS_HEADS,
    RESULTS,
    comparisons,
    hours,
    rows_of,
)
from t5study.base.files import write_text
from t5study.chapters.style import BLUE, GREY, INK, PAGE, SMALL, Picture, drawn, panels

BOOK = Path(__file__).parents[1] / "book"
NOT_RUN = "Not run. `make bench` measures it on the machine at hand.\n"
MEMORY_HEADS = ("model", "precision", "optimiser", "length", "GB for one example")
TITLES = {
    ("training", "emotion"): "Training on emotion: short texts",
    ("training", "imdb"): "Training on IMDB: reviews of up to 512 tokens",
    ("scoring", "imdb"): "Asking for labels: IMDB's test reviews",
}


def write(results: Path = RESULTS, book: Path = BOOK) -> None:
    """Write the fragments and the figure into the book's sources."""
    write_text(book / "_speed.md", speed(results))
    write_text(book / "_memory.md", memory_tables(results))
    if (found := _read(results / "speed.json")) and found["speed"]:
        write_text(book / "_static" / "speed.svg", draw(found["speed"]).svg())


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def speed(results: Path) -> str:
    """Return the tables of speed.json as MyST."""
    if not (content := _read(results / "speed.json")):
        return NOT_RUN
    return "\n".join(_parts(content))


def _parts(content: dict[str, Any]) -> Iterator[str]:
    measured = content["speed"]
    yield _machine(content["machine"])
    if lacking := set(methods.TITLES) - {result["method"] for result in measured}:
        titles = ", ".join(methods.TITLES[name] for name in methods.TITLES if name in lacking)
        yield f"Not measured there: {titles}.\n"
    if measured:
        yield _FIGURE
    for kind, task in comparisons(measured):
        yield comparison(measured, kind, task)
    if lines := hours(measured):
        title = (
            "The report's two fine-tunings on this study's training rows (IMDB without the tenth "
            "that is held out), two epochs: computed from the rates above, not run. Labels "
            "by four beams, greedily, and by scores"
        )
        yield _table(title, "tab-bench-hours", HOURS_HEADS, lines)


def comparison(measured: list[dict[str, Any]], kind: str, task: str) -> str:
    """Return the table of one comparison as MyST."""
    lines = [row.cells() for row in rows_of(measured, kind, task)]
    return _table(TITLES[kind, task], f"tab-bench-{task}-{kind}", HEADS, lines)


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
    precision = (
        "The hardware computes in bf16, and so does each way that says bf16 where there is any."
        if machine["precision"] == "bf16"
        else "The hardware has no bf16 arithmetic: each way that asks for it where there is any, "
        "the study's included, computes in fp32 here."
    )
    return (
        f"Measured on: {machine['device']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB of memory; torch "
        f"{machine['libraries']['torch']}, transformers {machine['libraries']['transformers']}. "
        f"{precision}\n"
    )


def memory_tables(results: Path) -> str:
    """Return the table of memory.json, and beside it what a GPU measured, as MyST."""
    if not (content := _read(results / "memory.json")):
        return NOT_RUN
    needs = [memory.Need(**need) for need in content["needs"]]
    how = "measured" if content["measured"] else "estimated, not measured"
    heads = (*MEMORY_HEADS, *(f"in {card} GB" for card in memory.CARDS))
    lines = [
        (
            *(need.model, need.precision, need.optimizer, str(need.length)),
            f"{need.one_example / memory.GB:.1f}",
            *(str(need.largest_batch(card) or "none") for card in memory.CARDS),
        )
        for need in needs
    ]
    fits = _table(f"Examples that fit at once ({how})", "tab-bench-memory", heads, lines)
    checked = _read(results / "memory-checked.json")
    return fits if content["measured"] or not checked else f"{fits}\n{_checked(needs, checked)}"


def _checked(estimates: list[memory.Need], checked: dict[str, Any]) -> str:
    """The estimates beside what a GPU measured of the same combinations."""
    key = ("model", "precision", "optimizer", "length")
    by_key = {tuple(getattr(need, name) for name in key): need for need in estimates}
    lines = []
    for measured in checked["needs"]:
        named = tuple(measured[name] for name in key)
        pairs = (
            f"{size / memory.GB:.2f}"
            for part in ("fixed", "example")
            for size in (getattr(by_key[named], part), measured[part])
        )
        lines.append((*map(str, named), *pairs))
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


@drawn
def draw(measured: list[dict[str, Any]]) -> Picture:
    """Draw examples a second by method, a panel for each comparison."""
    found = {pair: rows_of(measured, *pair)[::-1] for pair in comparisons(measured)}
    counts = [len(rows) for rows in found.values()]
    height = 0.6 * len(found) + 0.26 * sum(counts)
    figure, axes = panels(len(found), 1, PAGE, height, height_ratios=counts)
    for axis, (pair, rows) in zip(axes, found.items(), strict=True):
        rates = [row.rate for row in rows]
        errors = [[r.rate - r.spread[0] for r in rows], [r.spread[1] - r.rate for r in rows]]
        colours = [BLUE if row.method == methods.OURS else GREY for row in rows]
        bars = {"color": colours, "xerr": errors, "capsize": 2, "ecolor": INK}
        axis.barh([row.title for row in rows], rates, **bars)
        for place, row in enumerate(rows):
            times = f"  {row.rate:.3g}" + (f"  ({row.times:.1f}×)" if row.times else "")
            axis.text(row.spread[1], place, times, va="center", fontsize=SMALL)
        axis.set_xlim(0, 1.3 * max(row.spread[1] for row in rows))
        axis.set_title(TITLES[pair], loc="left")
        axis.grid(axis="y", visible=False)
    axes[-1].set_xlabel("examples a second (bar: median of the repeats; line: least to most)")
    return figure


if __name__ == "__main__":
    write()
