"""Chapter 10's tables and figures: what fine-tuning a T5 takes, estimated and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from t5study.chapters.style import (
    BLUE,
    GREEN,
    HATCHES,
    INK,
    MARKS,
    ORANGE,
    PAGE,
    PINK,
    SKY,
    SMALL,
    Picture,
    drawn,
    panels,
)
from t5study.claims.facts import training_memory
from t5study.claims.published import load_published
from t5study.experiments.questions import HALF_SMALL
from t5study.experiments.recipes import Recipe
from t5study.runs.record import Run
from t5study.training.memory import Moment, Shape, peak

GB = 1e9
CARDS = (4, 12, 24)
"""Memory of the report's two graphics cards and of one between them, in GB as they are sold."""
DRIVER = 0.8
"""GB of a card that go to the driver, to libraries and into gaps; a round figure."""


def held(card: int) -> float:
    """Return the GB of a card, each of which is sold as 2**30 bytes."""
    return card * 2**30 / GB


def room(card: int) -> float:
    """Return the GB of a card that training can have, beside the driver."""
    return held(card) - DRIVER


CLAIMS = (
    "only-small-fits-24-gb",
    "3b-exceeds-24-gb",
    "small-exceeds-4-gb",
    "finetune-needs-clusters",
)

LADDER: dict[str, dict[str, Any]] = {
    "as the report": {"precision": "fp32", "tokens_per_micro_batch": 4096},
    "one text at a time": {"precision": "fp32", "tokens_per_micro_batch": 512},
}
LADDER["+ checkpointing"] = LADDER["one text at a time"] | {"gradient_checkpointing": True}
LADDER["+ Adafactor"] = LADDER["+ checkpointing"] | {"optimizer": "adafactor"}
LADDER["+ LoRA"] = LADDER["+ Adafactor"] | {"lora_rank": 8}
"""Recipes by name, from the report's to the leanest; all else of them is the report's."""

STEPS: dict[str, dict[str, Any]] = {
    "32 texts at once": {"precision": "fp32", "tokens_per_micro_batch": 32 * 512},
    "bf16": {"precision": "bf16"},
    "4 at a time": {"tokens_per_micro_batch": 4 * 512},
    "checkpointing": {"gradient_checkpointing": True},
    "Adafactor": {"optimizer": "adafactor"},
    "LoRA": {"lora_rank": 8},
}
"""Savings in the order in which the figure switches them on, each beside those before it."""

_SIZES = ("d_model", "d_ff", "heads", "d_kv", "layers")
_PARTS = ("weights", "copies", "gradients", "optimizer", "activations")
_PART_NAMES = (
    *("weights", "their copies in bf16", "gradients", "optimiser's moments"),
    "activations",
)


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
            "model": _titles().get(case["model"], case["model"]),
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
        "optimizer": "Adafactor",
        "lora_rank": "LoRA of rank {}",
    }
    words = [
        text.format(str(case[name]).replace("adaf", "Adaf"))
        for name, text in said.items()
        if name in case
    ]
    if case["target"] > 2:
        words.append(f"{case['target']} target tokens")
    return ", ".join(words) or "–"


def gpu_table() -> pd.DataFrame:
    """Set the estimate beside what an H200 took, in float32 with AdamW and 512 tokens a text."""
    rows = []
    for model in ("t5-small", "t5-base", "t5-large"):
        for texts in (1, 3):
            sizes = {"batch_size": texts, "tokens_per_micro_batch": 512 * texts}
            estimate = needs(model, {"precision": "fp32"} | sizes).total / GB
            measured = training_memory(model, texts)
            rows.append({
                "model": _titles()[model],
                "texts at once": texts,
                "estimated, GB": estimate,
                "measured, GB": measured,
                "error, %": 100 * (estimate / measured - 1),
            })  # fmt: skip
    return pd.DataFrame(rows)


def needs(model: str, changes: Mapping[str, Any], length: int = 512) -> Moment:
    """Return the moment of an update that holds most on a GPU: the report's recipe with changes."""
    return peak(shape_of(model), Recipe(**{"max_source_length": length} | dict(changes)))


