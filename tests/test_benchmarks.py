"""What the benchmark computes from its measurements, on a miniature."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from tiny import no_hub, tiny_t5
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5ForConditionalGeneration
from typer.testing import CliRunner

from benchmarks import __main__ as cli
from benchmarks import measure, memory, methods, page, results, scoring, turns
from benchmarks.work import Work, spread, training_flops
from t5study.base.errors import StudyError
from t5study.data.casts import cast, label_ids
from t5study.data.encoding import encode
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.models.loading import load_tokenizer


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


class Told:
    """A turn that is always given, and keeps what it is told."""

    def __init__(self) -> None:
        self.answers = []

    def wait(self) -> None:
        pass

    def tell(self, measured: dict) -> None:
        self.answers.append(measured)


def test_clock_scales_the_batches_and_not_the_optimiser(monkeypatch):
    times, seconds = iter([0.0, 3.0, 4.0, 6.0, 8.0, 10.0]), []
    monkeypatch.setattr(measure, "_now", lambda: next(times))
    monkeypatch.setattr(measure.Clock, "_rates", lambda self, *args: seconds.append(args[-1]))
    clock = measure.Clock(8, 20.0, T5Config(), False, Told())
    batch = {"attention_mask": torch.ones(1, 3), "labels": torch.ones(1, 2)}
    for _ in range(2):
        clock.begin()
        clock.saw(batch)
        clock.end()
    # The wait between two turns, from 4 to 6, belongs to neither.
    assert seconds == [8 * 3 + 1, 8 * 2 + 2]


@pytest.mark.parametrize("name", ["recipe", "loop", "default", "tuned", "ours"])
def test_every_update_is_told_with_its_rates(work, tmp_path, name, monkeypatch):
    seen = []
    counted = measure.Clock._rates

    def rates(self, sources, targets, positions, seconds):
        seen.append((sources, targets, positions))
        return counted(self, sources, targets, positions, seconds)

    monkeypatch.setattr(measure, "matmul_peak", lambda: 1e12)
    monkeypatch.setattr(measure.Clock, "_rates", rates)
    examples = methods.BATCH if name == "ours" else 32
    monkeypatch.setattr(methods, "examples_run", lambda name, task: examples)
    monkeypatch.setitem(methods.PEERS, "tuned", replace(methods.PEERS["tuned"], rows={"any": 16}))
    turn, model = Told(), work.model()
    scale = methods.BATCH / examples
    clock = measure.Clock(scale, 20.0, model.config, methods.packs(name), turn)
    before = model.shared.weight.detach().clone()
    methods.run(name, work, model, 2, tmp_path, clock)
    assert not torch.equal(before, model.shared.weight.cpu())
    for (sources, targets, positions), told in zip(seen, turn.answers, strict=True):
        assert len(sources) == len(targets) == examples
        assert set(targets) <= {len(ids) for ids in work.labels}
        assert told["padding"] == pytest.approx(1 - sources.sum() / positions)
        # Examples of the length that all rows have on average, whatever the measured ones had.
        assert told["tokens_per_second"] / told["examples_per_second"] == pytest.approx(20)
        if name == "recipe":
            assert positions == 32 * 512
    assert len(turn.answers) == 2


def test_trainer_adds_up_the_losses_that_it_should_average(work, tmp_path, monkeypatch):
    losses = []
    for rows in (8, 128):
        peer = replace(methods.PEERS["default"], rows={"any": rows})
        monkeypatch.setitem(methods.PEERS, "default", peer)
        trainer = methods._peer("default", work, work.model(), 1, tmp_path)
        losses.append(trainer.train().training_loss)
    assert losses[0] == pytest.approx(16 * losses[1], rel=0.05)


def test_a_few_rows_are_spread_like_all():
    lengths = np.random.default_rng(0).geometric(0.05, size=2000)
    for rows in (1, 16):
        chosen = spread(lengths, 64, rows, seed=3)
        assert len(chosen) == 64
        assert lengths[chosen].mean() == pytest.approx(lengths.mean(), rel=0.15)
        assert chosen.tolist() == spread(lengths, 64, rows, seed=3).tolist()
    batches = lengths[spread(lengths, 64, 16, seed=3)].reshape(4, 16)
    assert (np.ptp(batches, axis=1) < np.ptp(lengths)).all()


def test_each_way_is_asked_for_texts_spread_like_all(work, monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", {"greedy": (32, 8), "ours": (32, 1)})
    padding = {}
    for name in scoring.ROWS:
        part = work.only(scoring.chosen(name, work))
        assert part.tokens_an_example == pytest.approx(work.tokens_an_example, rel=0.15), name
        lengths = [len(ids) for ids in part.encoded.data["source"]]
        assert lengths == part.encoded.source_lengths.tolist()
        batches = np.sort(part.encoded.source_lengths).reshape(4, 8)
        padding[name] = 1 - batches.mean() / batches.max(axis=1).mean()
    # Sorted and taken eight at a time, what is meant for sorting pads less.
    assert padding["greedy"] < padding["ours"] / 2


@pytest.mark.parametrize("name", scoring.TITLES)
def test_every_way_of_asking_is_told_with_its_rates(work, name, monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", dict.fromkeys(scoring.TITLES, (16, 1)))
    monkeypatch.setattr(scoring.Work, "load", lambda *_, **__: work)
    turn = Told()
    scoring.score(turns.Job("scoring", name, "imdb", 256, 1, 2, None), turn)
    assert len(turn.answers) == 3
    for told in turn.answers:
        ratio = told["tokens_per_second"] / told["examples_per_second"]
        assert ratio == pytest.approx(work.tokens_an_example)


def measured(kind: str, task: str, method: str, *rates: float) -> dict:
    found = {"kind": kind, "task": task, "method": method, "source": "/somewhere/private"}
    found |= {"examples_per_second": rates, "tokens_per_second": [1.0]}
    found |= {"peak_memory_bytes": [2**30]}
    if kind == "training":
        found |= {"flops": [2e9, 3e9, 4e9], "padding": [0.1], "peak_flops": [11e9, 12e9, 10e9]}
    return found


RATES = [
    *(measured("training", task, "recipe", 1.0, 2.0, 1.5) for task in ("emotion", "imdb")),
    *(measured("training", task, "tuned", 15.0) for task in ("emotion", "imdb")),
    *(measured("training", task, "ours", 100.0, 200.0, 150.0) for task in ("emotion", "imdb")),
    *(measured("scoring", "imdb", name, rate) for name, rate in [("beams", 1.0), ("greedy", 2.0)]),
    measured("scoring", "imdb", "ours", 10.0),
]


def test_rows_compare_medians_with_the_reports_way():
    recipe, _, ours = results.rows_of(RATES, "training", "emotion")
    assert (recipe.rate, recipe.times, ours.times) == (1.5, 1.0, 100.0)
    assert ours.spread == (100.0, 200.0)
    assert ours.cells()[5] == "25%"


def test_hours_are_computed_from_the_rates():
    *_, ours = results.hours(RATES)
    # 32,000 and 45,000 examples at 150 a second, 25,000 labels at 10.
    assert ours[1:] == ("0.06", "0.08", "0.69", "0.84")
    assert results.hours(RATES[:-1]) == []


def test_the_book_shows_every_comparison_and_no_path(tmp_path):
    book = tmp_path / "book"
    (book / "_static").mkdir(parents=True)
    results.write_speed(tmp_path, RATES)
    assert "private" not in (tmp_path / "speed.json").read_text()
    page.write(tmp_path, book)
    text = (book / "_speed.md").read_text()
    for name in ("emotion-training", "imdb-training", "imdb-scoring", "hours"):
        assert f":name: tab-bench-{name}\n" in text
    assert "Not measured there: a plain loop" in text
    assert (book / "_static" / "speed.svg").is_file()
    assert "Not run" in (book / "_memory.md").read_text()


def test_the_books_tables_are_those_of_the_results():
    for name, text in (
        ("_speed.md", page.speed(results.RESULTS)),
        ("_memory.md", page.memory_tables(results.RESULTS)),
    ):
        assert (page.BOOK / name).read_text() == text, "run `python -m benchmarks.page`"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "mnist"], "mnist"),
        (["--method", "magic"], "magic"),
        # A part does not replace the whole.
        (["--task", "emotion"], "name its folder with --out"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, said):
    outcome = CliRunner().invoke(cli.app, arguments)
    assert isinstance(outcome.exception, StudyError)
    assert said in str(outcome.exception)


def test_a_run_measures_every_way_and_writes_it(tmp_path, monkeypatch):
    asked = []

    def taken(jobs, said):
        asked.append([job.method for job in jobs])
        return [measured(job.kind, job.task, job.method, 1.0) | asdict(job) for job in jobs]

    monkeypatch.setattr(cli, "take_turns", taken)
    outcome = CliRunner().invoke(cli.app, ["--task", "emotion", "--out", str(tmp_path)])
    assert outcome.exception is None, outcome.output
    # Memory does not hold all at once.
    assert asked == [[name for name in methods.TITLES if name != "ours-padded"], ["ours-padded"]]
    assert len(json.loads((tmp_path / "speed.json").read_text())["speed"]) == len(methods.TITLES)


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


def test_memory_needs_are_ordered_and_written(tmp_path):
    memory.main(tmp_path)
    content = json.loads((tmp_path / "memory.json").read_text())
    keys = ("model", "precision", "optimizer", "length")
    needs = {tuple(need[key] for key in keys): need for need in content["needs"]}
    long = needs["t5-base", "fp32", "adamw", 512]
    assert long["example"] > 4 * needs["t5-base", "fp32", "adamw", 128]["example"]
    assert needs["t5-base", "bf16", "adamw", 512]["example"] < long["example"]
    assert needs["t5-base", "fp32", "adafactor", 512]["fixed"] < long["fixed"]
    assert "| t5-base | fp32 | adamw | 512 |" in page.memory_tables(tmp_path)


@pytest.mark.parametrize(
    ("step", "batches"), [(1, [0, 1, 2, 10]), (5, [0, 0, 0, 10])], ids=["passes", "optimiser"]
)
def test_the_largest_batch_leaves_what_the_driver_takes(step, batches):
    need = memory.Need(
        "t5-small", "fp32", "adamw", 512, 1.2 * memory.GB, memory.GB, step * memory.GB
    )
    assert [need.largest_batch(card) for card in (2, 3, 4, 12)] == batches


def test_estimates_stand_beside_what_was_measured():
    text = page.memory_tables(results.RESULTS)
    checked = json.loads((results.RESULTS / "memory-checked.json").read_text())
    assert f"measurements on one {checked['device']}" in text
    need = checked["needs"][0]
    assert f"| {need['fixed'] / 1e9:.2f} |" in text.partition("tab-bench-memory-checked")[2]
