"""How tables are set: `show` is the one function that does it, for all chapters alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from t5study.judging.scores import METRICS, student
from t5study.runs.record import Run

Format = str | Callable[[Any], str]

PAGE = 78
"""Characters side by side on a page, in columns that wrap between words; see `_width`."""

NAMES = {
    "bert": "BERT",
    "bleu": "BLEU",
    "chrf": "chrF",
    "exact_match": "exact match",
    "f1": "F1",
    "gpt": "GPT",
    "log_probability": "log-probability",
    "macro_f1": "macro F1",
    "matthews": "Matthews",
    "mean_log_probability": "log-probability a piece",
    "params": "parameters",
    "pearson": "Pearson",
    "per_seed": "each seed",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "spearman": "Spearman",
    "t5": "T5",
}
"""What names of columns and metrics are called where people read them."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ONE = r"[-+−×]? ?\d[\d,.]*(e[-+]?\d+| × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?( ?[%KM])?"
_NUMBER = re.compile(f"{_ONE}(( to |–){_ONE})?")
_LOW, _HIGH = re.compile(r"^(.* )?low$"), re.compile(r"^(.* )?high$")


@dataclass(frozen=True)
class Table:
    """A table as a notebook shows it: the same text every time, on a page and in a terminal."""

    html: str
    plain: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.plain}


@dataclass(frozen=True)
class _Cell:
    """One cell's text, and how it stands: a number right, a text left."""

    text: str
    number: bool


@dataclass(frozen=True)
class _Column:
    """A column: its names from the outermost down, its cells, and whether it heads the rows."""

    names: tuple[str, ...]
    cells: tuple[_Cell, ...]
    heads: bool = False

    @property
    def number(self) -> bool:
        return any(cell.number for cell in self.cells if cell.text)


def show(
    frame: pd.DataFrame | pd.Series,
    *,
    caption: str = "",
    formats: Mapping[Hashable, Format] | None = None,
) -> Table | None:
    """Set a table: numbers right with thousands separators, texts left, names for people.

    Columns called `low` and `high` (or `accuracy low` and `accuracy high`) become one, the 95 %
    interval. What is missing stays empty; a column without any value is left out, and so is an
    index that only counts the rows. A table too wide for the page is turned if it has few rows, and
    set smaller if that is no help. Of no rows there is no table.

    Args:
        frame: the values; one row of the table a row.
        caption: a sentence above the table.
        formats: by column, or name of an index level, a format such as "{:.1f}" or a function to
            text. Without one, floats have three decimals, larger ones fewer.
    """
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    if frame.empty:
        return None
    frame = _by_metric(frame, formats or {})
    columns = [
        column
        for column in _columns(frame, dict(formats or {}))
        if column.heads or any(cell.text for cell in column.cells)
    ]
    heads = [column for column in columns if column.heads]
    body = columns[len(heads) :]
    if _width(columns) > PAGE and len(frame) < len(body) and frame.columns.nlevels == 1:
        columns = min(columns, _turned(heads, body), key=_width)
    return Table(_html(columns, caption), _plain(columns))


def _by_metric(frame: pd.DataFrame, formats: Mapping[Hashable, Format]) -> pd.DataFrame:
    """Write the scores of a table that names a metric a row: of a hundred with one decimal."""
    if frame.columns.nlevels == 1 and "metric" in frame.columns:
        named = frame["metric"].tolist()
    elif "metric" in frame.index.names:
        named = frame.index.get_level_values("metric").tolist()
    else:
        return frame
    of_hundred = [name in METRICS and METRICS[name].best > 1 for name in named]

    def written(column: pd.Series) -> Any:
        if column.name in formats or not pd.api.types.is_float_dtype(column):
            return column
        return [
            None if np.isnan(value) else f"{value:.1f}" if hundred else f"{value:.3f}"
            for value, hundred in zip(column, of_hundred, strict=True)
        ]

    return frame.assign(**{name: written(frame[name]) for name in frame.columns})


def stacked(parts: Mapping[str, pd.DataFrame], name: str = "task") -> pd.DataFrame:
    """Return tables one below the other, each under its key; an empty one of none."""
    return pd.concat(parts, names=[name]) if parts else pd.DataFrame()


def name_of(label: Any) -> str:
    """Return what a column or metric is called where people read it."""
    text = "" if label is None else str(label)
    return NAMES.get(text, text.replace("_", " "))


def _short(value: Any) -> str:
    """Return a value of any kind in few characters; nothing for one that is not there."""
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_short(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name_of(key)}: {_short(part)}" for key, part in value.items())
    if pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return _decimal(float(value)) if isinstance(value, float | np.floating) else str(value)


