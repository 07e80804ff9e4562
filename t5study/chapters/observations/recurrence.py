"""How much of a sequence model's work can be done at once: measured, and kept as a record."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import nn

from t5study.base.device import device_name, usable_cores
from t5study.experiments.questions import HEADS, LENGTHS, REPEATS, WIDTH
from t5study.runs.provenance import recorded
from t5study.runs.store import Workspace


def measure(work: Workspace) -> dict[str, Any]:
    """Measure an LSTM layer and a self-attention layer by sequence length, on all cores.

    Both have the same width and read one sequence, so that nothing but its own positions can be
    worked on side by side. The metrics are, for each length, `chain_…`, the longest chain of
    operations that wait for each other (see `longest_chain`), and the least of several times of a
    training step, in milliseconds. Every round visits all lengths and both layers, so that no
    other work on the machine lasts long enough to fall on all times of one of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())
    try:
        with recorded("cpu") as provenance:
            torch.manual_seed(0)
            recurrent = nn.LSTM(WIDTH, WIDTH, batch_first=True)
            attention = nn.TransformerEncoderLayer(
                WIDTH, HEADS, dim_feedforward=2 * WIDTH, dropout=0.0, batch_first=True
            )
            rounds = [
                [(_step_time(recurrent, n), _step_time(attention, n)) for n in LENGTHS]
                for _ in range(REPEATS + 1)
            ]
            least = np.min(rounds[1:], axis=0)  # of (rounds, lengths, layers), after a warm-up
            cell = nn.LSTMCell(WIDTH, WIDTH)
            work.save_metrics(
                {
                    "lengths": list(LENGTHS),
                    "device": device_name("cpu"),
                    "lstm": least[:, 0].tolist(),
                    "attention": least[:, 1].tolist(),
                    "chain_lstm": [longest_chain(_unrolled(cell, n)) for n in LENGTHS],
                    "chain_attention": [longest_chain(attention(_inputs(n))) for n in LENGTHS],
                }
            )
    finally:
        torch.set_num_threads(threads)
    return provenance


def longest_chain(output: torch.Tensor) -> int:
    """Return the most operations of a forward pass that wait for each other, as autograd saw them.

    However many units there are, no pass is shorter. Vaswani et al. (2017), table 1, give its
    order: the length for a recurrent layer, a constant for self-attention.
    """
    depths: dict[Any, int] = {}
    waiting = [output.grad_fn]
    while waiting:
        operation = waiting[-1]
        needed = [before for before, _ in operation.next_functions if before is not None]
        unknown = [before for before in needed if before not in depths]
        if unknown:
            waiting += unknown
        else:
            depths[operation] = 1 + max((depths[before] for before in needed), default=0)
            waiting.pop()
    return depths[output.grad_fn]


def _inputs(length: int) -> torch.Tensor:
    return torch.randn(1, length, WIDTH)


def _unrolled(cell: nn.LSTMCell, length: int) -> torch.Tensor:
    """The LSTM's last state, step by step: the layer itself is one operation to autograd."""
    state = None
    for inputs in _inputs(length)[0]:
        state = cell(inputs, state)
    return state[0]


def _step_time(layer: nn.Module, length: int) -> float:
    """Milliseconds of one forward and backward pass of `layer` over one sequence."""
    inputs = _inputs(length)
    layer.zero_grad()
    started = time.perf_counter()
    outputs = layer(inputs)
    hidden = outputs[0] if isinstance(layer, nn.LSTM) else outputs
    hidden.square().mean().backward()
    return 1e3 * (time.perf_counter() - started)
