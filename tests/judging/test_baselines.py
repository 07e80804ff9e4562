"""The cheap baselines: what they learn, what they copy, and what they are asked for in vain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from tiny import no_hub

from t5study.base.errors import StudyError
from t5study.data.tasks import get_task
from t5study.experiments.questions import KINDS, Baseline
from t5study.experiments.recipes import TaskSettings
from t5study.judging.baselines import (
    Clipped,
    NbSvm,
    PairOverlap,
    first_sentence,
    fit_and_judge,
    two_texts,
)
from t5study.runs.store import RunStore


def made(tmp_path, task: str, kind: str | None = None, train: int = 400):
    settings = TaskSettings(task=task, train=train, test=100)
    baseline = Baseline(get_task(task), settings, kind)
    hub = no_hub()
    return RunStore(tmp_path).obtain(
        baseline.config(hub), lambda work: fit_and_judge(baseline, hub, work)
    )


def test_nb_svm_weighs_a_feature_by_its_log_count_ratio():
    # The first feature is class 1's, the second class 0's, the third is everywhere.
    counts = csr_matrix([[1, 0, 1]] * 6 + [[0, 1, 1]] * 6)
    labels = np.array([1] * 6 + [0] * 6)
    model = NbSvm().fit(counts, labels)
    assert model.weights_[0] > 0 > model.weights_[1]
    assert model.weights_[2] == pytest.approx(0)
    assert (model.predict(counts) == labels).all()


def test_a_share_of_nothing_leaves_naive_bayes_with_equal_weights():
    counts = csr_matrix([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0]])
    model = NbSvm(share=0.0).fit(counts, np.array([1, 1, 0, 0]))
    with_it, without = np.array([3, 2, 2]) / 7, np.array([1, 3, 2]) / 6
    ratio = np.log(with_it / without)
    assert model.weights_ / model.weights_[0] == pytest.approx(ratio / ratio[0])


@pytest.mark.parametrize("task", ["pocket-sentiment", "pocket-emotion"])
def test_nb_svm_answers_two_classes_and_six(task, tmp_path):
    run = made(tmp_path, task, "nb-svm")
    words = get_task(task).label_words
    assert run.metrics["accuracy"] > 1.3 / len(words)
    assert set(run.predictions["prediction"]) <= set(range(len(words)))
    assert run.metrics["model"] == "NB-SVM bigrams"


def test_overlap_sets_one_text_against_the_other():
    task = get_task("mrpc")
    pairs = [("A dog barks", "a dog barks"), ("A dog barks", "The cats"), ("Dog", "A dog barks")]
    sources = [task.source({"sentence1": one, "sentence2": other}) for one, other in pairs]
    assert [tuple(two_texts(task, source)) for source in sources] == pairs
    seen = PairOverlap(task).fit_transform(sources)
    assert seen[0] == pytest.approx([1, 1, 1, 1])
    assert seen[1] == pytest.approx([0, 0, 0, 0])
    assert seen[2, 1:] == pytest.approx([1 / 3, 1, 1 / 3])
    assert 0 < seen[2, 0] < 1


def test_clipped_answers_stay_among_the_labels():
    model = Clipped().fit(np.array([[0.0], [1.0]]), [0.0, 5.0])
    assert model.predict(np.array([[-1.0], [0.5], [2.0]])) == pytest.approx([0.0, 2.5, 5.0])


@pytest.mark.parametrize(
    ("task", "metric", "least"),
    [("pocket-similarity", "pearson", 0.3), ("pocket-paraphrase", "accuracy", 0.5)],
)
def test_the_overlap_baseline_answers_pairs(task, metric, least, tmp_path):
    run = made(tmp_path, task, "overlap")
    assert run.metrics[metric] > least
    assert run.metrics["model"].startswith("word overlap")
    assert {"row", "label", "prediction"} == set(run.predictions)


def test_the_usual_baseline_keeps_the_identity_it_had(tmp_path):
    usual, named = made(tmp_path, "pocket-sst"), made(tmp_path, "pocket-sst", "tfidf-svm")
    assert usual.identity == named.identity
    assert usual.config["name"] == "TF-IDF bigrams + linear SVM"
    assert set(usual.config) == {"kind", "name", "task", "data", "cleaning", "result_version"}


def test_the_lead_baseline_is_the_first_sentence(tmp_path):
    lead, copy = made(tmp_path, "pocket-summary", "lead"), made(tmp_path, "pocket-summary")
    assert lead.metrics["rougeL"] != copy.metrics["rougeL"]
    assert "faithful" not in lead.metrics


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("Only one", "Only one"),
        ("It costs 3.5 euros. Much.", "It costs 3.5 euros."),
        ('He said "no." She left.', 'He said "no."'),
        ("A small e.g. here! Then", "A small e.g. here!"),
    ],
)
def test_a_sentence_ends_before_a_capital(text, first):
    assert first_sentence(text) == first


def test_a_baseline_that_the_task_cannot_have_is_refused_with_those_it_has():
    settings = TaskSettings(task="pocket-translation")
    with pytest.raises(StudyError, match="choose one of copy, lead"):
        Baseline(get_task("pocket-translation"), settings, "nb-svm")
    assert all(KINDS.values())


def test_one_text_has_no_overlap():
    with pytest.raises(StudyError, match="choose one of tfidf-svm, nb-svm"):
        Baseline(get_task("pocket-sst"), TaskSettings(task="pocket-sst"), "overlap")
