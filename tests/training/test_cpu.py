"""The cheap dropout is a dropout; what is cheap on a processor gives the same results."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny import untrained_t5 as tiny_t5
from torch import nn
from transformers import BertConfig, BertForMaskedLM, T5ForConditionalGeneration

from t5study.training import cpu
from t5study.training.cpu import (
    HashedDropout,
    HashedReluDropout,
    align_position_bias,
    cheapen_dropout,
    keep_factors,
    shorten_cross_attention,
)


def example() -> dict[str, torch.Tensor]:
    ids = torch.arange(2, 26).reshape(3, 8)
    ids[2, 5:] = 0
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "decoder_input_ids": torch.tensor([[0, 5], [0, 6], [0, 7]]),
        "use_cache": False,
    }


def a_key(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**31), 2**31, (2,), generator=generator).to(torch.int32)


def a_mask(seed: int, size: int, p: float = 0.5) -> torch.Tensor:
    return (keep_factors(torch.ones(size), a_key(seed), p) > 0).double()


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_factors_have_the_mean_and_variance_of_dropout(p):
    size = 1_000_000
    factors = keep_factors(torch.ones(size), a_key(0), p).double()
    assert torch.unique(factors).tolist() == pytest.approx([0.0, 1 / (1 - p)])
    deviation = (p / (1 - p)) ** 0.5
    assert factors.mean().item() == pytest.approx(1.0, abs=5 * deviation / size**0.5)
    assert factors.var().item() == pytest.approx(p / (1 - p), rel=0.02)


@pytest.mark.parametrize("lag", [1, 2, 7, 8, 64, 512, 4096])
def test_masks_of_neighbours_are_uncorrelated(lag):
    mask = a_mask(1, 1_000_000) - 0.5
    correlation = (mask[lag:] * mask[:-lag]).mean() / 0.25
    assert abs(correlation.item()) < 5 / 1_000_000**0.5


def test_masks_of_different_keys_are_uncorrelated():
    size = 200_000
    masks = torch.stack([a_mask(seed, size) - 0.5 for seed in range(20)])
    correlations = masks @ masks.T / size / 0.25
    assert (correlations - torch.eye(20)).abs().max().item() < 6 / size**0.5


def test_counts_over_many_keys_are_binomial():
    # Were some positions dropped more often than others, the spread of counts would show it.
    keys, size, p = 400, 2000, 0.1
    kept = torch.stack([a_mask(seed, size, p) for seed in range(keys)]).sum(0)
    ratio = kept.var().item() / (keys * p * (1 - p))
    assert ratio == pytest.approx(1.0, abs=5 * (2 / size) ** 0.5)


def test_gradient_is_the_factor():
    dropout = HashedDropout(0.3).train()
    dropout.key.copy_(a_key(5))
    x = torch.randn(40, 30, requires_grad=True)
    dropout(x).sum().backward()
    assert torch.equal(x.grad, keep_factors(x, dropout.key, 0.3))


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_relu_dropout_agrees_with_its_two_halves(p):
    together, dropout = HashedReluDropout(p).train(), HashedDropout(p).train()
    together.key.copy_(a_key(6))
    dropout.key.copy_(a_key(6))
    x = torch.randn(50, 20, requires_grad=True)
    twin = x.detach().clone().requires_grad_()
    gradient = torch.randn(50, 20)
    y, expected = together(x), dropout(torch.relu(twin))
    y.backward(gradient)
    expected.backward(gradient)
    assert torch.equal(y, expected)
    assert torch.allclose(x.grad, twin.grad)


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
def test_without_dropout_the_model_is_the_same(feed_forward):
    model = tiny_t5(0.0, feed_forward)
    twin = copy.deepcopy(model)
    cheapen_dropout(twin)
    expected, got = model(**example()).logits, twin(**example()).logits
    assert torch.allclose(expected, got, atol=1e-5)
    expected.square().sum().backward()
    got.square().sum().backward()
    for (name, p), (other, q) in zip(
        model.named_parameters(), twin.named_parameters(), strict=True
    ):
        assert name == other
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=1e-3), name


def test_evaluation_mode_and_saved_weights_are_untouched():
    model = tiny_t5()
    twin = copy.deepcopy(model)
    cheapen_dropout(twin)
    assert model.state_dict().keys() == twin.state_dict().keys()
    assert not any(type(module) is nn.Dropout for module in twin.modules())
    assert torch.allclose(
        model.eval()(**example()).logits, twin.eval()(**example()).logits, atol=1e-5
    )


def test_saved_model_loads_in_plain_transformers(tmp_path):
    model = tiny_t5()
    cheapen_dropout(model)
    model.save_pretrained(tmp_path)
    loaded = T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert loaded.config._attn_implementation != cpu.ATTENTION
    assert torch.allclose(loaded(**example()).logits, model.eval()(**example()).logits, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_short_cross_attention_gives_the_same_answers_and_gradients(width):
    model = tiny_t5(0.0)
    cheapen_dropout(model)
    twin = copy.deepcopy(model)
    shorten_cross_attention(twin)
    # d_kv is 8: up to two decoder tokens go the short way, three the long one.
    projected = []
    for layer in twin.decoder.block:
        layer.layer[1].EncDecAttention.k.register_forward_hook(lambda *_: projected.append(1))
    inputs = example() | {"decoder_input_ids": torch.arange(3 * width).reshape(3, width)}
    inputs["use_cache"] = False
    expected, got = model(**inputs).logits, twin(**inputs).logits
    assert bool(projected) == (width > 2)
    assert torch.allclose(expected, got, atol=1e-5)
    for logits in (expected, got):
        logits.square().sum().backward()
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=1e-3), name


def test_short_cross_attention_ignores_padding_and_still_generates():
    model = tiny_t5().eval()
    expected = model.generate(example()["input_ids"], max_new_tokens=4, do_sample=False)
    cheapen_dropout(model)
    shorten_cross_attention(model)
    got = model.generate(example()["input_ids"], max_new_tokens=4, do_sample=False)
    assert torch.equal(expected, got)
    inputs = example() | {"use_cache": False}
    one = model(**inputs).logits[2]
    inputs["input_ids"][2, 5:] = 9
    assert torch.allclose(one, model(**inputs).logits[2], atol=1e-5)


def test_an_aligned_position_bias_lies_as_the_scores_do_and_changes_no_bit():
    model = tiny_t5(0.1)
    cheapen_dropout(model)
    twin = copy.deepcopy(model)
    align_position_bias(twin)
    for each, wanted in ((model, False), (twin, True)):
        for stack in (each.encoder, each.decoder):
            bias = stack.block[0].layer[0].SelfAttention.compute_bias(5, 5)
            assert bias.is_contiguous() == wanted
    for each in (model, twin):
        torch.manual_seed(4)
        each.train()(**example()).logits.square().sum().backward()
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad), name


def test_masks_follow_the_seed_and_change_with_every_pass():
    model = tiny_t5()
    cheapen_dropout(model)
    torch.manual_seed(11)
    first, second = model(**example()).logits, model(**example()).logits
    torch.manual_seed(11)
    again = model(**example()).logits
    assert torch.equal(first, again)
    assert not torch.allclose(first, second)


def test_a_copy_draws_keys_of_its_own():
    model = tiny_t5()
    cheapen_dropout(model)
    twin = copy.deepcopy(model)
    assert not torch.allclose(twin(**example()).logits, twin(**example()).logits)


def test_spread_of_the_outputs_is_that_of_plain_dropout():
    plain, hashed = tiny_t5(), tiny_t5()
    cheapen_dropout(hashed)
    torch.manual_seed(0)
    with torch.no_grad():
        spreads = [
            torch.stack([model(**example()).logits for _ in range(300)]).std(0).mean().item()
            for model in (plain, hashed)
        ]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.05)


def test_gradient_checkpointing_meets_the_same_masks():
    gradients = []
    for checkpointing in (False, True):
        model = tiny_t5()
        cheapen_dropout(model)
        if checkpointing:
            model.gradient_checkpointing_enable()
        torch.manual_seed(4)
        model(**example()).logits.square().sum().backward()
        gradients.append(model.encoder.block[0].layer[-1].DenseReluDense.wi.weight.grad)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-5)


def test_other_architectures_keep_their_attention():
    config = BertConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    model = BertForMaskedLM(config)
    before = model.config._attn_implementation
    cheapen_dropout(model)
    assert model.config._attn_implementation == before
    assert any(isinstance(module, HashedDropout) for module in model.modules())
    ids = torch.arange(2, 18).reshape(2, 8)
    assert not torch.equal(model.train()(ids).logits, model(ids).logits)
