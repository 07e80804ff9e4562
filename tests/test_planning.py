"""What is left to compute: listed with what it took before, and refused where it does not fit."""

from __future__ import annotations

import shutil
from collections import namedtuple

import pytest
import yaml

from t5study import planning
from t5study.base.errors import StudyError
from t5study.profiles import load_profile, profile_folder
from t5study.runs.store import RunStore
from t5study.study import Study


def smoke() -> dict:
    text = (profile_folder() / "smoke.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["profile"]


def pretended(study: Study, name: str, seed: int = 21) -> None:
    """A record of the run with that seed, as if it had been made."""
    (asked,) = [a for a in study.plans(name) if a.seed == seed]

    def produce(work):
        work.save_metrics({})
        return {"seconds": 90.0, "peak_memory_bytes": 3 * 2**30, "device": "a core"}

    study.store.obtain(study.config(asked), produce)


def test_a_plan_names_every_run_and_those_that_it_begins_from(tmp_path):
    study = Study(smoke(), store=tmp_path)
    steps = planning.plan(study, ["sst, T5 12k, 16 labels", "sst, T5, 16 labels"])
    assert [step.label for step in steps] == [
        *("t5", "t5@12k", "sst, T5, 16 labels, seed 21", "sst, T5, 16 labels, seed 22"),
        "sst, T5 12k, 16 labels, seed 21",
    ]
    assert not any(step.found for step in steps)
    whole = planning.plan(study)
    assert {step.name for step in whole} == {*study.profile.pretraining, *study.experiments}
    assert not list(tmp_path.iterdir())
    with pytest.raises(StudyError, match="no experiment 'sst, T6'"):
        planning.plan(study, ["sst, T6"])


def test_runs_that_share_their_data_follow_each_other():
    study = Study("published")
    names = list(dict.fromkeys(step.name for step in planning.plan(study, expected=False)))
    first = names.index("emotion, T5")
    # The report's recipe, which stands between them in the profile, reads longer texts.
    assert names[first : first + 4] == [
        *("emotion, T5", "emotion, T5 from scratch", "emotion, T5, 2 epochs without dropout"),
        "emotion, T5, 3 epochs",
    ]


def test_a_run_is_expected_to_take_what_it_took_with_another_seed(tmp_path):
    study = Study(smoke(), store=tmp_path)
    name = "sst, T5, 16 labels"
    pretended(study, name)
    *_, first, second = planning.plan(study, [name])
    assert (first.found is None, second.found is None) == (False, True)
    assert (second.seconds, second.memory, second.device) == (90.0, 3 * 2**30, "a core")
    lines = planning.described(study, planning.plan(study, [name]))
    assert lines[2:4] == [
        f"yes    1 min 30 s    3.0 GiB   {name}, seed 21",
        f"no     1 min 30 s    3.0 GiB   {name}, seed 22",
    ]
    assert lines[5:] == [
        f"1 of 3 runs are there, in {tmp_path}.",
        "1 of the others took 1 min 30 s in all, and at most 3.0 GiB, when they were made "
        "(a core).",
        "Of 1 there is no earlier record to go by; the profile plans 3 min for the whole book.",
    ]


def test_published_records_say_what_the_published_profile_takes(tmp_path):
    study = Study(load_profile("published"), store=tmp_path)
    steps = planning.plan(study)
    assert all(step.seconds and step.memory for step in steps)
    said = planning.described(study, steps)
    assert "no     1 h 29 min    3.0 GiB   t5@80M" in said
    (left_out,) = [line for line in said if line.startswith("Left out where there is no GPU")]
    assert "t5, long windows; t5, short windows" in left_out


def test_what_begins_from_weights_that_are_not_here_is_listed_without_loading_them(tmp_path):
    (tmp_path / "mirror").mkdir()
    study = Study("laptop", source=tmp_path / "mirror", store=tmp_path / "runs")
    (step,) = planning.plan(study, ["emotion, T5"])
    assert (step.asked, step.problem) == (None, "google-t5/t5-small is not here")
    assert planning.described(study, [step])[1].endswith(
        "emotion, T5 (google-t5/t5-small is not here)"
    )


def test_weights_are_counted_nearly_as_the_records_have_them():
    study = Study("published")
    for name in study.profile.pretraining:
        counted = planning.weight_count(study.profile.pretraining[name])
        made = study.pretraining(name).metrics["parameters"]
        assert 0.93 * made < counted <= made


def test_a_model_larger_than_the_memory_is_refused(tmp_path):
    values = smoke()
    values["pretraining"]["t5"]["architecture"] |= {"d_model": 65_536, "d_ff": 262_144}
    study = Study(values, store=tmp_path)
    with pytest.raises(StudyError, match=r"The training of 't5' has .* takes [\d,]+ GiB") as caught:
        planning.refuse_what_does_not_fit(study, planning.plan(study))
    assert str(caught.value).endswith("choose a smaller model, or a machine with more.")


def test_a_plan_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    study = Study(smoke(), store=tmp_path / "runs")
    steps = planning.plan(study)
    planning.refuse_what_does_not_fit(study, steps)
    usage = namedtuple("usage", "total used free")(2**20, 2**20, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StudyError, match=rf"runs of smoke that .* and {tmp_path} has 0.0 free"):
        planning.refuse_what_does_not_fit(study, steps)
    planning.refuse_what_does_not_fit(study, [])


def test_what_is_there_already_needs_no_room(tmp_path, monkeypatch):
    study = Study(smoke(), store=tmp_path)
    name = "sst, T5, 16 labels"
    for seed in (21, 22):
        pretended(study, name, seed)
    RunStore(tmp_path).obtain(
        study.config(study.pretraining_plan("t5")),
        lambda work: (work.save_metrics({}), {"seconds": 1.0, "peak_memory_bytes": 1})[1],
    )
    monkeypatch.setattr(planning, "memory_bytes", lambda: 0)
    planning.refuse_what_does_not_fit(study, planning.plan(study, [name]))
