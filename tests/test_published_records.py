"""One name of the published profile asks for each published run, and each name has its run."""

from __future__ import annotations

from collections import Counter

import pytest

from t5study.book.records import INDEX, index, places
from t5study.experiments.questions import Baseline
from t5study.runs.record import identity_of
from t5study.study import Study

LISTED = {"finetune", "joint", "baseline", "pretrain", "prompted"}
"""Kinds of run that the profile lists; observations are asked for by the chapters."""


@pytest.fixture(scope="module")
def study() -> Study:
    return Study("published")


@pytest.fixture(scope="module")
def asked(study) -> dict[str, str]:
    """The identity of everything that the profile lists, recomputed, and the name that asks."""
    plans = {
        f"pre-training {name}": study.pretraining_plan(name) for name in study.profile.pretraining
    }
    for name in study.experiments:
        for plan in study.plans(name):
            seed = "" if isinstance(plan, Baseline) else f", seed {getattr(plan, 'seed', 21)}"
            plans[name + seed] = plan
    identities = {name: identity_of(study.config(plan)) for name, plan in plans.items()}
    twice = [identity for identity, count in Counter(identities.values()).items() if count > 1]
    assert not twice
    return {identity: name for name, identity in identities.items()}


def test_every_experiment_of_the_profile_is_published(study, asked):
    published = {run.identity for run in study.store.runs()}
    assert [name for identity, name in asked.items() if identity not in published] == []


def test_every_published_run_is_asked_for_by_one_experiment(study, asked):
    runs = [run for run in study.store.runs() if run.config["kind"] in LISTED]
    assert [run.path.name for run in runs if run.identity not in asked] == []
    assert len(runs) == len(asked) == 162


def test_an_experiment_gives_its_runs_in_the_order_of_its_seeds(study):
    runs = study.runs("emotion, T5 80M")
    assert [run.config["seed"] for run in runs] == [21, 22, 23, 24, 25]
    assert {run.config["model"]["name"] for run in runs} == {"own t5, 80,000,000 tokens"}
    assert study.run("emotion, T5 80M") == runs[0]


def test_records_lie_in_folders_named_after_their_experiments(study):
    runs = study.store.runs()
    where = {identity: study.published / place for identity, place in places(study, runs).items()}
    assert {run.identity: run.path for run in runs} == where


def test_the_index_is_that_of_the_records(study):
    assert (study.published / INDEX).read_text("utf-8") == index(study)
