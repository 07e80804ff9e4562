"""The data, the model and the arithmetic that every measured method shares."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from t5study.base.device import resolve_precision, usual_device
from t5study.data.casts import cast, label_ids
from t5study.data.encoding import Encoded, encode
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_tokenizer, random_model
from t5study.models.opening import open_checkpoint

MODEL = "google-t5/t5-small"
LONGEST_SOURCE = 512
LONGEST_TARGET = 16


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

    @classmethod
    def load(cls, name: str, source: str | None, rows: int, split: str = "train") -> Work:
        """Tokenise `rows` rows of a task, chosen by hash in the proportions of the labels."""
        hub, task = Hub(source), get_task(name)
        checkpoint = open_checkpoint(hub, MODEL)
        tokenizer = load_tokenizer(checkpoint)
        table = cast(task, split_rows(task, hub, split, rows))
        encoded = encode(table, tokenizer, LONGEST_SOURCE, LONGEST_TARGET)
        return cls(name, encoded, tokenizer, checkpoint, label_ids(task, tokenizer))

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

    def model(self) -> PreTrainedModel:
        """Return t5-small's architecture with random weights."""
        return random_model(self.checkpoint, 0, T5ForConditionalGeneration)


def spread(lengths: np.ndarray, count: int, rows: int, seed: int) -> np.ndarray:
    """Return `count` row indices whose lengths are spread like all lengths.

    They come in batches of `rows` neighbours in the order of length, the batches in random order.
    """
    rng, order = np.random.default_rng(seed), np.argsort(lengths, kind="stable")
    batches = count // rows
    shares = (np.arange(batches) + rng.random(batches)) / batches
    starts = (shares * (len(order) - rows)).round().astype(int)
    return np.concatenate([order[start : start + rows] for start in rng.permutation(starts)])


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
