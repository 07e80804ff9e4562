"""The training loop: one gradient however it is cut, resumption, divergence, checkpoints."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import no_hub, tiny_experiment, tiny_t5

from t5study import commands
from t5study.base.checksums import write_checksums
from t5study.base.errors import StudyError
from t5study.base.precision import resolve_precision
from t5study.models.loading import load_tokenizer, save_model
from t5study.runs.store import RunStore, Workspace
from t5study.training import finetune as training
from t5study.training import loop as engine
from t5study.training.acceleration import cheapen_dropout, shorten_cross_attention, speed_up
from t5study.training.checkpointing import is_intact
from t5study.training.finetune import (
    TaskData,
    build_trainer,
    finetune,
    history,
    mean_loss,
    new_model,
    new_plan,
    plan_settings,
    write_texts,
)
from t5study.training.loop import seq2seq_loss, update_seed


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_t5(tmp_path_factory.mktemp("engine"))


def trainer_for(checkpoint, folder: Path, tokens: int = 512, **recipe):
    experiment = tiny_experiment(checkpoint, tokens_per_micro_batch=tokens, **recipe)
    tokenizer = load_tokenizer(checkpoint)
    data = TaskData.load(experiment, no_hub(), tokenizer)
    work = Workspace(folder)
    work.scratch.mkdir(parents=True, exist_ok=True)
    plan, loss = new_plan(experiment, data), mean_loss(experiment, data)
    return build_trainer(experiment, plan, new_model(experiment, tokenizer), loss, work)


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


def test_texts_that_share_rows_give_the_same_gradient(checkpoint, tmp_path):
    alone, together = (
        trainer_for(checkpoint, tmp_path / str(packing), 100_000, batch_size=96, packing=packing)
        for packing in (False, True)
    )
    speed_up(together.model, compiled=False, packing=together.plan.packing)
    assert len(together.plan[0]["micro_batches"]) == 1 < len(alone.plan[0]["micro_batches"])
    assert torch.allclose(gradient(alone), gradient(together), atol=1e-6, rtol=1e-4)


def test_only_a_t5_on_a_processor_lets_texts_share_rows(checkpoint, monkeypatch):
    experiment = tiny_experiment(checkpoint)
    assert plan_settings(experiment, 96)["packing"]
    assert not plan_settings(replace(experiment, architecture="bert"), 96)["packing"]
    monkeypatch.setattr("t5study.training.finetune.usual_device", lambda: "cuda")
    assert not plan_settings(experiment, 96)["packing"]


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
    assert float(seq2seq_loss(model, batch)) > 0


def two_processes(*words, **environment) -> subprocess.CompletedProcess:
    """Run a script, or with -m a module, in two processes of torchrun."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d"]
    done = subprocess.run(
        [sys.executable, *launch, "--rdzv-endpoint=127.0.0.1:0", *words],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_two_processes_train_what_one_does(checkpoint, tmp_path):
    """Through the command: one record, found again by one process, with the same numbers."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "{epochs: 9, batch_size: 16, learning_rate: 3.0e-3, dropout: 0.0, precision: fp32, "
        "max_source_length: 64, tokens_per_micro_batch: 512}"
    )
    limits = {"train": 96, "validation": 16, "test": 200}
    task = ("pocket-sentiment", str(checkpoint.folder), recipe)
    one = commands.finetune(*task, {}, limits, 21, None, tmp_path / "one")
    words = [f"--{name}={value}" for name, value in limits.items()]
    words += [f"--task={task[0]}", f"--model={task[1]}", f"--recipe={recipe}"]
    store = str(tmp_path / "store")
    done = two_processes("-m", "t5study", "finetune", *words, T5STUDY_STORE=store)
    assert done.stdout.count("macro avg") == 1
    two = RunStore(tmp_path / "store").find(one.identity)
    assert two.provenance["processes"] == 2
    curves = [run.history["loss"].dropna().tolist() for run in (one, two)]
    assert len(curves[0]) == len(curves[1]) == 54
    assert curves[0] == pytest.approx(curves[1], abs=1e-5)
    answers = [run.predictions["prediction"] for run in (one, two)]
    assert (answers[0] == answers[1]).mean() >= 0.995


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


@pytest.mark.parametrize("damaged", ["newest", "best"])
def test_a_damaged_checkpoint_changes_nothing_of_the_outcome(checkpoint, tmp_path, damaged):
    """The losses fall and rise again: the best checkpoint is neither the first nor the newest."""

    def falling_and_rising(trainer):
        trainer.evaluation = lambda model: {"loss": abs(trainer.state.global_step - 6.5)}
        return trainer

    trainer = falling_and_rising(trainer_for(checkpoint, tmp_path))
    expected = trainer.train_to_best()
    weights = [p.clone() for p in trainer.model.parameters()]
    step = {"newest": 12, "best": expected["best_step"]}[damaged]
    assert step == {"newest": 12, "best": 6}[damaged]
    with (trainer.folder / f"checkpoint-{step}" / "model.safetensors").open("r+b") as file:
        file.truncate(100)
    again = falling_and_rising(trainer_for(checkpoint, tmp_path))
    found = again.train_to_best()
    assert found.pop("resumed_from") == {"newest": 9, "best": 3}[damaged]
    assert found == {name: expected[name] for name in found}
    for one, other in zip(weights, again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_best_checkpoints_and_the_newest_are_kept_without_pickled_arguments(
    checkpoint, tmp_path
):
    trainer = trainer_for(checkpoint, tmp_path, keep_checkpoints=1, learning_rate=1e-3)
    result = trainer.train_to_best()
    kept = {int(path.name.split("-")[1]) for path in trainer.folder.glob("checkpoint-*")}
    # Two to resume from, should the newest be damaged.
    assert kept == {result["best_step"], 9, 12}
    assert not list(trainer.folder.rglob("training_args.bin"))
    losses = {r["step"]: r["eval_loss"] for r in trainer.state.log_history if "eval_loss" in r}
    assert losses[result["best_step"]] == min(losses.values())


def test_early_stopping_ends_after_its_patience(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path, early_stopping=2, epochs=4)
    losses = iter([3.0, 2.0, 2.5, 2.4, 1.0])
    trainer.evaluation = lambda model: {"loss": next(losses)}
    assert trainer.train_to_best()["best_step"] == 6
    assert trainer.state.global_step == 12 < len(trainer.plan)


def test_a_run_that_had_ended_early_is_not_trained_on(checkpoint, tmp_path):
    """As when the process dies while the test rows are scored."""

    def stopping(losses):
        trainer = trainer_for(checkpoint, tmp_path, early_stopping=2, epochs=4)
        trainer.evaluation = lambda model: {"loss": next(losses)}
        return trainer

    first = stopping(iter([3.0, 2.0, 2.5, 2.4]))
    expected = first.train_to_best()
    again = stopping(iter([]))
    assert again.train_to_best() == expected | {"resumed_from": 12}
    assert history(again).equals(history(first))
    for one, other in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_constant_schedule_warms_up_too(checkpoint, tmp_path):
    plain, warmed = (
        trainer_for(checkpoint, tmp_path / str(steps), schedule="constant", warmup_steps=steps)
        for steps in (0, 4)
    )
    assert plain.lr_scheduler.get_last_lr()[0] == plain.settings.learning_rate
    assert warmed.lr_scheduler.get_last_lr()[0] == 0
    warmed.train_to_best()
    rates = [row["learning_rate"] for row in warmed.state.log_history if "learning_rate" in row]
    assert rates[-1] == warmed.settings.learning_rate > rates[0]


def test_a_process_without_torchrun_keeps_to_one_gpu(checkpoint, tmp_path, monkeypatch):
    set_up = engine.TrainingArguments._setup_devices.func

    def two_gpus(arguments):
        device = set_up(arguments)
        arguments._n_gpu = 2
        return device

    monkeypatch.setattr(engine.TrainingArguments._setup_devices, "func", two_gpus)
    assert trainer_for(checkpoint, tmp_path).args.n_gpu == 1


def test_a_validation_loss_that_is_not_a_number_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    trainer.evaluation = lambda model: {"loss": float("nan")}
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


def test_fp16_is_refused_with_the_reason():
    with pytest.raises(StudyError, match="overflows"):
        resolve_precision("fp16")
    assert resolve_precision("fp32") == "fp32"


def test_a_loss_that_leaves_all_bounds_stops_with_step_and_cause(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    growth = iter(5.0 * 2.0**n for n in range(100))
    trainer.sum_loss = lambda model, batch: seq2seq_loss(model, batch) * next(growth)
    with pytest.raises(StudyError, match=r"grown from .* at update \d+: .*learning rate"):
        trainer.train_to_best()


def test_a_loss_that_explodes_before_it_is_first_logged_stops_the_run(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, engine._Schedule):
            callback.settings = replace(callback.settings, log_every=100)

    def exploding(model, batch):
        return seq2seq_loss(model, batch) * (1 if trainer.state.global_step == 0 else 100)

    trainer.sum_loss = exploding
    with pytest.raises(StudyError, match=r"grown from .* at update 3: .*learning rate"):
        trainer.train_to_best()


def test_memory_that_a_processor_lacks_is_told_from_other_errors(checkpoint, tmp_path):
    def short_of_memory(model, batch):
        if len(batch["input_ids"]) > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return seq2seq_loss(model, batch)

    def broken(model, batch):
        raise RuntimeError("shapes do not fit")

    trainer = trainer_for(checkpoint, tmp_path / "short")
    trainer.sum_loss = short_of_memory
    trainer.train_to_best()
    again = trainer_for(checkpoint, tmp_path / "short")
    assert again.train_to_best()["resumed_from"] == 12
    assert again.parts == trainer.parts > 1
    trainer = trainer_for(checkpoint, tmp_path / "broken")
    trainer.sum_loss = broken
    with pytest.raises(RuntimeError, match="shapes"):
        trainer.train_to_best()


def test_a_tokenizer_without_padding_is_refused_before_texts_share_a_batch(checkpoint):
    tokenizer = load_tokenizer(checkpoint)
    tokenizer.pad_token = None
    with pytest.raises(StudyError, match="has no padding token"):
        TaskData.load(tiny_experiment(checkpoint), no_hub(), tokenizer)


def test_memory_that_runs_out_in_validation_halves_its_batches(checkpoint, tmp_path, monkeypatch):
    def short_of_memory(model, batch):
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError
        return seq2seq_loss(model, batch)

    plain = trainer_for(checkpoint, tmp_path / "plain", tokens=100_000)
    monkeypatch.setattr(training, "seq2seq_loss", short_of_memory)
    short = trainer_for(checkpoint, tmp_path / "short", tokens=100_000)
    expected, found = (
        trainer.evaluation(trainer.model.eval())["loss"] for trainer in (plain, short)
    )
    assert found == pytest.approx(expected, rel=1e-5)


def test_memory_that_the_optimiser_lacks_is_one_sentence(checkpoint, tmp_path):
    def without_memory(*_, **__):
        raise torch.OutOfMemoryError

    trainer = trainer_for(checkpoint, tmp_path)
    trainer.optimizer.step = without_memory
    with pytest.raises(StudyError, match="beside the batches of update 1: take the optimizer ada"):
        trainer.train_to_best()


def test_a_plan_for_other_processes_than_there_are_is_refused(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    plan = replace(trainer.plan, world_size=2)
    with pytest.raises(StudyError, match=r"say process 0 of 2, but this is process 0 of 1: start"):
        engine.StudyTrainer(
            trainer.model, plan, seq2seq_loss, trainer.evaluation, trainer.settings, tmp_path
        )


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
    monkeypatch.setattr(engine.Trainer, "_save_checkpoint", fail)
    with pytest.raises(kind, match=message):
        trainer.train_to_best()


def test_a_checkpoint_of_earlier_code_is_resumed_with_its_one_number_of_pieces(
    checkpoint, tmp_path
):
    trainer_for(checkpoint, tmp_path).train_to_best()
    newest = tmp_path / "scratch" / "checkpoint-12"
    made_with = json.loads((newest / "made_with.json").read_text())
    assert made_with["parts"] == [1]
    (newest / "made_with.json").write_text(json.dumps(made_with | {"parts": 4}))
    write_checksums(newest)
    again = trainer_for(checkpoint, tmp_path)
    assert again.train_to_best()["resumed_from"] == 12
    assert again.parts == 4


def test_a_checkpoint_of_another_recipe_or_other_code_is_refused(checkpoint, tmp_path, monkeypatch):
    trainer_for(checkpoint, tmp_path).train_to_best()
    with pytest.raises(StudyError, match="another learning_rate: remove"):
        trainer_for(checkpoint, tmp_path, learning_rate=1e-4).train_to_best()
    monkeypatch.setattr(engine, "RESULT_VERSION", -1)
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
    assert trainer_for(checkpoint, tmp_path).train_to_best()["resumed_from"] == 3


def test_a_disk_that_fills_while_the_model_is_saved_is_one_sentence(checkpoint, tmp_path):
    trainer = trainer_for(checkpoint, tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(StudyError, match=r"weights cannot be written into .*free"):
            save_model(trainer.model, load_tokenizer(checkpoint), tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_texts_are_written_in_the_precision_of_the_run(checkpoint, monkeypatch, precision):
    monkeypatch.setattr("t5study.training.finetune.resolve_precision", lambda precision: precision)
    mixed = []
    monkeypatch.setattr(
        "t5study.judging.predictions.generate",
        lambda *_, **__: mixed.append(torch.is_autocast_enabled("cpu")),
    )
    write_texts(tiny_experiment(checkpoint, precision=precision), None, None, [])
    assert mixed == [precision == "bf16"]


def test_nothing_but_damaged_checkpoints_begins_anew(checkpoint, tmp_path, caplog):
    trainer = trainer_for(checkpoint, tmp_path)
    expected = trainer.train_to_best()
    for path in trainer.folder.glob("checkpoint-*"):
        (path / "optimizer.pt").unlink()
    again = trainer_for(checkpoint, tmp_path).train_to_best()
    assert again == expected
    assert caplog.text.count("is damaged") >= 1


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


SHORT_OF_MEMORY = """
import json, os, sys
from pathlib import Path
import torch
from test_engine import trainer_for
from t5study.models.checkpoints import checkpoint_in
from t5study.training.loop import seq2seq_loss
from t5study.training.checkpointing import latest_with_best

checkpoint = checkpoint_in(Path(sys.argv[1]), name="tiny-t5", weights=True)
trainer, again = (
    trainer_for(checkpoint, Path(sys.argv[2]), tokens=100_000, dropout=0.0) for _ in range(2)
)
left = [os.environ["RANK"] == "1" and sys.argv[3] == "short"]

def sum_loss(model, batch):
    if any(left):
        left.pop()
        raise torch.OutOfMemoryError
    return seq2seq_loss(model, batch)

trainer.sum_loss = sum_loss
trainer.train_to_best()
losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
again.find_start(latest_with_best)
found = [[trainer.parts, again.parts], losses]
Path(sys.argv[2], os.environ["RANK"]).write_text(json.dumps(found))
"""

SHORT_OF_MEMORY_LATE = """
import os, sys
from pathlib import Path
import torch
from test_engine import trainer_for
from t5study.models.checkpoints import checkpoint_in
from t5study.training.loop import seq2seq_loss

checkpoint = checkpoint_in(Path(sys.argv[1]), name="tiny-t5", weights=True)
trainer = trainer_for(checkpoint, Path(sys.argv[2]), tokens=100_000, dropout=0.0)

def sum_loss(model, batch):
    loss = seq2seq_loss(model, batch)
    if os.environ["RANK"] == "1":
        raise torch.OutOfMemoryError
    return loss

trainer.sum_loss = sum_loss
try:
    trainer.train_to_best()
except Exception as error:
    Path(sys.argv[2], os.environ["RANK"] + ".txt").write_text(f"{type(error).__name__}: {error}")
os._exit(0)
"""

APART = """
import os, sys
from pathlib import Path
from test_engine import trainer_for
from t5study.models.checkpoints import checkpoint_in
from t5study.base.errors import StudyError

checkpoint = checkpoint_in(Path(sys.argv[1]), name="tiny-t5", weights=True)
folder = Path(sys.argv[2], os.environ["RANK"])
try:
    trainer_for(checkpoint, folder).train_to_best()
except StudyError as error:
    Path(sys.argv[2], os.environ["RANK"] + ".txt").write_text(str(error))
"""


def test_one_process_of_several_halves_its_only_micro_batch(checkpoint, tmp_path):
    script = tmp_path / "short.py"
    script.write_text(SHORT_OF_MEMORY)
    found = {}
    for name in ("plain", "short"):
        words = (script, checkpoint.folder, tmp_path / name, name)
        two_processes(*words, PYTHONPATH=str(Path(__file__).parents[1]))
        found[name] = [json.loads((tmp_path / name / rank).read_text()) for rank in "01"]
    assert [parts for parts, _ in found["plain"]] == [[1, 1], [1, 1]]
    # As many as it had, for each process that goes on.
    assert [parts for parts, _ in found["short"]] == [[1, 1], [2, 2]]
    for (_, expected), (_, losses) in zip(found["plain"], found["short"], strict=True):
        assert losses == pytest.approx(expected, abs=1e-5)


def test_what_was_begun_together_is_not_done_again_by_one_process(checkpoint, tmp_path):
    """After its last forward pass a process counts on the others': to redo it would mix updates."""
    script = tmp_path / "late.py"
    script.write_text(SHORT_OF_MEMORY_LATE)
    two_processes(script, checkpoint.folder, tmp_path, PYTHONPATH=str(Path(__file__).parents[1]))
    told = (tmp_path / "1.txt").read_text()
    assert told.startswith("StudyError: process 1 ran out of memory at update 1: lower tokens_per")
    # The other one, left alone, ends too and has not trained on by itself.
    assert (tmp_path / "0.txt").is_file()


def test_machines_without_a_common_folder_are_told_before_they_train(checkpoint, tmp_path):
    script = tmp_path / "apart.py"
    script.write_text(APART)
    two_processes(script, checkpoint.folder, tmp_path, PYTHONPATH=str(Path(__file__).parents[1]))
    for rank in "01":
        assert "name a folder with --out" in (tmp_path / f"{rank}.txt").read_text()
        left = [path.name for path in (tmp_path / rank).rglob("*") if path.is_file()]
        assert not left


def test_a_text_too_long_for_memory_is_an_error_with_a_remedy(checkpoint, tmp_path):
    def without_memory(model, batch):
        raise torch.OutOfMemoryError

    trainer = trainer_for(checkpoint, tmp_path)
    trainer.sum_loss = without_memory
    with pytest.raises(StudyError, match="max_source_length"):
        trainer.train_to_best()
