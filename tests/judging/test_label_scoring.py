"""Label scores against the model's own probabilities and its generated text."""

from __future__ import annotations

import itertools

import pytest
import torch
from tiny import no_hub, tiny_experiment, tiny_t5
from transformers import T5ForConditionalGeneration

from t5study.data.batches import in_length_order
from t5study.data.casts import label_ids
from t5study.experiments.data import TaskData
from t5study.judging.generation import generate
from t5study.judging.label_scoring import LabelSet, _next_token_logits, score_labels
from t5study.models.loading import load_model, load_tokenizer
from t5study.runs.store import RunStore
from t5study.training.finetune import finetune


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_t5(tmp_path_factory.mktemp("label-scoring"))


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_model(checkpoint, T5ForConditionalGeneration).eval()


@pytest.fixture(scope="module")
def batch(checkpoint):
    experiment = tiny_experiment(checkpoint)
    data = TaskData.load(experiment, no_hub(), load_tokenizer(checkpoint), ("test",))
    return next(in_length_order(data.encoded["test"], data.collator, 512))[1]


def spelled_out(model, batch, ids) -> torch.Tensor:
    """The log-probability of a label by teacher forcing, one label at a time."""
    labels = torch.tensor(ids).expand(len(batch["input_ids"]), -1).contiguous()
    logits = model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels
    ).logits
    return logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1).sum(-1)


@pytest.mark.parametrize(
    "ids",
    [
        ((40, 1), (40, 41, 1), (40, 41, 42, 1)),
        ((40, 41, 1), (40, 42, 1), (43, 1), (40, 41, 44, 45, 1)),
    ],
    ids=["one begins another", "a tree"],
)
def test_the_tree_gives_the_log_probability_of_the_whole_label(model, batch, ids):
    with torch.inference_mode():
        scored = score_labels(model, batch, LabelSet(ids), 0)
        expected = torch.stack([spelled_out(model, batch, label) for label in ids], dim=1)
    assert torch.allclose(scored, expected, atol=1e-4)


def test_one_step_is_a_softmax_over_the_first_tokens(model, batch):
    ids = ((40, 41, 1), (42, 1), (43, 1))
    with torch.inference_mode():
        scored = score_labels(model, batch, LabelSet(ids), 0)
        start = torch.zeros((len(batch["input_ids"]), 1), dtype=torch.long)
        step = model(
            **{k: batch[k] for k in ("input_ids", "attention_mask")}, decoder_input_ids=start
        ).logits[:, 0]
    assert torch.allclose(scored.exp().sum(-1), torch.ones(len(scored)), atol=1e-5)
    assert torch.allclose(scored, step[:, [40, 42, 43]].log_softmax(-1), atol=1e-4)


def test_the_head_rounds_no_score_to_a_tie(model, batch):
    mask = batch["attention_mask"]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        encoded = model.get_encoder()(input_ids=batch["input_ids"], attention_mask=mask)[0]
        logits = _next_token_logits(model, encoded, mask, (0,))
        plain = model(**batch, use_cache=False).logits
    assert plain.dtype == torch.bfloat16
    assert (logits != logits.bfloat16().float()).float().mean() > 0.9
    # The head is as it was: what is not a score pays nothing.
    assert "forward" not in vars(model.lm_head)


def test_labels_that_share_a_first_token_need_the_tree():
    assert LabelSet(((5, 1), (6, 1))).first_tokens_differ
    tree = LabelSet(((5, 6, 1), (5, 7, 1), (5, 1)))
    assert not tree.first_tokens_differ
    assert tree.prefixes == [(5, 6), (5, 7)]


def test_label_scoring_agrees_with_generation_where_generation_answers_with_a_label(
    checkpoint, tmp_path
):
    experiment = tiny_experiment(checkpoint, epochs=6, learning_rate=1e-2)
    hub = no_hub()
    run = RunStore(tmp_path).obtain(
        experiment.config(hub), lambda work: finetune(experiment, hub, work)
    )
    tokenizer = load_tokenizer(run.model)
    trained = T5ForConditionalGeneration.from_pretrained(run.model).eval()
    data = TaskData.load(experiment, hub, tokenizer, ("test",))
    texts = generate(
        trained,
        tokenizer,
        data.texts["test"]["source"],
        experiment.recipe.max_source_length,
        max_new_tokens=12,
    )
    words = list(experiment.task.label_words)
    pairs = [
        (words.index(text), answer)
        for text, answer in zip(texts, run.predictions["prediction"], strict=True)
        if text in words
    ]
    assert len(pairs) >= 30
    assert all(generated == scored for generated, scored in pairs)


def test_generation_answers_in_the_order_of_the_texts(model, checkpoint):
    tokenizer = load_tokenizer(checkpoint)
    texts = ["the film was good and the songs were dull " * n for n in (5, 1, 3)]
    together = generate(model, tokenizer, texts, tokens=64, max_new_tokens=5)
    apart = [generate(model, tokenizer, [t], max_new_tokens=5)[0] for t in texts]
    assert together == apart


def test_every_label_word_of_every_task_has_ids_of_its_own(checkpoint):
    from t5study.data.tasks import TASKS

    tokenizer = load_tokenizer(checkpoint)
    for task in TASKS.values():
        if task.repo == "pocket" and task.label_words:
            ids = label_ids(task, tokenizer)
            assert all(a != b for a, b in itertools.combinations(ids, 2))
