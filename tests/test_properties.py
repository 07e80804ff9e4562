"""Properties that hold for whatever comes: texts, lengths, ids, labels, configurations, YAML."""

from __future__ import annotations

import string

import numpy as np
import pytest
import torch
import yaml
from datasets import Dataset
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tiny import restored, tiny_t5
from transformers import T5ForConditionalGeneration

from t5study.base.errors import StudyError
from t5study.base.reading import read_yaml
from t5study.data.batches import bucket_of, cut
from t5study.data.casts import cast, is_blank
from t5study.data.own.rows import HELD_OUT, splits_by_hash
from t5study.data.tasks import get_task
from t5study.judging.label_scoring import LabelSet, score_labels
from t5study.models.loading import load_model
from t5study.pretraining import objectives
from t5study.runs.record import identity_of

settings.register_profile(
    "study", deadline=None, max_examples=60, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("study")

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
EOS, SENTINELS = 1, list(range(999, 899, -1))


@given(st.lists(st.tuples(TEXT, st.integers(-2, 8) | st.none() | TEXT), min_size=1, max_size=8))
def test_rows_are_cast_to_their_own_text_and_label_or_the_first_bad_one_is_named(rows):
    task = get_task("emotion")
    texts, labels = zip(*rows, strict=True)
    good = [
        not is_blank(text) and type(label) is int and 0 <= label < len(task.label_words)
        for text, label in rows
    ]
    assume(len({type(label) for label in labels if label is not None}) <= 1)
    data = Dataset.from_dict({"text": list(texts), "label": list(labels)})
    if all(good):
        made = cast(task, data)
        assert made["source"][:] == [f"emotion: {text.strip()}" for text in texts]
        assert made["target"][:] == [task.label_words[label] for label in labels]
    else:
        with pytest.raises(StudyError, match=r"^Row \d+ of emotion"):
            cast(task, data)


@given(
    st.lists(st.integers(1, 600), min_size=1, max_size=80),
    st.integers(8, 600),
    st.integers(64, 5000),
)
def test_every_row_is_in_one_micro_batch_that_it_fits(lengths, longest, tokens):
    lengths = np.minimum(lengths, longest)
    parts = list(cut(lengths, np.arange(len(lengths)), longest, tokens))
    assert sorted(np.concatenate([rows for rows, _ in parts])) == list(range(len(lengths)))
    for rows, length in parts:
        assert lengths[rows].max() <= length <= longest
        assert len(rows) == 1 or len(rows) * length <= tokens


@given(st.integers(1, 600), st.integers(1, 600))
def test_a_bucket_holds_its_length_and_a_longer_text_gets_no_smaller_one(length, longer):
    longest = 600
    assert length <= bucket_of(length, longest) <= longest
    if longer >= length:
        assert bucket_of(longer, longest) >= bucket_of(length, longest)


@given(
    st.lists(st.integers(2, 800), min_size=2, max_size=250),
    st.floats(0.02, 0.6),
    st.floats(1, 8),
    st.integers(0, 2**32 - 1),
)
def test_corrupted_spans_give_the_ids_back_exactly(ids, density, mean_span, seed):
    spans = objectives.noise_counts(len(ids), density, mean_span)[1]
    assume(spans <= len(SENTINELS))
    rng = np.random.default_rng(seed)
    inputs, targets = objectives.span_corruption(
        np.array(ids), rng, density, mean_span, sentinels=SENTINELS, eos=EOS
    )
    assert restored(inputs, targets, SENTINELS) == ids
    assert sum(int(i) in SENTINELS for i in inputs) == spans
    assert len(inputs) + len(targets) == len(ids) + 2 * spans + 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    checkpoint = tiny_t5(tmp_path_factory.mktemp("properties"))
    return load_model(checkpoint, T5ForConditionalGeneration).eval()


def spelled_out(model, batch, ids) -> torch.Tensor:
    """The log-probability of a label by teacher forcing."""
    labels = torch.tensor(ids).expand(len(batch["input_ids"]), -1).contiguous()
    logits = model(**batch, labels=labels).logits
    return logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1).sum(-1)


@settings(max_examples=25)
@given(
    st.sets(st.lists(st.integers(6, 11), min_size=1, max_size=4).map(tuple), min_size=2, max_size=7)
)
def test_a_label_scores_as_if_it_were_spelled_out_whatever_the_others_are(model, words):
    labels = [(*word, EOS) for word in sorted(words)]
    ids = torch.tensor([[20, 21, 22, EOS], [30, EOS, 0, 0]])
    batch = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    with torch.inference_mode():
        scored = score_labels(model, batch, LabelSet(labels), 0)
        if LabelSet(labels).first_tokens_differ:
            assert torch.allclose(scored.exp().sum(-1), torch.ones(2), atol=1e-4)
        else:
            wanted = torch.stack([spelled_out(model, batch, one) for one in labels], dim=1)
            assert torch.allclose(scored, wanted, atol=1e-3)


SCALAR = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT
CONFIG = st.recursive(
    SCALAR | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def shuffled(value, random):
    """The same content with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        return {key: shuffled(inner, random) for key, inner in items}
    return [shuffled(inner, random) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(TEXT, CONFIG, min_size=1, max_size=4), st.randoms(), TEXT)
def test_an_identity_is_of_the_content_and_of_all_of_it(config, random, other):
    assert identity_of(shuffled(config, random)) == identity_of(config)
    key = random.choice(sorted(config))
    for changed in ({**config, key: [config[key]]}, {k: v for k, v in config.items() if k != key}):
        assert identity_of(changed) != identity_of(config)
    if other not in config:
        assert identity_of({**config, other: None}) != identity_of(config)


KEY = st.text(string.ascii_letters, min_size=1, max_size=8)
PLAIN = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT


@given(st.dictionaries(KEY, PLAIN | st.lists(PLAIN, max_size=3), min_size=1, max_size=5))
def test_what_is_written_as_yaml_is_read_as_it_was(tmp_path, values):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    assert read_yaml(path) == values


@given(st.binary(max_size=80) | TEXT.map(str.encode))
def test_whatever_a_yaml_file_holds_ends_in_keys_or_in_a_sentence(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    try:
        found = read_yaml(path)
    except StudyError as error:
        found = str(error)
        assert "recipe.yaml" in found
    assert isinstance(found, dict | str)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4)), min_size=1, max_size=120),
    st.sampled_from([["validation"], ["test"], ["validation", "test"]]),
)
def test_a_split_keeps_copies_together_and_half_of_every_label_for_training(rows, held_out):
    keys, kinds = (np.array(column) for column in zip(*rows, strict=True))
    split = splits_by_hash(keys.astype(np.uint64), kinds, held_out)
    label_of = {key: min(kinds[keys == key]) for key in set(keys)}
    for key in label_of:
        assert len(set(split[keys == key])) == 1
    for kind in set(label_of.values()):
        mine = [split[keys == key][0] for key in label_of if label_of[key] == kind]
        assert mine.count("train") >= len(mine) / 2
        for name in held_out:
            assert abs(mine.count(name) - HELD_OUT * len(mine)) <= 1
