"""What fits into a GPU's memory: model size, precision, optimiser and length.

`python -m benchmarks.memory` measures on a GPU. Without one it estimates, and says so: a training
step is traced with tensors that have shapes and no content, and what the backward pass keeps is
added up. Nothing is downloaded; the architectures are those of the T5 paper.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import Adafactor, T5Config, T5ForConditionalGeneration

from benchmarks.results import RESULTS
from t5study.base.files import write_json
from t5study.claims.counting import t5_config
from t5study.claims.published import load_published

GB = 10**9
CARDS = (4, 12, 24)
"""Memory of common graphics cards, in GB."""

RESERVED = 0.8 * GB
"""What the driver's context, libraries and fragmentation take of a card; a round figure."""

TARGET_LENGTH = 2
ROWS = (4, 12)
"""Examples of the two measurements whose difference is what an example needs."""

LENGTHS = (128, 512)
PRECISIONS = ("fp32", "bf16")
STATE_BYTES = {"adamw": 8.0, "adafactor": 0.0}
"""Optimiser state in bytes a weight. Adafactor keeps a row and a column for each matrix."""

OPTIMIZERS: dict[str, Callable[[torch.nn.Module], torch.optim.Optimizer]] = {
    "adamw": lambda model: torch.optim.AdamW(model.parameters(), lr=1e-4),
    "adafactor": lambda model: Adafactor(
        model.parameters(), lr=1e-4, scale_parameter=False, relative_step=False
    ),
}

SIZES = tuple(shape["name"] for shape in load_published().t5_shapes["models"])


@dataclass(frozen=True)
class Need:
    """Bytes that training needs: `fixed` whatever the batch, and `example` for each example.

    `step` is what the optimiser's step needs, when what the passes saved is gone.
    """

    model: str
    precision: str
    optimizer: str
    length: int
    fixed: float
    example: float
    step: float

    @property
    def one_example(self) -> float:
        """Bytes to train on one example at a time."""
        return max(self.step, self.fixed + self.example)

    def largest_batch(self, card: int) -> int:
        """Return how many examples fit at once into a card of so many GB; 0 if none."""
        room = card * GB - RESERVED
        return max(0, int((room - self.fixed) // self.example)) if self.step <= room else 0


def architecture(name: str) -> T5Config:
    """Return the configuration of one of the T5 paper's models."""
    config = t5_config(name)
    config._attn_implementation = "eager"
    return config


def parameters(name: str) -> int:
    """Return the number of weights."""
    with FakeTensorMode():
        return sum(p.numel() for p in T5ForConditionalGeneration(architecture(name)).parameters())


def saved_for_backward(name: str, precision: str, length: int, rows: int = 1) -> int:
    """Return the bytes that the forward pass keeps for the backward pass, weights left out."""
    saved: dict[int, int] = {}
    with FakeTensorMode():
        model = T5ForConditionalGeneration(architecture(name)).train()
        weights = {p.untyped_storage()._cdata for p in model.parameters()}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                saved[storage._cdata] = storage.nbytes()
                alive.append(storage)
            return tensor

        alive: list[Any] = []
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
        ):
            logits = model(
                input_ids=torch.ones(rows, length, dtype=torch.long),
                decoder_input_ids=torch.ones(rows, TARGET_LENGTH, dtype=torch.long),
                use_cache=False,
            ).logits
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), torch.ones(rows * TARGET_LENGTH, dtype=torch.long)
            )
    return sum(saved.values())


def estimates() -> Iterator[Need]:
    """Yield the needs of every combination.

    Fixed: float32 weights, their gradients and the optimiser's state, and what the trace keeps
    whatever the rows, such as weights cast to bf16. The rest grows with the rows.
    """
    for name in SIZES:
        count = parameters(name)
        for precision, length in product(PRECISIONS, LENGTHS):
            one, two = (saved_for_backward(name, precision, length, rows) for rows in (1, 2))
            for optimizer, state in STATE_BYTES.items():
                held = count * (8 + state)
                fixed = held + max(0, 2 * one - two)
                yield Need(name, precision, optimizer, length, fixed, two - one, held)


def measurements() -> Iterator[Need]:
    """Yield the needs as measured on this GPU, of those combinations that fit into it."""
    for name, precision, length, optimizer in product(SIZES, PRECISIONS, LENGTHS, STATE_BYTES):
        try:
            few, many = (_measured(name, precision, length, optimizer, rows) for rows in ROWS)
        except torch.OutOfMemoryError:
            continue
        example = (many[0] - few[0]) / (ROWS[1] - ROWS[0])
        fixed = few[0] - ROWS[0] * example
        yield Need(name, precision, optimizer, length, fixed, max(1.0, example), few[1])


def _measured(name: str, precision: str, length: int, optimizer: str, rows: int) -> tuple[int, int]:
    """Return the most bytes that were taken during both passes, and during the step after them."""
    torch.cuda.empty_cache()
    with torch.device("cuda"):
        model = T5ForConditionalGeneration(architecture(name)).train()
        batch = {
            "input_ids": torch.ones(rows, length, dtype=torch.long),
            "decoder_input_ids": torch.ones(rows, TARGET_LENGTH, dtype=torch.long),
        }
    optimiser = OPTIMIZERS[optimizer](model)
    # In the second round the optimiser's state is there.
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            model(**batch, use_cache=False).logits.float().square().mean().backward()
        passes = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        optimiser.step()
        step = torch.cuda.max_memory_allocated()
        optimiser.zero_grad()
    return passes, step


def main(out: Path = RESULTS) -> None:
    """Measure on a GPU, estimate elsewhere, and write memory.json into a folder."""
    logging.disable(logging.WARNING)
    measured = torch.cuda.is_available()
    needs = [asdict(need) for need in (measurements() if measured else estimates())]
    said = {"target_length": TARGET_LENGTH, "reserved_bytes": RESERVED}
    write_json(out / "memory.json", {"measured": measured, **said, "needs": needs})


if __name__ == "__main__":
    main()
