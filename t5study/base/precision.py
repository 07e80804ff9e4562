"""The number format of a forward pass, and what "auto" means on the machine at hand."""

from __future__ import annotations

from contextlib import AbstractContextManager

from t5study.base.errors import StudyError

PRECISIONS = ("fp32", "bf16")


def resolve_precision(precision: str) -> str:
    """Return "bf16" or "fp32" for "auto", by what the device computes natively.

    fp16 is refused: T5's feed-forward activations overflow it (transformers issue 4586).
    """
    if precision == "fp16":
        raise StudyError("precision fp16 overflows in T5: use bf16, fp32 or auto")
    if precision != "auto":
        return precision
    # Late, since it takes seconds: a page drawn from records asks no device.
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in checks)
    return "bf16" if native else "fp32"


def mixed(precision: str) -> AbstractContextManager:
    """Return the context in which a forward pass runs in "bf16", or in "fp32" as it is."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, torch.bfloat16, enabled={"fp32": False, "bf16": True}[precision])