def fits(model: str, changes: Mapping[str, Any], card: int) -> bool:
    """Return whether a recipe's update fits into a card, beside the driver."""
    return needs(model, changes).total / GB <= room(card)


def ladder_table() -> pd.DataFrame:
    """Return the GB of each published T5, a row a model, by recipe of the ladder."""
    rows = {
        title: {name: needs(model, changes).total / GB for name, changes in LADDER.items()}
        for model, title in _titles().items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def fits_table() -> pd.DataFrame:
    """Return the first recipe of the ladder that fits, by model and card; else "no recipe"."""
    rows = {
        title: {
            f"in {card} GB": next(
                (name for name, changes in LADDER.items() if fits(model, changes, card)),
                "no recipe",
            )
            for card in CARDS
        }
        for model, title in _titles().items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _titles() -> dict[str, str]:
    return {shape["name"]: shape["title"] for shape in load_published().t5_shapes["models"]}


def savings(model: str = "t5-base") -> dict[str, Moment]:
    """Return the fullest moment of an update of 32 texts, as one saving after another is made."""
    changes: dict[str, Any] = {"batch_size": 32}
    found = {}
    for name, change in STEPS.items():
        changes |= change
        found[name] = needs(model, changes)
    return found


@drawn
def plot_memory() -> Picture:
    """Draw T5-base as savings are made, part by part, and all sizes by three recipes."""
    figure, (parts, sizes) = panels(2, 1, PAGE, 5.9, height_ratios=(1.15, 1))
    _stack(parts, savings())
    parts.set(xlabel="GB, T5-base, an update of 32 texts of 512 tokens")
    _spread(sizes, ladder_table())
    for axes in (parts, sizes):
        _mark_cards(axes)
    return figure


def _spread(sizes: Axes, table: pd.DataFrame) -> None:
    """Draw a row for each model with a mark for each of three recipes, logarithmic."""
    shown = ("as the report", "+ Adafactor", "+ LoRA")
    look = {"markersize": 7, "zorder": 4}
    for name, colour, mark in zip(shown, (ORANGE, BLUE, GREEN), MARKS, strict=False):
        sizes.plot(table[name], np.arange(len(table)), mark, color=colour, label=name, **look)
    sizes.hlines(np.arange(len(table)), table[list(shown)].min(axis=1),
                 table[list(shown)].max(axis=1), color="#bdbdbd", lw=1, zorder=1)  # fmt: skip
    sizes.set_xscale("log")
    ticks = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
    sizes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    sizes.set_xticks([], minor=True)
    sizes.set_yticks(np.arange(len(table)), table.index)
    sizes.set_ylim(len(table) - 0.5, -0.9)
    sizes.grid(axis="y", visible=False)
    sizes.set(xlabel="GB, texts of 512 tokens, logarithmic")
    sizes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False)


def _stack(axes: Axes, steps: Mapping[str, Moment]) -> None:
    """Draw a bar of parts for each step, the first on top, with its sum behind it."""
    places, left = np.arange(len(steps)), np.zeros(len(steps))
    colours = (BLUE, SKY, GREEN, PINK, ORANGE)
    for part, name, colour, hatch in zip(_PARTS, _PART_NAMES, colours, HATCHES, strict=False):
        widths = np.array([getattr(moment, part) / GB for moment in steps.values()])
        axes.barh(places, widths, left=left, color=colour, hatch=hatch, edgecolor="white",
                  linewidth=0.4, height=0.72, label=name)  # fmt: skip
        left += widths
    for place, total in zip(places, left, strict=True):
        axes.text(total + 0.3, place, f"{total:.1f}", va="center", fontsize=SMALL)
    names = list(steps)
    axes.set_yticks(places, [names[0], *(f"+ {name}" for name in names[1:])])
    axes.set_ylim(len(steps) - 0.5, -0.9)
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.2, 1.0), ncols=5, frameon=False,
                columnspacing=1.0, handlelength=1.4)  # fmt: skip


def _mark_cards(axes: Axes) -> None:
    """Draw a line at the memory of each card."""
    for card in CARDS:
        axes.axvline(held(card), color=INK, lw=1, ls="--", zorder=3)
        axes.text(held(card), -0.62, f"{card} GB ", ha="right", va="center", fontsize=SMALL)
