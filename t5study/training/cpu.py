"""What makes a training step cheap on a processor: dropout, cross-attention, the position bias.

Nothing here changes what is computed: dropout keeps its distribution and depends on torch's seed,
compiled blocks draw the same masks as uncompiled ones, and the rest agrees up to rounding. A GPU
needs none of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from transformers.models.t5.modeling_t5 import T5Attention, T5DenseActDense, T5LayerCrossAttention

# Odd constants without short patterns, as signed 32-bit integers: the golden ratio's for the
# counter, and two multipliers found by search for an integer hash with little bias.
_COUNTER, _MIX_1, _MIX_2 = (c - (c >> 31 << 32) for c in (0x9E3779B1, 0x7FEB352D, 0x846CA68B))

ATTENTION = "t5study"
"""Name under which this module's attention is registered with transformers."""


def keep_factors(x: torch.Tensor, key: torch.Tensor, p: float) -> torch.Tensor:
    """Return dropout's factors in the shape and dtype of `x`: 0 with probability `p`, else 1/(1-p).

    A hash of the element's index and the `key` (two 32-bit integers) stands in for the random
    number generator. It has no state, so a compiler fuses it with its neighbours and computes it
    again in the backward pass in place of keeping a mask.
    """
    h = torch.arange(x.numel(), dtype=torch.int32, device=x.device) * _COUNTER + key[0]
    h = (h ^ ((h >> 16) & 0xFFFF)) * _MIX_1 ^ key[1]
    h = (h ^ ((h >> 15) & 0x1FFFF)) * _MIX_2
    threshold = round(p * 2**24) - 2**23
    if torch.compiler.is_compiling():
        # Arithmetic, since storing and loading a mask of bools is slow in inductor's C++.
        staying = (((h >> 8) - threshold) >> 31) + 1
    else:
        staying = h >= threshold << 8
    return staying.view(x.shape).to(x.dtype) * (1 / (1 - p))


class HashedDropout(nn.Module):
    """Dropout whose mask is a hash of its key; `cheapen_dropout` says who draws the keys."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("key", torch.zeros(2, dtype=torch.int32), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with elements dropped while training, and `x` itself otherwise."""
        if not self.training or self.p == 0:
            return x
        with torch.no_grad():
            factors = keep_factors(x, self.key, self.p)
        return x * factors


class _ReluDropout(torch.autograd.Function):
    """ReLU and dropout in one: the result alone says where the gradient passes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, key: torch.Tensor, p: float) -> torch.Tensor:
        y = torch.relu(x)
        if p > 0:
            y = y * keep_factors(y, key, p)
        ctx.save_for_backward(y)
        ctx.p = p
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (y,) = ctx.saved_tensors
        return gradient * (torch.sign(y) * (1 / (1 - ctx.p))), None, None


class HashedReluDropout(HashedDropout):
    """ReLU followed by hashed dropout, keeping one tensor for the backward pass."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return relu(x), with elements dropped while training."""
        if not self.training:
            return torch.relu(x)
        return _ReluDropout.apply(x, self.key, self.p)


def _attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float = 1.0,
    dropout: float = 0.0,
    position_bias: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention with T5's position bias and hashed dropout; shapes as transformers passes them."""
    scores = query @ key.transpose(2, 3)
    if scaling != 1.0:
        scores = scores * scaling
    for bias in (position_bias, attention_mask):
        if bias is not None:
            scores = scores + bias
    weights = module.hashed_dropout(scores.softmax(-1))
    return (weights @ value).transpose(1, 2).contiguous(), weights


def _mask(*shape: Any, **options: Any) -> torch.Tensor:
    """The mask as a tensor even where no text is padded: a graph less to compile."""
    return eager_mask(*shape, **options | {"allow_is_bidirectional_skip": False})


AttentionInterface.register(ATTENTION, _attention)
AttentionMaskInterface.register(ATTENTION, _mask)


def _draw_keys(model: nn.Module, *_: Any) -> None:
    """Give every hashed dropout of a model in training a new key, from torch's generator."""
    if not model.training:
        return
    dropouts = [m for m in model.modules() if isinstance(m, HashedDropout)]
    keys = torch.randint(-(2**31), 2**31, (len(dropouts), 2)).to(torch.int32)
    for dropout, key in zip(dropouts, keys, strict=True):
        dropout.key.copy_(key)


