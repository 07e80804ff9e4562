"""What fits into a GPU's memory: model size, precision, optimiser and length.

`python -m benchmarks.memory` measures on a GPU. Without one it estimates, and says so, by the
formula of chapter 10. Nothing is downloaded; the architectures are those of the T5 paper.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import torch
from transformers import Adafactor, T5ForConditionalGeneration

from benchmarks.results import RESULTS
from t5study.base.files import write_json
from t5study.chapters.memory import CARDS as CARDS
from t5study.chapters.memory import room, shape_of
from t5study.claims.counting import t5_config
from t5study.claims.published import load_published
from t5study.experiments.recipes import Recipe
from t5study.training.memory import moments

GB = 10**9
TARGET_LENGTH = 2
ROWS = (4, 12)
"""Examples of the two measurements whose difference is what an example needs."""

LENGTHS = (128, 512)
PRECISIONS = ("fp32", "bf16")

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
        free = room(card) * GB
        return max(0, int((free - self.fixed) // self.example)) if self.step <= free else 0


def estimates() -> Iterator[Need]:
    """Yield the needs of every combination, by the formula of chapter 10.

    An example takes what the forward pass keeps of it. The rest is what the fullest moment of the
    passes takes beside one example.
    """
    for name, precision, length, optimizer in product(SIZES, PRECISIONS, LENGTHS, OPTIMIZERS):
        one, two = (_moments(name, precision, length, optimizer, rows) for rows in (1, 2))
        example, (*passes, step) = two[0] - one[0], one
        yield Need(name, precision, optimizer, length, max(passes) - example, example, step)


def _moments(name: str, precision: str, length: int, optimizer: str, rows: int) -> list[float]:
    """Return the bytes at the moments of an update of so many rows; the last is the step."""
    recipe = Recipe(
        precision=precision,
        optimizer=optimizer,
        batch_size=rows,
        max_source_length=length,
        tokens_per_micro_batch=rows * length,
    )
    return [moment.total for moment in moments(shape_of(name), recipe, TARGET_LENGTH, "cuda")]


def measurements() -> Iterator[Need]:
    """Yield the needs as measured on this GPU, of those combinations that fit into it."""
    for name, precision, length, optimizer in product(SIZES, PRECISIONS, LENGTHS, OPTIMIZERS):
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
        config = t5_config(name)
        model = T5ForConditionalGeneration._from_config(config, attn_implementation="eager").train()
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
    said = {"target_length": TARGET_LENGTH}
    write_json(out / "memory.json", {"measured": measured, **said, "needs": needs})


if __name__ == "__main__":
    main()
