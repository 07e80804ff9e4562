"""What the tables of all chapters have in common."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats


def framed(table: pd.DataFrame) -> Styler:
    """Return a table to be formatted, with the look of the book's other tables."""
    return table.style.set_table_attributes('class="dataframe"')


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and 95 % Student interval over seeds; NaN bounds for a single seed."""
    numbers = pd.Series(list(values), dtype=float)
    count, mean = len(numbers), float(numbers.mean())
    if count < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.975, count - 1) * numbers.std(ddof=1) / count**0.5
    return mean, float(mean - half), float(mean + half)


def shown(value: object) -> str:
    """Return a value of any type, short; nothing for a value that is not there."""
    if value is None or value != value:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
