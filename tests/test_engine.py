"""The training loop: one gradient however it is cut, resumption, divergence, checkpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import no_hub, tiny_experiment, tiny_t5

from t5study.engine import (
    is_intact,
    latest_checkpoint,
    resolve_precision,
    seq2seq_loss,
    update_seed,
)
from t5study.errors import StudyError
from t5study.runs import RunStore, Workspace
from t5study.training import TaskData, finetune, load_tokenizer, new_model, new_trainer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_t5(tmp_path_factory.mktemp("engine"))


def trainer_for(checkpoint, folder: Path, tokens: int = 512, **recipe):
    experiment = tiny_experiment(checkpoint, tokens_per_micro_batch=tokens, **recipe)
    tokenizer = load_tokenizer(checkpoint)
    data = TaskData.load(experiment, no_hub(), tokenizer)
    work = Workspace(folder)
    work.scratch.mkdir(parents=True, exist_ok=True)
    return new_trainer(experiment, data, new_model(experiment, tokenizer), work)


def gradient(trainer) -> torch.Tensor:
    trainer.model.zero_grad()
    loss = trainer.training_step(trainer.model, trainer.plan[0])
    parts = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return torch.cat([loss.reshape(1), *parts])


def test_one_update_has_one_gradient_however_it_is_cut(checkpoint, tmp_path):
    whole = gradient(trainer_for(checkpoint, tmp_path / "a", tokens=100_000))
    single = gradient(trainer_for(checkpoint, tmp_path / "b", tokens=64))
    assert len(trainer_for(checkpoint, tmp_path / "c", tokens=64).plan[0]["micro_batches"]) == 16
    assert torch.allclose(whole, single, atol=1e-6, rtol=1e-4)


def test_the_gradient_is_that_of_the_mean_over_label_tokens(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, tokens=100_000)
    ours = gradient(trainer)[1:]
    trainer.model.zero_grad()
    losses = [seq2seq_loss(trainer.model, b) for b in trainer.plan[0]["micro_batches"]]
    (sum(losses) / trainer.plan[0]["items"]).backward()
    theirs = torch.cat([p.grad.flatten() for p in trainer.model.parameters()])
    assert torch.allclose(ours, theirs, atol=1e-6)


TWO_PROCESSES = """
import os, sys, json, torch
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from t5study.checkpoints import checkpoint_in
from test_engine import trainer_for
trainer = trainer_for(checkpoint_in(sys.argv[2], name="tiny-t5"), Path(sys.argv[3]))
result = trainer.train_to_best()
if int(os.environ.get("RANK", 0)) == 0:
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    Path(sys.argv[4]).write_text(json.dumps(losses))
"""


def test_two_processes_train_what_one_does(checkpoint, tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO_PROCESSES)
    curves = []
    for count in (1, 2):
        out = tmp_path / f"{count}.json"
        launch = [] if count == 1 else ["-m", "torch.distributed.run", f"--nproc-per-node={count}"]
        launch += ["--master-addr=127.0.0.1", "--master-port=29531"] if count > 1 else []
        command = [sys.executable, *launch, str(script), str(Path(__file__).parent)]
        command += [str(checkpoint.folder), str(tmp_path / f"work{count}"), str(out)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        assert done.returncode == 0, done.stderr[-2000:]
        curves.append(json.loads(out.read_text()))
    assert len(curves[0]) == len(curves[1]) >= 10
    assert curves[0] == pytest.approx(curves[1], abs=1e-5)


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
        import t5study.engine as engine

        original = engine.StudyTrainer.training_step

        def step(self, model, inputs, num_items_in_batch=None):
            if self.state.global_step == 8:
                raise Interrupted
            return original(self, model, inputs, num_items_in_batch)

        engine.StudyTrainer.training_step = step
        try:
            return finetune(experiment, no_hub(), work)
        finally:
            engine.StudyTrainer.training_step = original

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


def test_a_damaged_checkpoint_is_left_out_for_the_one_before(checkpoint, tmp_path, caplog):
    trainer = trainer_for(checkpoint, tmp_path)
    trainer.train_to_best()
    newest = latest_checkpoint(trainer.folder)
    assert newest.name == "checkpoint-12"
    with (newest / "model.safetensors").open("r+b") as weights:
        weights.truncate(100)
    assert not is_intact(newest)
    assert latest_checkpoint(trainer.folder).name == "checkpoint-9"
    assert "checkpoint-12 is damaged" in caplog.text


def test_the_best_checkpoints_and_the_newest_are_kept_without_pickled_arguments(
    checkpoint, tmp_path
):
    trainer = trainer_for(checkpoint, tmp_path, keep_checkpoints=1, learning_rate=1e-3)
    result = trainer.train_to_best()
    kept = {int(path.name.split("-")[1]) for path in trainer.folder.glob("checkpoint-*")}
    assert kept == {result["best_step"], 12}
    assert not list(trainer.folder.rglob("training_args.bin"))
    losses = {r["step"]: r["eval_loss"] for r in trainer.state.log_history if "eval_loss" in r}
    assert losses[result["best_step"]] == min(losses.values())


def test_early_stopping_ends_after_its_patience(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, early_stopping=2, epochs=4)
    losses = iter([3.0, 2.0, 2.5, 2.4, 1.0])
    trainer.evaluation = lambda model: {"loss": next(losses)}
    assert trainer.train_to_best()["best_step"] == 6
    assert trainer.state.global_step == 12 < len(trainer.plan)


def test_a_loss_that_is_not_a_number_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    trainer.sum_loss = lambda model, batch: seq2seq_loss(model, batch) * float("nan")
    with pytest.raises(StudyError, match=r"loss is nan at update 1.*learning rate"):
        trainer.train_to_best()


def test_random_numbers_depend_on_seed_step_and_process():
    seeds = {update_seed(s, t, p) for s in (1, 2) for t in (1, 2) for p in (0, 1)}
    assert len(seeds) == 8
    assert update_seed(1, 2, 0) == update_seed(1, 2, 0)


def test_fp16_is_refused_with_the_reason():
    with pytest.raises(StudyError, match="overflows"):
        resolve_precision("fp16")
    assert resolve_precision("fp32") == "fp32"


GOLDEN_LOSS = 4.3458


def test_golden_metrics(checkpoint, tmp_path):
    """Fails when a change alters results: then raise runs.RESULT_VERSION and the numbers here."""
    experiment = replace(tiny_experiment(checkpoint), seed=1)
    run = RunStore(tmp_path).obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )
    assert run.metrics["validation_loss"] == pytest.approx(GOLDEN_LOSS, abs=2e-3)


def test_memory_that_runs_out_halves_the_micro_batches_and_keeps_the_gradient(
    checkpoint, tmp_path, monkeypatch
):
    def short_of_memory(model, batch):
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError
        return seq2seq_loss(model, batch)

    plain = trainer_for(checkpoint, tmp_path / "plain")
    short = trainer_for(checkpoint, tmp_path / "short")
    short.sum_loss = short_of_memory
    expected, found = (trainer.train_to_best() for trainer in (plain, short))
    assert short.parts > 1
    assert found["best_loss"] == pytest.approx(expected["best_loss"], rel=1e-4)
    for one, other in zip(plain.model.parameters(), short.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_text_too_long_for_memory_is_an_error_with_a_remedy(checkpoint, tmp_path):
    def without_memory(model, batch):
        raise torch.OutOfMemoryError

    trainer = trainer_for(checkpoint, tmp_path)
    trainer.sum_loss = without_memory
    with pytest.raises(StudyError, match="max_source_length"):
        trainer.train_to_best()
