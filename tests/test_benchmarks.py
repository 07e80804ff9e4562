"""What the benchmark computes from its measurements, on a miniature."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rich.console import Console
from tiny import no_hub, tiny_t5
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5ForConditionalGeneration
from typer.testing import CliRunner

from benchmarks import __main__ as cli
from benchmarks import measure, memory, methods, report, scoring
from benchmarks.work import Work, corrupted, training_flops
from t5study.batches import encode
from t5study.checkpoints import load_tokenizer
from t5study.errors import StudyError
from t5study.tasks import cast, get_task, label_ids, split_rows


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Work:
    checkpoint = tiny_t5(tmp_path_factory.mktemp("tiny"))
    tokenizer, task = load_tokenizer(checkpoint), get_task("pocket-sentiment")
    table = cast(task, split_rows(task, no_hub(), "train", 256))
    encoded = encode(table, tokenizer, 64, 16)
    return Work(task.name, encoded, tokenizer, checkpoint, label_ids(task, tokenizer))


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    for module in (methods, scoring):
        monkeypatch.setattr(module, "speed_up", lambda model, compiled: None)


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


def test_clock_scales_the_batches_and_not_the_optimiser(monkeypatch):
    times = iter([0.0, 3.0, 4.0, 6.0, 8.0])
    monkeypatch.setattr(measure, "_now", lambda: next(times))
    clock = measure.Clock(scale=8)
    clock.on_train_begin(None, None, None)
    for _ in range(2):
        clock.on_pre_optimizer_step(None, None, None)
        clock.on_step_end(None, None, None)
    assert clock.seconds == [8 * 3 + 1, 8 * 2 + 2]


@pytest.mark.parametrize("name", ["recipe", "default", "tuned-mended", "ours"])
def test_every_update_sees_the_effective_batch(work, tmp_path, name):
    run = methods.build(name, work, 2, tmp_path, whole=True)
    ledger = measure.Ledger(run.trainer)
    run.trainer.train()
    assert run.scale == 1
    assert sorted(ledger.updates) == [0, 1]
    for update in ledger.updates:
        sources, targets, positions = ledger.lengths(update)
        assert len(sources) == len(targets) == methods.BATCH
        assert set(targets) <= {len(ids) for ids in work.labels}
        assert positions >= sources.sum()


def test_recipe_pads_to_the_maximum_and_is_shortened(work, tmp_path):
    run = methods.build("recipe", work, 1, tmp_path)
    ledger = measure.Ledger(run.trainer)
    # The tiny task is not among those for which an update takes minutes.
    assert run.scale == 1
    run.trainer.train()
    _, _, positions = ledger.lengths(0)
    assert positions == methods.BATCH * 512


def test_mending_the_accumulation_gives_the_mean_loss(work, tmp_path):
    losses = {}
    for name in ("default", "default-mended", "ours"):
        run = methods.build(name, work, 1, tmp_path, whole=True)
        run.trainer.train()
        losses[name] = run.trainer.state.log_history[-1]["train_loss"]
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
            "model": None,
            "examples_per_second": [rate, 2 * rate, 1.5 * rate],
            "tokens_per_second": [1.0],
            "flops": [2e9, 3e9, 4e9],
            "padding": [0.1],
            "peak_flops": 12e9,
            "peak_memory_bytes": 2**30,
        }

    def answers(method: str, given: list[int]) -> dict:
        rates = {"examples_per_second": [5.0], "peak_memory_bytes": 2**30}
        return {"kind": "scoring", "task": "imdb", "method": method, "answers": given} | rates

    return [
        training("recipe", 1.0),
        training("ours", 100.0),
        answers("beams", [0, 1, scoring.OTHER, 1]),
        answers("ours", [0, 1, 0, 0]),
    ]


def test_rows_compare_medians_with_the_reports_way():
    recipe, ours = report.rows_of(results(), "training", "emotion")
    assert (recipe.rate, recipe.times, ours.times) == (1.5, 1.0, 100.0)
    assert ours.spread == (100.0, 200.0)
    assert ours.peak_share == pytest.approx(0.25)


def test_agreement_counts_only_where_generation_gave_a_label():
    assert report.agreement(results(), "imdb") == {"beams": pytest.approx(2 / 3)}


def test_report_writes_whole_files_without_paths(tmp_path):
    report.write(results(), tmp_path)
    text = (tmp_path / "speed.json").read_text()
    content = json.loads(text)
    assert content["agreement"]["imdb"]["beams"] == pytest.approx(2 / 3)
    assert content["machine"]["libraries"]["torch"]
    assert "private" not in text
    assert "answers" not in text
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["speed.json", "speed.png", "speed.svg"]


def test_table_has_a_line_a_method():
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(
        report.table("training", "emotion", report.rows_of(results(), "training", "emotion"))
    )
    text = console.export_text()
    assert "this study" in text
    assert "25%" in text


@pytest.mark.parametrize(("option", "value"), [("--task", "mnist"), ("--method", "magic")])
def test_unknown_names_are_refused(option, value):
    outcome = CliRunner().invoke(cli.app, [option, value])
    assert isinstance(outcome.exception, StudyError)
    assert value in str(outcome.exception)


def test_a_failing_measurement_says_why(monkeypatch):
    job = measure.Job("training", "ours", "emotion", 8, 1, None)
    done = SimpleNamespace(returncode=1, stderr="Traceback\nStudyError: no data\n")
    monkeypatch.setattr(cli.subprocess, "run", lambda *args, **kwargs: done)
    with pytest.raises(StudyError, match="StudyError: no data"):
        cli._measure(job)


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
    need = memory.Need("t5-small", "fp32", "adamw", 512, fixed=1.2 * memory.GB, example=memory.GB)
    assert [need.largest_batch(card) for card in (2, 3, 4, 12)] == [0, 1, 2, 10]
