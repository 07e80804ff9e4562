"""Run the notebooks: one kernel each, nothing twice, the others kept when one fails.

A profile says how many kernels run side by side. Small models keep one core busy and two hardly
more, so on the bundled corpus each kernel gets a share of the cores; the models that the chapters
have in common are made first, side by side as well.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from t5study.base.checksums import SUMS
from t5study.base.device import usable_cores
from t5study.base.errors import StudyError
from t5study.base.files import sha256, write_text
from t5study.base.project import checkout
from t5study.book.chapters import (
    Chapter,
    Layout,
    chapter_key,
    find_chapters,
    need,
    package_digest,
    read_notebook,
    read_parameters,
)
from t5study.book.progress import ChapterProgress, PeakMemory, spoken_time
from t5study.runs.record import records_below
from t5study.runs.store import RunStore

QUIET = {
    "DATASETS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
WITHOUT_MODELS = "00_from_recurrence_to_attention"
SCORECARD = "12_scorecard"
AHEAD = ("03_t5", "04_glue", "07_emotion", "06_sentiment", "08_transfer", "09_sequences")
"""Where several chapters run at once: first those whose runs others take up, then the longest."""
RENDERED_AT_ONCE = 4
"""Kernels side by side where nothing is trained, if there are so many cores; 1 GB each."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass(frozen=True)
class ChapterResult:
    """What became of one chapter: `ran`, `kept` (its outputs were current) or `failed`."""

    name: str
    status: str
    seconds: float
    peak_memory_bytes: int
    finished: str
    problem: str = ""


@dataclass(frozen=True)
class Job:
    """Everything that is the same for all chapters of one call."""

    layout: Layout
    parameters: dict[str, Any]
    environment: dict[str, str]
    package: str
    runs: Path
    training: bool
    at_once: int

    def key(self, chapter: Chapter) -> str:
        """The hash under which the chapter's outputs are current, with the run store as it is."""
        return chapter_key(chapter, self.parameters, self.package, **self._facts(chapter))

    def _facts(self, chapter: Chapter) -> dict[str, Any]:
        """What a page owes to the records in the store, beside the runs that it makes itself."""
        if not self.training:
            return {"records": _published(self.runs)}
        if chapter.name == SCORECARD:
            # It judges every run that is there, those of other commands as well.
            return {"records": [run.path.name for run in RunStore(self.runs).runs()]}
        return {}


