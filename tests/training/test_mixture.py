"""Several tasks in one training: what is mixed, how often, and what the record holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import no_hub, tiny_experiment, tiny_t5

from t5study.base.errors import StudyError
from t5study.commands import asking
from t5study.experiments.identity import Mixture
from t5study.runs.record import identity_of, part_of
from t5study.runs.store import RunStore
from t5study.training.mixture import finetune_jointly, mixed_order


def test_a_large_task_is_met_no_more_often_than_the_cap():
    order = mixed_order((100, 7), cap=10, seed=1, epoch=0)
    assert len(order) == 17
    assert sorted(order[order >= 100]) == list(range(100, 107))


def test_every_row_comes_once_before_any_comes_twice():
    drawn = np.concatenate([mixed_order((25, 4), 10, 3, epoch) for epoch in range(5)])
    counts = np.bincount(drawn[drawn < 25], minlength=25)
    assert counts.tolist() == [2] * 25
    assert np.bincount(drawn[drawn >= 25] - 25).tolist() == [5] * 4


def test_an_epoch_depends_on_seed_and_number_alone():
    first = mixed_order((30, 30), 20, 5, 2)
    mixed_order.cache_clear()
    assert (mixed_order((30, 30), 20, 5, 2) == first).all()
    assert not (mixed_order((30, 30), 20, 6, 2) == first).all()


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    checkpoint = tiny_t5(tmp_path_factory.mktemp("mixture"))
    names = {
        "sentiment": "pocket-sentiment",
        "similarity": "pocket-similarity",
        "translation": "pocket-translation",
    }
    parts = {role: tiny_experiment(checkpoint, task, epochs=1) for role, task in names.items()}
    small = {
        role: replace(part, settings=part.settings.model_copy(update={"train": 24, "test": 12}))
        for role, part in parts.items()
    }
    return Mixture(small, cap=16)


@pytest.fixture(scope="module")
def run(mixture, tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("runs"))
    hub = no_hub()
    return store.obtain(mixture.config(hub), lambda work: finetune_jointly(mixture, hub, work))


def test_the_record_has_the_metrics_and_predictions_of_every_task(run):
    assert set(run.metrics["tasks"]) == {"sentiment", "similarity", "translation"}
    assert run.metrics["shares"] == pytest.approx(dict.fromkeys(run.metrics["tasks"], 1 / 3))
    metrics, table = part_of(run, "sentiment")
    assert metrics["n"] == len(table) == 12
    assert (table["label"] == table["prediction"]).mean() == pytest.approx(metrics["accuracy"])
    metrics, table = part_of(run, "translation")
    assert "bleu" in metrics
    assert {"chrf", "target_words", "output_words"} <= set(table)
    assert "label" not in table


def test_the_record_says_of_its_training_what_a_single_tasks_does(run):
    assert 0 <= run.metrics["padding_share"] < 1
    assert {"best_step", "validation_loss", "parameters", "seconds"} <= set(run.metrics)
    assert run.provenance["compilation"] == "not asked for"
    assert run.provenance["micro_batches_cut_into"] == 1
    assert run.provenance["model"] == {"tiny-t5": run.config["model"]["fingerprint"]}
    assert run.provenance["data"] == {"pocket": no_hub().revision("pocket")}


def test_the_cap_is_part_of_the_identity(mixture):
    other = replace(mixture, cap=8)
    hub = no_hub()
    assert identity_of(other.config(hub)) != identity_of(mixture.config(hub))


def test_a_model_of_several_tasks_answers_as_the_role_asks(run):
    assert asking.predict(run.path, ["a fine film"], "sentiment")[0].count("0.") >= 2
    assert len(asking.predict(run.path, ["the dog sleeps", "a cat"], "translation")) == 2
    with pytest.raises(StudyError, match="name one with --role, of sentiment, similarity, trans"):
        asking.predict(run.path, ["a fine film"])
    with pytest.raises(StudyError, match="similarity answers pairs"):
        asking.predict(run.path, ["a fine film"], "similarity")
