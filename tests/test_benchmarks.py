"""What the benchmark computes from its measurements, on a miniature."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from tiny import no_hub, tiny_t5
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5ForConditionalGeneration
from typer.testing import CliRunner

from benchmarks import __main__ as cli
from benchmarks import (
    agreement,
    gpu,
    growth,
    headline,
    learning,
    measure,
    memory,
    methods,
    page,
    report,
    scoring,
    turns,
)
from benchmarks.work import PRETRAINING, Work, corrupted, spread, training_flops
from t5study import commands
from t5study.base.errors import StudyError
from t5study.base.precision import resolve_precision
from t5study.data.batches import encode
from t5study.data.casts import cast, label_ids
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.models.loading import load_tokenizer, save_model
from t5study.runs.record import Run


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Work:
    checkpoint = tiny_t5(tmp_path_factory.mktemp("tiny"))
    tokenizer, task = load_tokenizer(checkpoint), get_task("pocket-sentiment")
    table = cast(task, split_rows(task, no_hub(), "train", 256))
    encoded = encode(table, tokenizer, 64, 16)
    return Work(task.name, encoded, tokenizer, checkpoint, label_ids(task, tokenizer))


@pytest.fixture(autouse=True)
def _logging_comes_back():
    """The commands silence warnings in their process, which here is that of all tests."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    for module in (methods, scoring):
        monkeypatch.setattr(module, "speed_up", lambda *_, **__: None)


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
def test_flops_are_those_that_torch_counts(feed_forward):
    config = T5Config(
        vocab_size=50,
        d_model=24,
        d_kv=4,
        d_ff=40,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=4,
        feed_forward_proj=feed_forward,
    )
    config._attn_implementation = "eager"
    model = T5ForConditionalGeneration(config)
    with FlopCounterMode(display=False) as counter:
        logits = model(
            input_ids=torch.ones(3, 7, dtype=torch.long),
            decoder_input_ids=torch.ones(3, 2, dtype=torch.long),
            use_cache=False,
        ).logits
        logits.sum().backward()
    expected = training_flops(config, np.full(3, 7), np.full(3, 2))
    assert counter.get_total_flops() == pytest.approx(expected)


def test_pretraining_windows_fill_the_input(work):
    windows = corrupted(["one two three four five " * 400] * 3, work.tokenizer)
    assert set(windows.source_lengths) == {512}
    assert len(set(windows.target_lengths)) == 1
    row = windows.data[0]
    assert row["source"][-1] == row["target"][-1] == work.tokenizer.eos_token_id


def test_pretraining_is_measured_on_the_rows_of_a_task(work, monkeypatch):
    task = get_task("pocket-sentiment")
    monkeypatch.setattr("benchmarks.work.get_task", lambda name: task)
    monkeypatch.setattr("benchmarks.work.open_checkpoint", lambda hub, repo: work.checkpoint)
    loaded = Work.load(PRETRAINING, None, 64)
    assert set(loaded.encoded.source_lengths) == {512}
    assert len(loaded.data) == len(loaded.encoded) > 0


class Told:
    """A turn that is always given, and keeps what it is told."""

    def __init__(self) -> None:
        self.answers = []

    def wait(self) -> None:
        pass

    def tell(self, measured: dict) -> None:
        self.answers.append(measured)


def test_clock_scales_the_batches_and_not_the_optimiser(monkeypatch):
    times, seconds = iter([0.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0]), []
    monkeypatch.setattr(measure, "_now", lambda: next(times))
    monkeypatch.setattr(measure.Clock, "_measured", lambda self, _, s: seconds.append(s))
    state = SimpleNamespace(global_step=0, max_steps=2)
    trainer = SimpleNamespace(training_step=lambda *_: None, state=state)
    clock = measure.Clock(
        scale=8, tokens_an_example=20, ledger=measure.Ledger(trainer), turn=Told()
    )
    clock.on_train_begin(None, state, None)
    for state.global_step in (1, 2):
        trainer.training_step(None, {"attention_mask": None, "labels": None})
        clock.on_step_end(None, state, None)
    # The wait between two turns, from 4 to 6, belongs to neither.
    assert seconds == [8 * 3 + 1, 8 * 2 + 2]


