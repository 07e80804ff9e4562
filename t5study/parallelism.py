"""How much of a sequence model's work can be done at once: one measurement, kept as a record."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from t5study.experiments import HEADS, LENGTHS, REPEATS, WIDTH
from t5study.provenance import device_name, recorded
from t5study.runs import Workspace


def measure(work: Workspace) -> dict[str, Any]:
    """Time one training step of an LSTM layer and of a self-attention layer by sequence length.

    Both have the same width and read one sequence, so that nothing but its own positions can be
    worked on side by side. The LSTM (Hochreiter & Schmidhuber 1997) needs `length` operations one
    after the other, self-attention one (Vaswani et al. 2017, table 1). The metrics are the
    least of several times, in milliseconds a sequence, forward and backward pass together.
    """
    with recorded("cpu") as provenance:
        torch.manual_seed(0)
        recurrent = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        attention = nn.TransformerEncoderLayer(
            WIDTH, HEADS, dim_feedforward=2 * WIDTH, dropout=0.0, batch_first=True
        )
        times = {
            "lstm": [_step_time(lambda x: recurrent(x)[0], recurrent, n) for n in LENGTHS],
            "attention": [_step_time(attention, attention, n) for n in LENGTHS],
        }
        work.save_metrics({"lengths": list(LENGTHS), "device": device_name("cpu"), **times})
    return provenance


def _step_time(
    forward: Callable[[torch.Tensor], torch.Tensor], layer: nn.Module, length: int
) -> float:
    """Least milliseconds of forward and backward pass over one sequence, after one warm-up.

    The least of several is what other work on the machine disturbs the least.
    """
    inputs = torch.randn(1, length, WIDTH)
    seconds = []
    for _ in range(REPEATS + 1):
        layer.zero_grad()
        started = time.perf_counter()
        forward(inputs).square().mean().backward()
        seconds.append(time.perf_counter() - started)
    return 1e3 * min(seconds[1:])
