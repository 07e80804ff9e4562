"""Run records: what identifies a run, reading one, and where records may lie."""

from __future__ import annotations

import json

import pytest

from t5study.base.errors import StudyError
from t5study.runs.record import Run, identity_of, records_below
from t5study.runs.store import RunStore

CONFIG = {"kind": "finetune", "task": "imdb", "seed": 21, "recipe": {"epochs": 2}}
OTHER = CONFIG | {"seed": 22}


def record(folder, config=CONFIG):
    """A finished record with the configuration of `config`."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config | {"result_version": 2}))
    for name in ("metrics.json", "provenance.json"):
        (folder / name).write_text("{}")
    return folder


def test_the_identity_ignores_the_order_of_keys_and_sees_every_value():
    turned = dict(reversed(CONFIG.items()))
    assert identity_of(CONFIG) == identity_of(turned)
    assert identity_of(CONFIG) != identity_of(CONFIG | {"seed": 22})
    assert identity_of(CONFIG) != identity_of(CONFIG | {"recipe": {"epochs": 3}})


def test_a_damaged_record_names_the_file_and_the_remedy(tmp_path):
    run = Run(record(tmp_path / "one"))
    with pytest.raises(StudyError, match=r"one lacks history\.csv: delete that folder"):
        _ = run.history
    (run.path / "metrics.json").write_text('{"accuracy": ')
    with pytest.raises(StudyError, match=r"metrics\.json .* is damaged: delete"):
        _ = run.metrics
    (run.path / "provenance.json").write_text("[1]")
    with pytest.raises(StudyError, match=r"provenance\.json .*one is damaged: delete"):
        _ = run.provenance


@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "emotion, T5/21-{}",
        "emotion, T5, 500 labels/from scratch/21-{}",
        "moved by hand/{}",
        "without an identity in its name",
    ],
)
def test_a_record_is_found_wherever_it_was_put(tmp_path, place):
    identity = identity_of(CONFIG)
    folder = record(tmp_path / "results" / place.format(identity))
    # The checkpoint inside a record has a config.json, too, and is no record.
    record(folder / "model" / "inner")
    record(tmp_path / "results" / "another", OTHER)
    for store in (
        RunStore(tmp_path / "results"),
        RunStore(tmp_path / "runs", published=tmp_path / "results", training=False),
    ):
        assert store.find(identity) == Run(folder)
        assert store.find("0123456789abcdef") is None
        assert {run.identity for run in store.runs()} == {identity, identity_of(OTHER)}


def test_own_records_answer_before_published_ones_and_each_is_listed_once(tmp_path):
    identity = identity_of(CONFIG)
    own = record(tmp_path / "runs" / identity)
    record(tmp_path / "results" / "emotion" / f"21-{identity}")
    store = RunStore(tmp_path / "runs", published=tmp_path / "results")
    assert store.find(identity) == Run(own)
    assert store.runs() == [Run(own)]


@pytest.mark.parametrize("place", ["{}", "emotion/21-{}"])
def test_a_folder_named_after_another_run_is_refused_and_left_as_it_is(tmp_path, place):
    folder = record(tmp_path / place.format(identity_of(CONFIG)), OTHER)
    store = RunStore(tmp_path)
    with pytest.raises(StudyError, match=rf"{folder.name} is named after another run than") as said:
        store.find(identity_of(CONFIG))
    assert identity_of(OTHER) in str(said.value)
    with pytest.raises(StudyError, match="another run"):
        store.runs()
    assert Run(folder).config["seed"] == 22


def test_what_is_no_finished_record_is_not_listed(tmp_path):
    record(tmp_path / ".0123.partial" / "record")
    half = record(tmp_path / "0123456789abcdef")
    (half / "metrics.json").unlink()
    (tmp_path / "notes.txt").write_text("mine")
    assert list(records_below(tmp_path)) == []
    assert list(records_below(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"PK\x03\x04 \xff and no more"])
@pytest.mark.parametrize("name", ["history.csv", "predictions.parquet", "arrays.npz"])
def test_a_table_of_a_record_that_was_cut_off_is_one_sentence(tmp_path, name, content):
    run = Run(record(tmp_path / "one"))
    (run.path / name).write_bytes(content)
    with pytest.raises(StudyError, match=rf"{name} of the run record .*one is damaged"):
        _ = getattr(run, name.partition(".")[0])
