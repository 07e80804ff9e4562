"""Memory that runs out: micro-batches are halved, and what cannot be helped is one sentence."""

from __future__ import annotations

import pytest
import torch
from trainers import trainer_for

from t5study.base.errors import StudyError
from t5study.training import finetune
from t5study.training.losses import seq2seq_loss


def test_memory_that_runs_out_halves_the_micro_batches_and_keeps_the_gradient(
    checkpoint, tmp_path, monkeypatch
):
    def out_of_memory(model, batch):
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError
        return seq2seq_loss(model, batch)

    plain = trainer_for(checkpoint, tmp_path / "plain")
    out = trainer_for(checkpoint, tmp_path / "out")
    out.sum_loss = out_of_memory
    expected, found = (trainer.train_to_best() for trainer in (plain, out))
    assert out.parts > 1
    assert found[1] == pytest.approx(expected[1], rel=1e-4)
    for one, other in zip(plain.model.parameters(), out.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_memory_that_a_processor_lacks_is_told_from_other_errors(checkpoint, tmp_path):
    def out_of_memory(model, batch):
        if len(batch["input_ids"]) > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return seq2seq_loss(model, batch)

    def broken(model, batch):
        raise RuntimeError("shapes do not fit")

    trainer = trainer_for(checkpoint, tmp_path / "out")
    trainer.sum_loss = out_of_memory
    trainer.train_to_best()
    again = trainer_for(checkpoint, tmp_path / "out")
    again.train_to_best()
    assert again.resumed_from == 12
    assert again.parts == trainer.parts > 1
    trainer = trainer_for(checkpoint, tmp_path / "broken")
    trainer.sum_loss = broken
    with pytest.raises(RuntimeError, match="shapes"):
        trainer.train_to_best()


def test_memory_that_runs_out_in_validation_halves_its_batches(checkpoint, tmp_path, monkeypatch):
    def out_of_memory(model, batch):
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError
        return seq2seq_loss(model, batch)

    plain = trainer_for(checkpoint, tmp_path / "plain", tokens=100_000)
    monkeypatch.setattr(finetune, "seq2seq_loss", out_of_memory)
    out = trainer_for(checkpoint, tmp_path / "out", tokens=100_000)
    expected, found = (trainer.validation(trainer.model.eval())["loss"] for trainer in (plain, out))
    assert found == pytest.approx(expected, rel=1e-5)


def test_memory_that_the_optimiser_lacks_is_one_sentence(checkpoint, tmp_path):
    def without_memory(*_, **__):
        raise torch.OutOfMemoryError

    trainer = trainer_for(checkpoint, tmp_path)
    trainer.optimizer.step = without_memory
    with pytest.raises(StudyError, match="beside the batches of update 1: take the optimizer ada"):
        trainer.train_to_best()


def test_a_text_too_long_for_memory_is_an_error_with_a_remedy(checkpoint, tmp_path):
    def without_memory(model, batch):
        raise torch.OutOfMemoryError

    trainer = trainer_for(checkpoint, tmp_path)
    trainer.sum_loss = without_memory
    with pytest.raises(StudyError, match="max_source_length"):
        trainer.train_to_best()
