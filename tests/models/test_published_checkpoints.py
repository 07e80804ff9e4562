"""The two published checkpoints, from the cache: they are the pinned ones and can do something."""

from __future__ import annotations

import pytest
import torch
from transformers import BertModel, LlamaForCausalLM

from t5study.data import weights
from t5study.data.hub import Hub
from t5study.data.pins import full_name
from t5study.models.architectures import architecture_of
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_model, load_tokenizer
from t5study.models.opening import open_checkpoint

pytestmark = pytest.mark.weights


def published(name: str) -> Checkpoint:
    """The checkpoint, or a test left out where it would have to be fetched."""
    if weights.cached(full_name(name)) is None:
        pytest.skip(f"{name} is not in the cache: t5study fetch --weights")
    return open_checkpoint(Hub(), name, weights=True)


def test_the_encoder_is_the_one_that_published_runs_name_and_knows_what_is_alike() -> None:
    checkpoint = published("minilm")
    assert checkpoint.fingerprint.startswith("f84f7c082140")
    assert architecture_of(checkpoint) == "bert"
    assert architecture_of(checkpoint, text_to_text=True) == "bert2text"
    tokenizer, model = load_tokenizer(checkpoint), load_model(checkpoint, BertModel).eval()
    texts = ["The film bored everyone.", "Nobody enjoyed that movie.", "The train leaves at noon."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    means = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))
    alike, unlike = float(means[0] @ means[1]), float(means[0] @ means[2])
    assert alike > 0.6
    assert unlike < 0.3


def test_the_decoder_made_float_again_goes_on_with_what_is_so() -> None:
    checkpoint = published("smollm2")
    assert "4-bit weights (GGUF Q4_1) made float again" in checkpoint.origin
    assert architecture_of(checkpoint) == "llama"
    tokenizer, model = load_tokenizer(checkpoint), load_model(checkpoint, LlamaForCausalLM).eval()
    assert len(tokenizer) == model.config.vocab_size == 49_152
    batch = tokenizer("The capital of France is", return_tensors="pt")
    with torch.inference_mode():
        written = model.generate(**batch, max_new_tokens=1, do_sample=False)
    assert tokenizer.decode(written[0]).endswith(" Paris")
