"""Twenty runs killed with SIGKILL at random moments, and each one continued by the same command."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

KILLS = 20

# Started once as a warm process that forks a child for each attempt: importing the libraries takes
# longer than the whole run.
RUNNER = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from tiny import no_hub, tiny_experiment, tiny_t5
from t5study.runs import RunStore
from t5study.training import finetune
experiment = tiny_experiment(tiny_t5(Path({folder!r})), dropout=0.1, evaluations_per_epoch=5)
config = experiment.config(no_hub())
for line in sys.stdin:
    child = os.fork()
    if not child:
        store = RunStore(Path(line.strip()))
        store.obtain(config, lambda work: finetune(experiment, no_hub(), work))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def attempt(tmp_path_factory):
    """A function that runs the experiment in a store, killed after so many seconds or not."""
    folder = tmp_path_factory.mktemp("model")
    code = RUNNER.format(tests=str(Path(__file__).parent), folder=str(folder))
    runner = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"T5STUDY_CORPUS": str(folder / "corpus")},
    )

    def run(store: Path, kill_when=None) -> int:
        runner.stdin.write(f"{store}\n")
        runner.stdin.flush()
        child = int(runner.stdout.readline())
        if kill_when is not None:
            kill_when(child)
        return int(runner.stdout.readline())

    yield run
    runner.stdin.close()
    runner.wait(timeout=60)


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _after(seconds: float):
    def wait(child: int) -> None:
        time.sleep(seconds)
        _kill(child)

    return wait


def _while_writing_a_checkpoint(store: Path):
    """Kill as soon as a checkpoint is being written beside its place."""

    def wait(child: int) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(store.glob(".*/scratch/.staging/checkpoint-*/*")):
                break
            if any(store.glob("[!.]*/config.json")):
                break
        _kill(child)

    return wait


def _record(store: Path) -> tuple[dict, bytes, bytes]:
    """What must be the same: the metrics without times and memory, history and weights."""
    (record,) = [path for path in store.iterdir() if not path.name.startswith(".")]
    metrics = json.loads((record / "metrics.json").read_text())
    for name in ("seconds", "test_seconds", "examples_per_second", "peak_memory_bytes"):
        metrics.pop(name)
    weights = (record / "model" / "model.safetensors").read_bytes()
    return metrics, (record / "history.csv").read_bytes(), weights


@pytest.mark.slow
def test_twenty_kills_change_nothing(attempt, tmp_path):
    began = time.monotonic()
    assert attempt(tmp_path / "whole") == 0
    duration = time.monotonic() - began
    expected = _record(tmp_path / "whole")

    random, killed, stores, while_writing = Random(21), 0, 0, 0
    while killed < KILLS:
        store = tmp_path / f"store-{stores}"
        stores += 1
        finished = False
        while not finished:
            how = (
                _while_writing_a_checkpoint(store)
                if killed % 4 == 3
                else _after(random.uniform(0.05, 0.9) * duration)
            )
            status = attempt(store, how if killed < KILLS else None)
            finished = status == 0
            killed += status == signal.SIGKILL
            while_writing += any(store.glob(".*/scratch/.staging"))
            assert status in (0, signal.SIGKILL)
        assert _record(store) == expected
    assert killed >= KILLS
    assert while_writing >= 1
