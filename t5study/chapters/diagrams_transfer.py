"""Figures of the chapters on pre-training and on sequences, drawn from tables and records alone.

Where a profile did not run what a figure shows, the figure says so: pages refer to it either way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from t5study.chapters.diagrams import BLUE, GREEN, GREY, ORANGE, PAGE, panels
from t5study.judging.scores import METRICS
from t5study.runs.record import Run

COLOURS = (ORANGE, BLUE, GREEN, GREY, "#cc79a7", "#56b4e9")


def not_run(text: str) -> Figure:
    """A figure that holds nothing but the reason why there is none."""
    figure, (axes,) = panels(1, 1, PAGE, 1.2)
    axes.axis("off")
    plain = textwrap.fill(text.replace("`", ""), 76)
    axes.text(0.5, 0.5, plain, ha="center", va="center", fontsize=10)
    return figure


def _band(axes: Axes, table: pd.DataFrame, x: str, name: str, colour: str, **line) -> None:
    table = table.sort_values(x)
    axes.plot(table[x], table["mean"], "o-", color=colour, label=name, ms=4, lw=1.5, **line)
    axes.fill_between(table[x], table["low"], table["high"], color=colour, alpha=0.15, lw=0)


def plot_curves(curves: Mapping[str, pd.DataFrame], metric: str, otherwise: str) -> Figure:
    """Score against labels, one panel a role and one line a model.

    The tables are those of `transfer.curve_table`.
    """
    if not curves:
        return not_run(otherwise)
    figure, axes = panels(1, len(curves), PAGE, 3.6, sharey=True)
    for place, (role, table) in zip(axes, curves.items(), strict=True):
        for (model, part), colour in zip(table.groupby("model", sort=False), COLOURS, strict=False):
            _band(place, part, "labels", model, colour)
        place.set_xscale("log")
        counts = sorted(table["labels"].unique())
        place.set_xticks(counts, [f"{count:,}" for count in counts])
        place.minorticks_off()
        place.set(title=role, xlabel="training labels")
    axes[0].set_ylabel(metric)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


def plot_budgets(budgets: Mapping[str, pd.DataFrame], otherwise: str) -> Figure:
    """Accuracy against pre-training tokens, one panel a role and one line a label count.

    The dashed line is the same network without pre-training. The tables are those of
    `transfer.budget_table`.
    """
    if not budgets:
        return not_run(otherwise)
    figure, axes = panels(1, len(budgets), PAGE, 3.4, sharey=True)
    for place, (role, table) in zip(axes, budgets.items(), strict=True):
        for (labels, part), colour in zip(
            table.groupby("labels", sort=False), COLOURS, strict=False
        ):
            _band(place, part[part["tokens"] > 0], "tokens", f"{labels} labels", colour)
            scratch = part.loc[part["tokens"] == 0, "mean"].iloc[0]
            place.axhline(scratch, color=colour, ls="--", lw=1)
        place.set_xscale("log")
        place.set(title=role, xlabel="pre-training tokens")
        place.legend(fontsize="small")
    axes[0].set_ylabel("test accuracy")
    return figure


def plot_held_out(runs: Mapping[str, Run], otherwise: str, against: str = "tokens") -> Figure:
    """Held-out loss of pre-training runs against the "tokens" read or the number of the "step"."""
    if not runs:
        return not_run(otherwise)
    figure, (axes,) = panels(1, 1, PAGE, 3.4)
    for (name, run), colour in zip(runs.items(), COLOURS, strict=False):
        history = run.history.dropna(subset=["held_out_loss"])
        axes.plot(
            history[against],
            history["held_out_loss"],
            "o-",
            ms=3,
            lw=1.4,
            color=colour,
            label=name,
        )
    axes.set_xscale("log")
    label = {"tokens": "tokens read", "step": "updates"}[against]
    axes.set(xlabel=label, ylabel="held-out loss per target token")
    axes.legend(fontsize="small")
    return figure


def plot_by_length(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Score against the length of the source, one panel a role, as `sequences.by_length` has it."""
    figure, axes = panels(1, len(tables), PAGE, 3.2)
    for place, (name, table) in zip(axes, tables.items(), strict=True):
        places = np.arange(len(table))
        errors = [table["mean"] - table["low"], table["high"] - table["mean"]]
        place.errorbar(places, table["mean"], yerr=errors, fmt="o", color=BLUE, capsize=3)
        place.set_xticks(places, table.index)
        place.set(title=name, xlabel="tokens of the source", ylabel=table.attrs["metric"])
        place.set_xlim(-0.5, len(table) - 0.5)
    return figure


def plot_joint(table: pd.DataFrame, otherwise: str) -> Figure:
    """Scores of the joint model beside those of the single-task models, each with its interval.

    `table` is that of `sequences.joint_table`; scores that reach 100 are drawn as fractions.
    """
    if table.empty:
        return not_run(otherwise)
    figure, (axes,) = panels(1, 1, PAGE, 1.0 + 0.45 * len(table))
    places = np.arange(len(table))[::-1]
    scale = np.array([METRICS[metric].best for _, metric in table.index])
    for name, shift, colour in (("single", 0.12, GREY), ("joint", -0.12, ORANGE)):
        low, mean, high = (table[f"{name}{end}"] / scale for end in (" low", "", " high"))
        axes.hlines(places + shift, low, high, color=colour, lw=3, alpha=0.5)
        axes.plot(mean, places + shift, "o", color=colour, label=f"{name} model")
    axes.set_yticks(places, [f"{role} ({metric})" for role, metric in table.index])
    axes.set_xlabel("score, as a fraction of the best possible")
    axes.legend(fontsize="small")
    return figure
