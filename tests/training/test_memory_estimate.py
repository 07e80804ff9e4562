"""The estimate of memory: against the library's own tensors, and what it must never say."""

from __future__ import annotations

import json
from itertools import product

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.chapters.memory import shape_of
from t5study.claims.counting import counted, t5_config
from t5study.experiments.recipes import Recipe
from t5study.models.adapters import with_adapters
from t5study.training import peaks
from t5study.training.memory import MOMENTS, Passes, Shape, moments, peak
from t5study.training.optimisers import build_optimizer

TINY = Shape(d_model=48, d_ff=160, heads=2, d_kv=32, layers=3, vocabulary=500)
ROWS, SOURCE, TARGET, RANK = 3, 80, 3, 4


def recipe(**changes) -> Recipe:
    usual = {"batch_size": 4, "tokens_per_micro_batch": 2048, "max_source_length": 512}
    return Recipe(**{"precision": "fp32", **usual, **changes})


def tiny(rank: int = 0, checkpointing: bool = False) -> torch.nn.Module:
    asked = Recipe(lora_rank=rank or None, gradient_checkpointing=checkpointing)
    return peaks.random_model(TINY, asked)


@pytest.mark.parametrize("name", counted()["t5"])
def test_the_weights_are_those_of_the_library(name):
    shape = shape_of(name)
    with torch.device("meta"):
        model = T5ForConditionalGeneration(t5_config(name))
        half = T5ForConditionalGeneration(
            T5Config(vocab_size=100, d_model=24, d_ff=40, d_kv=7, num_heads=3, num_layers=2)
        )
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    odd = Shape(d_model=24, d_ff=40, heads=3, d_kv=7, layers=2, vocabulary=100)
    assert odd.parameters == sum(p.numel() for p in half.parameters())


def test_the_adapters_are_those_of_peft():
    model = with_adapters(tiny(), RANK, None)
    learnt = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    encoder = sum(count for name, count in learnt.items() if ".encoder." in name)
    assert TINY.adapters(RANK) == (encoder, sum(learnt.values()) - encoder)


def saved(model: torch.nn.Module, half: bool) -> int:
    """Bytes of the tensors that autograd keeps of one forward pass, weights left out."""
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
        return tensor

    ids = torch.ones(ROWS, SOURCE + TARGET, dtype=torch.long)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=half),
    ):
        model(input_ids=ids[:, TARGET:], decoder_input_ids=ids[:, :TARGET], use_cache=False)
    return sum(storage.nbytes() for key, storage in kept.items() if key not in weights)


@pytest.mark.parametrize(("half", "rank"), list(product((False, True), (0, RANK))))
def test_what_the_forward_pass_keeps_is_what_autograd_saves(half, rank):
    passes = Passes(TINY, ROWS, SOURCE, TARGET, half, rank, "cpu")
    estimated = TINY.layers * (passes.encoder_layer + passes.decoder_layer) + sum(passes.ends)
    if half:
        estimated += 2 * (sum(TINY.linear) + TINY.embedding)
    # The probabilities are the loss's, which is not asked for here.
    estimated -= 8 * TINY.vocabulary * ROWS * TARGET
    assert estimated == pytest.approx(saved(tiny(rank), half), rel=0.04)


def test_checkpointing_keeps_the_layers_inputs():
    passes = Passes(TINY, ROWS, SOURCE, TARGET, False, 0, "cpu")
    estimated = sum(passes.between_layers) + sum(passes.ends) - 8 * TINY.vocabulary * ROWS * TARGET
    assert estimated == pytest.approx(saved(tiny(checkpointing=True), False), rel=0.1)


@pytest.mark.parametrize("name", MOMENTS)
def test_the_optimisers_state_is_as_large_as_said(name):
    model = tiny()
    optimizer = build_optimizer(model, recipe(optimizer=name))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    state = sum(
        value.numel()
        for entry in optimizer.state.values()
        for value in entry.values()
        if torch.is_tensor(value) and value.numel() > 1
    )
    # Rows and columns weigh in so small a model; in T5-small they are a thousandth.
    assert state == pytest.approx(MOMENTS[name] * TINY.parameters, abs=0.1 * TINY.parameters)


SAVINGS = (
    {"optimizer": "adafactor"},
    {"gradient_checkpointing": True},
    {"tokens_per_micro_batch": 512},
    {"lora_rank": 8},
    {"max_source_length": 256},
    {"batch_size": 1},
)


@pytest.mark.parametrize("name", counted()["t5"])
def test_what_is_meant_to_save_memory_saves_it(name):
    shape = shape_of(name)
    long = {"batch_size": 32, "tokens_per_micro_batch": 32 * 512}
    usual = peak(shape, recipe(**long))
    for saving in SAVINGS:
        assert peak(shape, recipe(**long | saving)).total < usual.total
    assert peak(shape, recipe(**long, precision="bf16")).activations < usual.activations


def test_more_of_anything_takes_more():
    names = sorted(counted()["t5"], key=counted()["t5"].get)
    sizes = [peak(shape_of(name), recipe()).total for name in names]
    assert sizes == sorted(sizes)
    rows = [peak(TINY, recipe(batch_size=rows)).total for rows in (1, 2, 4)]
    assert rows == sorted(set(rows))
    targets = [peak(TINY, recipe(), target).total for target in (2, 64, 512)]
    assert targets == sorted(set(targets))


def test_no_moment_holds_less_than_weights_and_state():
    for moment in moments(TINY, recipe(), 2, "cuda"):
        assert moment.total >= 4 * 3 * TINY.parameters


def test_it_agrees_with_what_a_gpu_took():
    file = checkout() / "benchmarks" / "results" / "memory-checked.json"
    for need in json.loads(file.read_text("utf-8"))["needs"]:
        rows, length = 8, need["length"]
        asked = recipe(
            precision=need["precision"],
            batch_size=rows,
            tokens_per_micro_batch=rows * length,
            max_source_length=length,
        )
        measured = need["fixed"] + rows * need["example"]
        assert peak(shape_of(need["model"]), asked).total == pytest.approx(measured, rel=0.15)


def test_a_peak_is_measured_above_what_the_libraries_take():
    shape = Shape(d_model=256, d_ff=512, heads=4, d_kv=64, layers=2)
    asked = recipe(batch_size=2, tokens_per_micro_batch=256, max_source_length=128)
    measured = peaks.peak_of(shape, asked, 2)
    assert measured["peak_bytes"] == pytest.approx(peak(shape, asked, 2, "cpu").total, rel=0.15)


def test_a_process_that_fails_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(peaks.sys, "executable", "/bin/false")
    with pytest.raises(StudyError, match="ended with 1"):
        peaks.peak_of(TINY, recipe(), 2)
