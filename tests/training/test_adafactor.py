"""The batched Adafactor takes the steps of transformers' own."""

import copy

import pytest
import torch
from transformers.optimization import Adafactor

from t5study.training.adafactor import BatchedAdafactor

SHAPES = [(6, 4), (6, 4), (4, 6), (5,), (5,), (3, 2, 4), (1, 7)]


def _parameters() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape) * 10.0**-i) for i, shape in enumerate(SHAPES)]


def _step(optimizer: torch.optim.Optimizer, parameters: list, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    for place, parameter in enumerate(parameters):
        size = 100.0 if (place + number) % 3 == 0 else 1e-3
        parameter.grad = torch.randn(parameter.shape, generator=generator) * size
    if number == 2:
        parameters[0].grad = None
    optimizer.step()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_steps_are_those_of_transformers(decay):
    theirs, ours = _parameters(), _parameters()
    settings = {"scale_parameter": True, "relative_step": False, "weight_decay": decay}
    first = Adafactor(theirs, lr=1e-2, **settings)
    second = BatchedAdafactor(ours, lr=1e-2, **settings)
    begun = copy.deepcopy(ours)
    for number in range(6):
        for group in (*first.param_groups, *second.param_groups):
            group["lr"] = 1e-2 / (1 + number)
        _step(first, theirs, number)
        _step(second, ours, number)
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-9)
    assert all(not torch.equal(a, b) for a, b in zip(ours, begun, strict=True))


def test_either_continues_what_the_other_began():
    settings = {"lr": 1e-2, "scale_parameter": True, "relative_step": False}
    theirs, ours = _parameters(), _parameters()
    first, second = Adafactor(theirs, **settings), BatchedAdafactor(ours, **settings)
    _step(first, theirs, 0)
    _step(second, ours, 0)
    first_state = copy.deepcopy(first.state_dict())
    first.load_state_dict(copy.deepcopy(second.state_dict()))
    second.load_state_dict(first_state)
    _step(first, theirs, 1)
    _step(second, ours, 1)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-9)
