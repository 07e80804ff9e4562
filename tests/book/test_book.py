"""The book: executed once, continued after a failure, built whole, published honestly."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest
import yaml
from conftest import EMOTION, RECORD, stale_pairs
from rich.console import Console

from t5study.base.checksums import write_checksums
from t5study.base.errors import StudyError
from t5study.base.files import write_text
from t5study.base.words import spoken_time
from t5study.book import (
    Layout,
    assemble,
    build_html,
    find_chapters,
    make_book,
    make_published,
    publish,
    reproduce,
)
from t5study.book.assemble import repository_settings
from t5study.book.build import external_loads, refuse_external_loads
from t5study.book.chapters import alone, package_digest
from t5study.book.job import job_for
from t5study.book.notebooks import read_source
from t5study.book.status import status_page
from t5study.chapters.facts import MIME
from t5study.runs.record import RESULT_VERSION, identity_of, is_whole, records_below
from t5study.runs.store import RunStore, Workspace
from t5study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SILENT = Console(quiet=True)


def run(project: Path, *chapters: str, **options) -> dict[str, str]:
    """Reproduce the miniature; what became of each chapter."""
    results = reproduce("tiny", chapters or None, root=project, console=SILENT, **options)
    return {result.name: result.status for result in results}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_chapters_run_once_and_again_only_when_something_they_depend_on_changed(project):
    assert run(project) == {"06_sentiment": "ran", "07_emotion": "ran"}
    assert run(project) == {"06_sentiment": "kept", "07_emotion": "kept"}
    edit(project / "notebooks" / "07_emotion.py", "1 + 1", "1 + 2")
    assert run(project) == {"06_sentiment": "kept", "07_emotion": "ran"}
    assert run(project, "6", force=True) == {"06_sentiment": "ran"}


def test_what_a_kernel_loads_is_part_of_the_key_and_the_book_builder_is_not(project):
    before = package_digest(project)
    (project / "t5study" / "book").mkdir()
    (project / "t5study" / "book" / "build.py").write_text("pass\n")
    for name in (".DS_Store", "._tasks.py", "tasks.py~", "Thumbs.db", "notes.md", "Untitled.ipynb"):
        (project / "t5study" / name).write_text("left by a system or an editor")
    assert package_digest(project) == before
    (project / "t5study" / "tasks.py").write_text("NAMES = (1,)\n")
    changed = package_digest(project)
    assert changed != before
    (project / "requirements.lock").write_text("torch==2.14.0\n")
    assert package_digest(project) != changed


@pytest.mark.parametrize("name", ["claims.yml", "published.yml"])
def test_a_corrected_claim_or_published_number_is_part_of_the_key(project, name):
    lacking = package_digest(project)
    (project / "book" / name).write_text("- id: one\n")
    first = package_digest(project)
    edit(project / "book" / name, "one", "two")
    assert len({lacking, first, package_digest(project)}) == 3


def kept(store: Path, seed: int, kind: str = "finetune") -> Path:
    """A finished run in a store."""

    def produce(work: Workspace) -> dict:
        work.save_metrics({"n": seed})
        return {"device": "test"}

    return RunStore(store).obtain({"kind": kind, "seed": seed}, produce).path


def test_the_scorecard_is_judged_again_when_the_store_has_other_runs(project):
    for path in (project / "notebooks").glob("0*.py"):
        path.unlink()
    (project / "notebooks" / "12_scorecard.py").write_text(EMOTION)
    runs = project / "_build" / "tiny" / "runs"
    kept(runs, 1)
    assert run(project) == {"12_scorecard": "ran"}
    assert run(project) == {"12_scorecard": "kept"}
    (runs / ".half.partial").mkdir()
    (runs / "half").mkdir()
    publish("tiny", root=project)
    kept(runs, 2)
    with pytest.raises(StudyError, match="12_scorecard has no current outputs"):
        publish("tiny", root=project)
    assert run(project) == {"12_scorecard": "ran"}


def test_what_other_commands_put_into_the_store_alters_no_other_chapter(project):
    job = job_for(Layout.of("tiny", project))
    before = [job.key(chapter) for chapter in find_chapters(job.layout)]
    kept(job.runs, 1)
    assert [job.key(chapter) for chapter in find_chapters(job.layout)] == before


def test_a_page_is_rendered_again_when_a_published_record_has_other_content(project, tmp_path):
    record = kept(tmp_path / "store", 1)
    write_checksums(record)

    def key() -> str:
        job = job_for(Layout.of("tiny", project), store=tmp_path / "store", training=False)
        return job.key(find_chapters(job.layout)[0])

    before = key()
    assert key() == before
    (record / "metrics.json").write_text('{"n": 2}')
    write_checksums(record)
    assert key() != before


def test_a_chapter_that_fails_leaves_the_others_and_the_next_run_continues(project):
    source = project / "notebooks" / "06_sentiment.py"
    edit(source, 'print("seed"', 'raise ValueError("no such\\nthing")\nprint("seed"')
    results = reproduce("tiny", root=project, console=SILENT)
    assert [result.status for result in results] == ["failed", "ran"]
    assert "06_sentiment" in results[0].problem
    assert "cell 3" in results[0].problem
    assert "ValueError: no such thing" in results[0].problem
    executed = project / "_build" / "tiny" / "notebooks"
    assert sorted(path.name for path in executed.iterdir()) == [
        "06_sentiment.failed.ipynb",
        "07_emotion.ipynb",
    ]
    with pytest.raises(StudyError, match=r"06_sentiment stopped.*continue from there"):
        make_book("tiny", root=project, console=SILENT)
    assert not (project / "_build" / "tiny" / "html").exists()
    edit(source, 'raise ValueError("no such\\nthing")\n', "")
    assert run(project) == {"06_sentiment": "ran", "07_emotion": "kept"}
    assert not list(executed.glob("*.failed.ipynb"))


def test_a_clone_may_lie_in_a_folder_of_any_name(project):
    moved = project.rename(project.with_name("it is {x} [v1]"))
    assert run(moved, "7") == {"07_emotion": "ran"}


def test_a_kernel_that_does_not_start_fails_its_chapter_and_no_other(project, monkeypatch):
    assert run(project, "7") == {"07_emotion": "ran"}
    bad = project / "bad"
    bad.mkdir()
    (bad / "ipykernel_launcher.py").write_text('raise SystemExit("broken")')
    monkeypatch.setenv("PYTHONPATH", str(bad))
    results = reproduce("tiny", root=project, console=SILENT)
    assert [result.status for result in results] == ["failed", "kept"]
    assert "06_sentiment could not begin, since its kernel did not start" in results[0].problem
    log = re.search(r"see (\S+)\)", results[0].problem)[1]
    assert "broken" in (project / log).read_text()


def test_a_kernel_sees_nothing_of_the_settings_of_whoever_starts_it(project, monkeypatch, tmp_path):
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("answer = 1")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 11")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    look = (
        "import matplotlib\n"
        "('answer' in globals(), matplotlib.rcParams['figure.dpi'], matplotlib.get_backend())"
    )
    edit(project / "notebooks" / "07_emotion.py", "1 + 1", look)
    assert run(project, "7") == {"07_emotion": "ran"}
    executed = (project / "_build" / "tiny" / "notebooks" / "07_emotion.ipynb").read_text()
    assert "(False, 100.0, 'module://matplotlib_inline.backend_inline')" in executed


def test_as_many_kernels_run_as_there_are_usable_cores(project, monkeypatch):
    edit(project / "notebooks/profiles/tiny.yaml", "synthetic", "chapters_at_once: 4\n  synthetic")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    found = []
    for cores in (1, 2, 8):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        job = job_for(Layout.of("tiny", project))
        found.append((job.at_once, job.environment.get("OMP_NUM_THREADS")))
    assert found == [(1, "1"), (2, "1"), (4, "2")]


def test_a_copy_of_a_notebook_is_no_chapter(project):
    before = find_chapters(Layout.of("tiny", project))
    for name in ("06_sentiment-Copy1", "06_sentiment (copy)", "._06_sentiment", ".#06_sentiment"):
        shutil.copy(before[0].source, project / "notebooks" / f"{name}.py")
    assert find_chapters(Layout.of("tiny", project)) == before


def test_an_interrupt_stops_the_running_kernel_and_starts_no_other_chapter(project):
    began = project / "began"
    for name, line in (("06_sentiment", 'print("seed"'), ("07_emotion", "1 + 1")):
        code = f'open({str(began)!r}, "a").write("{name} ")\nimport time\ntime.sleep(600)\n'
        edit(project / "notebooks" / f"{name}.py", line, code + line)
    # A shell's background job inherits a Ctrl-C that is ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from pathlib import Path; from t5study.book import reproduce; "
        f"reproduce('tiny', root=Path({str(project)!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not began.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        kernels = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert began.read_text().split() == ["06_sentiment"]
    assert kernels
    assert not any(psutil.pid_exists(kernel.pid) for kernel in kernels)


def test_the_kernel_is_this_interpreter_with_the_profile_and_its_seed(project, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "/nowhere")
    run(project, "sentiment")
    assert os.environ["JUPYTER_PATH"] == "/nowhere"
    text = (project / "_build" / "tiny" / "notebooks" / "06_sentiment.ipynb").read_text()
    assert f"seed 7 tiny {sys.executable} {project / 'notebooks'}" in text


@pytest.mark.parametrize(
    ("profile", "chapter", "message"),
    [
        ("huge", None, r'no profile "huge"; the profiles are tiny'),
        ("tiny", "99", r'no chapter "99"; the chapters are 06_sentiment, 07_emotion'),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(project, profile, chapter, message):
    with pytest.raises(StudyError, match=message):
        reproduce(profile, chapter and [chapter], root=project, console=SILENT)


def test_a_profile_with_an_unknown_key_is_refused(project):
    file = project / "notebooks" / "profiles" / "tiny.yaml"
    file.write_text(file.read_text() + "colour: red\n")
    with pytest.raises(StudyError, match="unknown key 'colour'"):
        reproduce("tiny", root=project, console=SILENT)


def test_an_output_folder_that_cannot_be_written_is_one_sentence(project):
    (project / "_build").write_text("a file in the way")
    with pytest.raises(StudyError, match=r"cannot be written .*: free some space"):
        reproduce("tiny", root=project, console=SILENT)


def test_the_book_is_built_with_every_chapter_and_reads_without_a_network(project):
    index = make_book("tiny", root=project, console=SILENT)
    html = index.parent
    for page in ("book/intro", "book/status", "notebooks/06_sentiment", "notebooks/07_emotion"):
        text = (html / f"{page}.html").read_text()
        assert "Computed on the pocket corpus" in text
        assert str(project) not in text
        assert sys.prefix not in text
        assert "thebe" not in re.sub(r"<link[^>]*>", "", text)
    chapter = (html / "notebooks" / "06_sentiment.html").read_text()
    assert "The answer is 42." in re.sub(r"</?span[^>]*>", "", chapter)
    assert "noise" not in chapter
    assert "Parameters" not in chapter
    assert external_loads(html) == []
    names = {path.name for path in (html / "_downloads").rglob("*.*")}
    assert {"06_sentiment.py", "06_sentiment.ipynb", "07_emotion.py"} <= names
    built = (html / "built-from.sha256").stat().st_mtime_ns
    assert make_book("tiny", root=project, console=SILENT) == index
    assert (html / "built-from.sha256").stat().st_mtime_ns == built


def test_sources_hold_no_trace_of_the_execution(project):
    run(project)
    (project / "book" / "_static" / ".DS_Store").write_bytes(b"")
    (project / "book" / "intro.md~").write_text("# Before")
    source = assemble("tiny", root=project)
    assert not list((source / "notebooks").glob("*.py"))
    assert not [*source.rglob(".DS_Store"), *source.rglob("*~")]
    notebook = nbformat.read(source / "notebooks" / "06_sentiment.ipynb", as_version=4)
    text = json.dumps(notebook)
    assert '"papermill":' not in text
    assert "injected-parameters" not in text
    assert "start_time" not in text
    nbformat.validate(notebook)


def test_a_warning_fails_the_build_and_leaves_no_page(project):
    run(project)
    edit(project / "book" / "intro.md", "ch-sentiment", "ch-nowhere")
    assemble("tiny", root=project)
    with pytest.raises(StudyError, match=r"did not build: book/intro.md.*ch-nowhere"):
        build_html("tiny", root=project)
    assert not (project / "_build" / "tiny" / "html").exists()


def test_what_a_page_would_fetch_from_elsewhere_is_found(tmp_path):
    loads = [
        '<script src="https://example.org/x.js">',
        '<link rel="stylesheet" type="text/css" href="//example.org/x.css"',
        '<img alt="" src="http://example.org/x.png"',
    ]
    kept = '<a href="https://example.org">there</a><link rel="canonical" href="https://a.b"/>'
    (tmp_path / "page.html").write_text(kept + "".join(loads) + '<img src="x.png"/>')
    assert len(external_loads(tmp_path)) == len(loads)
    with pytest.raises(StudyError, match=r"fetch something from the network.*example.org"):
        refuse_external_loads(tmp_path)


def test_a_chapter_outside_the_contents_is_refused(project):
    (project / "notebooks" / "07_emotion.py").rename(project / "notebooks" / "77_emotion.py")
    run(project)
    with pytest.raises(StudyError, match=r"77_emotion is in no part of book/_toc.yml"):
        assemble("tiny", root=project)


def test_a_changed_chapter_is_not_assembled_with_old_outputs(project):
    run(project)
    edit(project / "notebooks" / "07_emotion.py", "1 + 1", "1 + 2")
    with pytest.raises(StudyError, match="07_emotion was changed after it was run"):
        assemble("tiny", root=project)


def test_chapters_side_by_side_leave_the_working_folder_as_it_is(project, monkeypatch):
    def stay(folder):
        assert Path(folder) == Path.cwd()

    monkeypatch.setattr(os, "chdir", stay)
    edit(
        project / "notebooks" / "profiles" / "tiny.yaml", "budget", "chapters_at_once: 2\n  budget"
    )
    assert run(project) == {"06_sentiment": "ran", "07_emotion": "ran"}
    executed = project / "_build" / "tiny" / "notebooks" / "06_sentiment.ipynb"
    assert str(project / "notebooks") in executed.read_text()


def test_two_commands_do_not_make_one_book_at_once(project):
    kept(project / "results" / "tiny", 1)
    for record in (project / "results" / "tiny").iterdir():
        write_checksums(record)
    published = project / "_build" / "rendered"
    with alone(Layout.of("tiny", project)), alone(Layout.of("tiny", project, published)):
        with pytest.raises(StudyError, match=r"making the book in _build/tiny: wait for it"):
            make_book("tiny", root=project, console=SILENT)
        with pytest.raises(StudyError, match=r"making the book in _build/rendered"):
            make_published(root=project, console=SILENT)
    assert sorted(path.name for path in published.iterdir()) == []
    with alone(Layout.of("tiny", project)):
        pass


def test_a_misspelt_name_leaves_no_folder_behind(project):
    for profile, chapters in (("huge", None), ("tiny", ["99"])):
        with pytest.raises(StudyError, match="There is no"):
            make_book(profile, chapters, root=project, console=SILENT)
    assert not (project / "_build").exists()


@pytest.mark.parametrize("seed", [2**32, -1, True])
def test_a_seed_that_no_generator_takes_is_refused(project, seed):
    edit(project / "notebooks" / "profiles" / "tiny.yaml", "seed: 7", f"seed: {seed}")
    with pytest.raises(StudyError, match=r"`seed` \(a whole number from 0 to 4294967295\)"):
        reproduce("tiny", root=project, console=SILENT)


def test_nothing_published_is_said(project):
    with pytest.raises(StudyError, match="Nothing is published for profile tiny"):
        make_published(root=project, console=SILENT)
    with pytest.raises(StudyError, match=r'There is no profile "full"; the profiles are tiny'):
        make_published("full", root=project, console=SILENT)


def test_publishing_keeps_weights_back_and_the_book_renders_from_it_without_training(project):
    with pytest.raises(StudyError, match="has no current outputs"):
        publish("tiny", root=project)
    run(project)
    publish("tiny", root=project)
    record = project / "results" / "tiny" / "observations" / f"answer-{RECORD}"
    assert sorted(path.name for path in record.iterdir()) == [
        "SHA256SUMS",
        "config.json",
        "metrics.json",
        "provenance.json",
    ]
    assert stale_pairs(project) == []
    published = (project / "notebooks" / "06_sentiment.ipynb").read_bytes()
    index = make_published(root=project, console=SILENT)
    assert index == project / "_build" / "rendered" / "html" / "index.html"
    assert "Nothing was computed" in (index.parent / "book" / "status.html").read_text()
    assert "executed from its source" in status_page(Layout.of("tiny", project))
    rendered = project / "_build" / "rendered" / "notebooks" / "06_sentiment.ipynb"
    assert "offline 1" in rendered.read_text()
    assert (project / "notebooks" / "06_sentiment.ipynb").read_bytes() == published
    (record / "metrics.json").write_text('{"accuracy": 1.0}')
    with pytest.raises(StudyError, match=f"answer-{RECORD} was changed after it was published"):
        make_published(root=project, console=SILENT)


def test_the_published_book_is_rendered_offline_and_the_environment_left_alone(
    project, monkeypatch
):
    edit(project / "notebooks" / "profiles" / "tiny.yaml", "synthetic: true", "synthetic: false")
    run(project)
    publish("tiny", root=project)
    seen: dict[str, str] = {}

    def settle(job, *_):
        seen.update(job.environment)
        raise StudyError("seen")

    monkeypatch.setattr("t5study.book.execute._settle", settle)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(StudyError, match="seen"):
        make_published(root=project, console=SILENT)
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in os.environ


def test_the_records_that_pages_name_are_published_with_those_they_began_from(project):
    run(project)
    runs, results = project / "_build" / "tiny" / "runs", project / "results" / "tiny"
    first, second, other = (kept(runs, seed) for seed in (1, 2, 3))
    pretend_that_it_ran(project, first.name)
    config = json.loads((first / "config.json").read_text())
    began_from = {**config, "model": {"fingerprint": f"run:{second.name}"}}
    (first / "config.json").write_text(json.dumps(began_from))
    first = first.rename(runs / identity_of({**began_from, "result_version": RESULT_VERSION}))
    pretend_that_it_ran(project, first.name)
    (results / "cdef0123").mkdir(parents=True)
    kept(results / "of-no-page", 4)
    publish("tiny", root=project)
    assert sorted(path.relative_to(results).as_posix() for path in records_below(results)) == [
        f"observations/finetune-{name}" for name in sorted([first.name, second.name])
    ]
    assert not (results / "of-no-page").exists()
    assert other.is_dir()


def test_records_are_published_in_folders_of_their_experiments_with_an_index(project):
    study = with_own_models(project, {"emotion, T": {"task": "emotion", "baseline": "tfidf-svm"}})
    pretend_that_it_ran(project)
    with pytest.raises(StudyError, match="'emotion, T' stands in the profile tiny and was not run"):
        publish("tiny", root=project)
    run, results = study.run("emotion, T"), project / "results" / "tiny"
    publish("tiny", root=project)
    assert is_whole(results / "emotion-t" / run.identity)
    index = pd.read_csv(results / "index.csv", keep_default_na=False).set_index("experiment")
    assert index.loc["emotion, T"].to_dict() == {
        **{"task": "pocket-emotion", "model": "tfidf-svm", "metric": "accuracy"},
        **dict.fromkeys(("init", "recipe", "labels", "seed"), ""),
        "score": pytest.approx(run.metrics["accuracy"], abs=1e-4),
        "record": f"emotion-t/{run.identity}",
    }
    with_own_models(project, {"emotion, bags": {"task": "emotion", "baseline": "tfidf-svm"}})
    pretend_that_it_ran(project)
    publish("tiny", root=project)
    folders = sorted(path.name for path in results.glob("*/"))
    assert folders == ["emotion-bags", "pretraining-t5"]


def pretended(store: Path, study: Study, model: str) -> Path:
    """A record of a pre-training, as if it had been run."""

    def produce(work: Workspace) -> dict:
        work.save_metrics({"held_out_loss": 1.0})
        return {"device": "test"}

    config = study.pretraining_plan(model).config(study.hub)
    return RunStore(store).obtain(config, produce).path


def with_own_models(project: Path, experiments: dict | None = None, trial: bool = False) -> Study:
    """Make the miniature's profile one of real data, with a T5 of its own that was made."""
    smoke = (ROOT / "notebooks" / "profiles" / "smoke.yaml").read_text()
    profile = yaml.safe_load(smoke)["profile"]
    profile |= {"name": "tiny", "synthetic": False, "chapters_at_once": 1}
    profile |= {"models": {"t5": "own"}, "experiments": experiments or {}}
    profile["pretraining"] = {"t5": profile["pretraining"]["t5"]}
    if trial:
        long = {"of": "t5", "gpu_only": True, "tokens": 8_192, "precision": "bf16"}
        profile["pretraining"]["t5, long windows"] = long
    file = project / "notebooks" / "profiles" / "tiny.yaml"
    file.write_text(yaml.safe_dump({"profile": profile, "seed": 7}))
    layout = Layout.of("tiny", project)
    study = Study(**job_for(layout).parameters, store=layout.runs)
    pretended(layout.runs, study, "t5")
    return study


