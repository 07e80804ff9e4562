"""Is one model better than another? Scores over seeds, and differences with their intervals.

Two things make a measured score uncertain: which examples are in the test set, and which seed the
training had. A ranking is claimed here only when a difference stays on one side of zero while both
are drawn anew.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.judging import scores
from t5study.runs.record import Run

SAMPLES = 1000


def score_table(runs: Mapping[str, Sequence[Run]], metric: str) -> pd.DataFrame:
    """Return one row a model: mean score, interval, and the score of each seed.

    `low` and `high` are the interval of the bootstrap over test rows and seeds together; the
    columns `seeds` and `per_seed` say how many runs there are and what each of them scored.
    """
    rows = []
    for name, group in runs.items():
        each = [run.metrics[metric] for run in group]
        low, high = np.quantile(_draws(group, metric, rows_seed=0, runs_seed=1), [0.025, 0.975])
        rows.append(
            {
                "model": name,
                "mean": float(np.mean(each)),
                "low": float(low),
                "high": float(high),
                "seeds": len(each),
                "per_seed": " ".join(f"{score:.3f}" for score in each),
            }
        )
    return pd.DataFrame(rows).set_index("model")


def beside(runs: Mapping[str, Run], metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row a metric and run: the score of a single run with its own interval.

    A metric that a run does not have (a baseline is not asked everything) gives no row.
    """
    pairs = [
        (metric, name) for metric in metrics for name, run in runs.items() if metric in run.metrics
    ]
    return pd.DataFrame(
        [
            [runs[name].metrics[metric], *runs[name].metrics["intervals"][metric]]
            for metric, name in pairs
        ],
        index=pd.MultiIndex.from_tuples(pairs, names=["metric", "answers"]),
        columns=["score", "low", "high"],
    )


@dataclass(frozen=True)
class Difference:
    """Mean score of one group of runs less that of another, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """`above`, `below`, or `not told apart` when the interval holds zero."""
        if self.low > 0:
            return "above"
        return "below" if self.high < 0 else "not told apart"

    @property
    def in_points(self) -> str:
        """The verdict with mean and interval in hundredths of the metric, as prose says it."""
        mean, low, high = (f"{100 * score:+.1f}" for score in (self.mean, self.low, self.high))
        return f"{self.verdict} ({mean} points, from {low} to {high})"


def difference(first: Sequence[Run], second: Sequence[Run], metric: str) -> Difference:
    """Compare two groups of runs on the same test rows by a paired bootstrap.

    Each sample draws test rows with replacement, the same ones for all runs, and runs with
    replacement within each group. With one run a group, the interval knows nothing of seeds.

    Berg-Kirkpatrick et al., An Empirical Investigation of Statistical Significance in NLP (2012),
    section 2, extended by the draw of seeds.

    Raises:
        StudyError: the runs were tested on different rows.
    """
    _same_rows([*first, *second])
    gap = _draws(first, metric, rows_seed=0, runs_seed=1) - _draws(
        second, metric, rows_seed=0, runs_seed=2
    )
    low, high = np.quantile(gap, [0.025, 0.975])
    mean = np.mean([r.metrics[metric] for r in first]) - np.mean(
        [r.metrics[metric] for r in second]
    )
    return Difference(float(mean), float(low), float(high))


def ranking_table(
    runs: Mapping[str, Mapping[str, Sequence[Run]]],
    metrics: Mapping[str, str],
    first: str,
    second: str,
) -> pd.DataFrame:
    """Return one row a task: is `first` above `second`, by how much, and how sure is that.

    `runs` maps a task to its models' runs, `metrics` a task to the metric that judges it.
    """
    rows = {}
    for task, models in runs.items():
        gap = difference(models[first], models[second], metrics[task])
        rows[task] = {
            "metric": metrics[task],
            "difference": gap.mean,
            "low": gap.low,
            "high": gap.high,
            "verdict": f"{first} {gap.verdict} {second}"
            if gap.verdict != "not told apart"
            else gap.verdict,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")


def _draws(runs: Sequence[Run], metric: str, rows_seed: int, runs_seed: int) -> np.ndarray:
    """Mean scores of a group under `SAMPLES` draws of test rows and of runs.

    The rows drawn depend on `rows_seed` and the number of rows alone: two groups called with the
    same one are compared on the same rows.
    """
    each = np.array(
        [
            (_kept_scores if isinstance(run, Run) else _scores_under_draws)(run, metric, rows_seed)
            for run in runs
        ]
    )
    picked = np.random.default_rng(runs_seed).integers(0, len(runs), (SAMPLES, len(runs)))
    return np.array([np.mean(each[runs, draw]) for draw, runs in enumerate(picked)])


def _scores_under_draws(run: Run, metric: str, seed: int) -> np.ndarray:
    """The scores of one run when its test rows are drawn anew, `SAMPLES` times.

    Equal rows are counted together, so that a draw of 25,000 labels becomes a handful of counts.
    """
    chosen, table = scores.METRICS[metric], run.predictions
    rows = chosen.rows(table["label"].tolist(), table["prediction"].tolist())
    rows, kinds = np.unique(rows, axis=0, return_inverse=True)
    drawn = _row_draws(len(kinds), seed)
    counts = np.stack([drawn[:, kinds == kind].sum(axis=1) for kind in range(len(rows))], axis=1)
    return np.array([chosen.combine(rows[n > 0], n[n > 0]) for n in counts])


_kept_scores = functools.lru_cache(maxsize=256)(_scores_under_draws)
"""The same of a run record: a page compares one with several others."""


@functools.lru_cache(maxsize=2)
def _row_draws(size: int, seed: int) -> np.ndarray:
    """How often each of `size` rows is drawn, `SAMPLES` times: an array [samples, rows].

    Kept, since drawing costs more than judging: a table compares many runs on the same rows.
    """
    generator = np.random.default_rng(seed)
    return generator.multinomial(size, np.full(size, 1 / size), size=SAMPLES).astype(np.int16)


def _same_rows(runs: Sequence[Run]) -> None:
    wanted = runs[0].predictions[["row", "label"]]
    for run in runs[1:]:
        if not run.predictions[["row", "label"]].equals(wanted):
            raise StudyError(
                f"The runs {runs[0].identity} and {run.identity} were tested on different rows, "
                "so they cannot be ranked: use runs of one task and one profile."
            )