def _published(runs: Path) -> dict[str, str]:
    """The published records below a folder by name, each with the sha256 of its checksums."""
    lists = {path.name: path / SUMS for path in records_below(runs)}
    return {name: sha256(path) if path.is_file() else "" for name, path in lists.items()}


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
        profile: a name in notebooks/profiles.
        chapters: numbers or names; all chapters when None.
        root: the clone; found from the package when None.
        build: the folder of generated files, `_build/<profile>` when None.
        store: the run store, `runs` in the build folder when None.
        source: a local mirror of the hub, passed on to the notebooks.
        training: False makes a chapter fail where it would have to train; it also fetches nothing
            and shows no text of a data set.
        force: run chapters whose outputs are current, too.
        console: where progress is printed.

    Returns one result per chapter, in their order. A chapter that fails does not stop the others.

    Raises StudyError for an unknown profile or chapter, or when `book` tools are missing.
    """
    layout = Layout.of(profile, root, build)
    selected = find_chapters(layout, chapters)
    job = job_for(layout, store, source, training)
    console = console or Console(stderr=True)
    progress = ChapterProgress(console, len(selected), job.parameters["profile"]["budget_minutes"])
    with (
        _own_kernel(layout),
        progress.bars,
        ThreadPoolExecutor(job.at_once) as pool,
        _stopping_when_interrupted(pool),
    ):
        before, others, last = _in_turn(selected, job.at_once, training)
        settled: dict[str, Future[ChapterResult]] = {}

        def start(some: Sequence[Chapter]) -> None:
            for chapter in some:
                settled[chapter.name] = pool.submit(_settle, job, chapter, force, progress)

        start(before)
        # The scorecard trains nothing: where it alone is to run, no model is asked for.
        if training and chapters is None and not all(_is_current(job, c) for c in before + others):
            _make_models(job, pool, progress)
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


def _in_turn(chapters: Sequence[Chapter], at_once: int, training: bool) -> list[list[Chapter]]:
    """The chapters that start before the models are made, those after, and those at the end."""
    if not training:
        return [[], list(chapters), []]
    before = [chapter for chapter in chapters if chapter.name == WITHOUT_MODELS]
    # The scorecard judges what the other chapters computed.
    last = [chapter for chapter in chapters if chapter.name == SCORECARD]
    others = [chapter for chapter in chapters if chapter not in before + last]
    if at_once > 1:
        rank = {name: number for number, name in enumerate(AHEAD)}
        others.sort(key=lambda chapter: rank.get(chapter.name, len(rank)))
    return [before, others, last]


def _make_models(job: Job, pool: ThreadPoolExecutor, progress: ChapterProgress) -> None:
    """Start the profile's own pre-trainings, where several at a time can run.

    A chapter that needs a model waits until it is there. One that could not be made is asked for
    again by the first chapter that needs it, and that chapter says what is wrong.
    """
    own = job.parameters["profile"].get("pretraining", {}) if job.at_once > 1 else {}
    for model in own:
        pool.submit(_make_model, job, model, progress)


def _make_model(job: Job, model: str, progress: ChapterProgress) -> None:
    command = [sys.executable, "-m", "t5study", "pretrain", model]
    command += ["--profile", str(job.layout.profile_file), "--seed", str(job.parameters["seed"])]
    progress.model(model, "pre-training, or found in the store")
    began = time.monotonic()
    log = job.layout.build / "logs" / f"pretrain-{model}.log"
    write_text(log, "")
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=job.layout.root,
            env=job.environment,
            stdout=output,
            stderr=output,
            check=False,
        )
    words = "there after" if done.returncode == 0 else "not made, given up after"
    progress.model(model, f"{words} {spoken_time(time.monotonic() - began)}")


def job_for(
    layout: Layout, store: Path | None = None, source: Path | None = None, training: bool = True
) -> Job:
    """What the chapters of a layout share; the arguments are those of `reproduce`.

    Raises StudyError for an unknown profile.
    """
    parameters = read_parameters(layout)
    runs = (store or layout.runs).resolve()
    # A run that two chapters need is made by one of them, and the other waits for it.
    environment = {**os.environ, **QUIET, "T5STUDY_STORE": str(runs), "T5STUDY_WAIT": "1"}
    environment["T5STUDY_CORPUS"] = str(layout.build / "corpus")
    cores = usable_cores()
    # Where nothing is trained a chapter keeps one core busy, and that mostly with imports.
    wished = parameters["profile"].get("chapters_at_once", 1) if training else RENDERED_AT_ONCE
    at_once = min(cores, wished)
    if at_once > 1:
        environment.setdefault("OMP_NUM_THREADS", str(cores // at_once))
    if parameters["profile"]["synthetic"] or not training:
        environment.update(OFFLINE)
    if source is not None:
        environment["T5STUDY_HUB"] = str(source.resolve())
    if not training:
        environment["T5STUDY_TRAINING"] = "forbid"
    package = package_digest(layout.root)
    return Job(layout, parameters, environment, package, runs, training, at_once)


def rendering(profile: str, root: Path | None = None) -> Job:
    """What the chapters share when the published book of a profile is rendered again."""
    root = (root or checkout()).resolve()
    layout = Layout.of(profile, root, root / "_build" / "rendered")
    return job_for(layout, root / "results" / layout.profile, training=False)


@contextmanager
def _own_kernel(layout: Layout) -> Iterator[None]:
    """Make `python3` mean the interpreter that runs this, whatever kernels are registered."""
    folder = layout.build / "jupyter"
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    write_text(folder / "kernels" / "python3" / "kernel.json", json.dumps(spec, indent=2))
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(folder), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before


def _settle(job: Job, chapter: Chapter, force: bool, progress: ChapterProgress) -> ChapterResult:
    """Keep the chapter's outputs if they are current, or execute it."""
    last = read_stamp(job.layout, chapter)
    if not force and _is_current(job, chapter):
        result = ChapterResult(**{**last["result"], "status": "kept"})
        progress.kept(result.name, result.seconds)
        return result
    # Taken before it runs: what changes meanwhile is not in its outputs.
    key = job.key(chapter)
    result = _execute(job, chapter, progress, last.get("result", {}).get("seconds"))
    if not result.problem:
        stamp = {"key": key, "result": asdict(result)}
        write_text(_stamp(job.layout, chapter), json.dumps(stamp, indent=2))
    return result


def _is_current(job: Job, chapter: Chapter) -> bool:
    """Whether the chapter's outputs are what running it now would give."""
    same = read_stamp(job.layout, chapter).get("key") == job.key(chapter)
    return same and _output(job.layout, chapter).is_file()


