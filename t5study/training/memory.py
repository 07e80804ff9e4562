"""What fine-tuning a T5 takes of a memory: weights, gradients, optimiser, and what the passes keep.

An estimate by counting tensors, for one process without sharding, with attention written out
(`eager`): kernels that fuse it keep no scores and need less. Activations are counted as
Korthikanti et al. (2023), section 4, count those of a decoder. Chapter 10 explains the terms and
sets the estimate beside peaks that were measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from t5study.base.device import Device
from t5study.experiments.recipes import Recipe

FULL, HALF = 4, 2
"""Bytes of a number in float32 and in bfloat16."""

MOMENTS = {"adamw": 2, "adafactor": 0}
"""Numbers that an optimiser keeps for each weight; Adafactor's rows and columns are left out."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a T5 with ReLU and shared embeddings (Raffel et al. 2020, section 2.1)."""

    d_model: int
    d_ff: int
    heads: int
    d_kv: int
    layers: int
    vocabulary: int = 32128
    buckets: int = 32

    @property
    def inner(self) -> int:
        """Width of all heads together."""
        return self.heads * self.d_kv

    @property
    def embedding(self) -> int:
        """Weights of the embedding, which is the output layer as well."""
        return self.vocabulary * self.d_model

    @property
    def linear(self) -> tuple[int, int]:
        """Weights of the linear layers of encoder and decoder, which has a second attention."""
        attention, forward = 4 * self.d_model * self.inner, 2 * self.d_model * self.d_ff
        return self.layers * (attention + forward), self.layers * (2 * attention + forward)

    @property
    def stacks(self) -> tuple[int, int]:
        """Weights of encoder and decoder: linear layers, norms, and one table of distances each."""
        more = self.buckets * self.heads + self.d_model
        encoder, decoder = self.linear
        return (
            encoder + 2 * self.layers * self.d_model + more,
            decoder + 3 * self.layers * self.d_model + more,
        )

    @property
    def parameters(self) -> int:
        """All weights, shared ones once."""
        return self.embedding + sum(self.stacks)

    @property
    def largest(self) -> int:
        """Weights of the largest matrix."""
        return max(self.embedding, self.d_model * self.d_ff, self.d_model * self.inner)

    def adapters(self, rank: int) -> tuple[int, int]:
        """Weights of low-rank adapters beside the linear layers of encoder and decoder."""
        attention, forward = 4 * (self.d_model + self.inner), 2 * (self.d_model + self.d_ff)
        each = self.layers * rank
        return each * (attention + forward), each * (2 * attention + forward)


@dataclass(frozen=True)
class Passes:
    """What the forward pass of a micro-batch keeps for the backward pass, in bytes.

    There are `rows` examples, each with `source` tokens to read and `target` tokens to write.
    Three kinds of numbers are kept: full ones in float32, operands of matrix products, which mixed
    precision (`half`) casts, and dropout's masks. `rank` is that of low-rank adapters, 0 where all
    weights are learnt.
    """

    shape: Shape
    rows: int
    source: int
    target: int
    half: bool
    rank: int
    device: Device

    def kept(self, full: float, operands: float, masks: float) -> float:
        """Bytes of so many numbers of each kind. On a CPU a mask has the numbers' own format."""
        operand = HALF if self.half else FULL
        return FULL * full + operand * operands + (operand if self.device == "cpu" else 1) * masks

    @property
    def norm(self) -> int:
        """Full numbers of a norm, a token: its input and, where it is learnt, that scaled."""
        return self.shape.d_model * (1 if self.rank else 2)

    def pairs(self, queries: int, keys: int) -> float:
        """Attention's weights after softmax, their mask, and what is left of them."""
        # Scores are full numbers in mixed precision too, since the table of distances is.
        mask = FULL if self.device == "cpu" else 1
        return self.rows * self.shape.heads * queries * keys * (self.kept(1, 1, 0) + mask)

    @property
    def encoder_layer(self) -> float:
        """A layer of the encoder: two norms, self-attention, and the feed-forward layer."""
        size = self.shape
        # Queries, keys and values are products of one vector; mixed precision casts it for each.
        read = size.d_model * (4 if self.half else 2)
        operands = read + 4 * size.inner + 2 * size.d_ff + 6 * self.rank
        token = self.kept(2 * self.norm, operands, 2 * size.d_model + size.d_ff)
        return self.rows * self.source * token + self.pairs(self.source, self.source)

    @property
    def decoder_layer(self) -> float:
        """A layer of the decoder: the source's keys and values, and what is kept of the target."""
        size = self.shape
        read = size.d_model * (2 if self.half else 0)
        source = self.kept(0, read + 2 * size.inner + 2 * self.rank, 0)
        read = size.d_model * (5 if self.half else 3)
        operands = read + 6 * size.inner + 2 * size.d_ff + 8 * self.rank
        target = self.kept(3 * self.norm, operands, 3 * size.d_model + size.d_ff)
        pairs = self.pairs(self.target, self.source + self.target)
        return self.rows * (self.source * source + self.target * target) + pairs

    @property
    def ends(self) -> tuple[float, float]:
        """Encoder and decoder before and after their layers; the probabilities are most of it."""
        size = self.shape
        outside = self.kept(self.norm + size.d_model, 0, size.d_model * (1 if self.rank else 2))
        # Before and after softmax.
        words = 2 * FULL * size.vocabulary
        return self.rows * self.source * outside, self.rows * self.target * (outside + words)

    @property
    def between_layers(self) -> tuple[float, float]:
        """What checkpointing keeps of all layers of encoder and decoder: their inputs."""
        layer = FULL * self.shape.d_model * self.shape.layers * self.rows
        distances = FULL * self.shape.heads * self.source**2
        return layer * self.source + distances, layer * self.target

    @property
    def working(self) -> float:
        """The gradient of the largest tensor of an encoder's layer."""
        size = self.shape
        widest = max(size.heads * self.source, size.d_ff, size.d_model)
        return FULL * self.rows * self.source * widest