@pytest.mark.parametrize("name", ["default", "tuned-mended", "ours"])
def test_every_whole_update_sees_the_effective_batch(work, tmp_path, name):
    trainer = methods.build(name, work, 2, tmp_path)
    ledger = measure.Ledger(trainer)
    trainer.train()
    assert sorted(ledger.updates) == [0, 1]
    for update in ledger.updates:
        sources, targets, positions = ledger.lengths(update)
        assert len(sources) == len(targets) == methods.BATCH
        assert set(targets) <= {len(ids) for ids in work.labels}
        assert positions >= sources.sum()


@pytest.mark.parametrize("name", ["recipe", "default", "tuned", "ours"])
def test_every_measured_update_is_told_with_its_rates(work, tmp_path, name, monkeypatch):
    monkeypatch.setattr(measure, "matmul_peak", lambda: 1e12)
    monkeypatch.setattr(methods, "examples_run", lambda name, task: 32)
    few = replace(methods.PEERS["tuned"], rows={"any": 16})
    monkeypatch.setitem(methods.PEERS, "tuned", few)
    run = methods.build_measured(name, work, 2, tmp_path)
    turn, ledger = Told(), measure.Ledger(run.trainer)
    run.trainer.add_callback(measure.Clock(run.scale, 20.0, ledger, turn))
    run.trainer.train()
    assert run.scale == 4
    assert len(turn.answers) == 2
    for update, told in enumerate(turn.answers):
        sources, targets, positions = ledger.lengths(update)
        assert len(sources) == 32
        assert told["padding"] == pytest.approx(1 - sources.sum() / positions)
        # Examples of the length that all rows have on average, whatever the measured ones had.
        assert told["tokens_per_second"] / told["examples_per_second"] == pytest.approx(20)
        assert (sources.sum() + targets.sum()) / 32 != pytest.approx(20)
        if name == "recipe":
            assert positions == 32 * 512


def test_a_few_rows_are_spread_like_all():
    lengths = np.random.default_rng(0).geometric(0.05, size=2000)
    for rows in (1, 16):
        chosen = spread(lengths, 64, rows, seed=3)
        assert len(chosen) == 64
        assert lengths[chosen].mean() == pytest.approx(lengths.mean(), rel=0.15)
        assert chosen.tolist() == spread(lengths, 64, rows, seed=3).tolist()
    batches = lengths[spread(lengths, 64, 16, seed=3)].reshape(4, 16)
    assert (np.ptp(batches, axis=1) < np.ptp(lengths)).all()


@pytest.mark.parametrize("name", ["tuned-mended", "ours"])
def test_learning_is_judged_in_float32_whatever_it_was_trained_in(work, tmp_path, name):
    trainer, kinds = methods.build(name, work, 1, tmp_path), []
    trainer.train()
    trainer.model.encoder.block[0].layer[0].SelfAttention.q.register_forward_hook(
        lambda module, inputs, output: kinds.append(output.dtype)
    )
    ids = torch.ones(1, 4, dtype=torch.long)
    trainer.model(input_ids=ids, decoder_input_ids=ids)
    learning.plain(trainer)(input_ids=ids, decoder_input_ids=ids)
    trained_in = torch.bfloat16 if resolve_precision("auto") == "bf16" else torch.float32
    assert kinds == [trained_in, torch.float32]


