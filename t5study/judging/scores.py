"""Scores of predictions against targets, and how sure they are.

Every score is a `Metric`: it turns each pair of target and output into one row of numbers, and
all rows together, each with a weight, into the score. A bootstrap draws new weights and nothing
else, so no text is compared twice; pairs that give equal rows are drawn as one, which makes the
interval of an accuracy over 25,000 reviews a matter of milliseconds.

Scales are those in which the scores are usually printed: accuracy, F1, Matthews, the correlations
and exact match reach 1, BLEU, chrF and ROUGE reach 100.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

_BLEU_ORDER = 4


@dataclass(frozen=True)
class Metric:
    """One score.

    `rows(targets, outputs)` gives an array (pairs, columns) with what the score needs of each
    pair; `combine(rows, weights)` gives the score when row i is counted `weights[i]` times.
    `best` is the score of perfect outputs, `source` where the metric was defined.
    """

    name: str
    source: str
    rows: Callable[[Sequence, Sequence], np.ndarray]
    combine: Callable[[np.ndarray, np.ndarray], float]
    best: float = 1.0

    def __call__(self, targets: Sequence, outputs: Sequence) -> float:
        """Score `outputs` against `targets`, two sequences of one length, at least one long."""
        rows = self._checked_rows(targets, outputs)
        return float(self.combine(rows, np.ones(len(rows), dtype=np.int64)))

    def interval(
        self, targets: Sequence, outputs: Sequence, seed: int, samples: int = 1000
    ) -> tuple[float, float]:
        """A 95 % percentile bootstrap interval; see `bootstrap`."""
        rows, counts = np.unique(self._checked_rows(targets, outputs), axis=0, return_counts=True)
        draws = np.random.default_rng(seed).multinomial(
            counts.sum(), counts / counts.sum(), size=samples
        )
        scores = [self.combine(rows[drawn > 0], drawn[drawn > 0]) for drawn in draws]
        low, high = np.quantile(scores, [0.025, 0.975])
        return float(low), float(high)

    def _checked_rows(self, targets: Sequence, outputs: Sequence) -> np.ndarray:
        if len(targets) != len(outputs):
            raise ValueError(f"{len(targets)} targets, but {len(outputs)} outputs: {self.name}")
        if len(targets) == 0:
            raise ValueError(f"{self.name} of no predictions is not defined")
        return self.rows(targets, outputs)


def bootstrap(
    metric: Metric | str, targets: Sequence, outputs: Sequence, seed: int, samples: int = 1000
) -> tuple[float, float]:
    """The 95 % percentile interval of a score when the pairs are drawn anew with replacement.

    It says how much the score owes to which examples happened to be in the set, and nothing about
    what another seed of the training would give.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; for BLEU,
    Koehn, Statistical Significance Tests for Machine Translation Evaluation (2004).

    Raises `KeyError` for a name that is not in `METRICS`, `ValueError` for sequences that are
    empty or of different lengths.
    """
    chosen = METRICS[metric] if isinstance(metric, str) else metric
    return chosen.interval(targets, outputs, seed, samples)


def row_scores(name: str, targets: Sequence, outputs: Sequence) -> np.ndarray:
    """The score of every pair by itself: an array (pairs,) of `METRICS[name]`.

    The mean of these is not the score of all pairs together, except for means themselves.
    """
    metric = METRICS[name]
    rows = metric.rows(targets, outputs)
    one = np.ones(1, dtype=np.int64)
    return np.array([metric.combine(row[None], one) for row in rows])


# --- labels -------------------------------------------------------------------------------------


def _codes(targets: Sequence, outputs: Sequence) -> np.ndarray:
    """Labels of any type as two columns of whole numbers: equal labels, equal numbers."""
    codes: dict[object, int] = {}
    return np.array(
        [
            [codes.setdefault(label, len(codes)) for label in pair]
            for pair in zip(_plain(targets), _plain(outputs), strict=True)
        ]
    )


def _plain(labels: Sequence) -> list:
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def _weighted_confusion(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    size = int(rows.max()) + 1
    counts = np.zeros((size, size))
    np.add.at(counts, (rows[:, 0], rows[:, 1]), weights)
    return counts


def _agreement(targets: Sequence, outputs: Sequence) -> np.ndarray:
    pairs = zip(_plain(targets), _plain(outputs), strict=True)
    return np.array([[float(target == output)] for target, output in pairs])


def _mean(rows: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ rows[:, 0] / weights.sum())


def _macro_f1(rows: np.ndarray, weights: np.ndarray) -> float:
    """The mean over the classes that occur, each counted alike."""
    counts = _weighted_confusion(rows, weights)
    occurring = counts.sum(0) + counts.sum(1)
    present = occurring > 0
    return float(np.mean(2 * np.diag(counts)[present] / occurring[present]))


def _matthews(rows: np.ndarray, weights: np.ndarray) -> float:
    """1 agreement, 0 chance or a constant, -1 the opposite."""
    counts = _weighted_confusion(rows, weights)
    total, right = counts.sum(), np.trace(counts)
    targets, outputs = counts.sum(1), counts.sum(0)
    spread = (total**2 - targets @ targets) * (total**2 - outputs @ outputs)
    return float((right * total - targets @ outputs) / np.sqrt(spread)) if spread else 0.0


def _binary(targets: Sequence, outputs: Sequence) -> np.ndarray:
    labels = {*_plain(targets), *_plain(outputs)}
    if not labels <= {0, 1}:
        raise ValueError(
            f"F1 of one class needs the labels 0 and 1, not {sorted(map(str, labels))}"
        )
    return np.array([_plain(targets), _plain(outputs)], dtype=np.int64).T


def _positive_f1(rows: np.ndarray, weights: np.ndarray) -> float:
    both = weights @ (rows[:, 0] * rows[:, 1])
    either = weights @ rows.sum(1)
    return float(2 * both / either) if either else 0.0


accuracy = Metric(
    "accuracy",
    "Wang et al., GLUE (2019), section 3",
    _agreement,
    _mean,
)
macro_f1 = Metric(
    "macro_f1",
    "Pedregosa et al., scikit-learn (2011), f1_score(average='macro')",
    _codes,
    _macro_f1,
)
f1 = Metric(
    "f1",
    "van Rijsbergen, Information Retrieval (1979), chapter 7; Wang et al., GLUE (2019), section 3",
    _binary,
    _positive_f1,
)
matthews = Metric(
    "matthews",
    "Matthews (1975); for more than two classes Gorodkin (2004), equation 8",
    _codes,
    _matthews,
)


# --- numbers ------------------------------------------------------------------------------------


def _numbers(targets: Sequence, outputs: Sequence) -> np.ndarray:
    return np.array([_plain(targets), _plain(outputs)], dtype=float).T


def _pearson(rows: np.ndarray, weights: np.ndarray) -> float:
    """0 where a column is constant."""
    if np.ptp(rows, axis=0).min() == 0:
        return 0.0
    centred = rows - np.average(rows, axis=0, weights=weights)
    products = (centred * weights[:, None]).T @ centred
    return float(products[0, 1] / np.sqrt(products[0, 0] * products[1, 1]))


def _spearman(rows: np.ndarray, weights: np.ndarray) -> float:
    repeated = np.repeat(rows, weights, axis=0)
    return _pearson(rankdata(repeated, axis=0), np.ones(len(repeated), dtype=np.int64))


pearson = Metric(
    "pearson",
    "Pearson (1895); Cer et al., STS-B (2017)",
    _numbers,
    _pearson,
)
spearman = Metric(
    "spearman",
    "Spearman (1904); Wang et al., GLUE (2019), section 3",
    _numbers,
    _spearman,
)


# --- texts --------------------------------------------------------------------------------------


def _bleu_rows(targets: Sequence[str], outputs: Sequence[str]) -> np.ndarray:
    from sacrebleu.metrics import BLEU

    scorer = BLEU(effective_order=True)
    scores = (
        scorer.sentence_score(output, [target])
        for target, output in zip(targets, outputs, strict=True)
    )
    return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores])


def _bleu(rows: np.ndarray, weights: np.ndarray) -> float:
    sums = (weights @ rows).tolist()
    from sacrebleu.metrics import BLEU

    score = BLEU.compute_bleu(
        sums[:_BLEU_ORDER],
        sums[_BLEU_ORDER : 2 * _BLEU_ORDER],
        sums[-2],
        sums[-1],
        smooth_method="exp",
    )
    return score.score


def _chrf_rows(targets: Sequence[str], outputs: Sequence[str]) -> np.ndarray:
    # sacrebleu has no public way to the n-gram counts of one sentence; a test compares the
    # result with its own corpus score.
    from sacrebleu.metrics import CHRF

    return np.array(CHRF()._extract_corpus_statistics(list(outputs), [list(targets)]))


def _chrf(rows: np.ndarray, weights: np.ndarray) -> float:
    from sacrebleu.metrics import CHRF

    return CHRF()._compute_f_score((weights @ rows).tolist())


def _rouge(kind: str) -> Callable[[Sequence[str], Sequence[str]], np.ndarray]:
    def rows(targets: Sequence[str], outputs: Sequence[str]) -> np.ndarray:
        from rouge_score import rouge_scorer

        scorer = rouge_scorer.RougeScorer([kind])
        pairs = zip(targets, outputs, strict=True)
        return np.array([[100 * scorer.score(*pair)[kind].fmeasure] for pair in pairs])

    return rows


def _same_text(targets: Sequence[str], outputs: Sequence[str]) -> np.ndarray:
    """Word for word: white space is folded, case kept."""
    return _agreement(
        [" ".join(t.split()) for t in targets], [" ".join(o.split()) for o in outputs]
    )


exact_match = Metric(
    "exact_match",
    "Rajpurkar et al., SQuAD (2016), section 5, without its removal of articles and punctuation",
    _same_text,
    _mean,
)
bleu = Metric(
    "bleu",
    "Papineni et al. (2002); Post, sacreBLEU (2018): 13a tokens, case kept, exponential smoothing",
    _bleu_rows,
    _bleu,
    best=100.0,
)
chrf = Metric(
    "chrf",
    "Popovic, chrF (2015); Post, sacreBLEU (2018)",
    _chrf_rows,
    _chrf,
    best=100.0,
)
rouge1, rouge2, rouge_l = (
    Metric(
        kind,
        "Lin, ROUGE (2004): F-measure, lower case, no stemming; mean over the set",
        _rouge(kind),
        _mean,
        best=100.0,
    )
    for kind in ("rouge1", "rouge2", "rougeL")
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        accuracy,
        macro_f1,
        f1,
        matthews,
        pearson,
        spearman,
        exact_match,
        bleu,
        chrf,
        rouge1,
        rouge2,
        rouge_l,
    )
}


def classification_report(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return the report's table: precision, recall, F1 and support a label, then the averages."""
    rows = {word: dict(row) for word, row in metrics["per_label"].items()}
    support = np.array([row["support"] for row in rows.values()])
    columns = ("precision", "recall", "f1")
    table = {name: np.array([row[name] for row in rows.values()]) for name in columns}
    rows["accuracy"] = {"f1": metrics["accuracy"], "support": metrics["n"]}
    rows["macro avg"] = {n: metrics[f"macro_{n}"] for n in columns} | {"support": metrics["n"]}
    rows["weighted avg"] = {n: float(np.average(v, weights=support)) for n, v in table.items()} | {
        "support": metrics["n"]
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[*columns, "support"])
    return frame.astype({"support": int})


def glue_score(tasks: Mapping[str, Mapping[str, float]]) -> float:
    """The GLUE score: the mean over tasks of the mean over a task's own metrics, times 100.

    `tasks` maps a task to its scores on the 0-1 scale, such as
    `{"cola": {"matthews": 0.5}, "mrpc": {"f1": 0.9, "accuracy": 0.86}}`. A task with two metrics
    weighs no more than one with a single metric.

    Source: Wang et al., GLUE (2019), section 3. Raises `ValueError` when a task has no score.
    """
    empty = [task for task, scores in tasks.items() if not scores]
    if empty or not tasks:
        raise ValueError(f"no score for {', '.join(empty) or 'any task'}")
    return 100 * fmean(fmean(scores.values()) for scores in tasks.values())
