"""Scores agree with the libraries that define them, and their intervals with plain resampling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from scipy import stats
from sklearn import metrics as sk

from t5study.judging import scores
from t5study.judging.metrics import BOOTSTRAP_SEED
from t5study.runs.record import open_record, records_below

RNG = np.random.default_rng(7)
TARGETS = RNG.integers(0, 4, 300)
OUTPUTS = np.where(RNG.random(300) < 0.7, TARGETS, RNG.integers(0, 4, 300))
REFERENCES = [
    "Der kleine Hund schläft im Garten.",
    "Die Katze sieht den alten Vogel nicht.",
    "Das ist gut.",
    "Ein Mann liest ein Buch, weil es regnet.",
]
GUESSES = [
    "Der kleine Hund schläft im Haus.",
    "Die Katze sieht den Vogel.",
    "Das ist gut,",
    "Ein Mann liest das Buch, weil es regnet.",
]


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        (scores.accuracy, sk.accuracy_score),
        (scores.macro_f1, lambda t, o: sk.f1_score(t, o, average="macro")),
        (scores.matthews, sk.matthews_corrcoef),
    ],
)
def test_label_scores_equal_scikit_learn(metric, reference):
    assert metric(TARGETS, OUTPUTS) == pytest.approx(reference(TARGETS, OUTPUTS))
    words = np.array(["anger", "fear", "joy", "love"])
    assert metric(list(words[TARGETS]), list(words[OUTPUTS])) == pytest.approx(
        reference(TARGETS, OUTPUTS)
    )


def test_f1_is_of_class_one():
    targets, outputs = TARGETS % 2, OUTPUTS % 2
    assert scores.f1(targets, outputs) == pytest.approx(sk.f1_score(targets, outputs))
    assert scores.f1([0, 0], [0, 0]) == 0.0
    with pytest.raises(ValueError, match="labels 0 and 1"):
        scores.f1(["yes", "no"], ["no", "no"])


def test_correlations_equal_scipy_with_ties():
    x = RNG.integers(0, 6, 80) / 5
    y = x + RNG.normal(size=80).round(1)
    assert scores.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert scores.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_a_constant_answer_has_no_correlation():
    assert scores.matthews([0, 1, 1], [1, 1, 1]) == 0.0
    assert scores.pearson([0.0, 1.0, 2.0], [3.0, 3.0, 3.0]) == 0.0
    assert scores.spearman([0.0, 1.0, 2.0], [3.0, 3.0, 3.0]) == 0.0
    # A tenth has no exact binary form: rounding must not pass for a correlation.
    assert scores.pearson([0.3, 1.1, 2.7], [0.1, 0.1, 0.1]) == 0.0


def test_text_scores_equal_their_libraries():
    assert scores.bleu(REFERENCES, GUESSES) == pytest.approx(
        BLEU().corpus_score(GUESSES, [REFERENCES]).score
    )
    assert scores.chrf(REFERENCES, GUESSES) == pytest.approx(
        CHRF().corpus_score(GUESSES, [REFERENCES]).score
    )
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    for metric, kind in (
        (scores.rouge1, "rouge1"),
        (scores.rouge2, "rouge2"),
        (scores.rouge_l, "rougeL"),
    ):
        each = [scorer.score(r, g)[kind].fmeasure for r, g in zip(REFERENCES, GUESSES, strict=True)]
        assert metric(REFERENCES, GUESSES) == pytest.approx(100 * np.mean(each))


def test_empty_output_texts_score_zero():
    for name in ("exact_match", "bleu", "chrf", "rouge1", "rouge2", "rougeL"):
        assert scores.METRICS[name](REFERENCES, [""] * 4) == 0.0


@pytest.mark.parametrize("name", sorted(scores.METRICS))
def test_perfect_outputs_reach_the_best_score(name):
    metric = scores.METRICS[name]
    texts = {"exact_match", "bleu", "chrf", "rouge1", "rouge2", "rougeL"}
    targets = ["Rain fell on the old town all day."] * 3 if name in texts else [0, 1, 1, 0]
    assert metric(targets, targets) == pytest.approx(metric.best)
    assert scores.bootstrap(name, targets, targets, seed=1, samples=20)[1] == pytest.approx(
        metric.best
    )


def test_exact_match_folds_white_space_only():
    assert scores.exact_match(["Das ist gut."], [" Das  ist gut. "]) == 1.0
    assert scores.exact_match(["Das ist gut."], ["das ist gut."]) == 0.0


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews", "spearman"])
def test_bootstrap_agrees_with_plain_resampling(name):
    metric = scores.METRICS[name]
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 300, 300) for _ in range(1500)]
    plain = np.quantile([metric(TARGETS[i], OUTPUTS[i]) for i in drawn], [0.025, 0.975])
    ours = scores.bootstrap(name, TARGETS, OUTPUTS, seed=3, samples=1500)
    assert ours == pytest.approx(tuple(plain), abs=0.012)


def test_bootstrap_of_bleu_agrees_with_plain_resampling():
    rng = np.random.default_rng(0)
    targets, outputs = np.array(REFERENCES * 5), np.array(GUESSES * 5)
    drawn = [rng.integers(0, 20, 20) for _ in range(300)]
    plain = [BLEU().corpus_score(list(outputs[i]), [list(targets[i])]).score for i in drawn]
    ours = scores.bootstrap("bleu", list(targets), list(outputs), seed=3, samples=1000)
    assert ours == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=4)


def test_bootstrap_depends_on_its_seed_only():
    first = scores.bootstrap("accuracy", TARGETS, OUTPUTS, seed=3)
    assert first == scores.bootstrap(scores.accuracy, TARGETS, OUTPUTS, seed=3)
    assert first != scores.bootstrap("accuracy", TARGETS, OUTPUTS, seed=4)
    low, high = first
    assert low < scores.accuracy(TARGETS, OUTPUTS) < high


def test_sequences_must_match():
    with pytest.raises(ValueError, match="2 targets, but 1 outputs"):
        scores.accuracy([1, 0], [1])
    with pytest.raises(ValueError, match="no predictions"):
        scores.bleu([], [])
    with pytest.raises(KeyError):
        scores.bootstrap("elegance", [1], [1], seed=1)


def test_glue_score_weighs_tasks_not_metrics():
    tasks = {"cola": {"matthews": 0.5}, "mrpc": {"f1": 0.9, "accuracy": 0.7}}
    assert scores.glue_score(tasks) == pytest.approx(65.0)
    with pytest.raises(ValueError, match="sst2"):
        scores.glue_score({"sst2": {}})
    with pytest.raises(ValueError, match="any task"):
        scores.glue_score({})


def published_answers():
    """One published baseline a task: they answer the same rows as the models, and are small."""
    results = Path(__file__).resolve().parents[2] / "results"
    found = {}
    for place in sorted(results.iterdir()):
        for folder in records_below(place):
            run = open_record(folder)
            if run.config["kind"] == "baseline" and (folder / "predictions.parquet").is_file():
                found.setdefault(run.config["task"], run)
    return [run for run in found.values() if "prediction" in run.predictions]


@pytest.mark.parametrize("run", published_answers(), ids=lambda run: run.config["task"])
def test_published_scores_and_their_intervals_come_out_again(run):
    """To a rounding of the last of sixteen digits: the draws are the same, and so are the sums."""
    answers = run.predictions["label"].tolist(), run.predictions["prediction"].tolist()
    for name, interval in run.metrics["intervals"].items():
        assert scores.METRICS[name](*answers) == pytest.approx(run.metrics[name], abs=1e-14)
        again = scores.bootstrap(name, *answers, seed=BOOTSTRAP_SEED)
        assert again == pytest.approx(tuple(interval), abs=1e-14)
