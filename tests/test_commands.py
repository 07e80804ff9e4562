"""The command line as a user meets it: what it answers, and one sentence for every mistake."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_bert, tiny_t5

from t5study import cli
from t5study.base import project
from t5study.base.device import mixed
from t5study.base.errors import StudyError
from t5study.claims.schema import load_claims
from t5study.commands import asking, profiles, training
from t5study.data.hub import Hub
from t5study.data.tasks import get_task
from t5study.experiments.questions import ParallelismTiming
from t5study.judging import answers
from t5study.profiles import load_parameters
from t5study.runs.record import Run
from t5study.runs.store import RunStore, Workspace
from t5study.study import Study

SMALL = ["--train", "48", "--validation", "16", "--test", "24", "--epochs", "1"]


def t5study(*words, cwd: Path, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "t5study", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"} | environment,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a checkpoint that has weights and a mirror that has none."""
    folder = tmp_path_factory.mktemp("commands")
    checkpoint = tiny_t5(folder / "made")
    mirror = folder / "mirror" / "models" / "google-t5" / "t5-small"
    mirror.parent.mkdir(parents=True)
    checkpoint.folder.rename(mirror)
    mirror_weights = mirror / "model.safetensors"
    (folder / "weights").mkdir()
    for path in mirror.iterdir():
        (folder / "weights" / path.name).write_bytes(path.read_bytes())
    mirror_weights.unlink()
    return folder


def finetuned(task: str, model: str, **how: Any) -> Run:
    sizes = how.pop("sizes", {})
    usual = {"way": None, "recipe": None, "changes": {}, "seed": 21, "out": None, "model": model}
    return training.finetune(task, None, training.Columns(), sizes, None, **usual | how)


@pytest.mark.parametrize("way", ["head", "text-to-text"])
def test_the_same_encoder_answers_by_a_head_and_in_text(tmp_path, way) -> None:
    (tmp_path / "recipe.yaml").write_text("{epochs: 1, max_source_length: 64, precision: fp32}")
    limits = {"train": 48, "validation": 16, "test": 24}
    run = finetuned(
        *("pocket-emotion", str(tiny_bert(tmp_path / "bert").folder)),
        **{"way": way, "recipe": tmp_path / "recipe.yaml", "sizes": limits},
        out=tmp_path / "run",
    )
    assert set(run.metrics["per_label"]) == set(get_task("pocket-emotion").label_words)
    (answer,) = asking.predict(tmp_path / "run", ["i feel fine ."])
    assert re.match(r"\w+  \(sadness \d\.\d{3}, joy ", answer)
    again = asking.evaluate(tmp_path / "run", "test", None)
    assert again["confusion"] == run.metrics["confusion"]


@pytest.mark.parametrize(
    ("task", "way", "sentence"),
    [
        ("pocket-translation", "head", "are texts, which no head gives"),
        ("pocket-emotion", "speech", "--as takes head or text-to-text"),
        ("pocket-emotion", "head", "is a t5, which does not answer by a head"),
    ],
)
def test_a_way_to_answer_that_does_not_fit_is_refused(place, task, way, sentence) -> None:
    with pytest.raises(StudyError, match=sentence):
        finetuned(task, str(place / "weights"), way=way)


def test_fetch_asks_where_to(place) -> None:
    for to, weights in ((None, False), (place / "made", True)):
        with pytest.raises(StudyError, match="--to DIR makes a mirror, --weights fills the cache"):
            cli.fetch(to, weights)