def test_each_way_is_asked_for_texts_spread_like_all(work, monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", {"greedy": (32, 8), "ours": (32, 1)})
    asked = {name: work.only(scoring.chosen(name, work)) for name in scoring.ROWS}
    for name, part in asked.items():
        assert len(part.encoded) == len(part.encoded.data) == 32
        assert part.tokens_an_example == pytest.approx(work.tokens_an_example, rel=0.15), name
        lengths = [len(ids) for ids in part.encoded.data["source"]]
        assert lengths == part.encoded.source_lengths.tolist()
    # Sorted and taken eight at a time, what is meant for sorting pads less.
    padding = {}
    for name, part in asked.items():
        batches = np.sort(part.encoded.source_lengths).reshape(4, 8)
        padding[name] = 1 - batches.mean() / batches.max(axis=1).mean()
    assert padding["greedy"] < padding["ours"] / 2


def test_mending_the_accumulation_gives_the_mean_loss(work, tmp_path):
    losses = {}
    for name in ("default", "default-mended", "ours"):
        trainer = methods.build(name, work, 1, tmp_path)
        trainer.train()
        losses[name] = trainer.state.log_history[-1]["train_loss"]
    # All start from the same weights. As it is, Trainer sums the means of 16 batches.
    assert losses["default-mended"] == pytest.approx(losses["ours"], rel=0.05)
    assert losses["default"] == pytest.approx(16 * losses["default-mended"], rel=0.05)


def test_generation_and_scores_answer_in_row_order(work):
    model = work.model().eval()
    answers = {name: answer(model, work) for name, answer in scoring.ANSWERS.items()}
    count = len(work.encoded)
    assert all(len(given) == count for given in answers.values())
    assert set(answers["ours"]) <= set(range(len(work.labels)))
    assert set(answers["greedy"]) <= {scoring.OTHER, *range(len(work.labels))}


def results() -> list[dict]:
    def training(method: str, rate: float) -> dict:
        return {
            "kind": "training",
            "task": "emotion",
            "method": method,
            "source": "/somewhere/private",
            "examples_per_second": [rate, 2 * rate, 1.5 * rate],
            "tokens_per_second": [1.0],
            "flops": [2e9, 3e9, 4e9],
            "padding": [0.1],
            "peak_flops": [11e9, 12e9, 10e9],
            "peak_memory_bytes": [2**30],
        }

    def answers(method: str) -> dict:
        rates = {"examples_per_second": [5.0], "peak_memory_bytes": [2**30]}
        return {"kind": "scoring", "task": "imdb", "method": method} | rates

    return [
        training("recipe", 1.0),
        training("ours", 100.0),
        answers("beams"),
        answers("ours"),
    ]


def test_rows_compare_medians_with_the_reports_way():
    recipe, ours = report.rows_of(results(), "training", "emotion")
    assert (recipe.rate, recipe.times, ours.times) == (1.5, 1.0, 100.0)
    assert ours.spread == (100.0, 200.0)
    assert ours.peak_share == pytest.approx(0.25)


def test_agreement_counts_only_where_generation_wrote_a_label():
    written, scored = np.array([0, 1, scoring.OTHER, 1]), np.array([0, 1, 0, 0])
    found = agreement.agreement(written, scored)
    assert found == {"wrote": 3, "same": pytest.approx(2 / 3)}
    silent = np.full(4, scoring.OTHER)
    assert agreement.agreement(silent, scored) == {"wrote": 0, "same": None}


def test_a_learnt_model_writes_labels_and_the_scores_name_them(tmp_path, monkeypatch, work):
    # Any change of sizes brings the learning rate of small models.
    small = replace(work, sizes={"d_ff": 48})
    trainer = methods.build("ours", small, 24, tmp_path)
    trainer.train()
    save_model(trainer.model, work.tokenizer, tmp_path / "model")
    monkeypatch.setattr(agreement.Work, "load", lambda *_, **__: small)
    agreement.main(tmp_path / "model", out=tmp_path)
    found = json.loads((tmp_path / "agreement.json").read_text())
    assert found["run"] == tmp_path.name
    assert found["rows"] == len(work.encoded)
    for pair in found["pairs"]:
        assert pair["wrote"] == found["rows"]
        # Beam search divides by the length, and these labels are not of one length.
        if (pair["generation"], pair["scores"]) == ("greedy", resolve_precision("auto")):
            assert pair["same"] == 1.0
    assert "scores name it too" in page._agreement(found)


def said_of(record: Path, **changes: Any) -> None:
    path = record / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def short_runs(tmp_path, monkeypatch):
    """Fine-tunings of the headline cut short, on a mirror without weights."""
    mirror = tmp_path / "mirror"
    (mirror / "models" / "google-t5").mkdir(parents=True)
    tiny_t5(tmp_path).folder.rename(mirror / "models" / "google-t5" / "t5-small")
    (mirror / "models" / "google-t5" / "t5-small" / "model.safetensors").unlink()
    monkeypatch.setenv("T5STUDY_STORE", str(tmp_path / "store"))

    def short(task, model, recipe, changes, limits, **rest):
        assert changes == {"compile": True}
        assert limits == {}
        few = {"train": 32, "validation": 8, "test": 8}
        run = commands.finetune(task, model, recipe, {"epochs": 1}, few, **rest)
        # Compiling takes longer than all the rest of the test.
        said_of(run.path, compilation="compiled 12 blocks")
        return Run(run.path)

    monkeypatch.setattr(report, "WHOLE", {"pocket-emotion": 32, "pocket-sentiment": 32})
    monkeypatch.setattr(headline, "finetune", short)
    return mirror


def test_headline_is_what_the_records_say(short_runs, tmp_path):
    tasks = ["pocket-emotion", "pocket-sentiment"]
    headline.main(short_runs, tasks, tmp_path)
    content = json.loads((tmp_path / "headline.json").read_text())
    assert [run["task"] for run in content["runs"]] == tasks
    for run in content["runs"]:
        assert run["seconds"] > run["seconds_of_training"] + run["seconds_of_test"] > 0
        assert run["test_rows"] == 8
    content["runs"][0]["seconds"], content["runs"][1]["seconds"] = 600.0, 5430.0
    shown = page._headline(content)
    assert "Together 100 minutes, where 75 were aimed at." in shown
    assert "| 90.5 |" in shown


def test_an_interrupted_headline_is_no_measurement(short_runs, tmp_path):
    headline.main(short_runs, ["pocket-emotion"], tmp_path)
    (made,) = (tmp_path / "store").glob("*/")
    assert "Together" not in page._headline(json.loads((tmp_path / "headline.json").read_text()))
    (tmp_path / "headline.json").unlink()
    said_of(made, resumed_from=3)
    with pytest.raises(StudyError, match="was interrupted"):
        headline.main(short_runs, ["pocket-emotion"], tmp_path)
    said_of(made, resumed_from=0, device="another processor")
    with pytest.raises(StudyError, match="made on another processor"):
        headline.main(short_runs, ["pocket-emotion"], tmp_path)
    with pytest.raises(StudyError, match="no task 'stsb' here"):
        headline.main(short_runs, ["stsb"], tmp_path)
    assert not (tmp_path / "headline.json").exists()


def test_what_was_not_compiled_is_no_headline(short_runs, tmp_path):
    headline.main(short_runs, ["pocket-emotion"], tmp_path)
    (made,) = (tmp_path / "store").glob("*/")
    said_of(made, compilation="not compiled: switched off")
    with pytest.raises(StudyError, match=r"\(not compiled: switched off\): name another folder"):
        headline.found(Run(made))


def test_a_part_of_the_benchmarks_does_not_replace_the_whole():
    outcome = CliRunner().invoke(cli.app, ["--part", "growth"])
    assert isinstance(outcome.exception, StudyError)
    assert "name its folder with --out" in str(outcome.exception)


@pytest.fixture
def filled(tmp_path) -> report.Results:
    kept = report.Results.opened(tmp_path / "results")
    kept.add(results()[:2])
    kept.add(results()[2:])
    # Half a second and two tokens before the clock: 1.0 s for 8 tokens, then 5.225 s for 38.
    start = {"start_seconds": 0.5, "start_tokens": 2}
    kept.growth = growth.compared(
        [
            start | {"examples": 1000, "tokens": 10, "seconds": 1.5, "peak_memory_bytes": 100},
            start | {"examples": 4000, "tokens": 40, "seconds": 5.725, "peak_memory_bytes": 101},
        ]
    )
    found = {name: [1.0, 1.1, 1.2] for name in learning.METHODS}
    kept.learning = {"examples": 2048, "methods": learning.judged(found)}
    return kept


def test_results_are_whole_files_without_paths(filled):
    filled.finish()
    text = (filled.folder / "speed.json").read_text()
    content = json.loads(text)
    assert content["machine"]["libraries"]["torch"]
    assert "private" not in text
    names = sorted(path.name for path in filled.folder.iterdir())
    assert names == ["speed.json", "speed.png", "speed.svg"]


def test_an_unfinished_run_continues_and_a_finished_one_begins_anew(filled, monkeypatch):
    filled.write()
    assert report.Results.opened(filled.folder) == filled
    monkeypatch.setattr(report, "machine", lambda: {"device": "another"})
    assert report.Results.opened(filled.folder).speed == []
    monkeypatch.undo()
    filled.finish()
    assert report.Results.opened(filled.folder).speed == []


def test_growth_takes_the_median_of_its_turns(monkeypatch):
    asked = []

    def answer(module: str, arguments: list[str]) -> dict:
        job = json.loads(arguments[0])
        asked.append(job["examples"])
        # The second turn is slow.
        slow = 3 if len(asked) in (4, 5, 6) else 1
        start = {"start_seconds": 1.0, "start_tokens": 0}
        examples = job["examples"]
        seconds = 1 + slow * examples / 1000
        memory = {"peak_memory_bytes": 100 + slow}
        return start | memory | {"examples": examples, "tokens": examples, "seconds": seconds}

    monkeypatch.setattr(cli, "answer_of", answer)
    found = cli._growth(None)
    assert asked == [*growth.SIZES] * growth.TURNS
    assert [size["time_per_token"] for size in found] == pytest.approx([1, 1, 1])
    assert [size["peak_memory_bytes"] for size in found] == [101, 101, 101]


def test_growth_is_judged(filled):
    assert filled.growth[1]["time_per_token"] == pytest.approx(1.1)
    assert filled.growth[1]["memory"] == pytest.approx(1.01)


def test_the_kept_losses_are_those_of_each_seed():
    kept = learning.judged({"default": [1.0, 1.01, 0.99], "ours": [1.2, 1.21, 1.19]})
    assert kept["default"]["losses"] == [1.0, 1.01, 0.99]
    assert kept["default"]["mean"] == pytest.approx(1.0)
    assert kept["default"]["ours_above_by"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("ours", "shown"),
    [
        # The seeds lie far apart, the differences do not.
        ([0.90, 1.11, 1.29], ("+0.100", "+0.075 to +0.125", "higher")),
        ([0.70, 0.91, 1.09], ("-0.100", "-0.125 to -0.075", "lower")),
        ([0.90, 1.00, 1.40], ("+0.100", "-0.148 to +0.348", "not told apart")),
    ],
)
def test_losses_are_compared_seed_by_seed(ours, shown):
    found = {"methods": {name: {"losses": [0.8, 1.0, 1.2]} for name in ("default", methods.OURS)}}
    found["methods"][methods.OURS]["losses"] = ours
    theirs, mine = report.learning_lines(found)
    assert theirs[1:] == ("1.000", "0.800 1.000 1.200", *shown)
    assert mine[3:] == ("", "", "")


def test_goals_name_what_was_reached(filled):
    reached = {goal["what"]: goal["reached"] for goal in report.goals(filled.speed)}
    (training,) = (value for what, value in reached.items() if "recipe" in what)
    assert training == pytest.approx(100)


def test_whole_fine_tunings_are_computed_from_the_rates():
    def measured(kind: str, task: str, method: str, rate: float) -> dict:
        flops, peak = ([rate * 1e9], [1e12]) if kind == "training" else ([], [])
        return {
            **{"kind": kind, "task": task, "method": method, "examples_per_second": [rate]},
            **{"flops": flops, "peak_flops": peak},
        }

    speeds = {"recipe": 1.0, "tuned": 10.0, methods.OURS: 100.0}
    answers = {"beams": 1.0, "greedy": 2.0, "ours": 10.0}
    found = [
        measured("training", task, name, rate)
        for task in report.WHOLE
        for name, rate in speeds.items()
    ] + [measured("scoring", "imdb", name, rate) for name, rate in answers.items()]
    *_, ours, bound = report.whole_lines(found)
    # 32,000 and 45,000 examples at 100 a second, 25,000 labels at 10.
    assert ours[1:] == ("0.09", "0.12", "0.69", "0.91")
    # A gigaflop an example, at a teraflop a second: a label takes a third.
    assert bound[1:] == ("0.01", "0.01", "0.00", "0.02")
    assert report.whole_lines(found[:-1]) == []


def test_short_queries_spare_at_most_what_is_said():
    # T5Config's defaults are t5-small's: 6 layers, of which the decoder's keys and values cost
    # two products of 512 by 512 for each token of a source.
    per_token = training_flops(T5Config(), np.array([1]), np.array([0])) - 12 * 512 * 6
    assert pytest.approx(6 * (6 * 2 * 512 * 512) / per_token) == report.SPARED


@pytest.mark.parametrize(("hours", "said"), [(1.6, "no code"), (1.4, "are more than that")])
def test_the_bound_leaves_out_what_is_spared(hours, said):
    shown = page._bound(hours)
    assert f"{hours * 6 / 7:.2f} hours" in shown
    assert said in shown


def test_the_book_shows_every_part_of_the_results(filled, tmp_path):
    filled.finish()
    book = tmp_path / "book"
    (book / "_static").mkdir(parents=True)
    page.write(filled.folder, book)
    text = (book / "_speed.md").read_text()
    for name in ("emotion-training", "imdb-scoring", "goals", "growth", "learning"):
        assert f":name: tab-bench-{name}\n" in text
    assert "fig-bench-speed" in text
    assert (book / "_static" / "speed.svg").is_file()
    assert "Not run" in (book / "_memory.md").read_text()


def test_the_books_tables_are_those_of_the_kept_results():
    for name, text in (
        ("_speed.md", page.speed(page.RESULTS)),
        ("_memory.md", page.memory_table(page.RESULTS)),
    ):
        assert (page.BOOK / name).read_text() == text, "run `python -m benchmarks.page`"


def test_table_has_a_line_a_method():
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(
        report.table("training", "emotion", report.rows_of(results(), "training", "emotion"))
    )
    text = console.export_text()
    assert "this study" in text
    assert "25%" in text


@pytest.mark.parametrize(
    ("option", "value"), [("--task", "mnist"), ("--method", "magic"), ("--part", "luck")]
)
def test_unknown_names_are_refused(option, value):
    outcome = CliRunner().invoke(cli.app, [option, value])
    assert isinstance(outcome.exception, StudyError)
    assert value in str(outcome.exception)


def test_a_run_measures_what_is_missing_and_keeps_it(filled, monkeypatch):
    asked = []

    def turns(jobs, said):
        asked.append({(job.task, job.kind) for job in jobs})
        return [{**asdict(job), **results()[0], "method": job.method} for job in jobs]

    filled.write()
    monkeypatch.setattr(cli, "take_turns", turns)
    outcome = CliRunner().invoke(
        cli.app, ["--task", "emotion", "--task", "imdb", "--out", str(filled.folder)]
    )
    assert outcome.exception is None, outcome.output
    # Emotion and the scoring of IMDB were there, as were growth and learning.
    assert asked == [{("imdb", "training")}]
    assert json.loads((filled.folder / "speed.json").read_text())["finished"]


WORKER = """
import json, sys
from benchmarks.turns import Turn
turn, job = Turn(), json.loads(sys.argv[1])
print("a library says something")
for number in range(job["warm_up"] + job["repeats"]):
    turn.wait()
    if job["method"] == "broken" and number == 2:
        raise ValueError("no data")
    turn.tell({"examples_per_second": number})
"""


@pytest.fixture
def workers(tmp_path, monkeypatch):
    """Measuring processes without a model."""
    (tmp_path / "worker.py").write_text(WORKER)
    start = turns.subprocess.Popen

    def popen(command, **settings):
        root = str(page.BOOK.parent)
        settings["env"] |= {"PYTHONPATH": os.pathsep.join((root, settings["env"]["PYTHONPATH"]))}
        return start([sys.executable, str(tmp_path / "worker.py"), command[-1]], **settings)

    monkeypatch.setattr(turns.subprocess, "Popen", popen)


def job(method: str, warm_up: int = 1) -> turns.Job:
    return turns.Job("training", method, "emotion", 8, warm_up, 2, None)


def test_methods_take_turns_and_their_warm_up_is_left_out(workers):
    said = []
    found = turns.take_turns([job("a"), job("b", warm_up=3)], said.append)
    assert [result["method"] for result in found] == ["a", "b"]
    assert [result["examples_per_second"] for result in found] == [[1, 2], [3, 4]]
    assert said[-1] == "repeat 2 of 2"


def test_a_failing_measurement_says_why(workers):
    with pytest.raises(StudyError, match="'broken' on emotion failed: ValueError: no data"):
        turns.take_turns([job("a"), job("broken")], lambda text: None)


@pytest.fixture
def tiny_size(monkeypatch):
    monkeypatch.setattr(memory, "SIZES", {"tiny": (32, 64, 8, 4, 2)})


def test_memory_kept_for_backward_is_what_a_real_step_keeps(tiny_size):
    config = memory.architecture("tiny")
    model = T5ForConditionalGeneration(config).train()
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(
            input_ids=torch.ones(3, 40, dtype=torch.long),
            decoder_input_ids=torch.ones(3, memory.TARGET_LENGTH, dtype=torch.long),
            use_cache=False,
        ).logits
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), torch.ones(3 * memory.TARGET_LENGTH, dtype=torch.long)
        )
    expected = sum(storage.nbytes() for storage in kept.values())
    assert loss.isfinite()
    assert memory.kept_for_backward("tiny", "fp32", 40, rows=3) == pytest.approx(expected, rel=0.02)


