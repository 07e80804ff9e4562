"""The modules of a model: counted and listed as the report lists them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import untrained_t5
from transformers import T5Config, T5ForConditionalGeneration

from t5study.data.hub import Hub
from t5study.models.modules import module_table, parameter_count, rounded_count
from t5study.models.opening import open_checkpoint

MIRROR = Path(__file__).resolve().parents[3] / "shared" / "hub"
with_t5_small = pytest.mark.skipif(
    not (MIRROR / "models/google-t5/t5-small").is_dir(), reason="no mirror with t5-small here"
)


@with_t5_small
def test_the_module_table_is_the_reports() -> None:
    folder = open_checkpoint(Hub(MIRROR), "google-t5/t5-small").folder
    with torch.device("meta"):
        model = T5ForConditionalGeneration(T5Config.from_pretrained(folder))
    model.tie_weights()
    table = module_table(model)
    counts = dict(zip(table["name"], table["rounded"], strict=True))
    block = "model.encoder.block.0"
    assert parameter_count(model) == 60_506_624
    for name, rounded in {
        "model": "60 M",
        "model.shared": "16 M",
        "model.encoder": "35 M",
        "model.encoder.block": "18 M",
        block: "3 M",
        f"{block}.layer.0": "1 M",
        f"{block}.layer.0.SelfAttention.q": "262 K",
        f"{block}.layer.0.SelfAttention.relative_attention_bias": "256",
        f"{block}.layer.0.layer_norm": "512",
        f"{block}.layer.0.dropout": "0",
        f"{block}.layer.1": "2 M",
        f"{block}.layer.1.DenseReluDense.wi": "1 M",
    }.items():
        assert counts[name] == rounded, name
    assert "model.encoder.embed_tokens" not in counts


def test_a_module_table_can_be_cut() -> None:
    model = untrained_t5()
    table = module_table(model, 4, root="t5")
    assert list(table.columns) == ["name", "type", "params", "rounded"]
    assert table["name"][:2].to_list() == ["t5", "t5.shared"]
    assert len(table) == 4
    assert table["params"][0] == parameter_count(model)


def test_counts_are_cut_to_thousands() -> None:
    assert [rounded_count(n) for n in (0, 256, 999, 1000, 262_144, 1_999_999, 60_506_624)] == [
        "0",
        "256",
        "999",
        "1 K",
        "262 K",
        "1 M",
        "60 M",
    ]
    assert rounded_count(11_307_000_000) == "11 B"
    assert rounded_count(10**16) == "10000 T"
