"""Examples for demonstrations in the book; none of them is in any split."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, list[dict[str, Any]]] = {}
