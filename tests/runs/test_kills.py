"""Eight SIGKILLs at random moments: a killed run ends like one that nobody disturbed.

Processes are forked from a server that has imported the libraries and computed nothing, so a start
takes no longer than the run itself.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from random import Random

import pytest
from tiny import no_hub, tiny_experiment, tiny_t5

from t5study.models.checkpoints import Checkpoint
from t5study.runs.record import Run
from t5study.runs.store import RunStore

KILLS = 8
SAME = ("accuracy", "macro_f1", "validation_loss", "best_step", "confusion")


def _run(checkpoint: Checkpoint, root: Path) -> None:
    import torch

    from t5study.training.finetune import finetune

    torch.set_num_threads(1)
    # A checkpoint after each second update, so that many kills fall into the writing of one.
    experiment = tiny_experiment(checkpoint, epochs=4, evaluations_per_epoch=3, dropout=0.1)
    RunStore(root).obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )


class Runner:
    """Starts the run in a process of its own, and kills it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["t5study.training.finetune"])
        self.checkpoint = checkpoint
        self.killed = self.while_writing = 0

    def start(self, root: Path) -> multiprocessing.Process:
        process = self.context.Process(target=_run, args=(self.checkpoint, root))
        process.start()
        return process

    def undisturbed(self, root: Path) -> tuple[Run, float]:
        """The finished run, and how many seconds it took."""
        began = time.monotonic()
        process = self.start(root)
        process.join()
        assert process.exitcode == 0
        (run,) = RunStore(root).runs()
        return run, time.monotonic() - began

    def kill(self, process: multiprocessing.Process, root: Path) -> None:
        """SIGKILL, unless the process has ended by itself."""
        writing = any(root.glob(".*/scratch/.staging"))
        process.kill()
        process.join()
        if process.exitcode != 0:
            assert process.exitcode == -9
            self.killed += 1
            self.while_writing += writing


def _wait_for_a_write(process: multiprocessing.Process, root: Path) -> None:
    """Until a checkpoint is being written that was not when the process started."""
    while process.is_alive() and not any(root.glob(".*/scratch/.staging/*/*")):
        time.sleep(0.001)


@pytest.mark.filterwarnings("ignore")
def test_eight_kills_at_random_moments_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("T5STUDY_CORPUS", str(tmp_path / "corpus"))
    runner = Runner(tiny_t5(tmp_path / "model"))
    # The first start imports the libraries and writes the corpus: it says nothing of the time.
    runner.undisturbed(tmp_path / "first")
    straight, seconds = runner.undisturbed(tmp_path / "straight")
    moment = Random(0)
    disturbed = []
    while runner.killed < KILLS:
        root = tmp_path / f"disturbed-{len(disturbed)}"
        for attempt in range(6):
            process = runner.start(root)
            if attempt % 2:
                _wait_for_a_write(process, root)
            else:
                process.join(moment.uniform(0.2, 1.0) * seconds)
            runner.kill(process, root)
        disturbed.append(runner.undisturbed(root)[0])
    assert runner.while_writing >= 2
    assert any(run.provenance["resumed_from"] for run in disturbed)
    weights = (straight.model / "model.safetensors").read_bytes()
    for run in disturbed:
        assert (run.model / "model.safetensors").read_bytes() == weights
        assert {name: run.metrics[name] for name in SAME} == {
            name: straight.metrics[name] for name in SAME
        }
        assert run.predictions.equals(straight.predictions)
        assert run.history.equals(straight.history)
