"""Several measurements taking turns, each in a process of its own.

A process each keeps peak memory, allocator and compiled graphs of one method from another's; taking
turns makes a slower minute of the machine fall on all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import IO, Any

from t5study.base.errors import StudyError

AT_ONCE = 2
"""Processes that warm up at the same time: nothing is measured then."""


@dataclass(frozen=True)
class Job:
    """What one process measures: `kind` is "training" or "scoring".

    `warm_up` repeats are left out (they compile, and fill the allocator) and `repeats` are kept.
    """

    kind: str
    method: str
    task: str
    rows: int
    warm_up: int
    repeats: int
    source: str | None


class Turn:
    """The measuring process's side: wait for the word, repeat once, tell what was measured."""

    def __init__(self) -> None:
        # What libraries print must not be taken for an answer.
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def wait(self) -> None:
        """Return when it is this process's turn; leave when nobody asks any more."""
        if not sys.stdin.readline():
            sys.exit(1)

    def tell(self, measured: dict[str, Any]) -> None:
        """Answer with what one repeat measured."""
        print(json.dumps(measured), file=self._answers, flush=True)


class Worker:
    """The other side: a process that measures one job."""

    def __init__(self, job: Job, errors: IO[str]) -> None:
        self.job, self.errors = job, errors
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measure", json.dumps(asdict(job))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"},
        )

    def turn(self) -> dict[str, Any]:
        """Return what one repeat measured. Raises StudyError, with the reason, if it failed."""
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.process.wait()
            self.errors.seek(0)
            reason = (self.errors.read().strip().splitlines() or ["it said nothing"])[-1]
            raise StudyError(f"Measuring '{self.job.method}' on {self.job.task} failed: {reason}.")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()


def take_turns(jobs: Sequence[Job], said: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure jobs with the same number of repeats by turns; return a result for each.

    A result holds the job, and of each quantity a list with one value a repeat. `said` is told
    what happens.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))

        def started(job: Job) -> Worker:
            errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            worker = Worker(job, errors)
            stack.callback(worker.close)
            for _ in range(job.warm_up):
                worker.turn()
            said(f"{job.method} is ready")
            return worker

        # What compiles takes longest to warm up, and most of that on one core.
        slowest_first = sorted(jobs, key=lambda job: -job.warm_up)
        ready = {w.job.method: w for w in pool.map(started, slowest_first)}
        repeats: dict[str, list[dict[str, Any]]] = {job.method: [] for job in jobs}
        for number in range(jobs[0].repeats):
            for job in jobs:
                repeats[job.method].append(ready[job.method].turn())
            said(f"repeat {number + 1} of {jobs[0].repeats}")
    return [asdict(job) | _by_quantity(repeats[job.method]) for job in jobs]


def _by_quantity(repeats: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [repeat[name] for repeat in repeats] for name in repeats[0]}
