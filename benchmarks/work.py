"""The data, the model and the arithmetic that every measured method shares."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from t5study.base.precision import resolve_precision
from t5study.data.batches import Encoded, encode
from t5study.data.casts import cast, label_ids
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.models.checkpoints import Checkpoint, open_checkpoint
from t5study.models.loading import load_tokenizer, random_model
from t5study.pretraining.objectives import random_spans_helper, span_corruption
from t5study.runs.provenance import usual_device

PRETRAINING = "span-corruption"
MODEL = "google-t5/t5-small"
LONGEST_SOURCE = 512
LONGEST_TARGET = 16
SMALLER = {
    "d_model": 64,
    "d_kv": 16,
    "d_ff": 256,
    "num_heads": 4,
    "num_layers": 2,
    "num_decoder_layers": 2,
}
"""Sizes of a T5 that learns something in seconds, where the question is not speed."""


@dataclass(frozen=True)
class Work:
    """Rows as token ids, and the architecture that learns them.

    Weights are random: a step takes as long with them as with the published ones.
    """

    name: str
    encoded: Encoded
    tokenizer: PreTrainedTokenizerBase
    checkpoint: Checkpoint
    labels: list[list[int]]
    sizes: dict[str, int] = field(default_factory=dict)
    """Changes to the architecture."""

    @classmethod
    def load(
        cls,
        name: str,
        source: str | None,
        rows: int,
        split: str = "train",
        sizes: dict[str, int] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Work:
        """Tokenise `rows` rows of a task, chosen by hash in the proportions of the labels.

        The name `PRETRAINING` gives windows of IMDB's reviews with corrupted spans. Tokenizer and
        architecture are those of `checkpoint`, else t5-small's.
        """
        hub, task = Hub(source), get_task("imdb" if name == PRETRAINING else name)
        checkpoint = checkpoint or open_checkpoint(hub, MODEL)
        tokenizer = load_tokenizer(checkpoint)
        table = cast(task, split_rows(task, hub, split, rows))
        if name == PRETRAINING:
            return cls(name, corrupted(list(table["source"]), tokenizer), tokenizer, checkpoint, [])
        encoded = encode(table, tokenizer, LONGEST_SOURCE, LONGEST_TARGET)
        return cls(name, encoded, tokenizer, checkpoint, label_ids(task, tokenizer), sizes or {})

    @property
    def data(self) -> Dataset:
        """The rows as Seq2SeqTrainer wants them: input_ids and labels."""
        columns = self.encoded.data.with_format(None).select_columns(["source", "target"])
        return columns.rename_columns({"source": "input_ids", "target": "labels"})

    def only(self, rows: np.ndarray) -> Work:
        """Return the same with these rows alone, in their order."""
        encoded = self.encoded
        part = Encoded(
            encoded.data.select(rows),
            encoded.source_lengths[rows],
            encoded.target_lengths[rows],
            encoded.max_source_length,
        )
        return replace(self, encoded=part)

    @property
    def tokens(self) -> int:
        """The number of tokens of all sources and targets."""
        return int(self.encoded.source_lengths.sum() + self.encoded.target_lengths.sum())

    @property
    def tokens_an_example(self) -> float:
        """The mean number of tokens of source and target."""
        return self.tokens / len(self.encoded)

    @property
    def learning_rate(self) -> float:
        """The report's for t5-small; a smaller model learns nothing in a few updates of it."""
        return 1e-2 if self.sizes else 3e-4

    def model(self, seed: int = 0) -> PreTrainedModel:
        """Return t5-small's architecture, with the changed sizes, with random weights."""
        return random_model(self.checkpoint, seed, T5ForConditionalGeneration, **self.sizes)


def spread(lengths: np.ndarray, count: int, rows: int, seed: int) -> np.ndarray:
    """Return `count` row indices whose lengths are spread like all lengths.

    They come in batches of `rows` neighbours in the order of length, the batches in random order.
    """
    rng, order = np.random.default_rng(seed), np.argsort(lengths, kind="stable")
    batches = count // rows
    shares = (np.arange(batches) + rng.random(batches)) / batches
    starts = (shares * (len(order) - rows)).round().astype(int)
    return np.concatenate([order[start : start + rows] for start in rng.permutation(starts)])


def corrupted(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """Return the texts end to end, cut into windows whose corrupted inputs are 512 tokens long."""
    ids = np.concatenate(tokenizer(texts, add_special_tokens=False)["input_ids"])
    pieces, _ = random_spans_helper(LONGEST_SOURCE)
    sentinels = tokenizer.convert_tokens_to_ids([f"<extra_id_{i}>" for i in range(100)])
    rng = np.random.default_rng(0)
    pairs = [
        span_corruption(window, rng, sentinels=sentinels, eos=tokenizer.eos_token_id)
        for window in ids[: len(ids) // pieces * pieces].reshape(-1, pieces)
    ]
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    columns = {"source": sources, "target": targets, "label": [0] * len(pairs)}
    data = Dataset.from_dict(columns | {"row": range(len(pairs))}).with_format("numpy")
    lengths = [np.array([len(ids) for ids in side]) for side in (sources, targets)]
    return Encoded(data, *lengths, LONGEST_SOURCE)


def training_flops(config: T5Config, sources: np.ndarray, targets: np.ndarray) -> float:
    """Return the floating-point operations of training on texts of these lengths, in tokens.

    Six for each multiplied weight and token (two forward, four backward), and the products of
    attention; padding, embeddings' look-up and everything element by element count nothing.
    """
    inner, width = config.num_heads * config.d_kv, config.d_model
    attention = 4 * width * inner
    feed_forward = (3 if config.is_gated_act else 2) * width * config.d_ff
    layers, decoder_layers = config.num_layers, config.num_decoder_layers
    # The keys and values of the decoder's cross-attention are made from the encoder's tokens.
    on_sources = layers * (attention + feed_forward) + decoder_layers * attention / 2
    on_targets = decoder_layers * (1.5 * attention + feed_forward) + width * config.vocab_size
    sources, targets = sources.astype(float), targets.astype(float)
    pairs = layers * sources**2 + decoder_layers * (targets**2 + sources * targets)
    weights = on_sources * sources.sum() + on_targets * targets.sum()
    # Scores and weighted values: two products of `inner` for each pair, each also with a factor 6.
    return 6 * weights + 12 * inner * pairs.sum()


def matmul_peak(size: int = 2048, repeats: int = 8) -> float:
    """Return the operations a second of a square matrix product, the best of some.

    In bf16 where the hardware has it, else in fp32: the precision that training resolves to.
    """
    dtype = torch.bfloat16 if resolve_precision("auto") == "bf16" else torch.float32
    device = usual_device()
    size = 4 * size if device == "cuda" else size
    a = torch.randn(size, size, device=device).to(dtype)
    seconds = []
    for _ in range(repeats):
        _wait(device)
        started = time.perf_counter()
        a @ a
        _wait(device)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
