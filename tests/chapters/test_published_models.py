"""What the observations of the two published models promise, on tiny models of their kinds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from t5study.base.errors import StudyError
from t5study.chapters.observations import OBSERVATIONS, minilm, smollm2

WORDS = (
    *("the", "a", "bank", "of", "river", "money", "was", "good", "bad", "film", "we"),
    *("liked", "it", "sat", "on", "by", "this", "month", ".", "user"),
)
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }} {{ m['content'] }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)


def _tokenizer(special: dict[str, str], template: str | None = None) -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate([*special.values(), *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    if template:
        names = [word for word in template.split() if word != "$A"]
        inner.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(name, vocabulary[name]) for name in names]
        )
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special)


@pytest.fixture(scope="module")
def encoder():
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    tokenizer = _tokenizer(names, "[CLS] $A [SEP]")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            initializer_range=0.5,
        )
        return BertModel(config).eval(), tokenizer


@pytest.fixture(scope="module")
def decoder():
    names = {
        "unk_token": "<unk>",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
    }
    tokenizer = _tokenizer({name: word for name, word in names.items() if name != "pad_token"})
    tokenizer.pad_token = "<|im_end|>"
    tokenizer.chat_template = CHAT
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            initializer_range=0.5,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        return LlamaForCausalLM(config).eval(), tokenizer


def test_attention_has_a_map_for_each_sentence_and_its_rows_sum_to_one(encoder):
    seen = minilm.attention(*encoder, ["the film was good .", "we liked it ."], head=[1, 0])
    weights = seen.arrays["attention_0"]
    tokens = seen.values["sentences"][0]["tokens"]
    assert " ".join(tokens) == "[CLS] the film was good . [SEP]"
    assert weights.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(weights.astype(float).sum(-1), 1, atol=5e-3)
    query, key = seen.arrays["query"], seen.arrays["key"]
    by_hand = np.exp(query @ key.T / 8**0.5)
    by_hand /= by_hand.sum(-1, keepdims=True)
    np.testing.assert_allclose(by_hand, seen.arrays["weights"], atol=1e-6)
    np.testing.assert_allclose(by_hand, weights[1, 0], atol=2e-3)


def test_a_decoder_looks_back_and_an_encoder_both_ways(encoder, decoder):
    seen = smollm2.attention(*decoder, ["the film was good .", "we liked it ."])
    assert seen.values["on_the_future"] == 0
    assert seen.values["sentences"][0]["tokens"][0] == "<|im_start|>"
    assert seen.arrays["attention_1"].shape == (2, 2, 5, 5)
    tokenizer = encoder[1]
    tokenizer.mask_token = "[UNK]"
    both = OBSERVATIONS["minilm.influence"](*encoder, "we liked the film .")
    assert both.values["from_the_right"] > 0
    assert both.values["from_the_left"] > 0
    back = OBSERVATIONS["smollm2.influence"](*decoder, "we liked the film .")
    assert back.values["from_the_right"] < 1e-6 < back.values["from_the_left"]


def test_the_tree_of_a_beam_search_ends_with_the_likeliest_beginnings(decoder):
    model, tokenizer = decoder
    rows = smollm2.tree(model, tokenizer, "the film", beams=2, steps=2, top=3).values["rows"]
    assert [row["step"] for row in rows] == [1] * 3 + [2] * 6
    assert [row["parent"] for row in rows[:3]] == [None] * 3
    last = rows[3:]
    best = sorted(last, key=lambda row: -row["log_probability"])[:2]
    assert all(row["kept"] for row in best)
    assert sum(row["kept"] for row in last) == 2
    for row in last:
        before = rows[row["parent"]]
        assert before["kept"]
        total = before["log_probability"] + np.log(row["probability"])
        assert row["log_probability"] == pytest.approx(total)


def test_one_word_has_one_embedding_but_for_its_place_and_other_vectors_after_the_layers(encoder):
    items = [
        {"sentence": "the [bank] of the river", "sense": "river"},
        {"sentence": "a [bank] was good", "sense": "money"},
        {"sentence": "the [bank] of the river", "sense": "river"},
    ]
    seen = minilm.senses(*encoder, items)
    similarity = seen.arrays["similarity"]
    assert similarity.shape == (3, 3, 3)
    assert [row["word"] for row in seen.values["items"]] == ["bank"] * 3
    np.testing.assert_allclose(similarity[:, 0, 2], 1, atol=1e-5)
    np.testing.assert_allclose(similarity[0], 1, atol=1e-5)
    assert similarity[-1][0, 1] < 0.999


def test_the_similarity_of_sentences_does_not_depend_on_who_stands_beside(encoder):
    long = "we liked it and the film was good by the river bank ."
    three = minilm.similarity(*encoder, ["the film", "we liked it", long]).arrays["similarity"]
    two = minilm.similarity(*encoder, ["the film", "we liked it"]).arrays["similarity"]
    np.testing.assert_allclose(three[:2, :2], two, atol=1e-5)
    with pytest.raises(StudyError, match="two sentences"):
        minilm.similarity(*encoder, ["the film"])


def test_a_batch_writes_what_each_prompt_alone_gets(decoder):
    texts = ["the film was good .", "the bank of the river was bad . we liked it this month ."]
    arguments = {"do_sample": False, "num_beams": 1, "max_new_tokens": 6}
    together = smollm2.summarised(*decoder, texts, **arguments)
    alone = [smollm2.summarised(*decoder, [text], **arguments)[0] for text in texts]
    assert together == alone


def test_texts_without_a_month_are_different_and_name_none():
    texts = smollm2.month_texts(240, seed=21)
    assert len(set(texts)) == 240
    assert all("this month" in text and not smollm2.months_in(text) for text in texts)
    assert texts == smollm2.month_texts(240, seed=21)


def test_a_month_is_found_as_a_word_and_may_is_left_to_the_verb():
    assert smollm2.months_in("It may reopen in April, or next december.") == ["april", "december"]
    assert smollm2.months_in("They marched to the Augustan arch.") == []


def test_months_counts_the_summaries_that_name_one(decoder, monkeypatch):
    answers = iter(["It reopens in april.", "It reopens this month."] * 5)
    monkeypatch.setattr(smollm2, "summarised", lambda *a, **k: [next(answers) for _ in range(10)])
    seen = smollm2.months(*decoder, count=10).values
    assert (seen["invented"]["count"], seen["invented"]["n"]) == (5, 10)
    assert seen["says_this_month"]["count"] == 5
    assert seen["rows"][0]["months"] == ["april"]


def test_perplexity_is_that_of_the_library_and_scrambling_keeps_the_words(decoder):
    model, tokenizer = decoder
    row = smollm2.scrambled(model, tokenizer, ["the film was good."]).values["rows"][0]
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer("the film was good.").input_ids]])
    with torch.no_grad():
        expected = model(ids, labels=ids).loss.exp()
    assert row["plain_perplexity"] == pytest.approx(float(expected), rel=1e-5)
    assert sorted(row["scrambled"].rstrip(".").split()) == ["film", "good", "the", "was"]


def test_the_next_words_are_a_distribution_and_ways_of_decoding_are_told_apart(decoder):
    seen = smollm2.following(*decoder, ["the film was"], top=5).values
    shares = [row["probability"] for row in seen["rows"][0]["candidates"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1
    made = smollm2.decoding(*decoder, "the film was", length=8).values["rows"]
    assert len({row["method"] for row in made}) == len(made) == 6
    assert all(0 <= row["different_pairs"] <= 1 for row in made)
