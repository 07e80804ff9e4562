"""Run records: identity, atomic saving, finding, refusing."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from t5study.base.errors import StudyError
from t5study.base.files import write_json
from t5study.runs import store as store_module
from t5study.runs.record import RESULT_VERSION, Run, identity_of
from t5study.runs.store import RunStore, Workspace

CONFIG = {"kind": "finetune", "task": "imdb", "seed": 21, "recipe": {"epochs": 2}}


def produce(work: Workspace) -> dict:
    work.save_metrics({"accuracy": np.float64(0.5), "n": 4})
    work.save_history(pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0]}))
    work.save_predictions(pd.DataFrame({"row": [0], "label": [1]}))
    work.save_arrays({"attention": np.eye(2)})
    return {"device": "test"}


def test_a_run_is_produced_once_and_then_loaded(tmp_path):
    calls = []

    def counted(work):
        calls.append(1)
        return produce(work)

    first = RunStore(tmp_path).obtain(CONFIG, counted)
    again = RunStore(tmp_path).obtain(CONFIG, counted)
    assert calls == [1]
    assert again.path == first.path
    assert again.identity == first.path.name == identity_of(CONFIG)
    assert again.metrics == {"accuracy": 0.5, "n": 4}
    assert again.history["loss"].tolist() == [2.0, 1.0]
    assert again.arrays["attention"].tolist() == [[1, 0], [0, 1]]


def test_a_failed_run_leaves_no_record_but_keeps_its_scratch(tmp_path):
    def fails(work):
        (work.scratch / "checkpoint").write_text("half way")
        work.save_metrics({"accuracy": 0.5})
        raise StudyError("no")

    store = RunStore(tmp_path)
    with pytest.raises(StudyError, match="no"):
        store.obtain(CONFIG, fails)
    assert store.find(identity_of(CONFIG)) is None
    assert store.runs() == []
    seen = []
    store.obtain(
        CONFIG, lambda work: (seen.append(sorted(os.listdir(work.scratch))), produce(work))[1]
    )
    assert seen == [["checkpoint"]]
    assert sorted(os.listdir(tmp_path)) == [identity_of(CONFIG)]


def test_a_record_without_its_metrics_is_not_taken_for_a_whole_one(tmp_path):
    store = RunStore(tmp_path)
    run = store.obtain(CONFIG, produce)
    (run.path / "metrics.json").unlink()
    assert store.find(run.path.name) is None


def test_a_record_of_an_older_code_is_kept_under_its_own_identity_and_answers_nothing(tmp_path):
    store = RunStore(tmp_path)
    run = store.obtain(CONFIG, produce)
    write_json(run.path / "config.json", CONFIG | {"result_version": RESULT_VERSION - 1})
    old = Run(run.path)
    assert old.identity != identity_of(CONFIG)
    os.replace(old.path, tmp_path / old.identity)
    assert store.runs() == []
    new = store.obtain(CONFIG, produce)
    assert new.path.name == identity_of(CONFIG)
    assert store.runs() == [new]
    with pytest.raises(StudyError, match="another run"):
        store.obtain(CONFIG, produce, out=tmp_path / old.identity)


def test_a_number_that_is_not_finite_is_refused(tmp_path):
    with pytest.raises(StudyError, match="validation_loss"):
        RunStore(tmp_path).obtain(
            CONFIG, lambda work: work.save_metrics({"validation_loss": float("nan")})
        )


@pytest.mark.parametrize("bad", [float("inf"), np.float32("nan"), np.array([1.0, np.nan])])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(tmp_path, bad):
    metrics = {"n": 3, "empty": None, "tasks": {"sst": {"intervals": [(0.5, bad)]}}}
    with pytest.raises(StudyError, match=r"finite number for tasks\.sst\.intervals\[0\]\[1\]"):
        RunStore(tmp_path).obtain(CONFIG, lambda work: work.save_metrics(metrics))
    assert os.listdir(tmp_path) == []


def test_with_training_forbidden_only_published_records_answer(tmp_path):
    published = tmp_path / "results"
    RunStore(published).obtain(CONFIG, produce)
    store = RunStore(tmp_path / "runs", published=published, training=False)
    assert store.obtain(CONFIG, produce).metrics["n"] == 4
    with pytest.raises(StudyError, match=r"finetune imdb seed 22.*training is forbidden"):
        store.obtain(CONFIG | {"seed": 22}, produce)


@pytest.mark.parametrize("computed", ["fp32", "bf16"])
def test_a_published_record_answers_whatever_precision_this_machine_has(tmp_path, computed):
    published = RunStore(tmp_path / "results")
    made = published.obtain(CONFIG | {"precision": computed}, produce)
    store = RunStore(tmp_path / "runs", published=published.root, training=False)
    assert store.obtain(CONFIG | {"precision": "auto"}, produce).path == made.path
    other = {"fp32": "bf16", "bf16": "fp32"}[computed]
    with pytest.raises(StudyError, match="training is forbidden"):
        store.obtain(CONFIG | {"precision": other}, produce)
    assert store.recorded(CONFIG | {"precision": "auto"}) == made
    assert store.recorded(CONFIG | {"precision": other}) is None


def test_the_precision_of_the_machine_is_part_of_what_it_computes(tmp_path, monkeypatch):
    monkeypatch.setattr("t5study.runs.store.resolve_precision", lambda precision: "bf16")
    run = RunStore(tmp_path).obtain(CONFIG | {"precision": "auto"}, produce)
    assert run.config["precision"] == "bf16"
    assert run.identity == identity_of(CONFIG | {"precision": "bf16"})


def test_two_processes_do_not_write_one_record(tmp_path):
    def meanwhile(work):
        with pytest.raises(StudyError, match="Another process"):
            RunStore(tmp_path).obtain(CONFIG, produce)
        return produce(work)

    assert RunStore(tmp_path).obtain(CONFIG, meanwhile).metrics["n"] == 4


def test_who_is_told_to_wait_takes_what_the_other_made(tmp_path, monkeypatch):
    monkeypatch.setenv("T5STUDY_WAIT", "1")
    begun, found = threading.Event(), []

    def slow(work: Workspace) -> dict:
        begun.set()
        second.join(0.2)
        return produce(work)

    def other() -> None:
        begun.wait()
        found.append(RunStore(tmp_path).obtain(CONFIG, lambda work: {}["produced twice"]))

    second = threading.Thread(target=other)
    second.start()
    run = RunStore(tmp_path).obtain(CONFIG, slow)
    second.join()
    assert found == [run]


def test_who_waited_for_the_lock_finds_the_run_and_leaves_nothing_behind(tmp_path, monkeypatch):
    lock, waited = store_module.locked, []

    @contextlib.contextmanager
    def late(path, refusal):
        if not waited:
            waited.append(1)
            RunStore(tmp_path).obtain(CONFIG, produce)
        with lock(path, refusal):
            yield

    monkeypatch.setattr(store_module, "locked", late)
    found = RunStore(tmp_path).obtain(CONFIG, lambda work: pytest.fail("produced twice"))
    assert found.metrics["n"] == 4
    assert os.listdir(tmp_path) == [found.path.name]


@pytest.mark.parametrize("name", ["metrics.json", None])
def test_what_is_in_the_records_place_is_said_before_the_run_begins(tmp_path, name):
    place = tmp_path / identity_of(CONFIG)
    if name:
        place.mkdir()
        (place / name).write_text("{}")
    else:
        place.write_text("a file")
    with pytest.raises(StudyError, match=rf"{place} is in the way, .* no whole run: delete it"):
        RunStore(tmp_path).obtain(CONFIG, lambda work: pytest.fail("produced in vain"))
    assert os.listdir(tmp_path) == [place.name]


def test_out_writes_the_record_into_the_folder_itself_and_refuses_another_run(tmp_path):
    out = tmp_path / "here"
    store = RunStore(tmp_path / "runs")
    assert store.obtain(CONFIG, produce, out=out).path == out
    assert store.obtain(CONFIG, produce, out=out).metrics["n"] == 4
    with pytest.raises(StudyError, match="another run"):
        store.obtain(CONFIG | {"seed": 1}, produce, out=out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(StudyError, match="full is in the way"):
        store.obtain(CONFIG, produce, out=tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_every_file_of_a_record_can_be_read_by_who_may_read_the_folder(tmp_path):
    def safetensors(work: Workspace) -> dict:
        (work.record / "model").mkdir()
        # As safetensors writes, whatever the umask.
        os.close(os.open(work.record / "model" / "weights", os.O_CREAT, 0o600))
        return produce(work)

    before = os.umask(0o022)
    try:
        run = RunStore(tmp_path).obtain(CONFIG, safetensors)
    finally:
        os.umask(before)
    files = [path for path in run.path.rglob("*") if path.is_file()]
    assert len(files) == 7
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


def test_two_runs_are_not_produced_for_one_folder(tmp_path):
    out, store = tmp_path / "here", RunStore(tmp_path / "runs")

    def meanwhile(work):
        with pytest.raises(StudyError, match=r"into .*here: .*another folder with --out"):
            store.obtain(CONFIG | {"seed": 1}, produce, out=out)
        store.obtain(CONFIG | {"seed": 1}, produce, out=tmp_path / "there")
        return produce(work)

    store.obtain(CONFIG, meanwhile, out=out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "there"]


def test_out_may_be_the_empty_folder_that_one_stands_in(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    run = RunStore(tmp_path / "runs").obtain(CONFIG, produce, out=Path("."))
    assert run.path == here
    assert Run(here).metrics["n"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is wanted")
    with pytest.raises(StudyError, match="cannot be written"):
        RunStore(blocked).obtain(CONFIG, produce)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StudyError, match="cannot be written"):
        RunStore(tmp_path).obtain(CONFIG, produce)