def test_memory_needs_are_ordered(tiny_size):
    needs = {(n.precision, n.optimizer, n.length): n for n in memory.estimates()}
    long, short = needs["fp32", "adamw", 512], needs["fp32", "adamw", 128]
    assert long.example > 4 * short.example
    assert needs["bf16", "adamw", 512].example < long.example
    assert needs["fp32", "adafactor", 512].fixed < long.fixed
    assert long.fixed == pytest.approx(16 * memory.parameters("tiny"), rel=0.2)


def test_largest_batch_leaves_what_the_driver_takes():
    need = memory.Need("t5-small", "fp32", "adamw", 512, 1.2 * memory.GB, memory.GB, memory.GB)
    assert [need.largest_batch(card) for card in (2, 3, 4, 12)] == [0, 1, 2, 10]


def test_a_step_that_does_not_fit_leaves_no_room_for_an_example():
    need = memory.Need("t5-small", "fp32", "adafactor", 512, memory.GB, memory.GB, 5 * memory.GB)
    assert [need.largest_batch(card) for card in (4, 12)] == [0, 10]
    assert need.one_example == 5 * memory.GB


def test_the_gpu_benchmark_says_where_it_can_run(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StudyError, match="there is no GPU here"):
        gpu.main()


def test_the_gpu_benchmark_keeps_the_reason_of_a_failure(monkeypatch):
    monkeypatch.setattr(turns.sys, "executable", "false")
    assert gpu.apart("sdpa", None) == {
        "attention": "sdpa",
        "failed": "benchmarks.gpu failed: it said nothing",
    }
    rows = list(gpu.table([{"attention": "sdpa", "failed": "no memory"}]).columns[1].cells)
    assert rows == ["failed"]


def test_estimates_stand_beside_what_was_measured(tmp_path):
    need = {"model": "tiny", "precision": "fp32", "optimizer": "adamw", "length": 512}
    sizes = {"fixed": 2.0e9, "example": 1.0e9, "step": 1.0e9}
    batches = {"largest_batch": dict.fromkeys(map(str, memory.CARDS), 1)}
    estimated = {"measured": False, "needs": [need | sizes | batches]}
    (tmp_path / "memory.json").write_text(json.dumps(estimated))
    assert "measurements" not in page.memory_table(tmp_path)
    checked = {"device": "a GPU", "needs": [need | {"fixed": 2.5e9, "example": 0.8e9}]}
    (tmp_path / "memory-checked.json").write_text(json.dumps(checked))
    text = page.memory_table(tmp_path)
    assert "| tiny | fp32 | adamw | 512 | 2.00 | 2.50 | 1.00 | 0.80 |" in text
    assert "one a GPU" in text
