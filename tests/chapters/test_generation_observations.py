"""What the generation observations say is what the model and the search did."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from t5study.chapters.observations import OBSERVATIONS
from t5study.data.vocabulary import train_vocabulary

TEXT = ["that is good", "das ist gut", "the small dog sleeps in the old garden today"] * 20
PROMPT = "that is good"
BEAMS = {"num_beams": 4, "max_length": 8}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = train_vocabulary(TEXT, 80, tmp_path_factory.mktemp("v") / "vocabulary", sentinels=10)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(3)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        # Random weights of the usual size give all pieces the same chance; larger ones differ.
        initializer_factor=3.0,
    )
    return T5ForConditionalGeneration(config), tokenizer


def observe(parts, name, **inputs):
    seen = OBSERVATIONS[name](*parts, **inputs)
    json.dumps(seen.values)
    return seen


def test_max_length_counts_the_start_token(parts):
    """The fact behind "Das ist gut,": five tokens are the start token and four pieces."""
    arguments = {"num_beams": 4, "min_length": 5, "max_length": 5, "early_stopping": True}
    row = observe(parts, "generation.answers", prompts=[PROMPT], arguments=arguments).values[
        "rows"
    ][0]
    assert row["length"] == 5
    assert len(row["pieces"]) == 4
    assert not row["ended"]


def test_answers_follow_the_prompts_and_their_length(parts):
    prompts = [PROMPT, "the old garden"]
    rows = observe(
        parts, "generation.answers", prompts=prompts, arguments={"max_length": 6}
    ).values["rows"]
    assert [row["prompt"] for row in rows] == prompts
    for row in rows:
        assert row["length"] == len(row["pieces"]) + 1 <= 6
        assert row["mean_log_probability"] == pytest.approx(
            row["log_probability"] / len(row["pieces"])
        )


@pytest.fixture(scope="module")
def mute(parts):
    model = deepcopy(parts[0])
    with torch.no_grad():
        # With all embeddings alike but the padding's, which is long, padding is always likeliest.
        model.shared.weight.fill_(1e-3)
        model.shared.weight[0] = 1.0
        model.decoder.final_layer_norm.weight.fill_(1.0)
    return model, parts[1]


def test_an_answer_of_padding_alone_has_no_pieces(mute):
    seen = observe(mute, "generation.answers", prompts=[PROMPT], arguments={"max_length": 6})
    row = seen.values["rows"][0]
    assert (row["answer"], row["pieces"], row["length"]) == ("", [], 1)
    assert not row["ended"]
    assert row["log_probability"] == row["mean_log_probability"] == 0


def test_a_sweep_starts_unchanged_and_names_each_change(parts):
    rows = observe(
        parts,
        "generation.sweep",
        prompt=PROMPT,
        arguments=BEAMS | {"early_stopping": True},
        changes=[{"num_beams": 1}, {"max_length": 3, "min_length": 3}],
    ).values["rows"]
    assert [row["change"] for row in rows] == ["", "num_beams=1", "max_length=3, min_length=3"]
    assert rows[2]["length"] == 3
    plain = observe(parts, "generation.answers", prompts=[PROMPT], arguments=BEAMS)
    assert rows[0]["pieces"] == plain.values["rows"][0]["pieces"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("beams", [1, 4])
def test_generating_leaves_no_warning_in_a_page(parts, beams, capfd):
    arguments = {"early_stopping": True, "length_penalty": 2.0, "max_length": 4}
    observe(
        parts,
        "generation.answers",
        prompts=[PROMPT],
        arguments={"num_beams": beams, **arguments},
    )
    assert capfd.readouterr() == ("", "")