def pretend_that_it_ran(project: Path, *named: str) -> None:
    """Give every chapter current outputs that name some runs."""
    layout = Layout.of("tiny", project)
    job = job_for(layout)
    for chapter in find_chapters(layout):
        notebook = read_source(chapter)
        said = nbformat.v4.new_output("stream", name="stdout", text=" ".join(named))
        given = nbformat.v4.new_output("display_data", {MIME: {"facts": {"answer": "42"}}})
        notebook.cells[-1].outputs = [said, given]
        write_text(layout.executed / f"{chapter.name}.ipynb", nbformat.writes(notebook))
        stamp = {"key": job.key(chapter), "result": {}}
        write_text(layout.stamps / f"{chapter.name}.json", json.dumps(stamp))


def test_a_published_trial_is_not_lost_on_a_machine_without_its_record(project):
    study = with_own_models(project, trial=True)
    runs, results = study.store.root, project / "results" / "tiny"
    record = pretended(results, study, "t5, long windows")
    pretend_that_it_ran(project)
    with pytest.raises(
        StudyError, match=rf"'t5, long windows'.*copy results/tiny/{record.name} into"
    ):
        publish("tiny", root=project)
    assert record.is_dir()
    assert not list((project / "notebooks").glob("*.ipynb"))
    shutil.copytree(record, runs / record.name)
    pretend_that_it_ran(project, record.name)
    publish("tiny", root=project)
    assert sorted(path.parent.name for path in records_below(results)) == [
        "pretraining-t5",
        "pretraining-t5-long-windows",
    ]