@pytest.fixture(scope="module")
def run(place):
    done = t5study(
        *["finetune", "--task", "pocket-emotion", "--model", place / "weights"],
        *[*SMALL, "--precision", "fp32", "--out", place / "run"],
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    return place / "run"


def test_finetune_keeps_every_figure_that_was_promised(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["task"] == "pocket-emotion"
    assert metrics["split"] == "test"
    assert metrics["n"] == 24
    assert sum(row["support"] for row in metrics["per_label"].values()) == 24
    for name in ("model", "accuracy", "macro_f1", "seconds", "examples_per_second"):
        assert name in metrics
    assert metrics["peak_memory_bytes"] > 10**7
    assert metrics["device"]
    assert metrics["seed"] == 21
    assert set(metrics["per_label"]["joy"]) == {"precision", "recall", "f1", "support"}


def test_no_weights_are_needed_without_model_and_that_is_said(place, tmp_path):
    done = t5study(
        *["finetune", "--task", "pocket-sentiment", "--source", place / "mirror"],
        *[*SMALL, "--out", tmp_path / "scratch"],
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    assert "random weights" in done.stderr
    assert json.loads((tmp_path / "scratch" / "metrics.json").read_text())["init"] == "scratch"


def test_predict_answers_with_the_label_and_all_probabilities(run, place):
    done = t5study("predict", run, "--text", "i feel very happy", cwd=place)
    assert done.returncode == 0, done.stderr
    label, rest = done.stdout.strip().split("  (")
    shares = dict(part.split(" ") for part in rest.rstrip(")").split(", "))
    assert max(shares, key=lambda word: float(shares[word])) == label
    assert sum(map(float, shares.values())) == pytest.approx(1, abs=0.01)


def test_evaluate_prints_the_numbers_of_the_record(run, place):
    done = t5study("evaluate", run, cwd=place)
    assert done.returncode == 0, done.stderr
    accuracy = json.loads((run / "metrics.json").read_text())["accuracy"]
    assert f"{accuracy:.3f}" in done.stdout


def test_evaluate_computes_in_the_precision_of_the_run(run, monkeypatch):
    asked = []

    def seen(precision: str) -> Any:
        asked.append(precision)
        return mixed(precision)

    monkeypatch.setattr(answers, "mixed", seen)
    found = asking.evaluate(run, "test", None)
    recorded = json.loads((run / "metrics.json").read_text())
    for name in ("accuracy", "macro_f1", "confusion"):
        assert found[name] == recorded[name]
    assert set(asked) == {"fp32"}


def test_claims_are_judged_by_published_records_where_nothing_was_computed(fresh_clone):
    def verdict() -> str:
        table = profiles.claims("smoke").set_index("id")
        return table.loc["transformer-more-parallel", "verdict"]

    def measured(work: Workspace) -> dict:
        work.save_metrics({"chain_lstm": [1, 2, 4, 8], "chain_attention": [1, 1, 1, 1]})
        return {"device": "test"}

    assert verdict() == "not run"
    RunStore(fresh_clone / "results" / "smoke").obtain(ParallelismTiming().config(), measured)
    assert verdict() == "reproduced"
    assert not (fresh_clone / "_build").exists()


def test_claims_are_judged_alike_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "_config.yml").touch()
    verdicts = []
    for folder in (project.HOME, project.HOME / "notebooks", tmp_path):
        monkeypatch.chdir(folder)
        verdicts.append(profiles.claims("smoke")["verdict"].tolist())
    assert verdicts[0] == verdicts[1] == verdicts[2]


def test_a_second_finetune_loads_the_record(run, place):
    stamp = (run / "metrics.json").stat().st_mtime_ns
    done = t5study(
        *["finetune", "--task", "pocket-emotion", "--model", place / "weights"],
        *[*SMALL, "--precision", "fp32", "--out", run],
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    assert (run / "metrics.json").stat().st_mtime_ns == stamp


def test_doctor_names_device_data_and_checkpoints(place):
    done = t5study("doctor", "--source", place / "mirror", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "device" in done.stdout
    assert "pocket" in done.stdout
    (line,) = [x for x in done.stdout.splitlines() if "checkpoint google-t5/t5-small" in x]
    # The mirror holds its configuration without the weights.
    assert "not here" in line


MISTAKES = {
    "an unknown task": (["finetune", "--task", "imbd"], "no task 'imbd'"),
    "an unknown model": (
        ["finetune", "--task", "pocket-sentiment", "--model", "nobody/nothing"],
        "nobody/nothing",
    ),
    "a checkpoint without weights": (
        ["finetune", "--task", "pocket-sentiment", "--model", "mirror/models/google-t5/t5-small"],
        "no weights",
    ),
    "a mirror that is not there": (
        ["finetune", "--task", "imdb", "--source", "nowhere"],
        "nowhere is not a folder",
    ),
    "a mirror that lacks a file": (
        ["finetune", "--task", "imdb", "--source", "mirror"],
        "stanfordnlp/imdb",
    ),
    "a batch of nothing": (
        ["finetune", "--task", "pocket-sentiment", "--batch-size", "0"],
        "batch_size",
    ),
    "a negative learning rate": (
        ["finetune", "--task", "pocket-sentiment", "--learning-rate", "-1"],
        "learning_rate",
    ),
    "a seed that no generator takes": (
        ["finetune", "--task", "pocket-sentiment", "--seed", str(2**32)],
        "'--seed'",
    ),
    "fp16": (["finetune", "--task", "pocket-sentiment", "--precision", "fp16"], "fp16"),
    "an unknown profile": (["reproduce", "--profile", "pockt"], "pockt"),
    "an unknown chapter": (["reproduce", "--chapter", "99_end"], "99_end"),
    "an unknown experiment": (
        ["run", "--profile", "smoke", "--only", "sst, T6"],
        "smoke has no experiment 'sst, T6': did you mean 'sst, T5'?",
    ),
    "no run": (["predict", "mirror", "--text", "a film"], "no run record"),
    "an output folder that is a file": (
        ["finetune", "--task", "pocket-sentiment", "--model", "weights", "--out", "file/x"],
        "file",
    ),
}


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def in_process(words: list[str], monkeypatch, capsys) -> tuple[int, str]:
    """Exit status and what was said on stderr, without the seconds of a new interpreter."""
    monkeypatch.setattr(sys, "argv", ["t5study", *words])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_and_a_status(mistake, place, monkeypatch, capsys):
    words, message = MISTAKES[mistake]
    (place / "file").write_text("not a folder")
    monkeypatch.chdir(place)
    before = files(place)
    status, said = in_process(words, monkeypatch, capsys)
    assert status != 0
    assert message in said
    assert "Traceback" not in said
    assert files(place) == before


def test_a_pinned_name_is_never_a_folder_that_happens_to_be_here(place, tmp_path, monkeypatch):
    shutil.copytree(place / "weights", tmp_path / "google-t5" / "t5-small")
    monkeypatch.chdir(tmp_path)
    hub = Hub(place / "mirror")
    with pytest.raises(StudyError, match="has no weights"):
        training._start(hub, "google-t5/t5-small")
    chosen, init = training._start(hub, "./google-t5/t5-small")
    assert (chosen.name, init) == ("t5-small", "pretrained")


def test_debug_shows_the_traceback(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", ["t5study", "--debug", "finetune", "--task", "imbd"])
    with pytest.raises(StudyError, match="imbd"):
        cli.main()


def test_a_recipe_with_a_number_as_text_is_refused_with_the_remedy(place, monkeypatch, capsys):
    (place / "recipe.yaml").write_text("learning_rate: 3e-4\n")
    monkeypatch.chdir(place)
    words = ["finetune", "--task", "pocket-sentiment", "--recipe", "recipe.yaml"]
    status, said = in_process(words, monkeypatch, capsys)
    assert status != 0
    assert "0.0003" in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{epochs: 1, [2\n", "bad-recipe.yaml is not valid YAML in line"),
        ("- epochs\n- 1\n", "bad-recipe.yaml holds no keys"),
    ],
)
def test_a_recipe_that_is_no_recipe_is_named(place, monkeypatch, capsys, content, says):
    (place / "bad-recipe.yaml").write_text(content)
    monkeypatch.chdir(place)
    words = ["finetune", "--task", "pocket-sentiment", "--recipe", "bad-recipe.yaml"]
    status, said = in_process(words, monkeypatch, capsys)
    assert status != 0
    assert says in said
    assert "Traceback" not in said


def test_the_experiments_of_a_profile_are_computed_without_notebooks(tmp_path):
    store = {"T5STUDY_STORE": str(tmp_path / "runs")}
    asked = ["--profile", "smoke", "--only", "sst, TF-IDF", "--only", "sst, T5 12k, 16 labels"]
    done = t5study("run", *asked, cwd=tmp_path, **store)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(": done in")[0] for line in lines] == [
        *("[1/3] t5@12k", "[2/3] sst, T5 12k, 16 labels, seed 21", "[3/3] sst, TF-IDF"),
    ]
    for line in lines:
        assert (Path(line.rpartition(", ")[2]) / "metrics.json").is_file()
    # The records are those that a notebook of this profile asks for.
    profile, seed = load_parameters("smoke")
    study = Study(profile, seed, store=tmp_path / "runs")
    names = ("sst, TF-IDF", "sst, T5 12k, 16 labels")
    assert all(study.found(asked) for name in names for asked in study.plans(name))
    again = t5study("run", *asked, cwd=tmp_path, **store)
    assert [line.partition(": there, ")[0] for line in again.stdout.splitlines()] == [
        line.partition(": done in")[0] for line in lines
    ]
    plan = t5study("reproduce", "--plan", "--profile", "smoke", cwd=tmp_path, **store)
    assert plan.returncode == 0, plan.stderr
    assert re.search(r"yes +\d+ s +\d+\.\d GiB +sst, TF-IDF\n", plan.stdout)
    assert "3 of 46 runs are there" in plan.stdout


@pytest.mark.parametrize("name", ["folder [v1]", "[/b]", "a name that is much wider than " * 3])
def test_a_path_is_printed_whole_and_as_it_is(run, tmp_path, name, monkeypatch, capsys):
    record = tmp_path / name / "run"
    shutil.copytree(run, record)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(training, "finetune", lambda *_, **__: Run(record))
    monkeypatch.setattr(sys, "argv", ["t5study", "finetune", "--task", "pocket-emotion"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out.splitlines()[0] == str(record)


def test_claims_are_listed_by_whole_names_on_a_narrow_terminal_that_knows_ascii(tmp_path):
    narrow = {"COLUMNS": "40", "PYTHONIOENCODING": "ascii"}
    done = t5study("claims", "--profile", "published", "--all", cwd=tmp_path, **narrow)
    assert done.returncode == 0, done.stderr
    for claim in load_claims():
        assert re.search(rf"^{re.escape(claim.id)} ", done.stdout, re.MULTILINE)


def test_an_empty_text_is_refused(run, monkeypatch, capsys):
    status, said = in_process(["predict", str(run), "--text", " "], monkeypatch, capsys)
    assert status != 0
    assert "empty" in said


def test_a_text_that_is_not_utf_8_is_refused(run, monkeypatch, capsys):
    status, said = in_process(["predict", str(run), "--text", "caf\udce9"], monkeypatch, capsys)
    assert status != 0
    assert "is not UTF-8" in said


def test_a_text_of_a_hundred_thousand_words_is_answered(run):
    answer = asking.predict(run, ["film " * 100_000])
    assert len(answer) == 1
    assert "joy" in answer[0]
