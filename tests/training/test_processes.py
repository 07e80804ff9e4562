"""Several processes train what one does, and fail together in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from t5study.commands import training
from t5study.runs.store import RunStore

TESTS = Path(__file__).parents[1]
IMPORTED = os.pathsep.join(map(str, (TESTS.parent, TESTS, TESTS / "training")))
"""Where the scripts find the package, and what the tests share."""

OUT_OF_MEMORY = """
import json, os, sys
from pathlib import Path
import torch
from trainers import trainer_for
from t5study.models.opening import checkpoint_in
from t5study.training.losses import seq2seq_loss
from t5study.training.checkpointing import latest_with_best

checkpoint = checkpoint_in(Path(sys.argv[1]), name="tiny-t5", weights=True)
trainer, again = (
    trainer_for(checkpoint, Path(sys.argv[2]), tokens=100_000, dropout=0.0) for _ in range(2)
)
left = [os.environ["RANK"] == "1" and sys.argv[3] == "out"]

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

OUT_OF_MEMORY_LATE = """
import os, sys
from pathlib import Path
import torch
from trainers import trainer_for
from t5study.models.opening import checkpoint_in
from t5study.training.losses import seq2seq_loss

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
from trainers import trainer_for
from t5study.models.opening import checkpoint_in
from t5study.base.errors import StudyError

checkpoint = checkpoint_in(Path(sys.argv[1]), name="tiny-t5", weights=True)
folder = Path(sys.argv[2], os.environ["RANK"])
try:
    trainer_for(checkpoint, folder).train_to_best()
except StudyError as error:
    Path(sys.argv[2], os.environ["RANK"] + ".txt").write_text(str(error))
"""


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
    how = {"way": None, "recipe": recipe, "changes": {}, "seed": 21, "model": task[1]}
    words = (task[0], None, training.Columns(), limits, None)
    one = training.finetune(*words, **how, out=tmp_path / "one")
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


def test_two_processes_compute_a_list_one_after_the_other(tmp_path):
    """A pre-training, a fine-tuning from it, and a baseline that one process is enough for."""
    names = ("sst, T5 12k, 16 labels", "sst, TF-IDF")
    words = [word for name in names for word in ("--only", name)]
    store = tmp_path / "store"
    done = two_processes(
        "-m", "t5study", "run", "--profile", "smoke", *words, T5STUDY_STORE=str(store)
    )
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        *("[1/3] t5@12k", "[2/3] sst, T5 12k, 16 labels, seed 21", "[3/3] sst, TF-IDF"),
    ]
    processes = {run.config["kind"]: run.provenance["processes"] for run in RunStore(store).runs()}
    assert processes["pretrain"] == processes["finetune"] == 2
    assert len(processes) == 3


def test_one_process_of_several_halves_its_only_micro_batch(checkpoint, tmp_path):
    script = tmp_path / "out.py"
    script.write_text(OUT_OF_MEMORY)
    found = {}
    for name in ("plain", "out"):
        words = (script, checkpoint.folder, tmp_path / name, name)
        two_processes(*words, PYTHONPATH=IMPORTED)
        found[name] = [json.loads((tmp_path / name / rank).read_text()) for rank in "01"]
    assert [parts for parts, _ in found["plain"]] == [[1, 1], [1, 1]]
    # As many as it had, for each process that goes on.
    assert [parts for parts, _ in found["out"]] == [[1, 1], [2, 2]]
    for (_, expected), (_, losses) in zip(found["plain"], found["out"], strict=True):
        assert losses == pytest.approx(expected, abs=1e-5)


def test_what_was_begun_together_is_not_done_again_by_one_process(checkpoint, tmp_path):
    """After its last forward pass a process counts on the others': to redo it would mix updates."""
    script = tmp_path / "late.py"
    script.write_text(OUT_OF_MEMORY_LATE)
    two_processes(script, checkpoint.folder, tmp_path, PYTHONPATH=IMPORTED)
    told = (tmp_path / "1.txt").read_text()
    assert told.startswith("StudyError: Process 1 ran out of memory at update 1: lower tokens_per")
    # The other one, left alone, ends too and has not trained on by itself.
    assert (tmp_path / "0.txt").is_file()


def test_machines_without_a_common_folder_are_told_before_they_train(checkpoint, tmp_path):
    script = tmp_path / "apart.py"
    script.write_text(APART)
    two_processes(script, checkpoint.folder, tmp_path, PYTHONPATH=IMPORTED)
    for rank in "01":
        assert "name a folder with --out" in (tmp_path / f"{rank}.txt").read_text()
        left = [path.name for path in (tmp_path / rank).rglob("*") if path.is_file()]
        assert not left
