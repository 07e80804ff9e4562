"""What makes training fast on the device at hand; no result depends on it beyond rounding."""

from __future__ import annotations

import logging

from torch import nn

from t5study.base.device import usual_device
from t5study.training.allocator import tune_allocator
from t5study.training.compiling import compile_blocks

log = logging.getLogger(__name__)


def speed_up(model: nn.Module, compiled: bool, packing: bool = False) -> str:
    """Prepare a model for training on this device, in place; return what compiling came to.

    On a processor dropout, cross-attention and the position bias become cheap, the allocator keeps
    its memory, and with `packing` short texts share the rows of T5's encoder. With `compiled` the
    blocks are compiled.
    """
    # Late, both: a GPU needs neither.
    if packing:
        from t5study.training.packing import pack_encoder

        pack_encoder(model)
    if usual_device() == "cpu":
        from t5study.training.cpu import make_cheap

        tune_allocator()
        make_cheap(model)
    if not compiled:
        return "not asked for"
    outcome = compile_blocks(model)
    log.info("torch.compile: %s", outcome)
    return outcome
