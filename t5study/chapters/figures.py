"""Figures and tables drawn from run records alone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from t5study.claims.claims import OUTCOMES
from t5study.runs.record import Run

TRAINING, VALIDATION = "#4c78a8", "#f58518"


def style() -> None:
    """Set the look that all figures of the book share; readable on light and on dark pages."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 120,
            "figure.figsize": (7.0, 3.6),
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "axes.titlesize": "medium",
            "svg.hashsalt": "t5study",
        }
    )


def _closed(figure: Figure) -> Figure:
    """The figure, closed for pyplot: a notebook would otherwise show it twice."""
    plt.close(figure)
    return figure


def plot_losses(runs: Sequence[Run]) -> Figure:
    """Draw training and validation loss against epochs, one thin line a seed, on a log scale."""
    figure, axes = plt.subplots()
    for number, run in enumerate(runs):
        history = run.history
        labels = ("training", "validation") if number == 0 else (None, None)
        for column, colour, label, marker in (
            ("loss", TRAINING, labels[0], None),
            ("validation_loss", VALIDATION, labels[1], "o"),
        ):
            points = history.dropna(subset=[column])
            axes.plot(
                points["epoch"], points[column], color=colour, label=label, marker=marker, lw=1.4
            )
        best = history.loc[history["step"] == run.metrics["best_step"]]
        axes.axvline(float(best["epoch"].iloc[0]), color="grey", ls=":", lw=1)
    axes.set(xlabel="epoch", ylabel="cross-entropy per label token")
    _plain_numbers(axes)
    axes.legend()
    return _closed(figure)


def _plain_numbers(axes: Axes) -> None:
    """Make the upright axis logarithmic, with 1, 2 and 5 of each power of ten in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def plot_parallelism(run: Run) -> Figure:
    """Draw the chain of waiting operations and the time of a step against length, logarithmic."""
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.6))
    lengths = run.metrics["lengths"]
    quantities = (
        ("chain_", "operations that wait for each other"),
        ("", "milliseconds a sequence"),
    )
    for axes, (prefix, label) in zip(panels, quantities, strict=True):
        for name, layer, colour in (
            ("lstm", "LSTM layer", VALIDATION),
            ("attention", "Transformer encoder layer", TRAINING),
        ):
            axes.plot(lengths, run.metrics[prefix + name], "o-", color=colour, label=layer)
        axes.set_xscale("log", base=2)
        axes.set_xticks(lengths, [str(length) for length in lengths])
        axes.set(xlabel="sequence length (tokens)", ylabel=label)
        _plain_numbers(axes)
    panels[0].legend()
    return _closed(figure)


def label_words(run: Run) -> list[str]:
    """Return the label words in label order, which is that of the columns of probabilities."""
    return [name[2:] for name in run.predictions.columns if name.startswith("p_")]


def plot_confusion(run: Run) -> Figure:
    """Draw the confusion matrix: shares of each true label, with counts in the cells."""
    words = label_words(run)
    counts = np.array(run.metrics["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(1.8 + 0.75 * len(words), 1.2 + 0.62 * len(words)))
    sns.heatmap(
        shares,
        annot=counts,
        fmt="d",
        cmap="Blues",
        vmin=0,
        vmax=1,
        xticklabels=words,
        yticklabels=words,
        cbar_kws={"label": "share of the true label"},
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="actual")
    axes.tick_params(axis="y", rotation=0)
    axes.tick_params(axis="x", rotation=30)
    return _closed(figure)


def largest_confusion(run: Run) -> tuple[str, str, int]:
    """Return the most frequent mistake: actual label, predicted label, how many rows."""
    words = label_words(run)
    counts = np.array(run.metrics["confusion"])
    np.fill_diagonal(counts, 0)
    actual, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return words[actual], words[predicted], int(counts[actual, predicted])


def plot_intervals(table: pd.DataFrame, value: str, low: str, high: str, label: str) -> Figure:
    """Draw one row a model: a dot for the value and a bar for its interval.

    `table` is indexed by the names on the vertical axis.
    """
    figure, axes = plt.subplots(figsize=(7.0, 0.9 + 0.42 * len(table)))
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table[low], table[high], color=TRAINING, lw=3, alpha=0.5)
    axes.plot(table[value], places, "o", color=TRAINING)
    axes.set_yticks(places, [textwrap.fill(name, 30) for name in table.index])
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.set_xlabel(label)
    return _closed(figure)


def plot_verdicts(verdicts: pd.DataFrame) -> Figure:
    """Draw how many claims of each kind got each verdict (a table of `claims.scorecard`)."""
    shades = ("#54a24b", "#2b8c74", "#e45756", "#f58518", "#bab0ac")
    colours = dict(zip(OUTCOMES, shades, strict=True))
    counts = pd.crosstab(verdicts["kind"], verdicts["verdict"]).reindex(
        columns=list(OUTCOMES), fill_value=0
    )
    figure, axes = plt.subplots(figsize=(7.0, 2.6))
    left = np.zeros(len(counts))
    for outcome in OUTCOMES:
        widths = counts[outcome].to_numpy()
        axes.barh(counts.index, widths, left=left, color=colours[outcome], label=outcome)
        left += widths
    axes.set_xlabel("claims")
    axes.legend(ncols=3, fontsize="small", loc="upper center", bbox_to_anchor=(0.45, 1.35))
    return _closed(figure)
