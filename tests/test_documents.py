"""README, CONTRIBUTING and the pages with commands: what they say is there, runs, and is so."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import yaml
from tiny import tiny_t5

from benchmarks import __main__ as bench
from benchmarks import results
from t5study import cli
from t5study.chapters import finetuning
from t5study.claims.facts import t5_parameters
from t5study.claims.published import load_published
from t5study.claims.schema import load_claims
from t5study.commands import profiles
from t5study.data import weights
from t5study.data.pins import full_name
from t5study.profiles import load_profile
from t5study.study import Study

ROOT = Path(__file__).resolve().parents[1]
WITH_COMMANDS = (
    *("README.md", "CONTRIBUTING.md", "book/running.md", "book/scaling.md", "book/speed.md"),
    *("book/intro.md", "book/architecture.md", "book/own_texts.md", "benchmarks/README.md"),
    "models/sentiment/README.md",
)
SHELL = re.compile(r"^ *```sh\n(.*?)^ *```$", re.M | re.S)
IN_PROSE = re.compile(r"`((?:make|\.venv/bin/\w+|t5study) [^`\n]+)`")
ROOTS = "t5study|notebooks|book|tests|benchmarks|models|results"
PATH = re.compile(rf"`((?:{ROOTS})/[\w./*-]*|[\w-]+\.(?:yml|yaml|toml|lock|md))`")
NAMED = re.compile(r"`([\w/]+\.py)`: `(\w+)`")


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def commands_of(page: str) -> Iterator[str]:
    """The command lines of a page's blocks, without comments, and those in its prose."""
    text = text_of(page)
    for block in SHELL.findall(text):
        if not block.lstrip().startswith("#!"):
            yield from (line for line in lines_of(block) if line)
    yield from IN_PROSE.findall(SHELL.sub("", text))


def lines_of(block: str) -> Iterator[str]:
    open_quote = ""
    for line in textwrap.dedent(block).replace("\\\n", " ").splitlines():
        open_quote = f"{open_quote}\n{line}" if open_quote else line
        if open_quote.count("'") % 2 == 0:
            yield re.sub(r"(^|\s)#\s.*", "", open_quote).strip()
            open_quote = ""


ALL = [(page, line) for page in WITH_COMMANDS for line in commands_of(page)]


@pytest.mark.parametrize(("page", "line"), ALL, ids=lambda value: value.replace("\n", " ")[:60])
def test_a_command_of_a_page_is_one_that_there_is(page, line):
    words = shlex.split(line)
    while "=" in words[0]:
        words.pop(0)
    program, *rest = words
    program = program.removeprefix(".venv/bin/")
    if "t5study" in words[:8] and program in ("torchrun", "srun"):
        program, rest = "t5study", words[words.index("t5study") + 1 :]
    if program == "python" and rest[0] == "-m" and rest[1] == "benchmarks":
        program, rest = "benchmarks", rest[2:]
    known = {"t5study": has_options, "make": is_a_target, "benchmarks": measures}
    known |= {"python": is_a_module, "pytest": selects_files, "papermill": has_its_files}
    known |= {"pip": installs_what_is_here, "python3": makes_an_environment}
    known |= {"pre-commit": lambda words: words == ["install"], "ruff": lambda words: True}
    known |= {"rm": lambda words: words == ["-rf", ".venv"]}
    assert known[program](rest), f"{page}: {line}"


def has_options(words: list[str]) -> bool:
    """A command of ours takes these options: they are parsed, and nothing is run."""
    group = typer.main.get_command(cli.app)
    if words in ([], ["--help"]):
        return True
    context = group.commands[words[0]].make_context(words[0], list(words[1:]))
    named = context.params.get("only") or []
    return not named or set(named) <= set(load_profile(context.params["profile"]).experiments)


def is_a_target(words: list[str]) -> bool:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    return done.returncode == 0


def measures(words: list[str]) -> bool:
    typer.main.get_command(bench.app).make_context("benchmarks", list(words))
    return True


def is_a_module(words: list[str]) -> bool:
    if words[0] == "-m":
        return importlib.util.find_spec(words[1]) is not None
    return words[0] == "-c"


def selects_files(words: list[str]) -> bool:
    return all((ROOT / word).exists() for word in words if word.startswith("tests"))


def has_its_files(words: list[str]) -> bool:
    return (ROOT / words[0]).is_file() and (ROOT / words[words.index("-f") + 1]).is_file()


def installs_what_is_here(words: list[str]) -> bool:
    return words[0] == "install" and words[-1] in ("requirements.lock", ".", ".[book]")


def makes_an_environment(words: list[str]) -> bool:
    return words == ["-m", "venv", ".venv"]


def test_a_script_of_a_page_is_a_script():
    scripts = [b for page in WITH_COMMANDS for b in SHELL.findall(text_of(page)) if "#!/bin" in b]
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        (line,) = [line for line in lines_of(script) if " -m t5study " in line]
        words = shlex.split(line)
        assert has_options(words[words.index("t5study") + 1 :])


