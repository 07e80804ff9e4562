"""Chapter 0's figure: a recurrent layer beside attention, by the length of what they read."""

from __future__ import annotations

import pandas as pd

from t5study.chapters.style import PAGE, Picture, drawn, lines, panels, plain_numbers
from t5study.runs.record import Run

CLAIMS = (
    *("vision-transfer", "rnns-before-transformers", "lstm-gru-variants"),
    *("transformer-more-parallel", "transformer-state-of-the-art-tasks"),
)
"""What the report says of networks that read a text, by the names of claims."""


@drawn
def plot_parallelism(run: Run) -> Picture:
    """Draw the chain of waiting operations and the time of a step against length, logarithmic."""
    figure, axes = panels(1, 2, PAGE, 3.0)
    lengths = run.metrics["lengths"]
    quantities = (
        ("chain_", "operations that wait for each other"),
        ("", "milliseconds a sequence"),
    )
    layers = {"lstm": "LSTM layer", "attention": "Transformer encoder layer"}
    for place, (prefix, label) in zip(axes, quantities, strict=True):
        columns = {layer: run.metrics[prefix + name] for name, layer in layers.items()}
        table = pd.DataFrame(columns, index=lengths).rename_axis("length").reset_index()
        lines(place, table.melt("length", var_name="layer"), "length", "value", "layer")
        place.set_xscale("log", base=2)
        place.set_xticks(lengths, [str(length) for length in lengths])
        place.set(xlabel="sequence length (tokens)", ylabel=label)
        plain_numbers(place)
    axes[0].legend()
    axes[1].get_legend().remove()
    return figure
