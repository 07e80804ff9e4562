"""Pre-training objectives as pure functions on arrays of piece ids.

Every function takes a NumPy generator and draws from nothing else, so an example is determined by
its ids and the generator's state; `generator(seed, step)` makes the one that belongs to a training
step. Ids are one-dimensional integer arrays; nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from t5study.base.errors import StudyError

IGNORED = -100
MASKED_SHARE = 0.15
"""Share of the pieces that BERT is asked for (Devlin et al. 2019, 3.1)."""


def generator(seed: int, step: int) -> np.random.Generator:
    """The generator of one training step; different steps and seeds give unrelated streams."""
    return np.random.default_rng((seed, step))


# --- T5: span corruption ---------------------------------------------------------------------


def noise_counts(length: int, density: float, mean_span: float) -> tuple[int, int]:
    """Number of masked pieces and of spans in `length` pieces (Raffel et al. 2020, 3.3.4).

    At least one piece is masked and one kept, and there are never more spans than kept pieces,
    because two spans are always parted by one.
    """
    masked = min(max(round(length * density), 1), length - 1)
    spans = max(round(masked / mean_span), 1)
    return masked, min(spans, masked, length - masked)


def check_sentinels(
    length: int, sentinels: int, density: float = 0.15, mean_span: float = 3.0
) -> None:
    """Raise StudyError when `length` pieces need more spans than there are sentinels."""
    spans = noise_counts(length, density, mean_span)[1]
    if spans > sentinels:
        raise StudyError(
            f"{length} pieces at density {density} need {spans} sentinels and the vocabulary has"
            f" {sentinels}: use shorter sequences, longer spans or more sentinels."
        )


def _segment_lengths(total: int, segments: int, rng: np.random.Generator) -> np.ndarray:
    """Cut `total` into `segments` positive lengths, every way being equally likely."""
    cuts = np.sort(rng.choice(total - 1, size=segments - 1, replace=False)) + 1
    return np.diff(cuts, prepend=0, append=total)


def noise_mask(
    length: int, rng: np.random.Generator, density: float = 0.15, mean_span: float = 3.0
) -> np.ndarray:
    """Boolean mask of the pieces to hide, with exactly the counts of `noise_counts`.

    The method of T5's `random_spans_noise_mask` (Raffel et al. 2020, 3.1.4 and 3.3.4): the number
    of masked pieces and of spans is fixed, their lengths are a random partition, kept and masked
    segments take turns. As there, the first segment is kept and the last one masked.
    """
    masked, spans = noise_counts(length, density, mean_span)
    lengths = np.empty(2 * spans, dtype=np.int64)
    lengths[0::2] = _segment_lengths(length - masked, spans, rng)
    lengths[1::2] = _segment_lengths(masked, spans, rng)
    return np.repeat(np.tile([False, True], spans), lengths)


def _fold(ids: np.ndarray, folded: np.ndarray, sentinels: np.ndarray) -> np.ndarray:
    """Replace each run of `folded` positions by the next sentinel."""
    first = folded & ~np.concatenate(([False], folded[:-1]))
    out = np.where(first, sentinels[np.cumsum(first) - 1], ids)
    return out[first | ~folded]


def span_corruption(
    ids: np.ndarray,
    rng: np.random.Generator,
    density: float = 0.15,
    mean_span: float = 3.0,
    *,
    sentinels: Sequence[int],
    eos: int,
) -> tuple[np.ndarray, np.ndarray]:
    """T5's denoising objective: (inputs, targets), both ended by `eos`.

    Raffel et al. 2020, 3.1.4 and figure 2: every hidden span is replaced by a sentinel in the
    inputs; the targets are the hidden spans, each behind its sentinel. `sentinels` are the ids in
    the order of their use. The figure closes the targets with one sentinel more; the published
    code does not, and neither does this function.

    Raises StudyError when the text needs more spans than there are sentinels.
    """
    ids = np.asarray(ids, dtype=np.int64)
    check_sentinels(len(ids), len(sentinels), density, mean_span)
    mask = noise_mask(len(ids), rng, density, mean_span)
    marks = np.asarray(sentinels, dtype=np.int64)
    return np.append(_fold(ids, mask, marks), eos), np.append(_fold(ids, ~mask, marks), eos)


def corrupted_lengths(
    length: int, density: float = 0.15, mean_span: float = 3.0
) -> tuple[int, int]:
    """Lengths of the inputs and targets that `span_corruption` makes of `length` pieces."""
    masked, spans = noise_counts(length, density, mean_span)
    return length - masked + spans + 1, masked + spans + 1


def random_spans_helper(
    inputs_length: int, density: float = 0.15, mean_span: float = 3.0
) -> tuple[int, int]:
    """How much text fills an input of `inputs_length` exactly, and the length of its targets.

    The purpose of T5's `random_spans_helper` (Raffel et al. 2020, 3.1.4): packed windows of the
    returned number of pieces give inputs and targets that need no padding. Returns
    `(pieces, targets_length)`, the largest number of pieces whose inputs fit.
    """
    pieces = 2
    while corrupted_lengths(pieces + 1, density, mean_span)[0] <= inputs_length:
        pieces += 1
    return pieces, corrupted_lengths(pieces, density, mean_span)[1]


# --- BERT: masked language modelling and next sentence ----------------------------------------


def mask_tokens(
    ids: np.ndarray,
    rng: np.random.Generator,
    density: float = MASKED_SHARE,
    *,
    mask: int,
    words: tuple[int, int],
    special: Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's masked language modelling: (inputs, labels), both as long as `ids`.

    Devlin et al. 2019, 3.1, task 1: a share `density` of the pieces is to be predicted; of these
    80 % become `mask`, 10 % a random piece of the range `words` (first id, behind the last) and
    10 % stay. Pieces of `special` are never chosen. Labels are -100 where nothing is predicted. At
    least one piece is chosen when any can be.
    """
    ids = np.asarray(ids, dtype=np.int64)
    allowed = np.flatnonzero(~np.isin(ids, special))
    count = min(max(round(len(allowed) * density), 1), len(allowed))
    chosen = np.sort(rng.choice(allowed, size=count, replace=False))
    labels = np.full_like(ids, IGNORED)
    labels[chosen] = ids[chosen]
    fate = rng.random(count)
    inputs = ids.copy()
    inputs[chosen[fate < 0.8]] = mask
    swapped = chosen[(fate >= 0.8) & (fate < 0.9)]
    inputs[swapped] = rng.integers(words[0], words[1], size=len(swapped))
    return inputs, labels


