"""Smaller models: half the layers are kept, bytes are fewer, the loop teaches, all are judged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import no_hub, tiny_bert, tiny_experiment
from transformers import BertForSequenceClassification

from t5study.chapters.distilling import distil
from t5study.chapters.listing import listing
from t5study.chapters.observations import smaller
from t5study.chapters.smaller import agreement, plot_sizes, size_table
from t5study.experiments.questions import Shrinking
from t5study.models.loading import load_tokenizer
from t5study.runs.store import RunStore
from t5study.training.finetune import finetune

TEXTS = ["a wonderful film", "a dull film"] * 8


@pytest.fixture
def encoder(tmp_path):
    checkpoint = tiny_bert(tmp_path / "bert")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = BertForSequenceClassification.from_pretrained(checkpoint.folder, num_labels=2)
    return model.eval(), load_tokenizer(checkpoint)


def test_half_a_model_is_every_other_layer_of_it(encoder) -> None:
    model, _ = encoder
    half = smaller.every_other_layer(model)
    kept = half.base_model.encoder.layer
    assert len(kept) == half.config.num_hidden_layers == 2
    for mine, theirs in zip(kept, (0, 2), strict=True):
        first = model.base_model.encoder.layer[theirs].output.dense.weight
        assert torch.equal(mine.output.dense.weight, first)
    assert len(model.base_model.encoder.layer) == 3


def test_bytes_are_fewer_and_answers_nearly_the_same(encoder) -> None:
    wide = torch.nn.Sequential(torch.nn.Linear(512, 512))
    assert smaller.stored_bytes(smaller.in_int8(wide)) < smaller.stored_bytes(wide) / 3
    model, tokenizer = encoder
    rounded = smaller.in_int8(model)
    assert smaller.weight_count(rounded) == smaller.weight_count(model)
    before, after = (smaller.logits(each, tokenizer, TEXTS) for each in (model, rounded))
    np.testing.assert_allclose(before, after, atol=0.05)
    assert not torch.equal(before, after)


def test_logits_come_in_the_order_of_the_texts(encoder) -> None:
    model, tokenizer = encoder
    texts = ["a film", "a wonderful long film and a quiet one", "dull"]
    together = smaller.logits(model, tokenizer, texts)
    alone = torch.cat([smaller.logits(model, tokenizer, [text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_student_learns_the_shares_that_it_is_given(encoder) -> None:
    model, tokenizer = encoder
    shares = torch.tensor([[0.2, 0.8], [0.7, 0.3]] * 8)
    student = smaller.every_other_layer(model)
    losses = distil(student, tokenizer, TEXTS, shares, 1.0, epochs=60, batch=8, rate=1e-2)
    assert len(losses) == 120
    found = smaller.logits(student, tokenizer, TEXTS).softmax(-1)
    np.testing.assert_allclose(found, shares, atol=0.1)


def test_a_record_has_every_model_with_scores_sizes_and_times(tmp_path) -> None:
    experiment, hub = tiny_experiment(tiny_bert(tmp_path / "bert"), epochs=1), no_hub()
    object.__setattr__(experiment, "architecture", "bert")
    store = RunStore(tmp_path / "runs")
    run = store.obtain(experiment.config(hub), lambda work: finetune(experiment, hub, work))
    asked = Shrinking(run, epochs=1)
    made = store.obtain(asked.config(), lambda work: smaller.shrink(asked, hub, work))
    figures = {row.pop("model"): row for row in made.values["models"]}
    table = made.predictions
    assert list(figures) == [
        "TF-IDF + linear SVM",
        "MiniLM, fp32",
        "MiniLM, bf16",
        "MiniLM, int8",
        "half, taught by labels",
        "half, distilled",
        "half, distilled, int8",
    ]
    assert (table["MiniLM, fp32"] == run.predictions["prediction"]).all()
    for name, row in figures.items():
        assert row["accuracy"] == pytest.approx((table[name] == table["label"]).mean())
        assert 0 < row["together"] < np.inf
        assert 0 < row["alone"] < np.inf
    assert figures["half, distilled"]["weights"] < figures["MiniLM, fp32"]["weights"]


def test_the_page_shows_the_loop_in_lines_that_fit() -> None:
    shown = listing("distilling", "distil").data.splitlines()[1:-1]
    assert len(shown) <= 40
    assert max(map(len, shown)) <= 80
    assert shown[0] == "def distil("


def test_a_table_sets_each_model_against_the_whole_one(tmp_path) -> None:
    rows = {"TF-IDF + linear SVM": [0, 1, 0, 1], "MiniLM, fp32": [0, 1, 1, 1]}
    figures = {"accuracy": 1, "macro_f1": 1, "bytes": 2e6, "weights": 5, "together": 1}
    values = {
        "models": [
            {"model": name, **figures, "alone": alone}
            for name, alone in zip(rows, (1, 10), strict=True)
        ]
    }
    run = SimpleNamespace(values=values, predictions=pd.DataFrame({"label": [0, 1, 1, 1], **rows}))
    table = size_table(run)
    assert table["against whole"].tolist() == [-0.25, 0]
    assert table["times as fast"].tolist() == [10, 1]
    assert table["megabytes"].tolist() == [2, 2]
    assert agreement(run, *rows) == 0.75
    (place,) = plot_sizes(table).axes
    assert [line.get_label() for line in place.lines] == list(rows)
