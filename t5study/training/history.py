"""The history of a training, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

LOGGED = ("loss", "grad_norm", "learning_rate")


def history(
    log: list[dict[str, Any]], place: Callable[[int], dict[str, float]], held_out: str
) -> pd.DataFrame:
    """Return one row a logged step: step, where that is, loss, grad_norm, learning_rate, and more.

    Args:
        log: the Trainer's `log_history`.
        place: what a step is in other units, such as {"epoch": 1.5}.
        held_out: what the names of results on held-out rows begin with, such as "validation".
    """
    rows: dict[int, dict[str, float]] = {}
    for entry in log:
        step = entry["step"]
        row = rows.setdefault(step, {"step": step, **place(step)})
        row |= {name: entry[name] for name in LOGGED if name in entry}
        # In order, since a log that was kept in a checkpoint comes back so.
        row |= {
            name.replace("eval", held_out, 1): entry[name]
            for name in sorted(entry)
            if name.startswith("eval_")
        }
    return pd.DataFrame([rows[step] for step in sorted(rows)])