class SentencePair(NamedTuple):
    """One next-sentence example: two texts, and whether the second follows the first."""

    first: np.ndarray
    second: np.ndarray
    follows: bool


def next_sentence_pair(
    sentences: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    rng: np.random.Generator,
    length: int,
) -> SentencePair:
    """BERT's next-sentence example from the sentences of a text and those of another text.

    Devlin et al. 2019, 3.1, task 2: a text is parted at a sentence end; half the time the second
    part is what follows, half the time it comes from the other text, from one of its sentences on.
    Both parts together have at most `length` pieces: the first loses pieces at its beginning, the
    second at its end, so that what meets at the border stays.
    The text needs two sentences at least.
    """
    border = int(rng.integers(1, len(sentences)))
    follows = bool(rng.random() < 0.5)
    rest = sentences[border:] if follows else other[int(rng.integers(len(other))) :]
    before = np.concatenate(_joined(sentences[:border][::-1], length)[::-1])
    after = np.concatenate(_joined(rest, length))
    before = before[-max(length // 2, length - len(after)) :]
    return SentencePair(before, after[: length - len(before)], follows)


def _joined(sentences: Sequence[np.ndarray], length: int) -> list[np.ndarray]:
    """As many sentences as fill `length` pieces; the last may reach beyond."""
    taken: list[np.ndarray] = []
    filled = 0
    for sentence in sentences:
        taken.append(sentence)
        filled += len(sentence)
        if filled >= length:
            break
    return taken


# --- language models ---------------------------------------------------------------------------


def causal(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Next-token prediction (Radford et al. 2018, 3.1): inputs are `ids` but the last, labels the
    same ids one place on."""
    ids = np.asarray(ids, dtype=np.int64)
    return ids[:-1], ids[1:]
