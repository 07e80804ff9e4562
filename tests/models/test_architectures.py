"""Architectures: the same weights with a head and text to text, and refusals by name."""

from __future__ import annotations

import json

import pytest
import torch
from tiny import tiny_bert, tiny_t5
from transformers import BertModel

from t5study.base.errors import StudyError
from t5study.data.batches import in_length_order
from t5study.data.encoding import IGNORED, encode
from t5study.judging.generation import text_table
from t5study.judging.label_scoring import LabelSet, score_labels
from t5study.models import architectures
from t5study.models.architectures import ARCHITECTURES, architecture_of, new_model
from t5study.models.bert_to_text import DECODER_LAYERS
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_tokenizer, save_model
from t5study.models.opening import checkpoint_in

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a", "the"]


@pytest.fixture
def bert(tmp_path) -> Checkpoint:
    return tiny_bert(tmp_path / "bert", WORDS[5:])


def made(architecture: str, checkpoint: Checkpoint, init: str = "pretrained", seed: int = 21):
    """A model to train, of two labels and at most 64 tokens."""
    tokenizer = load_tokenizer(checkpoint)
    return new_model(
        architecture, checkpoint, init, seed, tokenizer, dropout=0.3, outputs=2, longest=64
    )


def test_what_a_checkpoint_is_trained_as(bert, tmp_path) -> None:
    t5 = tiny_t5(tmp_path / "tiny")
    assert architecture_of(t5) == architecture_of(t5, text_to_text=True) == "t5"
    assert architecture_of(bert) == architecture_of(bert, text_to_text=False) == "bert"
    assert architecture_of(bert, text_to_text=True) == "bert2text"
    with pytest.raises(StudyError, match="is a t5, which does not answer by a head"):
        architecture_of(t5, text_to_text=False)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text(json.dumps({"model_type": "xlnet"}))
    with pytest.raises(StudyError, match=r"is a xlnet, which is not known.*bert, gpt2, llama"):
        architecture_of(checkpoint_in(tmp_path / "odd"))


@pytest.mark.parametrize("architecture", ["bert", "bert2text"])
def test_both_ways_begin_from_the_same_encoder(bert, architecture) -> None:
    model = made(architecture, bert)
    plain = BertModel.from_pretrained(bert.folder).state_dict()
    encoder = (model.bert if architecture == "bert" else model.encoder).state_dict()
    assert encoder.keys() - plain.keys() == set()
    assert all(torch.equal(plain[name], encoder[name]) for name in encoder)
    dropouts = {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    assert dropouts == {0.3}


def test_the_decoder_begins_with_the_encoders_last_layers_and_shares_its_words(bert) -> None:
    model = made("bert2text", bert)
    words = model.encoder.embeddings.word_embeddings.weight
    assert model.decoder.bert.embeddings.word_embeddings.weight is words
    assert model.get_output_embeddings().weight is words
    mine, its = (
        stack.layer[-1].state_dict()
        for stack in (model.decoder.bert.encoder, model.encoder.encoder)
    )
    assert all(torch.equal(mine[name], its[name]) for name in its)
    assert len(model.decoder.bert.encoder.layer) == DECODER_LAYERS


def test_random_weights_follow_the_seed(bert) -> None:
    def flat(**how) -> torch.Tensor:
        weights = made("bert2text", bert, **how).parameters()
        return torch.cat([weight.flatten() for weight in weights])

    scratch = flat(init="scratch")
    assert torch.equal(scratch, flat(init="scratch"))
    assert not torch.equal(scratch, flat(init="scratch", seed=22))
    assert torch.equal(flat(), flat())
    assert not torch.equal(flat(), scratch)


def test_a_saved_model_answers_as_before_and_can_be_trained_on(bert, tmp_path) -> None:
    tokenizer = load_tokenizer(bert)
    model = made("bert2text", bert).eval()
    save_model(model, tokenizer, tmp_path / "saved")
    saved = checkpoint_in(tmp_path / "saved")
    assert architecture_of(saved) == "bert2text"
    again = architectures.saved_model("bert2text", saved).eval()
    goes_on = made("bert2text", saved).eval()
    encoded = encode(text_table(["the good film", "a bad"]), tokenizer, 32)
    collator = architectures.collator("bert2text", tokenizer)
    ((_, batch),) = in_length_order(encoded, collator, 256)
    labels = LabelSet([[WORDS.index(word), WORDS.index("[SEP]")] for word in ("bad", "good")])
    answers = [score_labels(m, batch, labels, collator.start_id) for m in (model, again, goes_on)]
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    written = again.generate(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=3
    )
    assert (written[:, 0] == WORDS.index("[CLS]")).all()
    names = {name for name, _ in again.named_parameters()}
    assert names == {name for name, _ in model.named_parameters()}


def test_every_weight_of_the_encoder_decoder_is_trained(bert) -> None:
    """Processes that train together refuse a weight without a gradient."""
    tokenizer = load_tokenizer(bert)
    model = made("bert2text", bert)
    texts = text_table(["the good film"]).map(lambda row: {"target": "good"})
    encoded = encode(texts, tokenizer, 32, max_target_length=8)
    assert encoded.data[0]["target"].tolist() == [WORDS.index("good"), WORDS.index("[SEP]")]
    ((_, batch),) = in_length_order(encoded, architectures.collator("bert2text", tokenizer), 256)
    assert batch["decoder_input_ids"][0, 0] == WORDS.index("[CLS]")
    labels = batch.pop("labels")
    logits = model(**batch).logits
    torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED
    ).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_texts_longer_than_a_model_reads_are_refused_before_training(bert) -> None:
    tokenizer = load_tokenizer(bert)
    for architecture in ("bert", "bert2text"):
        with pytest.raises(StudyError, match=r"reads 64 tokens and .* 128: lower it to 64"):
            new_model(architecture, bert, "scratch", 1, tokenizer, 0.1, outputs=2, longest=128)


def test_a_tokenizer_without_padding_is_refused(bert) -> None:
    tokenizer = load_tokenizer(bert)
    tokenizer.pad_token = None
    with pytest.raises(StudyError, match="has no padding token"):
        architectures.collator("bert", tokenizer)


def test_dropouts_and_lengths_are_names_that_the_configurations_have() -> None:
    for known in ARCHITECTURES.values():
        settings = known.pretrained_as.config_class()
        for name in (*known.dropouts, *filter(None, [known.positions])):
            assert hasattr(settings, name), (known.model_type, name)
