"""Chapter 10's tables and figures: what fine-tuning a T5 takes, estimated and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from t5study.claims.published import load_published
from t5study.experiments.questions import HALF_SMALL
from t5study.experiments.recipes import Recipe
from t5study.runs.record import Run
from t5study.training.memory import Shape, peak

GB = 1e9
_SIZES = ("d_model", "d_ff", "heads", "d_kv", "layers")


def shape_of(name: str) -> Shape:
    """Return the sizes of a T5 by its name: one of the paper's five, or `HALF_SMALL`."""
    if name == HALF_SMALL:
        return Shape(d_model=256, d_ff=1024, heads=8, d_kv=32, layers=4)
    shapes = {shape["name"]: shape for shape in load_published().t5_shapes["models"]}
    return Shape(**{size: shapes[name][size] for size in _SIZES})


def recipe_of(case: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a case of the measurement: float32 and AdamW but for its changes."""
    sizes = ("model", "rows", "source", "target", "micro_batches")
    changes = {name: value for name, value in case.items() if name not in sizes}
    return Recipe(
        batch_size=case["rows"] * case.get("micro_batches", 1),
        tokens_per_micro_batch=case["rows"] * case["source"],
        max_source_length=case["source"],
        **{"precision": "fp32"} | changes,
    )


def checked_table(run: Run) -> pd.DataFrame:
    """Set the estimate beside each peak that was measured; the error is in percent of the peak."""
    rows = []
    for case, measured in zip(run.config["cases"], run.metrics["peak_bytes"], strict=True):
        recipe = recipe_of(case)
        estimate = peak(shape_of(case["model"]), recipe, case["target"], "cpu").total
        rows.append({
            "model": case["model"],
            "what differs": _in_words(case),
            "micro-batch": f"{case['rows']} × {case['source']}",
            "estimated, GB": estimate / GB,
            "measured, GB": measured / GB,
            "error, %": 100 * (estimate / measured - 1),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _in_words(case: Mapping[str, Any]) -> str:
    said = {
        "micro_batches": "{} micro-batches",
        "precision": "{}",
        "gradient_checkpointing": "checkpointing",
        "optimizer": "{}",
        "lora_rank": "LoRA of rank {}",
    }
    words = [text.format(case[name]) for name, text in said.items() if name in case]
    if case["target"] > 2:
        words.append(f"{case['target']} target tokens")
    return ", ".join(words) or "–"
