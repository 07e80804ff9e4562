"""Which checkpoint a run continues from, when some of them are damaged."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from t5study.base.checksums import write_checksums
from t5study.training.checkpointing import (
    best_of,
    exhausted,
    is_intact,
    latest_checkpoint,
    latest_with_best,
)

LOSSES = {3: 2.0, 6: 1.0, 9: 1.5, 12: 1.6}


def written(folder: Path, step: int) -> Path:
    """A checkpoint after `step` updates, which knows the evaluations until then."""
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(bytes([step]) * 100)
    log = [{"step": s, "eval_loss": loss} for s, loss in LOSSES.items() if s <= step]
    (checkpoint / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    write_checksums(checkpoint)
    return checkpoint


@pytest.fixture
def folder(tmp_path) -> Path:
    for step in LOSSES:
        written(tmp_path, step)
    return tmp_path


def steps(folder: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in folder.iterdir())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "cut", [lambda text: "", lambda text: text[:-5], lambda text: text[: text.index("\n") + 1]]
)
def test_checksums_that_are_cut_short_prove_nothing(tmp_path, cut):
    checkpoint = written(tmp_path, 3)
    assert is_intact(checkpoint)
    sums = checkpoint / "SHA256SUMS"
    sums.write_text(cut(sums.read_text()))
    assert not is_intact(checkpoint)


def test_every_file_counts(tmp_path):
    changed, lacking, more = (written(tmp_path, step) for step in (3, 6, 9))
    flip(changed / "model.safetensors")
    (lacking / "trainer_state.json").unlink()
    (more / "optimizer.pt").write_bytes(b"late")
    assert not any(is_intact(checkpoint) for checkpoint in (changed, lacking, more))


def test_the_newest_whole_one_is_found_and_said(folder, caplog):
    flip(folder / "checkpoint-12" / "model.safetensors")
    assert latest_checkpoint(folder).name == "checkpoint-9"
    assert steps(folder) == [3, 6, 9]
    assert "checkpoint-12 is damaged" in caplog.text
    assert "continuing from checkpoint-9" in caplog.text


def test_without_a_whole_one_a_run_begins_anew(tmp_path, caplog):
    assert latest_checkpoint(tmp_path) is None
    assert not caplog.text
    flip(written(tmp_path, 3) / "model.safetensors")
    assert latest_checkpoint(tmp_path) is None
    assert "beginning anew" in caplog.text


def test_a_damaged_best_one_is_reached_again_from_before_it(folder, caplog):
    caplog.set_level(logging.WARNING)
    assert latest_with_best(folder).name == "checkpoint-12"
    flip(folder / "checkpoint-6" / "model.safetensors")
    assert latest_with_best(folder).name == "checkpoint-3"
    assert steps(folder) == [3]
    assert "checkpoint-6, the best so far, is damaged" in caplog.text


def test_a_lost_best_one_with_nothing_before_it_begins_anew(tmp_path):
    for step in (6, 9):
        written(tmp_path, step)
    (tmp_path / "checkpoint-6" / "model.safetensors").unlink()
    assert latest_with_best(tmp_path) is None
    assert steps(tmp_path) == []


def test_the_first_of_equal_losses_is_the_best():
    assert best_of({9: 1.0, 3: 2.0, 6: 1.0}) == (6, 1.0)


@pytest.mark.parametrize(
    ("losses", "patience", "ended"),
    [
        ({3: 3.0, 6: 2.0, 9: 2.5}, 2, False),
        ({3: 3.0, 6: 2.0, 9: 2.5, 12: 2.4}, 2, True),
        ({3: 3.0, 6: 2.0, 9: 2.5, 12: 2.0}, 2, True),
        ({3: 3.0, 6: 2.0, 9: 2.5, 12: 2.4}, None, False),
        ({}, 1, False),
    ],
)
def test_patience_counts_evaluations_since_the_best(losses, patience, ended):
    assert exhausted(losses, patience) is ended
