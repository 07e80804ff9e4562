"""What each observation promises, on tiny models with random weights."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from t5study.base.errors import StudyError
from t5study.chapters.observations import OBSERVATIONS, corpus
from t5study.chapters.observations.probing import influence, looking_at, marked_word, unmarked
from t5study.chapters.observations.t5 import published_parameters
from t5study.data.pocket import datasets
from t5study.data.vocabulary import train_vocabulary
from t5study.experiments.questions import observed_model

SENTENCE = "The old film was good."


@pytest.fixture(scope="module", autouse=True)
def small_corpus():
    """Fewer texts than the corpus has; what was remembered of them is forgotten afterwards."""
    remembered = (corpus.german_words, corpus.held_out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(datasets.SIZES, "text", (600, 200, 200))
        for function in remembered:
            function.cache_clear()
        yield
    for function in remembered:
        function.cache_clear()


PAIR = "We liked the quiet ending."


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    texts = [
        f"The {age} {thing} was {quality}. We {verb} the quiet ending."
        for age in ("old", "new", "long", "short")
        for thing in ("film", "book", "play", "song", "story")
        for quality in ("good", "bad", "dull", "moving")
        for verb in ("liked", "loved", "missed", "watched")
    ]
    # Words on their own make each of them worth a piece.
    texts += 3 * sorted({word.strip(".") for text in texts for word in text.split()})
    folder = train_vocabulary(texts, 160, tmp_path_factory.mktemp("vocabulary") / "v", sentinels=10)
    return AutoTokenizer.from_pretrained(folder)


def _seeded(build):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


@pytest.fixture(scope="module")
def bert(tokenizer):
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
        initializer_range=0.4,
    )
    return _seeded(lambda: BertForPreTraining(config))


@pytest.fixture(scope="module")
def gpt(tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=512,
        n_embd=16,
        n_layer=2,
        n_head=2,
        initializer_range=0.4,
        bos_token_id=1,
        eos_token_id=1,
    )
    return _seeded(lambda: GPT2LMHeadModel(config))


@pytest.fixture(scope="module")
def t5(tokenizer):
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_ff=32,
        d_kv=8,
        num_heads=2,
        num_layers=2,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        decoder_start_token_id=0,
        initializer_factor=0.5,
    )
    return _seeded(lambda: T5ForConditionalGeneration(config))


@pytest.fixture(scope="module")
def observe(tokenizer, bert, gpt, t5):
    models = {"bert": bert, "minilm": bert, "gpt": gpt, "smollm2": gpt, "t5": t5}

    def run(name, **inputs):
        return OBSERVATIONS[name](models[observed_model(name)], tokenizer, **inputs)

    return run


ITEMS = [
    {"sentence": "The old film was [good]. We liked the quiet ending.", "right": "praise"},
    {"sentence": "The old film was [good]. We missed the quiet ending.", "right": "blame"},
]
GROUPS = {"praise": ["good", "moving"], "blame": ["bad", "dull"]}

INPUTS = {
    "bert.influence": {"sentence": SENTENCE},
    "bert.objectives": {
        "first": "The old film was [good].",
        "second": "We [liked] the quiet ending.",
        "other": "The new book was [dull].",
    },
    "gpt.attention": {"sentence": SENTENCE},
    "gpt.influence": {"sentence": SENTENCE},
    "gpt.prefix": {"source": SENTENCE, "target": PAIR},
    "smollm2.text": {"sentence": SENTENCE},
    "smollm2.truncation": {"prompt": "The old film"},
    "t5.prompts": {"texts": [SENTENCE], "length": 5},
    "t5.masks": {"source": SENTENCE, "target": PAIR},
    "t5.prefix": {
        "prefix": "The old song:",
        "source": SENTENCE,
        "target": PAIR,
        "other_prefix": "We loved:",
    },
    "t5.span_corruption": {"sentence": SENTENCE},
    "t5.position_bias": {"reach": 20},
    "t5.teacher_forcing": {"source": SENTENCE, "target": PAIR},
    "t5.sizes": {},
    "t5.modules": {},
    "bert.clues": {"items": ITEMS, "groups": GROUPS},
    "gpt.clues": {"items": ITEMS, "groups": GROUPS},
    "bert.cloze": {"count": 6},
    "gpt.cloze": {"count": 6},
    "minilm.classifier": {"train": 20, "test": 10},
}


def test_every_observation_is_tried_here():
    ours = {name for name in OBSERVATIONS if name.split(".")[0] in ("bert", "gpt", "t5")}
    assert ours <= set(INPUTS)


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_values_are_json_and_the_model_is_left_as_it_was(name, observe, bert, gpt, t5):
    state = torch.random.get_rng_state()
    first, second = observe(name, **INPUTS[name]), observe(name, **INPUTS[name])
    text = json.dumps(first.values, allow_nan=False)
    assert text == json.dumps(second.values)
    for key, array in first.arrays.items():
        assert np.isfinite(array).all(), key
        assert np.array_equal(array, second.arrays[key])
    assert torch.equal(state, torch.random.get_rng_state())
    for model in (bert, gpt, t5):
        assert model.config._attn_implementation != "eager"


def test_looking_restores_training_mode_after_an_error(bert):
    bert.train()

    def look():
        with looking_at(bert):
            assert not bert.training
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look()
    assert bert.training
    bert.eval()


# --- the marks in a sentence -------------------------------------------------------------------


def test_marks_are_taken_out_and_found():
    assert unmarked("The [old] film was [good].") == (
        "The old film was good.",
        [(4, 7), (17, 21)],
    )


@pytest.mark.parametrize("sentence", ["The film was good.", "The [] film", "The ]old[ film"])
def test_a_sentence_without_a_mark_is_refused(sentence):
    with pytest.raises(StudyError, match="square brackets"):
        unmarked(sentence)


def test_two_marked_words_are_too_many_for_one_blank(tokenizer):
    with pytest.raises(StudyError, match="mark one word"):
        marked_word(tokenizer, "The [old] film was [good].")


def test_the_marked_word_is_the_one_that_is_masked(tokenizer):
    ids, place = marked_word(tokenizer, "The old film was [good].")
    assert tokenizer.decode([ids[place]]).strip() == "good"
    assert ids == tokenizer("The old film was good.", add_special_tokens=False)["input_ids"]


# --- what each position may see ----------------------------------------------------------------


def test_bert_sees_both_sides_and_gpt_only_the_left(observe):
    bert, gpt = (observe(f"{name}.influence", sentence=SENTENCE) for name in ("bert", "gpt"))
    assert bert.values["from_the_right"] > 1e-3
    assert bert.values["from_the_left"] > 1e-3
    assert gpt.values["from_the_right"] == 0
    assert gpt.values["from_the_left"] > 1e-3


def test_influence_of_a_model_that_copies_is_the_diagonal():
    table = torch.eye(6)
    moved = influence(lambda ids: table[ids], torch.tensor([[1, 2, 3]]), 5)
    assert np.allclose(moved, np.eye(3) * math.sqrt(2))


def test_attention_rows_are_distributions_and_the_future_gets_nothing(observe):
    for name in ("gpt.attention", "t5.masks"):
        seen = observe(name, **INPUTS[name])
        for weights in seen.arrays.values():
            assert np.allclose(weights.sum(-1), 1, atol=1e-5)
        assert seen.values["on_the_future"] == 0


def test_a_prefix_mask_opens_the_prefix_and_nothing_else(observe):
    seen = observe("gpt.prefix", **INPUTS["gpt.prefix"])
    length = seen.values["source_length"]
    causal, prefix = (seen.arrays[name].max((0, 1)) > 0 for name in ("causal", "prefix"))
    expected = np.tril(np.ones_like(causal))
    assert np.array_equal(causal, expected)
    expected[:length, :length] = True
    assert np.array_equal(prefix, expected)


def test_every_decoder_position_attends_to_every_source_token(observe):
    seen = observe("t5.masks", **INPUTS["t5.masks"])
    assert (seen.arrays["cross"] > 0).all()
    shape = seen.arrays["cross"].shape
    assert shape[2:] == (len(seen.values["decoder_tokens"]), len(seen.values["source_tokens"]))


def test_the_prefix_gets_weight_and_changes_the_answer(observe):
    seen = observe("t5.prefix", **INPUTS["t5.prefix"]).values
    assert 0 < seen["least_mass"] <= seen["mean_mass"] <= seen["largest_mass"] < 1
    assert seen["largest_move"] > 1e-4
    same = observe("t5.prefix", **{**INPUTS["t5.prefix"], "other_prefix": "The old song:"}).values
    assert same["largest_move"] == 0


# --- losses ------------------------------------------------------------------------------------


def test_bert_loss_is_the_sum_of_two_cross_entropies(observe):
    seen = observe("bert.objectives", **INPUTS["bert.objectives"]).values
    for pair in seen.values():
        assert pair["sum"] == pytest.approx(pair["model_loss"], abs=1e-5)
        assert pair["masked"][0]["token"] == "▁good"
        assert pair["tokens"].count("[MASK]") == len(pair["masked"]) == 2
    chance = [pair["is_next_probability"] for pair in seen.values()]
    assert seen["next"]["next_loss"] == pytest.approx(-math.log(chance[0]), abs=1e-5)
    assert seen["random"]["next_loss"] == pytest.approx(-math.log(1 - chance[1]), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "count"), [("smollm2.text", lambda v: len(v["losses"])),
                        ("t5.teacher_forcing", lambda v: len(v["steps"]))]
)  # fmt: skip
def test_log_probability_is_minus_the_models_loss_times_the_tokens(name, count, observe):
    seen = observe(name, **INPUTS[name]).values
    assert -seen["log_probability"] == pytest.approx(seen["model_loss"] * count(seen), rel=1e-5)


def test_teacher_forcing_reads_the_labels_one_step_late(observe):
    steps = observe("t5.teacher_forcing", **INPUTS["t5.teacher_forcing"]).values["steps"]
    assert steps[0]["reads"] == "<pad>"
    assert [s["reads"] for s in steps[1:]] == [s["label"] for s in steps[:-1]]
    assert steps[-1]["label"] == "</s>"


def test_span_corruption_hides_what_it_says(observe):
    seen = observe("t5.span_corruption", sentence=f"{SENTENCE} {PAIR}", density=0.3).values
    hidden = [t for t, gone in zip(seen["tokens"], seen["hidden"], strict=True) if gone]
    spans = [t for t in seen["targets"] if not t.startswith("<")]
    assert spans[:-1] == hidden or spans == hidden
    marks = [t for t in seen["inputs"] if t.startswith("<extra")]
    assert marks == [f"<extra_id_{i}>" for i in range(len(marks))]
    assert [t for t in seen["targets"] if t.startswith("<extra")] == marks


# --- distributions and decoding ----------------------------------------------------------------


def test_temperature_sharpens(observe):
    seen = observe("smollm2.truncation", prompt="The old film", temperatures=[0.5, 1.0, 2.0])
    best = seen.arrays["tempered"][:, 0]
    assert best[0] > best[1] > best[2]


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.99, 1.0])
def test_the_nucleus_is_the_least_set_that_reaches_p(top_p, observe):
    seen = observe("smollm2.truncation", prompt="The old film", top_p=top_p, top=90)
    chances = seen.arrays["tempered"][1].astype(float)
    size = seen.values["nucleus_size"]
    assert chances[:size].sum() >= top_p - 1e-6
    assert chances[: size - 1].sum() < top_p + 1e-6


# --- T5's own ----------------------------------------------------------------------------------


def test_position_bias_shapes_and_shared_buckets(observe, t5):
    seen = observe("t5.position_bias", reach=20)
    assert seen.arrays["encoder"].shape == (2, 41)
    assert seen.arrays["decoder"].shape == (2, 21)
    attention = t5.encoder.block[0].layer[0].SelfAttention
    buckets = attention._relative_position_bucket(
        torch.tensor(seen.arrays["distances"]), num_buckets=8, max_distance=16
    )
    expected = attention.relative_attention_bias.weight[buckets].T.detach().numpy()
    assert np.allclose(seen.arrays["encoder"], expected)
    far = seen.arrays["decoder"][:, seen.arrays["distances"][:21] < -16]
    assert np.allclose(far, far[:, :1]), "beyond the largest distance all are alike"


def test_published_sizes_are_the_papers():
    counts = published_parameters()
    assert counts["T5-small"] == 60_506_624
    assert round(counts["T5-base"] / 1e6) == 223
    assert round(counts["T5-large"] / 1e6) == 738
    assert 2.8e9 < counts["T5-3B"] < 2.9e9
    assert 11.2e9 < counts["T5-11B"] < 11.4e9


def test_modules_count_shared_parameters_once(observe, t5):
    seen = observe("t5.modules").values
    whole = {part["part"]: part["parameters"] for part in seen["parts"]}
    assert whole["whole model"] == sum(p.numel() for p in t5.parameters())
    parts = whole["encoder, with the embedding"] + whole["decoder, with the embedding"]
    assert parts - whole["shared embedding"] == whole["whole model"]


# --- the corpus as referee ---------------------------------------------------------------------


def test_the_left_of_a_blank_cannot_tell_two_endings_apart(observe):
    seen = observe("gpt.clues", items=ITEMS, groups=GROUPS).values
    first, second = seen["rows"]
    assert first["left_masses"] == pytest.approx(second["left_masses"])
    assert seen["left"]["count"] == 1


def test_whole_sentences_are_compared_over_all_words_that_were_tried(observe):
    first, second = observe("gpt.clues", items=ITEMS, groups=GROUPS).values["rows"]
    assert first["whole_masses"] != pytest.approx(second["whole_masses"])
    for row in (first, second):
        assert sum(row["whole_masses"].values()) == pytest.approx(1)
        assert row["whole"] == max(row["whole_masses"], key=row["whole_masses"].get)


def test_blanks_do_not_depend_on_the_model_and_mark_one_word():
    marked = corpus.blanks(10, 4)
    assert marked == corpus.blanks(10, 4)
    assert [unmarked(text)[0] for text in marked] == list(corpus.held_out(10, 4))
    assert all(len(unmarked(text)[1]) == 1 for text in marked)


@pytest.mark.parametrize(("count", "total"), [(0, 10), (10, 10), (3, 10), (470, 500)])
def test_an_interval_holds_its_share(count, total):
    seen = corpus.share(count, total)
    assert 0 <= seen["low"] <= seen["share"] <= seen["high"] <= 1
    assert seen["high"] > seen["low"]


def test_an_interval_of_nothing_is_everything():
    assert corpus.share(0, 0)["high"] == 1


def test_the_layer_of_the_classifier_is_counted(observe):
    seen = observe("minilm.classifier", train=20, test=10).values
    assert seen["layer_parameters"] == 16 + 1, "two labels need one row of weights and one bias"
    assert [row["n"] for row in seen["accuracy"]] == [10] * 5
    assert [row["parameters"] for row in seen["accuracy"][1:]] == [17] * 4


# --- the tokenizers of the published checkpoints ------------------------------------------------

PARTS = ["the", "old", "film", "was", "good", "bad", "we", "lik", "##ed", "quiet", "ending", "."]


def test_bert_is_read_through_a_word_piece_tokenizer(bert):
    from transformers import BertTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PARTS]
    tokenizer = BertTokenizer(vocab={word: place for place, word in enumerate(vocabulary)})
    ids, place = marked_word(tokenizer, "The old film was [good].")
    assert tokenizer.convert_ids_to_tokens(ids) == ["the", "old", "film", "was", "good", "."]
    assert place == 4
    with pytest.raises(StudyError, match="2 tokens"):
        marked_word(tokenizer, "We [liked] the quiet ending.")
    groups = {"praise": ["good"], "blame": ["bad"]}
    item = {"sentence": "The old film was [good].", "right": "praise"}
    (row,) = OBSERVATIONS["bert.clues"](bert, tokenizer, items=[item], groups=groups).values["rows"]
    assert 0 < row["masses"]["praise"] < 1


def test_gpt_is_read_through_a_byte_level_tokenizer(gpt):
    from transformers import GPT2Tokenizer

    words = ["the", "old", "film", "was", "good", "bad"]
    singles = sorted({letter for word in words for letter in word} | set("Ġ.T"))
    vocabulary, merges = dict.fromkeys(["<|endoftext|>", *singles]), []
    for word in (f"Ġ{word}" for word in words):
        for length in range(2, len(word) + 1):
            merge = (word[: length - 1], word[length - 1])
            merges.append(merge)
            vocabulary[word[:length]] = None
    vocabulary = {piece: place for place, piece in enumerate(vocabulary)}
    tokenizer = GPT2Tokenizer(vocab=vocabulary, merges=list(dict.fromkeys(merges)))
    seen = OBSERVATIONS["smollm2.text"](gpt, tokenizer, sentence="the film was good.").values
    assert seen["tokens"][0] == "<|endoftext|>"
    assert seen["tokens"][-4:] == ["▁film", "▁was", "▁good", "."]
    ids, place = marked_word(tokenizer, "the film was [good].")
    assert tokenizer.decode([ids[place]]) == " good"
