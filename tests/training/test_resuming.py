"""Checkpoints: whole or not at all, and a run that goes on ends with the same numbers."""

from __future__ import annotations

import resource

import pytest
import torch
from tiny import no_hub, tiny_experiment
from trainers import trainer_for

from t5study.base.errors import StudyError
from t5study.models.loading import load_tokenizer, save_model
from t5study.runs.store import RunStore
from t5study.training import loop
from t5study.training.callbacks import history
from t5study.training.checkpointing import is_intact
from t5study.training.finetune import finetune


class Interrupted(Exception):
    """Stands for a killed process."""


def test_an_interrupted_run_ends_with_the_numbers_of_an_undisturbed_one(checkpoint, tmp_path):
    experiment = tiny_experiment(checkpoint, dropout=0.1)
    config = experiment.config(no_hub())
    straight = RunStore(tmp_path / "straight").obtain(
        config, lambda work: finetune(experiment, no_hub(), work)
    )
    store = RunStore(tmp_path / "broken")

    def broken(work):
        original = loop.StudyTrainer.training_step

        def step(self, model, inputs, num_items_in_batch=None):
            if self.state.global_step == 8:
                raise Interrupted
            return original(self, model, inputs, num_items_in_batch)

        loop.StudyTrainer.training_step = step
        try:
            return finetune(experiment, no_hub(), work)
        finally:
            loop.StudyTrainer.training_step = original

    with pytest.raises(Interrupted):
        store.obtain(config, broken)
    resumed = store.obtain(config, lambda work: finetune(experiment, no_hub(), work))
    assert resumed.provenance["resumed_from"] == 6
    for name in ("accuracy", "macro_f1", "validation_loss", "best_step", "confusion"):
        assert resumed.metrics[name] == straight.metrics[name]
    assert resumed.history.equals(straight.history)
    assert resumed.predictions.equals(straight.predictions)
    weights = [(run.model / "model.safetensors").read_bytes() for run in (straight, resumed)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("damaged", ["newest", "best"])
def test_a_damaged_checkpoint_changes_nothing_of_the_outcome(checkpoint, tmp_path, damaged):
    """The losses fall and rise again: the best checkpoint is neither the first nor the newest."""

    def falling_and_rising(trainer):
        trainer.validation = lambda model: {"loss": abs(trainer.state.global_step - 6.5)}
        return trainer

    trainer = falling_and_rising(trainer_for(checkpoint, tmp_path))
    expected = trainer.train_to_best()
    weights = [p.clone() for p in trainer.model.parameters()]
    step = {"newest": 12, "best": expected[0]}[damaged]
    assert step == {"newest": 12, "best": 6}[damaged]
    with (trainer.folder / f"checkpoint-{step}" / "model.safetensors").open("r+b") as file:
        file.truncate(100)
    again = falling_and_rising(trainer_for(checkpoint, tmp_path))
    assert again.train_to_best() == expected
    assert again.resumed_from == {"newest": 9, "best": 3}[damaged]
    for one, other in zip(weights, again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_best_checkpoints_and_the_newest_are_kept_without_pickled_arguments(
    checkpoint, tmp_path
):
    trainer = trainer_for(checkpoint, tmp_path, keep_checkpoints=1, learning_rate=1e-3)
    best, _ = trainer.train_to_best()
    kept = {int(path.name.split("-")[1]) for path in trainer.folder.glob("checkpoint-*")}
    # Two to resume from, should the newest be damaged.
    assert kept == {best, 9, 12}
    assert not list(trainer.folder.rglob("training_args.bin"))
    losses = {r["step"]: r["eval_loss"] for r in trainer.state.log_history if "eval_loss" in r}
    assert losses[best] == min(losses.values())


def test_a_run_that_had_ended_early_is_not_trained_on(checkpoint, tmp_path):
    """As when the process dies while the test rows are scored."""

    def stopping(losses):
        trainer = trainer_for(checkpoint, tmp_path, early_stopping=2, epochs=4)
        trainer.validation = lambda model: {"loss": next(losses)}
        return trainer

    first = stopping(iter([3.0, 2.0, 2.5, 2.4]))
    expected = first.train_to_best()
    again = stopping(iter([]))
    assert again.train_to_best() == expected
    assert again.resumed_from == 12
    curves = [history(t.state.log_history, lambda step: {}, "validation") for t in (first, again)]
    assert curves[0].equals(curves[1])
    for one, other in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("message", "kind"),
    [("PytorchStreamWriter failed writing file", StudyError), ("NCCL error", RuntimeError)],
)
def test_only_what_could_not_be_written_asks_for_space(
    checkpoint, tmp_path, monkeypatch, message, kind
):
    def fail(*_):
        raise RuntimeError(message)

    trainer = trainer_for(checkpoint, tmp_path)
    monkeypatch.setattr(loop.Trainer, "_save_checkpoint", fail)
    with pytest.raises(kind, match=message):
        trainer.train_to_best()


def test_a_checkpoint_of_another_recipe_or_other_code_is_refused(checkpoint, tmp_path, monkeypatch):
    trainer_for(checkpoint, tmp_path).train_to_best()
    with pytest.raises(StudyError, match="another learning_rate: remove"):
        trainer_for(checkpoint, tmp_path, learning_rate=1e-4).train_to_best()
    monkeypatch.setattr(loop, "RESULT_VERSION", -1)
    with pytest.raises(StudyError, match="another code: remove"):
        trainer_for(checkpoint, tmp_path).train_to_best()
    assert is_intact(tmp_path / "scratch" / "checkpoint-12")


def test_a_disk_that_fills_during_a_checkpoint_costs_that_checkpoint_alone(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    whole, limits = trainer._save_checkpoint, resource.getrlimit(resource.RLIMIT_FSIZE)

    def save(*args):
        # No file may grow beyond some kilobytes: to a process that is as if the disk were full.
        full = trainer.state.global_step > 3
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]) if full else limits)
        try:
            whole(*args)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    trainer._save_checkpoint = save
    with pytest.raises(StudyError, match="checkpoint of update 6 cannot be written"):
        trainer.train_to_best()
    assert [path.name for path in trainer.folder.iterdir()] == ["checkpoint-3"]
    again = trainer_for(checkpoint, tmp_path)
    again.train_to_best()
    assert again.resumed_from == 3


def test_a_disk_that_fills_while_the_model_is_saved_is_one_sentence(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(StudyError, match=r"weights cannot be written into .*free"):
            save_model(trainer.model, load_tokenizer(checkpoint), tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_nothing_but_damaged_checkpoints_begins_anew(checkpoint, tmp_path, caplog):
    trainer = trainer_for(checkpoint, tmp_path)
    expected = trainer.train_to_best()
    for path in trainer.folder.glob("checkpoint-*"):
        (path / "optimizer.pt").unlink()
    again = trainer_for(checkpoint, tmp_path).train_to_best()
    assert again == expected
    assert caplog.text.count("is damaged") >= 1