def test_a_published_notebook_whose_cells_changed_is_found(project):
    run(project)
    publish("tiny", root=project)
    edit(project / "notebooks" / "07_emotion.py", "# The same trainer", "# Another trainer")
    assert stale_pairs(project) == [
        "07_emotion: the cells of .ipynb and .py differ, publish the chapter again."
    ]
    edit(project / "notebooks" / "07_emotion.py", "1 + 1", "1 + 2")
    edit(project / "notebooks" / "07_emotion.ipynb", "1 + 1", "1 + 2")
    assert stale_pairs(project) == [
        "07_emotion: the outputs are not those of the code cells, publish the chapter again."
    ]


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://github.com/someone/study.git", "https://github.com/someone/study"),
        ("https://github.com/someone/study", "https://github.com/someone/study"),
        ("git@github.com:someone/study.git", None),
        ("/srv/git/study.git", None),
        (None, None),
    ],
)
def test_buttons_need_a_public_remote(tmp_path, remote, url):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    if remote:
        subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    settings = repository_settings(tmp_path)
    assert settings.get("repository", {}).get("url") == url
    assert bool(settings.get("launch_buttons")) == bool(url)


@pytest.mark.parametrize(
    ("seconds", "words"), [(8.4, "8 s"), (80, "1 min 20 s"), (120, "2 min"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds, words):
    assert spoken_time(seconds) == words


def test_kernels_refuse_the_network(project):
    edit(
        project / "notebooks" / "07_emotion.py",
        "1 + 1",
        'import socket\nsocket.create_connection(("192.0.2.1", 80), timeout=1)',
    )
    result = reproduce("tiny", ["7"], root=project, console=SILENT)[0]
    assert "NetworkRefused" in result.problem


END_TO_END = """
import sys
from pathlib import Path
from t5study.book import make_book
print(make_book("smoke", build=Path(sys.argv[1])))
"""


def build_smoke(build: Path) -> str:
    """Build the smoke book in a process of its own; what it said."""
    command = [sys.executable, "-c", END_TO_END, str(build)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def files_of(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_the_whole_book_builds_end_to_end_without_a_network_and_nothing_runs_twice(tmp_path):
    build = tmp_path / "smoke"
    build_smoke(build)
    chapters = find_chapters(Layout.of("smoke", ROOT))
    for chapter in chapters:
        text = (build / "html" / "notebooks" / f"{chapter.name}.html").read_text()
        assert "Computed on the pocket corpus" in text
        assert str(ROOT) not in text
        assert str(tmp_path) not in text
        assert not re.search(r"\d+%\||it/s\]|Warning:", text), f"debris in {chapter.name}"
    assert external_loads(build / "html") == []
    before = files_of(build / "runs") | files_of(build / "html")
    said = build_smoke(build)
    assert said.count("up to date") == len(chapters)
    assert files_of(build / "runs") | files_of(build / "html") == before