def shown(value: object) -> str:
    """Return a claim's value with four digits; nothing for one that is not there."""
    if value is None or value != value:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _decimal(value: float) -> str:
    """A float with as many decimals as its size leaves sense in."""
    size = abs(value)
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if 0 < size < 0.0005:
        return f"{value:.1g}" if size >= 0.0001 else scientific(value)
    return f"{value:,.{_decimals(size)}f}"


def scientific(value: float) -> str:
    """Return a number as two digits times a power of ten."""
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(_RAISED)}"


def _decimals(size: float) -> int:
    return 3 if size < 10 else 1 if size < 1000 else 0


def _columns(frame: pd.DataFrame, formats: Mapping[Hashable, Format]) -> list[_Column]:
    """The columns of the index, then those of the frame."""
    depth = frame.columns.nlevels
    columns = []
    if not _counts_rows(frame.index):
        for level in range(frame.index.nlevels):
            name = frame.index.names[level]
            labels = [NAMES.get(v, v) for v in _level(frame.index, level)]
            names = ("",) * (depth - 1) + (name_of(name),)
            columns.append(_Column(names, _cells(labels, formats.get(name)), heads=True))
    labels = list(frame.columns)
    for place, label in enumerate(labels):
        values = frame.iloc[:, place].tolist()
        outer, inner = _split(label)
        if _HIGH.match(inner) and place and _LOW.match(_split(labels[place - 1])[1]):
            continue
        if _LOW.match(inner) and place + 1 < len(labels):
            both = (formats.get(label), values, frame.iloc[:, place + 1].tolist())
            names = (*map(name_of, outer), "95 % interval")
            columns.append(_Column(names, _intervals(*both)))
            continue
        if inner == "metric":
            values = [name_of(value) for value in values]
        names = (*map(name_of, outer), name_of(inner))
        columns.append(_Column(names, _cells(values, formats.get(label))))
    return columns


def _split(label: Any) -> tuple[tuple[Any, ...], str]:
    """A column's outer labels and its own."""
    return (label[:-1], str(label[-1])) if isinstance(label, tuple) else ((), str(label))


def _counts_rows(index: pd.Index) -> bool:
    return isinstance(index, pd.RangeIndex) and index.name is None


def _level(index: pd.Index, level: int) -> list[Any]:
    return index.get_level_values(level).tolist()


def _cells(values: Sequence[Any], form: Format | None) -> tuple[_Cell, ...]:
    texts = _texts(values, form)
    full = [text for text in texts if text]
    number = bool(full) and all(_NUMBER.fullmatch(text) for text in full)
    return tuple(_Cell(text, number) for text in texts)


def _texts(values: Sequence[Any], form: Format | None) -> list[str]:
    missing = [_short(value) == "" for value in values]
    if form is None:
        form = _usual(values)
    write = form.format if isinstance(form, str) else form
    return [
        "" if gone else value if isinstance(value, str) else write(value)
        for value, gone in zip(values, missing, strict=True)
    ]


def _usual(values: Sequence[Any]) -> Format:
    """The format of a column: of floats of one size the same decimals, else value by value."""
    floats = [v for v in values if isinstance(v, float) and np.isfinite(v)]
    if not floats or any(not isinstance(v, float) for v in values if _short(v)):
        return _short
    if all(value == round(value) for value in floats):
        return "{:,.0f}"
    sizes = [abs(value) for value in floats if value]
    if min(sizes) < 0.0005 or (min(sizes) < 1 and max(sizes) >= 10):
        return _short
    return f"{{:,.{_decimals(max(sizes))}f}}"


def _intervals(form: Format | None, lows: Sequence, highs: Sequence) -> tuple[_Cell, ...]:
    """An interval a row; none where an end is missing."""
    texts = _texts([*lows, *highs], form)
    pairs = zip(texts[: len(lows)], texts[len(lows) :], strict=True)
    return tuple(_Cell(f"{low} to {high}" if low and high else "", True) for low, high in pairs)


def _width(columns: Sequence[_Column]) -> int:
    """The characters that columns need side by side, with texts broken between words."""
    return sum(2 + max(map(len, _parts(column))) for column in columns)


def _parts(column: _Column) -> Iterator[str]:
    """What stands in a column and is not broken: numbers, and the words of texts and names."""
    yield from re.split(r"[ -]", column.names[-1])
    for cell in column.cells:
        yield from [cell.text] if cell.number else cell.text.split()


