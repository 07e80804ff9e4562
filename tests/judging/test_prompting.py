"""Prompts: examples read once change no answer, calibration takes a liking away, the record."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import no_hub, tiny_llama
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from t5study.base.errors import StudyError
from t5study.data.tasks import get_task
from t5study.experiments.questions import Prompting
from t5study.experiments.recipes import TaskSettings
from t5study.judging.prompting import ask, calibrate, score_next_words, solved_examples
from t5study.runs.store import RunStore

TASK = get_task("pocket-sentiment")
WORDS = TASK.label_words


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoder")
    checkpoint = tiny_llama(folder)
    model = LlamaForCausalLM.from_pretrained(folder).eval()
    return checkpoint, model, PreTrainedTokenizerFast.from_pretrained(folder)


def prompting(checkpoint, shots: int, seed: int = 21, prompt: str = "Review: {text}\nMood:"):
    settings = TaskSettings(task=TASK.name, test=30)
    return Prompting(TASK, settings, checkpoint, prompt, shots, seed)


def test_examples_that_are_read_once_change_no_answer(decoder) -> None:
    checkpoint, model, tokenizer = decoder
    examples = solved_examples(prompting(checkpoint, 3), tokenizer, no_hub())
    assert examples.count("Review: ") == 3
    assert examples.endswith(("positive\n\n", "negative\n\n"))
    questions = [
        "Review: a film .\nMood:",
        "Review: one long and quiet film about it .\nMood:",
    ] * 20
    shares = score_next_words(model, tokenizer, examples, questions, WORDS)
    first = [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in WORDS]
    for question, found in zip(questions[:2], shares, strict=False):
        ids = tokenizer(examples + question, add_special_tokens=False, return_tensors="pt")
        logits = model(ids["input_ids"]).logits[0, -1, first]
        np.testing.assert_allclose(found, logits.log_softmax(-1).detach(), atol=1e-5)
    assert abs(shares[0, 0] - shares[1, 0]) > 1e-3


def test_calibration_takes_a_liking_for_a_word_away() -> None:
    liking = np.log([[0.9, 0.1], [0.7, 0.3]])
    scores = np.log([[0.8, 0.2], [0.85, 0.15], [0.6, 0.4]])
    assert calibrate(scores, liking).argmax(1).tolist() == [0, 0, 1]
    assert (calibrate(np.log([[0.8, 0.2]]), liking)[0] == 0).all()


def test_a_record_holds_raw_and_calibrated_answers(decoder, tmp_path) -> None:
    checkpoint = decoder[0]
    asked, hub = prompting(checkpoint, 2), no_hub()
    run = RunStore(tmp_path).obtain(asked.config(hub), lambda work: ask(asked, hub, work))
    table, metrics = run.predictions, run.metrics
    assert len(table) == metrics["n"] == 30
    assert metrics["accuracy"] == pytest.approx((table["label"] == table["prediction"]).mean())
    calibrated = metrics["calibrated"]["accuracy"]
    assert calibrated == pytest.approx((table["label"] == table["calibrated"]).mean())
    assert sum(metrics["liking"].values()) == pytest.approx(1)


def test_the_seed_draws_the_examples_and_plays_no_part_without_any(decoder) -> None:
    checkpoint, _, tokenizer = decoder
    hub = no_hub()
    bare = [prompting(checkpoint, 0, seed).config(hub) for seed in (1, 2)]
    assert bare[0] == bare[1]
    drawn = [prompting(checkpoint, 2, seed) for seed in (1, 2)]
    assert drawn[0].config(hub) != drawn[1].config(hub)
    assert len({solved_examples(each, tokenizer, hub) for each in drawn}) == 2


def test_what_cannot_be_asked_ends_in_a_sentence(decoder) -> None:
    checkpoint, model, tokenizer = decoder
    with pytest.raises(StudyError, match=r"begins 'A' and 'A film' with one token"):
        score_next_words(model, tokenizer, "", ["Review: a"], ["A", "A film"])
    with pytest.raises(
        StudyError, match=r"of 701 tokens is longer than the model's context of 600"
    ):
        score_next_words(model, tokenizer, "film " * 700, ["film"], WORDS)
    with pytest.raises(StudyError, match=r"needs each column of pocket-sentiment once.*: text"):
        prompting(checkpoint, 0, prompt="Review: {review}")
    with pytest.raises(StudyError, match="has no labels to ask a decoder for"):
        Prompting(get_task("pocket-summary"), TaskSettings(task="x"), checkpoint, "", 0, 21)