def run_line(line: str, *more: str, cwd: Path = ROOT) -> str:
    return start_line(line, *more, cwd=cwd).stdout


def start_line(line: str, *more: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(line)
    name = program.removeprefix(".venv/bin/")
    start = [sys.executable] if name == "python" else [sys.executable, "-m", name]
    done = subprocess.run([*start, *words, *more], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def line_with(page: str, words: str) -> str:
    return next(line for line in commands_of(page) if words in line)


@pytest.mark.weights
def test_the_readmes_example_is_answered_as_it_says():
    if weights.cached(full_name("minilm")) is None:
        pytest.skip("minilm is not in the cache: t5study fetch --weights")
    text = " ".join(text_of("README.md").split())
    answers = run_line(line_with("README.md", " predict ")).splitlines()
    assert [f"It answers *{answer.split()[0]}*" in text for answer in answers] == [True]


def test_the_commands_without_notebooks_run_one_after_the_other(tmp_path):
    mirror = tmp_path / "mirror" / "models" / "google-t5" / "t5-small"
    mirror.parent.mkdir(parents=True)
    tiny_t5(tmp_path).folder.rename(mirror)
    (tmp_path / "recipe.yaml").write_text("{epochs: 1, batch_size: 8, max_source_length: 32}")
    page, few = "book/running.md", ["--train", "16", "--validation", "8", "--test", "8"]
    small = ["--source", str(tmp_path / "mirror"), *few]
    first = line_with(page, "--out runs/emotion").replace("emotion", "pocket-emotion", 1)
    assert "accuracy" in run_line(first, *small, "--epochs", "1", cwd=tmp_path)
    second = line_with(page, "--recipe recipe.yaml").replace("imdb", "pocket-sentiment")
    assert "accuracy" in run_line(second, *small, cwd=tmp_path)
    assert "accuracy" in run_line(line_with(page, " evaluate "), cwd=tmp_path)
    assert run_line(line_with(page, " predict "), cwd=tmp_path).count("0.") == 6


def test_own_texts_are_learnt_from_answered_and_reported_on_as_their_page_says(tmp_path):
    page = "book/own_texts.md"
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "issues.csv", tmp_path / "book")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.M | re.S)
    shown = [block for language, block in blocks if not language]
    assert text_of("book/issues.csv").startswith(shown[0])
    model = tiny_t5(tmp_path).folder
    (tmp_path / "recipe.yaml").write_text("{min_updates: 0, max_source_length: 32}")
    quick = ["--model", str(model), "--recipe", "recipe.yaml", "--epochs", "1"]
    learn = line_with(page, "finetune --data book/issues.csv")
    done = start_line(learn, *quick, cwd=tmp_path)
    assert shown[1] in done.stderr
    assert done.stdout.splitlines()[0].endswith("runs/issues")
    kinds = {"Bug", "Feature request", "Praise", "Question"}
    said = run_line(line_with(page, "predict runs/issues --text"), cwd=tmp_path)
    assert said.partition("  (")[0] in kinds
    assert run_line(line_with(page, "report"), cwd=tmp_path) == "runs/issues/report.html\n"
    rows = text_of("book/issues.csv").splitlines(keepends=True)[:9]
    for name in ("new.csv", "labelled.csv"):
        (tmp_path / name).write_text("".join(rows))
    run_line(line_with(page, "--data new.csv"), cwd=tmp_path)
    assert "accuracy" in run_line(line_with(page, "--data labelled.csv"), cwd=tmp_path)
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 9


def test_what_there_is_to_run_is_said_before_it_runs():
    said = run_line(line_with("book/running.md", "reproduce --plan"))
    assert "all tasks, T5" in said
    assert re.search(r"\d+ of \d+ runs are there", said)


def test_a_fingerprint_is_computed_as_contributing_says(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), tmp_path / "train.parquet")
    printed = run_line(line_with("CONTRIBUTING.md", "content_fingerprint"), cwd=tmp_path)
    assert re.fullmatch(r"[0-9a-f]{16,}", printed.strip())


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_path_that_a_page_names_is_there(page):
    text = text_of(page)
    named = {path for path in PATH.findall(text) if "NN_" not in path and path != "recipe.yaml"}
    for path in named:
        places = (ROOT, (ROOT / page).parent)
        assert any(any(place.glob(path)) for place in places), f"{page}: {path}"
    for file, name in NAMED.findall(text):
        defined = re.search(rf"^ *(?:def|class) {name}\b|^{name}\b.* = ", text_of(file), re.M)
        assert defined, f"{page}: {file} has no {name}"
    for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text):
        assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"


def test_profiles_are_described_as_they_are():
    rows = re.findall(
        r"^\| `(\w+)` \|.*\| (\d+) (minutes|hours?) \|$", text_of("book/running.md"), re.M
    )
    assert len(rows) == 4
    for name, number, unit in rows:
        profile = yaml.safe_load(text_of(f"notebooks/profiles/{name}.yaml"))["profile"]
        assert profile["budget_minutes"] == int(number) * (1 if unit == "minutes" else 60)


