"""The way of a user's own file through the commands: learnt from, asked, judged, reported on."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from tiny import tiny_bert, tiny_t5
from typer.testing import CliRunner

from t5study import cli
from t5study.base.errors import StudyError
from t5study.commands import asking
from t5study.runs.record import Run

SCRIPT = "<script>alert(1)</script> & <img src=x onerror=alert(2)>"
WORDS = {"joy": "i feel happy and glad", "anger": f"i am angry {SCRIPT}"}
QUICK = ["--epochs", "2", "--precision", "fp32", "--recipe", "recipe.yaml"]


def t5study(*words: object) -> str:
    done = CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with two models, a file of rows, and one of texts without labels."""
    folder = tmp_path_factory.mktemp("own")
    tiny_bert(folder / "bert")
    tiny_t5(folder / "t5")
    table = [
        {"Text of it": f"{WORDS[label]} {n}", "Mood": label} for n in range(30) for label in WORDS
    ]
    pd.DataFrame(table).to_csv(folder / "moods.csv", index=False)
    pd.DataFrame(table[:5]).drop(columns="Mood").to_json(
        folder / "new.jsonl", orient="records", lines=True
    )
    (folder / "recipe.yaml").write_text(
        "{min_updates: 12, learning_rate: 1.0e-2, max_source_length: 32, warmup_steps: 0}"
    )
    return folder


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module", params=["bert", "t5/t5"])
def run(request, place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        out = Path(f"run-{request.param[:2]}")
        columns = ["--text-column", "Text of it", "--label-column", "Mood"]
        t5study(
            *["finetune", "--data", "moods.csv", *columns, "--model", f"./{request.param}"],
            *[*QUICK, "--out", out],
        )
    return place / out


def test_the_record_says_all_that_is_needed_to_read_it_elsewhere(run):
    record = Run(run)
    definition = record.config["definition"]
    assert definition["template"] == "{Text of it}"
    assert (definition["target"], definition["label_words"]) == ("Mood", ["anger", "joy"])
    assert record.config["prompt"] == "Mood: {Text of it}"
    about = record.provenance["own_data"]
    assert sum(sum(of.values()) for of in about["counts"].values()) == 60
    assert set(record.metrics["per_label"]) == {"anger", "joy"}
    assert "/" not in json.dumps(about)


def test_texts_and_files_are_answered_alike(run, here):
    table = pd.read_json("new.jsonl", lines=True)
    said = t5study("predict", run, "--text", table["Text of it"][0], "--text", "i feel glad")
    assert re.match(r"(joy|anger)  \(anger \d\.\d{3}, joy \d\.\d{3}\)\n", said)
    for name, read in (("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet)):
        assert t5study("predict", run, "--data", "new.jsonl", "--out", name) == f"{name}\n"
        answers = read(name)
        assert list(answers) == ["text", "prediction", "p_anger", "p_joy"]
        assert answers["text"].tolist() == table["Text of it"].tolist()
        assert answers["prediction"][0] == said.split()[0]
    assert t5study("predict", run, "--data", "new.jsonl").splitlines()[0] == said.splitlines()[0]


def test_a_file_is_judged_with_the_columns_of_the_record(run, here):
    said = t5study("evaluate", run, "--data", "moods.csv", "--out", "judged.tsv")
    judged = pd.read_csv("judged.tsv", sep="\t")
    right = (judged["label"] == judged["prediction"]).mean()
    assert len(judged) == 60
    assert re.search(rf"accuracy +{right:.3f} +60", said)
    with pytest.raises(StudyError, match="learnt from files of your own"):
        asking.evaluate(run, "test", None)


def test_the_same_content_is_not_learnt_twice(run, here):
    before = (run / "metrics.json").stat().st_mtime_ns
    pd.read_csv("moods.csv").to_parquet("other name.parquet")
    model = Run(run).config["model"]["name"]
    folder = "./bert" if model == "bert" else "./t5/t5"
    columns = ["--text-column", "Text of it", "--label-column", "Mood"]
    t5study(
        *["finetune", "--data", "other name.parquet", *columns, "--model", folder],
        *[*QUICK, "--out", run],
    )
    assert (run / "metrics.json").stat().st_mtime_ns == before


class Page(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data) -> None:
        self.said += data


def test_the_report_is_one_page_that_runs_nothing(run, here, monkeypatch):
    (place,) = t5study("report", run).splitlines()
    text = Path(place).read_text("utf-8")
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert not any(name.startswith("on") or name in ("src", "href") for name in page.attributes)
    assert "default-src 'none'" in text
    for heading in ("Scores by label", "Confusion", "Losses", "Surest mistakes", "Data"):
        assert heading in page.said
    assert Run(run).identity in page.said
    table = Run(run).predictions
    wrong = table.assign(prediction=1 - table["label"])
    monkeypatch.setattr(Run, "predictions", wrong)
    page = Page(asking.page.report(Run(run)))
    assert SCRIPT in page.said
    assert not page.tags & {"script", "img"}


def test_texts_are_learnt_to_be_written(here):
    table = [{"long": f"i feel so happy {n}", "short": f"happy {n}"} for n in range(24)]
    pd.DataFrame(table).to_csv("short.csv", index=False)
    columns = ["--text-column", "long", "--target-column", "short"]
    said = t5study(
        *["finetune", "--data", "short.csv", *columns, "--model", "./t5/t5"],
        *[*QUICK, "--out", "run-short"],
    )
    assert "chrf" in said
    assert Run(Path("run-short")).config["definition"]["kind"] == "generation"
    assert len(t5study("predict", "run-short", "--text", "i feel").splitlines()) <= 1
    page = Page(Path(t5study("report", "run-short").strip()).read_text("utf-8"))
    assert "furthest from the wanted" in page.said


def test_labels_that_a_vocabulary_cannot_tell_apart_are_refused_before_training(here):
    table = [{"text": f"i feel {n}", "label": "質問" if n % 2 else "要望"} for n in range(24)]
    pd.DataFrame(table).to_csv("japanese.csv", index=False)
    with pytest.raises(StudyError, match="have the same ids"):
        t5study("finetune", "--data", "japanese.csv", "--model", "./t5/t5", "--out", "run-no")
    assert not Path("run-no").exists()
    assert not list(Path.cwd().glob(".run-no*"))


MISTAKES = {
    "neither task nor data": (["finetune"], "Say what to learn: --data FILE"),
    "both": (["finetune", "--task", "imdb", "--data", "moods.csv"], "--task and --data exclude"),
    "two kinds of answers": (
        ["finetune", "--data", "moods.csv", "--label-column", "a", "--target-column", "b"],
        "exclude each other",
    ),
    "no such column": (
        ["finetune", "--data", "moods.csv"],
        "no column 'text': its columns are Text of it, Mood",
    ),
    "the same column twice": (
        ["finetune", "--data", "moods.csv", "--text-column", "Mood", "--label-column", "Mood"],
        "cannot be both text and answer",
    ),
    "a file of a task": (
        ["finetune", "--task", "imdb", "--test", "moods.csv"],
        "--test of a file goes with --data",
    ),
    "nothing to answer": (["predict", "run"], "--text TEXT, or --data FILE"),
    "two things to answer": (
        ["predict", "run", "--text", "a", "--data", "new.jsonl"],
        "--text TEXT, or --data FILE",
    ),
    "no run": (["report", "bert"], "holds a run of kind|is no run record"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_and_writes_nothing(here, mistake):
    words, sentence = MISTAKES[mistake]
    before = set(here.rglob("*"))
    with pytest.raises(StudyError, match=sentence):
        t5study(*words)
    assert set(here.rglob("*")) == before


def test_an_output_of_no_known_kind_is_refused_before_anything_is_computed(run, here):
    with pytest.raises(StudyError, match=r"give --out a name that ends in \.csv"):
        t5study("predict", run, "--data", "new.jsonl", "--out", "answers.xlsx")


@pytest.mark.parametrize(
    "change",
    [
        {"definition": {"repo": "own data", "template": "{x}", "target": "y"}},
        {"recipe": "none"},
        {"data": None},
        {"architecture": "__import__"},
        {"definition": 5},
    ],
)
def test_a_record_that_says_what_no_run_does_is_one_sentence(run, here, tmp_path, change):
    (tmp_path / "config.json").write_text(json.dumps(Run(run).config | change))
    (tmp_path / "model").symlink_to(run / "model")
    with pytest.raises(StudyError):
        asking.predict(tmp_path, ["a text"])