def _turned(heads: Sequence[_Column], body: Sequence[_Column]) -> list[_Column]:
    """The table with its columns as rows, each cell standing as it did."""
    names = tuple(_Cell(", ".join(filter(None, column.names)), False) for column in body)
    count = len(body[0].cells)
    unnamed = ["value"] if count == 1 else [str(row + 1) for row in range(count)]
    titles = [
        ", ".join(column.cells[row].text for column in heads) or unnamed[row]
        for row in range(count)
    ]
    rows = [tuple(column.cells[row] for column in body) for row in range(count)]
    turned = [_Column((title,), cells) for title, cells in zip(titles, rows, strict=True)]
    return [_Column(("",), names, heads=True), *turned]


def _html(columns: Sequence[_Column], caption: str) -> str:
    size = " wide" if _width(columns) > PAGE else ""
    lines = [f'<table class="dataframe{size}">']
    if caption:
        lines.append(f"<caption>{escape(caption)}</caption>")
    lines += ["<thead>", *_head_rows(columns), "</thead>", "<tbody>"]
    count = len(columns[0].cells)
    spans = _spans(columns, count)
    for row in range(count):
        cells = [
            _tag("th", cell, scope="row", rowspan=spans[place][row])
            if column.heads
            else _tag("td", cell)
            for place, column in enumerate(columns)
            for cell in [column.cells[row]]
            if not column.heads or spans[place][row]
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])


def _head_rows(columns: Sequence[_Column]) -> list[str]:
    """The rows of names; neighbours under the same outer name share one cell."""
    depth = len(columns[0].names)
    rows = []
    for level in range(depth):
        groups = [[column] for column in columns]
        if level < depth - 1:
            shared = groupby(columns, key=lambda column, end=level + 1: column.names[:end])
            groups = [list(group) for _, group in shared]
        rows.append(f"<tr>{''.join(_head(group, level) for group in groups)}</tr>")
    return rows


def _head(group: Sequence[_Column], level: int) -> str:
    """One name over its columns. A heading without a name would be read out as an empty one."""
    cell = _Cell(group[0].names[level], group[0].number and len(group) == 1)
    if not cell.text:
        return _tag("td", cell, colspan=len(group))
    return _tag("th", cell, scope="col" if len(group) == 1 else "colgroup", colspan=len(group))


def _spans(columns: Sequence[_Column], count: int) -> list[list[int]]:
    """How many rows each cell of a heading column spans; 0 for one that is spanned.

    The last heading column spans none: it names the row.
    """
    heads = [column for column in columns if column.heads]
    spans = [[1] * count for _ in columns]
    for place in range(len(heads) - 1):
        keys = [tuple(head.cells[row].text for head in heads[: place + 1]) for row in range(count)]
        row = 0
        for _, group in groupby(keys):
            size = len(list(group))
            spans[place][row : row + size] = [size] + [0] * (size - 1)
            row += size
    return spans


def _tag(tag: str, cell: _Cell, **attributes: Any) -> str:
    # Editors set all cells right unless the cell itself says otherwise.
    kind = 'class="number"' if cell.number else 'class="text" style="text-align: left"'
    more = "".join(
        f' {name}="{value}"' for name, value in attributes.items() if value not in ("", 1)
    )
    return f"<{tag} {kind}{more}>{escape(cell.text)}</{tag}>"


def _plain(columns: Sequence[_Column]) -> str:
    """The table as lines of text."""
    rows = [[" ".join(filter(None, column.names)) for column in columns]]
    count = len(columns[0].cells)
    rows += [[column.cells[row].text for column in columns] for row in range(count)]
    widths = [max(map(len, texts)) for texts in zip(*rows, strict=True)]
    aligned = (
        [
            text.rjust(width) if column.number else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ]
        for row in rows
    )
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def mean_and_interval(runs: Sequence[Run], metric: str) -> tuple[float, float, float]:
    """Return the mean score of runs over seeds, and its 95 % interval.

    The interval is Student's; of a single run, the bootstrap's over test rows from its record.
    """
    mean, low, high = mean_interval([run.metrics[metric] for run in runs])
    return (mean, low, high) if len(runs) > 1 else (mean, *runs[0].metrics["intervals"][metric])


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and 95 % Student interval over seeds; NaN bounds for a single seed."""
    numbers = pd.Series(list(values), dtype=float)
    count, mean = len(numbers), float(numbers.mean())
    if count < 2:
        return mean, float("nan"), float("nan")
    half = student(count - 1) * numbers.std(ddof=1) / count**0.5
    return mean, float(mean - half), float(mean + half)