@dataclass(frozen=True)
class Moment:
    """Bytes of each kind that are held at one moment of an update."""

    name: str
    weights: float
    copies: float
    gradients: float
    optimizer: float
    activations: float

    @property
    def total(self) -> float:
        """All bytes that are held then."""
        return self.weights + self.copies + self.gradients + self.optimizer + self.activations


def rows_at_once(recipe: Recipe) -> int:
    """Return the examples of a micro-batch of texts that all have the recipe's greatest length."""
    return max(1, min(recipe.batch_size, recipe.tokens_per_micro_batch // recipe.max_source_length))


def moments(shape: Shape, recipe: Recipe, target: int, device: Device) -> list[Moment]:
    """Return what an update holds at the moments that may hold most, in the order of time.

    The optimiser's state is there from the second update on, and the gradients are there, `before`
    all passes, from the second micro-batch on.
    """
    rows, half, rank = rows_at_once(recipe), recipe.precision == "bf16", recipe.lora_rank or 0
    passes = Passes(shape, rows, recipe.max_source_length, target, half, rank, device)
    encoder, decoder = shape.adapters(rank) if rank else shape.stacks
    table = 0 if rank else FULL * shape.embedding
    weights = FULL * (shape.parameters + (encoder + decoder if rank else 0))
    trained = FULL * (encoder + decoder) + table
    state = MOMENTS[recipe.optimizer] * trained
    before = trained if rows < recipe.batch_size else 0
    copied = [HALF * part if half else 0 for part in (*shape.linear, shape.embedding)]
    ends, layers = passes.ends, (passes.encoder_layer, passes.decoder_layer)
    kept = [shape.layers * layer for layer in layers]
    copies, again, copied_again = copied[0], 0.0, copied[0]
    if recipe.gradient_checkpointing:
        kept, again = list(passes.between_layers), layers[0]
        copies, copied_again = 0, copied[0] / shape.layers
    of_decoder = max(before, FULL * decoder)
    scratch = 2 * FULL * shape.largest if recipe.optimizer == "adafactor" and not rank else 0

    def moment(name: str, copies: float, gradients: float, activations: float) -> Moment:
        return Moment(name, weights, copies, gradients, state, activations)

    return [
        moment("the backward pass begins", sum(copied), before + table, sum(kept) + sum(ends)),
        # The embedding serves three times. The output layer's gradient and the decoder's, each a
        # table, have a third for their sum, unless mixed precision has made the first anew.
        moment("the decoder's is done", copies, of_decoder + (2 if half else 3) * table,
               kept[0] + ends[0]),
        moment("the encoder's begins", copied_again, of_decoder + table,
               kept[0] + ends[0] + again + passes.working),
        moment("the backward pass ends", 0, trained + (2 if before else 1) * table, 0),
        moment("the optimiser steps", 0, trained, scratch),
    ]  # fmt: skip


def peak(shape: Shape, recipe: Recipe, target: int = 2, device: Device = "cuda") -> Moment:
    """Return the moment of an update that holds most."""
    return max(moments(shape, recipe, target, device), key=lambda moment: moment.total)