def _execute(
    job: Job, chapter: Chapter, progress: ChapterProgress, expected: float | None
) -> ChapterResult:
    notebook = read_notebook(chapter)
    draft = job.layout.executed / f".{chapter.name}.running.ipynb"
    progress.start(chapter.name, len(notebook.cells), expected)
    began = time.monotonic()
    with PeakMemory(chapter.name) as memory:
        problem = _run_cells(
            job, chapter, notebook, draft, lambda index: progress.cell(chapter.name, index)
        )
    seconds = time.monotonic() - began
    if problem:
        kept = job.layout.executed / f"{chapter.name}.failed.ipynb"
        if draft.is_file():
            os.replace(draft, kept)
        progress.failed(chapter.name, problem)
    else:
        os.replace(draft, _output(job.layout, chapter))
        (job.layout.executed / f"{chapter.name}.failed.ipynb").unlink(missing_ok=True)
        progress.done(chapter.name, seconds)
    finished = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    status = "failed" if problem else "ran"
    return ChapterResult(chapter.name, status, seconds, memory.peak, finished, problem)


def _run_cells(
    job: Job, chapter: Chapter, notebook: Any, draft: Path, on_cell: Callable[[int], None]
) -> str:
    """Execute the notebook into `draft`; returns what went wrong in one sentence, or nothing."""
    papermill = need("papermill")
    from nbclient.exceptions import DeadKernelError

    _register_engine()
    logging.getLogger("papermill").setLevel(logging.ERROR)
    kernel_log = job.layout.build / "logs" / f"{chapter.name}.log"
    write_text(kernel_log, "")
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        with kernel_log.open("w") as log:
            papermill.execute_notebook(
                notebook,
                draft,
                parameters=job.parameters,
                engine_name="t5study",
                kernel_name="python3",
                progress_bar=False,
                folder=job.layout.notebooks,
                environment={**job.environment, PeakMemory.MARK: chapter.name},
                log_file=log,
                on_cell=on_cell,
            )
    except papermill.PapermillExecutionError as error:
        return _problem_of_cell(chapter, error, job.layout)
    except DeadKernelError:
        return (
            f"Chapter {chapter.name} stopped because its kernel died, most often for lack of "
            f"memory (see {job.layout.shown(kernel_log)})."
        )
    except OSError as error:
        raise StudyError(
            f"{job.layout.shown(job.layout.executed)} could not be written ({error.strerror}): "
            "free some space or choose a folder you may write to."
        ) from error
    return ""


def _problem_of_cell(chapter: Chapter, error: Any, layout: Layout) -> str:
    lines = [line.strip() for line in error.source.splitlines() if line.strip()]
    # The source has one code cell less than what ran: papermill adds one for the parameters.
    where = f"code cell {max(1, error.exec_count - 1)} (`{lines[0] if lines else ''}`)"
    reason = " ".join(str(error.evalue).split()).rstrip(".")
    if error.ename != "StudyError":
        reason = f"{error.ename}: {reason}"
    kept = layout.shown(layout.executed / f"{chapter.name}.failed.ipynb")
    return f"Chapter {chapter.name} stopped in {where}: {reason}. Its cells are in {kept}."


def _register_engine() -> None:
    """Teach papermill an engine with our environment, a log for the kernel, and news per cell.

    The kernel is started in `folder`. Papermill's own `cwd` would move this whole process there,
    and of chapters that run side by side one could bring it back to where another had moved it.
    """
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

    class StudyEngine(Engine):
        @classmethod
        def execute_managed_notebook(
            cls, nb_man, kernel_name, *, folder, environment, log_file, on_cell, **_unused
        ):
            cell_start = nb_man.cell_start

            def start(cell, cell_index=None, **kwargs):
                on_cell(cell_index)
                return cell_start(cell, cell_index, **kwargs)

            nb_man.cell_start = start
            client = PapermillNotebookClient(
                nb_man, kernel_name=kernel_name, timeout=None, startup_timeout=180
            )
            client.execute(cwd=str(folder), env=environment, stdout=log_file, stderr=log_file)

    papermill_engines.register("t5study", StudyEngine)


def read_stamp(layout: Layout, chapter: Chapter) -> dict[str, Any]:
    """What is known of the chapter's last success: `key` and `result`; empty when nothing is."""
    try:
        return json.loads(_stamp(layout, chapter).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def executed_notebook(layout: Layout, chapter: Chapter) -> Path | None:
    """The chapter with outputs, if it was ever executed to its end."""
    path = _output(layout, chapter)
    return path if path.is_file() and read_stamp(layout, chapter) else None


def failures(results: Sequence[ChapterResult]) -> str:
    """One text for what went wrong in a call of `reproduce`; empty when all went well."""
    problems = [result.problem for result in results if result.problem]
    if not problems:
        return ""
    return (
        " ".join(problems) + " What the other chapters gave is kept: mend the cause and run the "
        "same command again to continue from there."
    )


def _output(layout: Layout, chapter: Chapter) -> Path:
    return layout.executed / f"{chapter.name}.ipynb"


def _stamp(layout: Layout, chapter: Chapter) -> Path:
    return layout.stamps / f"{chapter.name}.json"
