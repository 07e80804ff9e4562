"""Compiling changes no result, and where it does not work a line says why."""

from __future__ import annotations

import pytest
import torch
from tiny import untrained_t5 as tiny_t5
from torch import nn

from t5study.training import compiling
from t5study.training.acceleration import speed_up
from t5study.training.compiling import (
    compile_blocks,
    compiled_or_not,
    what_compiled,
    why_not_compile,
)
from t5study.training.cpu import cheapen_dropout


def example() -> dict[str, torch.Tensor]:
    ids = torch.arange(2, 26).reshape(3, 8)
    ids[2, 5:] = 0
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "decoder_input_ids": torch.tensor([[0, 5], [0, 6], [0, 7]]),
        "use_cache": False,
    }


@pytest.mark.slow
def test_compiled_blocks_draw_the_same_masks(monkeypatch):
    if why_not_compile():
        pytest.skip("torch.compile does not work here")
    plain, compiled = tiny_t5(0.5), tiny_t5(0.5)
    for model in (plain, compiled):
        cheapen_dropout(model)
    told = compile_blocks(compiled)
    assert told == "compiled 4 blocks"
    monkeypatch.setattr(torch._dynamo.config, "suppress_errors", False)
    for model in (plain, compiled):
        torch.manual_seed(8)
        model(**example()).logits.square().sum().backward()
        model.final = model.shared.weight.grad
    assert torch.allclose(plain.final, compiled.final, rtol=1e-3, atol=1e-3)
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0
    assert what_compiled(told) == told


def test_blocks_that_could_not_be_compiled_are_told():
    if why_not_compile():
        pytest.skip("torch.compile does not work here")
    model = nn.Sequential(Doubling())
    model._no_split_modules = ["Doubling"]
    told = compile_blocks(model)
    model[0].compile(backend=_failing)
    assert model(torch.ones(2)).tolist() == [2, 2]
    assert what_compiled(told) == "compiled 1 blocks, 1 of 1 parts ran as they were"
    assert what_compiled("not asked for") == "not asked for"


class Doubling(nn.Module):
    def forward(self, x):
        return 2 * x


def _failing(graph, inputs):
    raise RuntimeError("no such instruction")


def test_without_a_compiler_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(compiling, "why_not_compile", lambda: "CppCompileError: no g++")
    model = tiny_t5()
    assert compile_blocks(model) == "not compiled (CppCompileError: no g++)"
    assert model.encoder.block[0]._compiled_call_impl is None


def test_a_function_that_cannot_be_compiled_stays_as_it_was(monkeypatch, caplog):
    monkeypatch.setattr(compiling, "why_not_compile", lambda: "CppCompileError: no g++")
    with caplog.at_level("INFO"):
        assert compiled_or_not(abs) is abs
    assert "not compiled (CppCompileError: no g++)" in caplog.text


def test_what_compiling_came_to_is_told(monkeypatch):
    monkeypatch.setattr(compiling, "why_not_compile", lambda: "CppCompileError: no g++")
    assert speed_up(tiny_t5(), compiled=False)() == "not asked for"
    assert "no g++" in speed_up(tiny_t5(), compiled=True)()


def test_a_model_without_blocks_is_left_alone(monkeypatch):
    monkeypatch.setattr(compiling, "why_not_compile", lambda: None)
    assert compile_blocks(nn.Linear(2, 2)) == "not compiled (the model names no blocks)"