# --- the numbers of README


def readme_numbers() -> Iterator[str]:
    """The pieces of README that hold numbers, each made from what the number comes from."""
    study, report = Study("published"), load_published()

    def score(name: str, metric: str = "accuracy") -> float:
        return mean(run.metrics[metric] for run in study.runs(name))

    def printed(role: str) -> tuple[float, float]:
        table = report.classification_report(role)
        return table.loc["accuracy", "f1"], table.loc["macro avg", "f1"]

    best, tokens = "emotion, T5 80M", study.profile.pretraining
    millions = study.run(best).metrics["parameters"] / 1e6
    yield f"A T5 of {millions:.1f} million weights"
    yield f"on {tokens['t5'].recipe.tokens / 1e6:.0f} million tokens, is ahead of the same network"
    yield f"After {tokens['t5@80M'].recipe.tokens / 1e6:.0f} million tokens the accuracy is"
    yield f"{score(best):.3f} (macro F1 {score(best, 'macro_f1'):.3f})"
    accuracy, macro = printed("emotion")
    baseline = score("emotion, TF-IDF")
    yield f"on word pairs has {baseline:.3f}, and the report {accuracy:.2f} ({macro:.2f})"

    yield f"MiniLM has {score('emotion, MiniLM'):.3f}"
    few = score("emotion, MiniLM, 500 labels"), score("emotion, MiniLM from scratch, 500 labels")
    yield f"an accuracy of {few[0]:.2f}; the same architecture from random weights has {few[1]:.2f}"
    yield f"With {study.experiments['emotion, MiniLM, 500 labels'].labels} labelled messages"
    joy = study.run("emotion, TF-IDF").predictions["label"].value_counts(normalize=True).max()
    yield "always answering *joy* gets" if f"{joy:.2f}" == f"{few[1]:.2f}" else "?"
    gains = []
    for labels in (", 50 labels", ", 500 labels", ", 5000 labels", ""):
        pair = (score(f"sentiment, {model}{labels}") for model in ("T5", "T5 from scratch"))
        gains.append(f"{100 * (next(pair) - next(pair)):.0f}")
    gained = f"{', '.join(gains[:-1])} and {gains[-1]} points of accuracy"
    yield f"by {gained} with 50, 500, 5,000 and all labels"
    best = "sentiment, T5 80M, 512 tokens"
    yield f"From up to {study.recipe(best).max_source_length} tokens of a review it has"
    yield f"an accuracy of {score(best):.3f}; the linear classifier"
    yield f"has {score('sentiment, TF-IDF'):.3f}, the report {printed('sentiment')[0]:.2f}"

    verdicts = profiles.claims("published")["verdict"].value_counts()
    hold = verdicts[["reproduced", "agrees with published"]].sum()
    yield f"Of {verdicts.sum()} statements that can be checked {hold} hold or agree with what was"
    yield f"and {verdicts['corrected']} are corrected"
    yield f"{verdicts['not run']} were not run"
    yield f"T5-base has {t5_parameters('t5-base') / 1e6:.0f} million parameters"
    claim = next(c for c in load_claims() if c.id == "base-has-11b")
    yield f"not {claim.report_value.removesuffix(' B')} billion"

    speed = json.loads((results.RESULTS / "speed.json").read_text())
    rates = {r.method: r.rate for r in results.rows_of(speed["speed"], "training", "emotion")}
    yield "On two cores" if speed["machine"]["cores"] == 2 else "?"
    yield f"passes {rates['ours'] / rates['recipe']:.0f} times as many emotion messages"
    yield f"{rates['ours'] / rates['tuned']:.1f} times as many as a tuned"

    took = json.loads((results.RESULTS / "commands.json").read_text())["seconds"]
    for command, about in (("make html", "{} to {} minutes"), ("make book", "{} to {} minutes")):
        minutes = sorted(seconds / 60 for seconds in took[command].values())
        yield about.format(*(f"{m:.0f}" for m in minutes))
    yield f"in about {max(took['set-up'].values()) / 60:.0f} minutes"
    size = sum(path.stat().st_size for path in (ROOT / "models" / "sentiment").rglob("*.*"))
    yield f"({size / 1e6:.0f} MB)"
    own = finetuning.sentence_table(study, "sentiment")
    right = (own["MiniLM"] == own["meant"]).sum()
    yield f"Of our own {len(own)} sentences, written to be hard, it gets {right} right"
    irony = own[own["kind"] == "irony"]
    yield "and no irony" if (irony["MiniLM"] != irony["meant"]).all() else "?"
    yield "a student's report of 2021"
    yield "Python 3.11 or newer"


def test_every_number_of_the_readme_comes_from_a_record():
    text = " ".join(SHELL.sub("", text_of("README.md")).split())
    for piece in readme_numbers():
        assert piece in text
        text = text.replace(piece, "")
    left = re.findall(r".{0,30}(?<![\w-])\d[\d.,]*.{0,20}", re.sub(r"`[^`]*`|\(\S*\)", "", text))
    assert left == [], "a number that no record gives"
