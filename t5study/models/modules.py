"""The modules of a model: counted, and listed as the report lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from torch import nn


def parameter_count(module: nn.Module, trained_only: bool = False) -> int:
    """How many numbers a module holds as parameters; shared ones count once."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained_only)


def module_table(
    model: nn.Module, max_rows: int | None = None, root: str = "model"
) -> pd.DataFrame:
    """The modules of a model, in order, as the report's section 3 lists them.

    A layer that only gives another name to parameters already listed (T5's tied embeddings) is left
    out, as it is where the two names hold one module.

    Returns:
        Columns `name` (dotted, below `root`), `type` (class), `params` (exact count, shared
        ones once per module) and `rounded` (the report's style, such as `262 K`).
    """
    rows: list[dict[str, Any]] = []
    listed: set[int] = set()
    for name, module in model.named_modules():
        if max_rows is not None and len(rows) >= max_rows:
            break
        own = {id(p) for p in module.parameters(recurse=False)}
        if own and own <= listed and not any(module.children()):
            continue
        listed |= own
        count = parameter_count(module)
        rows.append(
            {
                "name": f"{root}.{name}" if name else root,
                "type": type(module).__name__,
                "params": count,
                "rounded": rounded_count(count),
            }
        )
    return pd.DataFrame(rows, columns=["name", "type", "params", "rounded"])


def rounded_count(count: int) -> str:
    """A count cut (not rounded up) to thousands, millions ...: 262144 is `262 K`."""
    group = (len(str(count)) - 1) // 3
    suffix = ("", "K", "M", "B", "T")[min(group, 4)]
    return f"{count // 1000 ** min(group, 4)} {suffix}".strip()
