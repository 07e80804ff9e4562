"""Chapter 0's figure: a recurrent layer beside attention, by the length of what they read."""

from __future__ import annotations

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
    for place, (prefix, label) in zip(axes, quantities, strict=True):
        for name, layer, colour, line in (
            ("lstm", "LSTM layer", ORANGE, "s--"),
            ("attention", "Transformer encoder layer", BLUE, "o-"),
        ):
            place.plot(lengths, run.metrics[prefix + name], line, color=colour, label=layer)
        place.set_xscale("log", base=2)
        place.set_xticks(lengths, [str(length) for length in lengths])
        place.set(xlabel="sequence length (tokens)", ylabel=label)
        plain_numbers(place)
    axes[0].legend()
    return figure
