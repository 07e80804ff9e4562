"""Short texts share the rows of T5's encoder, so that little of its work is done on padding.

T5 was trained so: "whenever possible, we pack multiple sequences into each entry of the batch"
(Raffel et al. 2020, section 3.1.2). A text attends to itself alone, and since T5 knows positions
by their distance only, it need not know where in a row it stands. Packing happens inside the
encoder: what goes in and what comes out is padded as ever.

On two processor cores, fine-tuning on short messages passes 1.48 times as many of them a second so
(book/_speed.md). A GPU does without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.models.t5.modeling_t5 import T5Stack

from t5study.data.batches import bucket_of, few_enough

SHORTEST_ROW = 64
"""Positions of a shared row, where no text is longer."""

LEAST_SPARED = 0.1
"""Texts share rows where that spares at least so great a part of the padded positions."""

LONGEST_PACKED = 128
"""Tokens of the longest text that shares rows on a processor: attention is cheap up to there."""

LENGTH_STEP = 16
"""Beside shared rows, lengths are rounded up to a multiple of this: graphs take any length."""

ANOTHER_PASS = 256
"""Positions that take as long as what one more micro-batch adds: casts and sums of weights."""

FINE_STEP, FINE_PASS = 8, 128
"""The same two where rows hold one text each, measured on a BERT of 22.7 M weights."""


@dataclass(frozen=True)
class Layout:
    """Where texts stand in `rows` rows of `width` positions, which are counted end to end."""

    first: np.ndarray
    """The position of each text's first token."""
    rows: int
    width: int


def first_fit(lengths: np.ndarray, width: int) -> Layout:
    """Put texts into rows: the longest first, each into the first row that has room for it.

    First-fit decreasing (Johnson et al. 1974) needs at most 11/9 of the fewest rows possible, and
    little more than them where texts are short. No text may be longer than `width`.
    """
    free = np.full(len(lengths), width)
    first = np.empty(len(lengths), dtype=np.int64)
    for text in np.argsort(-lengths, kind="stable"):
        row = int(np.argmax(free >= lengths[text]))
        first[text] = (row + 1) * width - free[row]
        free[row] -= lengths[text]
    return Layout(first, int((free < width).sum()), width)


def shared_rows(lengths: np.ndarray, padded: int) -> Layout | None:
    """Return how texts share rows in place of one row of `padded` positions each.

    None where that would spare less than `LEAST_SPARED`.
    """
    layout = first_fit(lengths, max(padded, SHORTEST_ROW))
    spared = 1 - layout.rows * layout.width / (len(lengths) * padded)
    return layout if spared >= LEAST_SPARED else None


def encoder_positions(lengths: np.ndarray, padded: int) -> int:
    """Return how many positions the encoder computes for texts padded to `padded` tokens."""
    layout = shared_rows(lengths, padded)
    return layout.rows * layout.width if layout else len(lengths) * padded


# --- how an update is cut -------------------------------------------------------------------------


