"""First embeddings from a corpus's own co-occurrence counts, for a few seconds of computing.

A model trained from random weights spends the beginning of its training on learning which pieces
are alike. Factorising the positive pointwise mutual information of neighbouring pieces gives that
at once (Levy & Goldberg 2014; Levy, Goldberg & Dagan 2015, 3.1 and 3.2).
"""

from __future__ import annotations

import numpy as np
import torch

from t5study.experiments.recipes import MOST_COUNTED

NEIGHBOURS = 4
FEWEST_OCCURRENCES = 5
_ITERATIONS = 3
_SMOOTHING = 0.75


def count_neighbours(ids: np.ndarray, vocabulary: int) -> torch.Tensor:
    """How often two pieces stand at most `NEIGHBOURS` apart: symmetric [vocabulary, vocabulary].

    At most the first `MOST_COUNTED` of the corpus are counted.
    """
    stream = torch.from_numpy(np.asarray(ids[:MOST_COUNTED], dtype=np.int64))
    counts = torch.zeros(vocabulary * vocabulary)
    for distance in range(1, min(NEIGHBOURS, len(stream) - 1) + 1):
        pairs = stream[:-distance] * vocabulary + stream[distance:]
        counts += torch.bincount(pairs, minlength=vocabulary * vocabulary)
    counts = counts.view(vocabulary, vocabulary)
    return counts + counts.T


def mutual_information(counts: torch.Tensor) -> torch.Tensor:
    """Positive pointwise mutual information, the context's frequency raised to 0.75."""
    pieces = counts.sum(1, keepdim=True)
    contexts = pieces.T**_SMOOTHING
    expected = pieces * contexts / contexts.sum()
    return torch.log(counts / expected.clamp_min(1e-12)).clamp_min(0.0).nan_to_num(0.0)


def embeddings(ids: np.ndarray, vocabulary: int, width: int, seed: int) -> torch.Tensor:
    """Return [vocabulary, width] embeddings of zero rows for pieces that are too rare.

    The rows of others have a root mean square of 1. One direction carries the logarithm of the
    frequency, because T5's tied output has no bias that could; a random rotation spreads all over
    the coordinates, because optimisers treat these as equals.
    """
    counts = count_neighbours(ids, vocabulary)
    occurrences = torch.from_numpy(np.bincount(ids, minlength=vocabulary)).float()
    common = occurrences >= FEWEST_OCCURRENCES
    directions = min(width - 1, vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        left, values, _ = torch.svd_lowrank(
            mutual_information(counts), q=directions, niter=_ITERATIONS
        )
        rotation = torch.linalg.qr(torch.randn(directions + 1, width).T)[0].T
    meaning = torch.nn.functional.normalize(left * values.sqrt(), dim=1)
    logarithms = torch.log1p(occurrences)
    deviations = (logarithms - logarithms[common].mean()) / logarithms[common].std().clamp_min(1e-6)
    table = torch.cat([meaning, 0.25 * deviations[:, None]], dim=1) @ rotation
    table = torch.nn.functional.normalize(table, dim=1) * width**0.5
    return table * common[:, None]


def place(embedding: torch.nn.Embedding, table: torch.Tensor) -> None:
    """Put the rows of `table` that are not zero into a model's embedding, at its own scale."""
    rows = table.abs().sum(1) > 0
    with torch.no_grad():
        scale = embedding.weight.pow(2).mean().sqrt()
        embedding.weight[rows] = table[rows] * scale
