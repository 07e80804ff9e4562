"""The training loop: one gradient however it is cut, schedules, divergence."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from trainers import gradient, trainer_for

from t5study.base.errors import StudyError
from t5study.training import loop
from t5study.training.acceleration import speed_up
from t5study.training.callbacks import KeepPace
from t5study.training.cpu import cheapen_dropout, shorten_cross_attention
from t5study.training.loop import update_seed
from t5study.training.losses import seq2seq_loss


def test_one_update_has_one_gradient_however_it_is_cut(checkpoint, tmp_path):
    whole = gradient(trainer_for(checkpoint, tmp_path / "a", tokens=100_000))
    single = gradient(trainer_for(checkpoint, tmp_path / "b", tokens=64))
    assert len(trainer_for(checkpoint, tmp_path / "c", tokens=64).plan[0]["micro_batches"]) == 16
    assert torch.allclose(whole, single, atol=1e-6, rtol=1e-4)


def test_texts_that_share_rows_give_the_same_gradient(checkpoint, tmp_path):
    alone, together = (
        trainer_for(checkpoint, tmp_path / str(packing), 100_000, batch_size=96, packing=packing)
        for packing in (False, True)
    )
    speed_up(together.model, compiled=False, packing=True)
    assert len(together.plan[0]["micro_batches"]) == 1 < len(alone.plan[0]["micro_batches"])
    assert torch.allclose(gradient(alone), gradient(together), atol=1e-6, rtol=1e-4)


def test_the_gradient_is_that_of_the_mean_over_label_tokens(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, tokens=100_000)
    ours = gradient(trainer)[1:]
    trainer.model.zero_grad()
    losses = [seq2seq_loss(trainer.model, b) for b in trainer.plan[0]["micro_batches"]]
    (sum(losses) / trainer.plan[0]["items"]).backward()
    theirs = torch.cat([p.grad.flatten() for p in trainer.model.parameters()])
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_training_takes_the_short_way_through_cross_attention(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, tokens=100_000)
    model = trainer.model
    cheapen_dropout(model)
    shorten_cross_attention(model)
    for block in model.decoder.block:
        block.layer[1].EncDecAttention.k.register_forward_hook(
            lambda *_: pytest.fail("all encoder states were projected")
        )
    batch = dict(trainer.plan[0]["micro_batches"][0])
    # Label words of so small a vocabulary have more pieces than the short way takes.
    for name in ("labels", "decoder_input_ids"):
        batch[name] = batch[name][:, : model.config.d_kv // 4]
    assert seq2seq_loss(model, batch).item() > 0


def test_early_stopping_ends_after_its_patience(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, early_stopping=2, epochs=4)
    losses = iter([3.0, 2.0, 2.5, 2.4, 1.0])
    trainer.validation = lambda model: {"loss": next(losses)}
    assert trainer.train_to_best() == (6, 2.0)
    assert trainer.state.global_step == 12 < len(trainer.plan)


def test_a_constant_schedule_warms_up_too(checkpoint, tmp_path):
    plain, warmed = (
        trainer_for(checkpoint, tmp_path / str(steps), schedule="constant", warmup_steps=steps)
        for steps in (0, 4)
    )
    assert plain.lr_scheduler.get_last_lr()[0] == plain.recipe.learning_rate
    assert warmed.lr_scheduler.get_last_lr()[0] == 0
    warmed.train_to_best()
    rates = [row["learning_rate"] for row in warmed.state.log_history if "learning_rate" in row]
    assert rates[-1] == warmed.recipe.learning_rate > rates[0]


def test_a_process_without_torchrun_keeps_to_one_gpu(checkpoint, tmp_path, monkeypatch):
    set_up = loop.TrainingArguments._setup_devices.func

    def two_gpus(arguments):
        device = set_up(arguments)
        arguments._n_gpu = 2
        return device

    monkeypatch.setattr(loop.TrainingArguments._setup_devices, "func", two_gpus)
    assert trainer_for(checkpoint, tmp_path).args.n_gpu == 1


def test_a_validation_loss_that_is_not_a_number_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    trainer.validation = lambda model: {"loss": float("nan")}
    with pytest.raises(StudyError, match=r"validation loss is nan after update 3: .*learning rate"):
        trainer.train_to_best()


def test_a_loss_that_is_not_a_number_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    trainer.sum_loss = lambda model, batch: seq2seq_loss(model, batch) * float("nan")
    with pytest.raises(StudyError, match=r"loss is nan at update 1.*learning rate"):
        trainer.train_to_best()


def test_random_numbers_depend_on_seed_step_and_process():
    seeds = {update_seed(s, t, p) for s in (1, 2) for t in (1, 2) for p in (0, 1)}
    assert len(seeds) == 8
    assert update_seed(1, 2, 0) == update_seed(1, 2, 0)


def test_a_loss_that_leaves_all_bounds_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    growth = iter(5.0 * 2.0**n for n in range(100))
    trainer.sum_loss = lambda model, batch: seq2seq_loss(model, batch) * next(growth)
    with pytest.raises(StudyError, match=r"grown from .* at update \d+: .*learning rate"):
        trainer.train_to_best()


def test_a_loss_that_explodes_before_it_is_first_logged_stops_the_run(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, KeepPace):
            callback.pace = replace(callback.pace, log_every=100)

    def exploding(model, batch):
        return seq2seq_loss(model, batch) * (1 if trainer.state.global_step == 0 else 100)

    trainer.sum_loss = exploding
    with pytest.raises(StudyError, match=r"grown from .* at update 3: .*learning rate"):
        trainer.train_to_best()


def test_a_plan_for_other_processes_than_there_are_is_refused(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    plan = replace(trainer.plan, world_size=2)
    with pytest.raises(StudyError, match=r"say process 0 of 2, but this is process 0 of 1: start"):
        loop.StudyTrainer(
            trainer.model,
            plan,
            seq2seq_loss,
            trainer.validation,
            trainer.recipe,
            trainer.pace,
            tmp_path,
        )