def cut_for_shared_rows(
    lengths: np.ndarray, rows: np.ndarray, longest: int, tokens: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Sort `rows` by length and cut them into (rows, padded length) of at most `tokens` tokens.

    As `batches.cut`, but without buckets: texts of up to `LONGEST_PACKED` tokens are cut by tokens
    that are no padding, and longer ones so that padding and passes cost least together.
    """
    order = rows[np.argsort(lengths[rows], kind="stable")]
    own = lengths[order]
    if not own.size:
        return
    bucket = bucket_of(int(own[-1]), longest)
    if few_enough(own.size, bucket, tokens):
        yield order, bucket
        return
    short = int(np.searchsorted(own, LONGEST_PACKED, side="right"))
    ends = [*_by_tokens(own[:short], tokens), *(short + _cheapest(own[short:], tokens))]
    for part in np.split(order, ends[:-1]):
        yield part, min(longest, _rounded_up(lengths[part[-1]]))


def cut_for_least_padding(
    lengths: np.ndarray, rows: np.ndarray, longest: int, tokens: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Sort `rows` by length and cut them into (rows, padded length), however short they are.

    For models whose rows hold one text each: neighbours in length make a micro-batch, and an update
    is drawn at random as ever.
    """
    order = rows[np.argsort(lengths[rows], kind="stable")]
    ends = _cheapest(lengths[order], tokens, FINE_STEP, FINE_PASS)
    for part in np.split(order, ends[:-1]) if ends.size else ():
        yield part, min(longest, _rounded_up(lengths[part[-1]], FINE_STEP))


def _rounded_up(length: int, step: int = LENGTH_STEP) -> int:
    return int(-(-length // step) * step)


def _by_tokens(own: np.ndarray, tokens: int) -> np.ndarray:
    """Cut rising lengths into parts of nearly as many tokens each, at most `tokens`; their ends."""
    if not own.size:
        return np.zeros(0, dtype=np.int64)
    total = int(own.sum())
    parts = -(-total // max(1, tokens - int(own[-1])))
    numbers = (np.cumsum(own) - own) * parts // total
    return np.append(np.flatnonzero(np.diff(numbers)) + 1, own.size)


def _cheapest(
    own: np.ndarray, tokens: int, step: int = LENGTH_STEP, another: int = ANOTHER_PASS
) -> np.ndarray:
    """Cut rising lengths into parts of at most `tokens` positions; return the parts' ends.

    Of all cuts it is the one with the fewest positions, padding included, where another part counts
    as `another` positions: found by dynamic programming over the end of the last part.
    """
    cost, start = np.zeros(own.size + 1), np.zeros(own.size + 1, dtype=np.int64)
    for end in range(1, own.size + 1):
        length = _rounded_up(own[end - 1], step)
        starts = np.arange(max(0, end - max(1, tokens // length)), end)
        costs = cost[starts] + (end - starts) * length + another
        least = int(np.argmin(costs))
        cost[end], start[end] = costs[least], starts[least]
    ends, end = [], own.size
    while end:
        ends.append(end)
        end = int(start[end])
    return np.array(ends[::-1], dtype=np.int64)


# --- the encoder ----------------------------------------------------------------------------------


def _packed_forward(
    self: T5Stack,
    input_ids: torch.Tensor | None = None,
    attention_mask: torch.Tensor | None = None,
    **options: Any,
) -> Any:
    """As T5Stack's; texts come padded on the right, [texts, padded], and leave so.

    Who asks for more than the last states gets them of rows that hold one text each.
    """
    more = any(
        options.get(name) or getattr(self.config, name, False)
        for name in ("output_attentions", "output_hidden_states")
    )
    layout = None
    if not more and input_ids is not None and attention_mask is not None:
        layout = shared_rows(attention_mask.sum(1).cpu().numpy(), input_ids.shape[1])
    if layout is None:
        return T5Stack.forward(self, input_ids, attention_mask, **options)
    places, real = _places(layout, attention_mask), attention_mask.bool()
    output = T5Stack.forward(
        self,
        _filled(layout, places[real], input_ids[real], empty=0),
        _own_text_alone(layout, places, real, self.embed_tokens.weight.dtype),
        **options,
    )
    states = output.last_hidden_state.flatten(0, 1)
    padded = states.index_select(0, places.where(real, 0).flatten())
    output.last_hidden_state = padded.view(*input_ids.shape, -1)
    return output


def _own_text_alone(
    layout: Layout, places: torch.Tensor, real: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """The mask [rows, 1, width, width] added to scores: lowest between different texts."""
    texts = torch.arange(len(places), device=places.device)[:, None].expand_as(places)
    owner = _filled(layout, places[real], texts[real], empty=-1)
    differ = owner[:, None, :, None] != owner[:, None, None, :]
    mask = torch.zeros(differ.shape, dtype=dtype, device=places.device)
    return mask.masked_fill(differ, torch.finfo(dtype).min)


def _places(layout: Layout, attention_mask: torch.Tensor) -> torch.Tensor:
    """The position in the shared rows of each position of the padded texts, [texts, padded]."""
    first = torch.from_numpy(layout.first).to(attention_mask.device)
    return first[:, None] + torch.arange(attention_mask.shape[1], device=attention_mask.device)


def _filled(layout: Layout, places: torch.Tensor, values: torch.Tensor, empty: int) -> torch.Tensor:
    """A table [rows, width] of the values at their places, and of `empty` elsewhere."""
    table = values.new_full((layout.rows * layout.width,), empty)
    return table.index_copy(0, places, values).view(layout.rows, layout.width)


def pack_encoder(model: nn.Module) -> None:
    """Let short texts share the rows of a T5's encoder, in place; results agree up to rounding.

    Dropout falls on other elements than it would on padded rows, but is as likely.
    """
    encoder = model.get_encoder()
    encoder.forward = MethodType(_packed_forward, encoder)
