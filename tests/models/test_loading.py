"""Checkpoints: one end token, golden ids, random weights by seed, and refusals by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from t5study.base.errors import StudyError
from t5study.data.hub import Hub
from t5study.data.vocabulary import train_vocabulary
from t5study.models.loading import load_model, load_tokenizer, random_model
from t5study.models.opening import checkpoint_in, open_checkpoint

MIRROR = Path(__file__).resolve().parents[3] / "shared" / "hub"
with_t5_small = pytest.mark.skipif(
    not (MIRROR / "models/google-t5/t5-small").is_dir(), reason="no mirror with t5-small here"
)
TINY = {
    "vocab_size": 40,
    "d_model": 8,
    "d_ff": 16,
    "d_kv": 4,
    "num_heads": 2,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "decoder_start_token_id": 0,
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """A tiny T5 with weights, no tokenizer."""
    T5ForConditionalGeneration(T5Config(**TINY)).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    """A vocabulary trained on made-up sentences, in a folder with a T5 configuration."""
    text = "a grand film with good songs and one bad end that nobody liked at all"
    texts = [" ".join(text.split()[i % 7 :: 1 + i % 5]) for i in range(300)]
    made = train_vocabulary(texts, 80, tmp_path_factory.mktemp("v") / "tok", sentinels=10)
    T5Config(**TINY | {"vocab_size": len(AutoTokenizer.from_pretrained(made))}).save_pretrained(
        made
    )
    return made


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@with_t5_small
def test_golden_ids_of_t5_small() -> None:
    tokenizer = load_tokenizer(open_checkpoint(Hub(MIRROR), "google-t5/t5-small"))
    ids = tokenizer("translate English to German: That is good.").input_ids
    assert ids == [13959, 1566, 12, 2968, 10, 466, 19, 207, 5, 1]
    assert tokenizer.is_fast


def test_a_trained_tokenizer_ends_a_text_exactly_once(vocabulary) -> None:
    tokenizer = load_tokenizer(vocabulary)
    for text in ("a good film", "one bad end", "a"):
        ids = tokenizer(text).input_ids
        assert ids.count(tokenizer.eos_token_id) == 1
        assert ids[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("rows", [-4, 2000])
def test_a_tokenizer_of_another_vocabulary_is_refused_with_both_sizes(vocabulary, tmp_path, rows):
    folder = tmp_path / "other"
    shutil.copytree(vocabulary, folder)
    pieces = len(AutoTokenizer.from_pretrained(folder))
    T5Config(**TINY | {"vocab_size": pieces + 28}).save_pretrained(folder)
    assert len(load_tokenizer(folder)) == pieces
    T5Config(**TINY | {"vocab_size": pieces + rows}).save_pretrained(folder)
    with pytest.raises(StudyError, match=f"has {pieces} pieces and the model {pieces + rows}:"):
        load_tokenizer(folder)


@pytest.mark.parametrize("ends", [0, 2])
def test_a_tokenizer_with_no_or_two_end_tokens_is_refused(tmp_path, ends: int) -> None:
    core = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "one": 2, "end": 3}, "one"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        core.post_processor = processors.TemplateProcessing(
            single="$A </s> </s>", special_tokens=[("</s>", 1)]
        )
    PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>").save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(StudyError, match=f"with {ends} end tokens in place of one"):
        load_tokenizer(tmp_path)


def test_a_folder_without_tokenizer_is_named(folder) -> None:
    with pytest.raises(StudyError, match=r"has no tokenizer.*tokenizer\.json"):
        load_tokenizer(folder)


def test_a_checkpoint_knows_its_weights_and_its_design(folder, tmp_path) -> None:
    full = checkpoint_in(folder)
    assert full.has_weights
    assert full.name == "tiny"
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / "model.safetensors").unlink()
    empty = checkpoint_in(bare, name="someone/bare")
    assert not empty.has_weights
    assert empty.design == full.design
    assert empty.fingerprint != full.fingerprint
    with pytest.raises(StudyError, match=r"'someone/bare' has no weights.*--model"):
        checkpoint_in(bare, name="someone/bare", weights=True)
    with pytest.raises(StudyError, match="has no weights"):
        load_model(empty, T5ForConditionalGeneration)


def test_another_saving_is_the_same_design_and_another_width_is_not(folder) -> None:
    before = checkpoint_in(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["transformers_version"] = "1.0"
    path.write_text(json.dumps(config, indent=7, sort_keys=True))
    assert checkpoint_in(folder).fingerprint == before.fingerprint
    config["d_ff"] = 99
    path.write_text(json.dumps(config))
    assert checkpoint_in(folder).design != before.design


def test_weights_come_back_as_saved_and_the_configuration_can_change(folder) -> None:
    checkpoint = checkpoint_in(folder)
    model = load_model(checkpoint, T5ForConditionalGeneration, attn="eager", dropout_rate=0.25)
    assert model.config._attn_implementation == "eager"
    assert model.config.dropout_rate == 0.25
    assert model.dtype == torch.float32
    assert same_weights(model, T5ForConditionalGeneration.from_pretrained(folder))


def test_random_weights_follow_the_seed_and_leave_the_random_state(folder) -> None:
    checkpoint = checkpoint_in(folder)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = random_model(checkpoint, 21, T5ForConditionalGeneration)
    assert torch.equal(torch.rand(1), expected)
    assert same_weights(one, random_model(folder, 21, T5ForConditionalGeneration))
    assert not same_weights(one, random_model(checkpoint, 22, T5ForConditionalGeneration))
    assert one.config._attn_implementation == "sdpa"
    changed = random_model(checkpoint, 1, T5ForConditionalGeneration, dropout_rate=0.25)
    assert changed.config.dropout_rate == 0.25


def test_loading_is_silent(folder, capfd) -> None:
    load_model(checkpoint_in(folder), T5ForConditionalGeneration)
    random_model(folder, 21, T5ForConditionalGeneration)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_damaged_or_foreign_weights_are_refused(folder, tmp_path) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(StudyError, match="cannot be loaded"):
        load_model(checkpoint_in(folder), T5ForConditionalGeneration)
    path.write_bytes(data)
    small = BertConfig(
        vocab_size=40,
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
    )
    small.save_pretrained(folder)
    with pytest.raises(StudyError, match=r"BertForSequenceClassification: it lacks .* more"):
        load_model(checkpoint_in(folder), BertForSequenceClassification)
    for damaged in ("{half", "[]"):
        (folder / "config.json").write_text(damaged)
        with pytest.raises(StudyError, match=r"config\.json is damaged"):
            checkpoint_in(folder)
    with pytest.raises(StudyError, match=r"has no config\.json"):
        checkpoint_in(tmp_path)


def test_another_architecture_is_not_taken_for_a_t5(tmp_path) -> None:
    """A UMT5 has a position bias in every layer; as a T5 it would lose all but one of them."""
    config = UMT5Config(**{**TINY, "num_layers": 2})
    UMT5ForConditionalGeneration(config).save_pretrained(tmp_path)
    for make in (
        lambda: load_model(checkpoint_in(tmp_path), T5ForConditionalGeneration),
        lambda: random_model(tmp_path, 1, T5ForConditionalGeneration),
    ):
        with pytest.raises(StudyError, match="is a umt5, not a t5"):
            make()


def test_tensors_too_few_or_too_many_are_named_but_a_head_may_be_lacking(tmp_path) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2, "vocab_size": 40}
    BertModel(BertConfig(**sizes, num_hidden_layers=2)).save_pretrained(tmp_path)
    load_model(checkpoint_in(tmp_path), BertForSequenceClassification)
    for layers, what in ((1, "has beside those of the model"), (3, "lacks")):
        BertConfig(**sizes, num_hidden_layers=layers).save_pretrained(tmp_path)
        with pytest.raises(StudyError, match=rf"{what} the tensor .*layer\.{max(1, layers - 1)}\."):
            load_model(checkpoint_in(tmp_path), BertForSequenceClassification)
    BertConfig(**sizes | {"hidden_size": 16}, num_hidden_layers=2).save_pretrained(tmp_path)
    with pytest.raises(StudyError, match="cannot be loaded"):
        load_model(checkpoint_in(tmp_path), BertForSequenceClassification)


def as_the_hub_has_bert(model: BertForPreTraining) -> dict[str, torch.Tensor]:
    """Norms are called as in TensorFlow, positions are counted."""
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {"bert.embeddings.position_ids": torch.arange(32)[None]}
    for name, tensor in model.state_dict().items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        state[name] = tensor
    return state


def as_the_hub_has_gpt(model: GPT2LMHeadModel) -> dict[str, torch.Tensor]:
    """Names without prefix, no output layer, masks among the weights."""
    state = {
        name.removeprefix("transformer."): tensor
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }
    mask = {"h.0.attn.bias": torch.ones(1, 1, 32, 32), "h.0.attn.masked_bias": torch.tensor(-1e4)}
    return state | mask


def as_the_hub_has_t5(model: T5ForConditionalGeneration) -> dict[str, torch.Tensor]:
    """The tied vectors three times, and a bias that nothing reads."""
    bias = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    return model.state_dict() | {bias: torch.zeros(32, 2)}


BERT_SIZES = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}


@pytest.mark.parametrize(
    ("made", "as_the_hub_has_it", "loaded_as"),
    [
        (
            BertForPreTraining(BertConfig(vocab_size=40, num_hidden_layers=1, **BERT_SIZES)),
            as_the_hub_has_bert,
            [BertForPreTraining, BertForSequenceClassification, BertModel],
        ),
        (
            GPT2LMHeadModel(
                GPT2Config(vocab_size=40, n_embd=8, n_layer=1, n_head=2, eos_token_id=0)
            ),
            as_the_hub_has_gpt,
            [GPT2LMHeadModel, GPT2ForSequenceClassification],
        ),
        (
            T5ForConditionalGeneration(T5Config(**TINY)),
            as_the_hub_has_t5,
            [T5ForConditionalGeneration],
        ),
    ],
    ids=["bert", "gpt2", "t5"],
)
def test_names_and_tensors_are_taken_as_the_hub_has_them(
    tmp_path, made, as_the_hub_has_it, loaded_as
) -> None:
    made.config.save_pretrained(tmp_path)
    state = {name: tensor.clone() for name, tensor in as_the_hub_has_it(made).items()}
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for cls in loaded_as:
        loaded = dict(load_model(checkpoint_in(tmp_path), cls).named_parameters())
        shared = {name: tensor for name, tensor in made.named_parameters() if name in loaded}
        assert shared or cls is BertModel
        assert all(torch.equal(tensor, loaded[name]) for name, tensor in shared.items())


@pytest.mark.parametrize(
    "content", ["{}", '{"model": {"vocab": null}}', '{"model": {"vocab": ["a"]}}']
)
def test_a_tokenizer_without_vocabulary_is_one_sentence(folder, content) -> None:
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(StudyError, match=r"tokenizer\.json holds no vocabulary"):
        checkpoint_in(folder)


def test_code_that_a_checkpoint_brings_is_refused_and_nobody_is_asked(tmp_path, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": asked.append(question) or "n")
    settings = {"model_type": "unheard-of", "auto_map": {"AutoConfig": "odd.OddConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    settings = {"tokenizer_class": "Odd", "auto_map": {"AutoTokenizer": ["odd.Odd", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "vocab.txt").write_text("a\n")
    with pytest.raises(StudyError, match="cannot be used"):
        random_model(tmp_path, 1, T5ForConditionalGeneration)
    with pytest.raises(StudyError, match="cannot be read"):
        load_tokenizer(tmp_path)
    assert asked == []
