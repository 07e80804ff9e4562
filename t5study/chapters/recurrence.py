"""Chapter 0's figure: a recurrent layer beside attention, by the length of what they read."""

from __future__ import annotations

import pandas as pd
import seaborn as sns

from t5study.chapters.style import BLUE, ORANGE, PAGE, Picture, drawn, panels, plain_numbers
from t5study.runs.record import Run


@drawn
def plot_parallelism(run: Run) -> Picture:
    """Draw the chain of waiting operations and the time of a step against length, logarithmic."""
    figure, axes = panels(1, 2, PAGE, 3.0)
    lengths = run.metrics["lengths"]
    quantities = (
        ("chain_", "operations that wait for each other"),
        ("", "milliseconds a sequence"),
    )
    layers = {"LSTM layer": "lstm", "Transformer encoder layer": "attention"}
    for place, (prefix, label) in zip(axes, quantities, strict=True):
        table = pd.DataFrame({name: run.metrics[prefix + key] for name, key in layers.items()})
        sns.lineplot(table.set_index(pd.Index(lengths)), ax=place, markers=["s", "o"],
                     palette=[ORANGE, BLUE], dashes=["", (3, 2)])  # fmt: skip
        place.set_xscale("log", base=2)
        place.set_xticks(lengths, [str(length) for length in lengths])
        place.set(xlabel="sequence length (tokens)", ylabel=label)
        plain_numbers(place)
    axes[1].get_legend().remove()
    return figure