def cheapen_dropout(model: nn.Module) -> None:
    """Replace the dropout of a transformers model, in place, by one that costs next to nothing.

    Every nn.Dropout is replaced, and in T5 also the dropout of the attention weights and the pair
    of ReLU and dropout. New keys are drawn at each forward pass of `model` in training, so masks
    follow torch.manual_seed, and a block that gradient checkpointing computes again meets the
    same mask. Weights, their names and the evaluation mode are untouched. Meant for the CPU, where
    drawing bits takes a third of a step; a GPU's own dropout is already fused.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, HashedDropout(child.p))
        if isinstance(parent, T5Attention):
            parent.hashed_dropout = HashedDropout(parent.dropout)
        elif isinstance(parent, T5DenseActDense) and isinstance(parent.act, nn.ReLU):
            parent.act, parent.dropout = nn.Identity(), HashedReluDropout(parent.dropout.p)
    if any(isinstance(m, T5Attention) for m in model.modules()):
        model.set_attn_implementation(ATTENTION)
    model.train(model.training)
    model.register_forward_pre_hook(_draw_keys)


class _ShortQueryAttention(T5Attention):
    """Cross-attention that multiplies the few queries by the key and value weights.

    Keys are W_k e and values W_v e for every encoder state e, so the scores q (W_k e) are
    (q W_k) e, and the mixture of values is W_v (sum of weighted e). With two label tokens in the
    decoder that takes a few multiplications an encoder state in place of two whole projections.
    """

    def forward(
        self,
        hidden_states: torch.Tensor,
        mask: torch.Tensor | None = None,
        key_value_states: torch.Tensor | None = None,
        position_bias: torch.Tensor | None = None,
        past_key_values: Any = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """As T5Attention, without a position bias: its cross-attention has none."""
        rows, width = hidden_states.shape[:2]
        heads, size = self.n_heads, self.key_value_proj_dim
        if key_value_states is None or past_key_values is not None or 4 * width > size:
            return super().forward(
                hidden_states, mask, key_value_states, position_bias, past_key_values, **kwargs
            )

        def by_head(states: torch.Tensor) -> torch.Tensor:
            return states.reshape(rows * width, heads, -1).transpose(0, 1)

        def by_row(states: torch.Tensor) -> torch.Tensor:
            return states.view(heads, rows, width, -1).transpose(0, 1)

        to_keys = self.k.weight.view(heads, size, -1)
        to_values = self.v.weight.view(heads, size, -1).transpose(1, 2)
        queries = by_row(torch.bmm(by_head(self.q(hidden_states)), to_keys)).flatten(1, 2)
        scores = torch.bmm(queries, key_value_states.transpose(1, 2))
        scores = scores.unflatten(1, (heads, width))
        if mask is not None:
            scores = scores + mask
        weights = self.hashed_dropout(scores.softmax(-1))
        mixture = torch.bmm(weights.flatten(1, 2), key_value_states)
        mixture = mixture.unflatten(1, (heads, width)).transpose(0, 1).flatten(1, 2)
        mixed = torch.bmm(mixture, to_values).transpose(0, 1).reshape(rows, width, -1)
        return self.o(mixed), None, weights


def shorten_cross_attention(model: nn.Module) -> None:
    """Spare T5's decoder the keys and values of all encoder states where its input is short.

    In place, after `cheapen_dropout`. The results are the same up to rounding; longer targets and
    generation with a cache take T5's own way.
    """
    for module in model.modules():
        if isinstance(module, T5LayerCrossAttention):
            module.EncDecAttention.__class__ = _ShortQueryAttention


class _BiasAsScores(T5Attention):
    """Self-attention whose position bias lies in memory as the scores do.

    T5 looks it up as [query, key, head]. Turned into [head, query, key] without being moved, it
    makes the compiled softmax fetch one number at a time, in every layer: a tenth of an update of
    IMDB's.
    """

    def compute_bias(self, *lengths: Any, **options: Any) -> torch.Tensor:
        """Return the bias [1, heads, queries, keys], contiguous."""
        return super().compute_bias(*lengths, **options).contiguous()


def align_position_bias(model: nn.Module) -> None:
    """Lay T5's position bias out as the scores it is added to, in place; no result changes."""
    for module in model.modules():
        if type(module) is T5Attention and module.has_relative_attention_bias:
            module.__class__ = _BiasAsScores
