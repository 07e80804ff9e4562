"""A decoder asked for labels without training: by a prompt, with or without examples in it.

Brown et al. (2020, section 2) name the ways: zero-shot asks the bare question, few-shot puts solved
examples before it. The answer is read from the next word's probabilities, not generated.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from t5study.base.device import device_name
from t5study.base.errors import StudyError
from t5study.base.out_of_memory import halving
from t5study.data.casts import cast
from t5study.data.rows import split_rows
from t5study.experiments.questions import LONGEST_IN_A_PROMPT, Prompting
from t5study.judging.metrics import classification_metrics, prediction_table
from t5study.models.loading import load_model, load_tokenizer
from t5study.runs.provenance import peak_memory_bytes, recorded

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace

CONTENT_FREE = ("N/A", "", "[MASK]")
"""Texts that say nothing: what the model answers to them is its liking for each label word."""

BATCH = 32


def ask(asked: Prompting, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Ask for the label of every test row; keep raw and calibrated scores and the answers."""
    task, settings = asked.task, asked.settings
    with recorded("cpu") as provenance:
        model = load_model(asked.checkpoint, LlamaForCausalLM).eval()
        tokenizer = load_tokenizer(asked.checkpoint)
        test = split_rows(task, hub, "test", settings.test)
        labels = cast(task, test)["label"]
        examples = solved_examples(asked, tokenizer, hub)
        free = [asked.prompt.format(**dict.fromkeys(task.fields, text)) for text in CONTENT_FREE]
        questions = [question(asked, tokenizer, row) for row in test]
        started = time.perf_counter()
        scores = score_next_words(model, tokenizer, examples, questions, task.label_words)
        seconds = time.perf_counter() - started
        liking = score_next_words(model, tokenizer, examples, free, task.label_words)
        calibrated = calibrate(scores, liking)
        metrics = classification_metrics(
            labels, scores.argmax(1), task.label_words, also=task.metrics
        )
        work.save_metrics(
            {
                **metrics,
                "calibrated": classification_metrics(
                    labels, calibrated.argmax(1), task.label_words, also=task.metrics
                ),
                "liking": dict(zip(task.label_words, np.exp(liking).mean(0).tolist(), strict=True)),
                "task": task.name,
                "split": "test",
                "model": asked.checkpoint.name,
                "shots": asked.shots,
                "seconds": seconds,
                "examples_per_second": len(questions) / seconds,
                "peak_memory_bytes": peak_memory_bytes("cpu"),
                "device": device_name("cpu"),
                "seed": asked.seed,
            }
        )
        table = prediction_table(test["row"], labels, scores, task.label_words)
        work.save_predictions(table.assign(calibrated=calibrated.argmax(1)))
        provenance["data"] = {task.repo: hub.revision(task.repo)}
    return provenance | asked.checkpoint.origins


def solved_examples(asked: Prompting, tokenizer: PreTrainedTokenizerBase, hub: Hub) -> str:
    """Return `shots` training rows, drawn with the seed, each as its question and its label word.

    They are drawn without regard to the label, as in Zhao et al. (2021), section 3.
    """
    if not asked.shots:
        return ""
    train = split_rows(asked.task, hub, "train")
    drawn = np.random.default_rng(asked.seed).choice(len(train), asked.shots, replace=False)
    rows = train.select(drawn)
    words = cast(asked.task, rows)["target"]
    solved = (
        f"{question(asked, tokenizer, row)} {word}\n\n"
        for row, word in zip(rows, words, strict=True)
    )
    return "".join(solved)


def question(asked: Prompting, tokenizer: PreTrainedTokenizerBase, row: dict[str, Any]) -> str:
    """Return the prompt with a row's texts in it, each cut to `LONGEST_IN_A_PROMPT` tokens."""
    texts = {}
    for field in asked.task.fields:
        ids = tokenizer(row[field].strip(), add_special_tokens=False)["input_ids"]
        texts[field] = tokenizer.decode(ids[:LONGEST_IN_A_PROMPT])
    return asked.prompt.format(**texts)


def score_next_words(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: str,
    questions: Sequence[str],
    words: Sequence[str],
) -> np.ndarray:
    """Return how probable each label word is after each question: log shares [questions, words].

    The examples are read once: their keys and values serve all questions.

    Raises:
        StudyError: two words begin with one token, or a prompt is longer than the model's context.
    """
    first = _first_tokens(tokenizer, words)
    before = tokenizer(examples, add_special_tokens=False)["input_ids"]
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in questions]
    longest = len(before) + max(map(len, ids))
    context = model.config.max_position_embeddings
    if longest > context:
        raise StudyError(
            f"A prompt of {longest:,} tokens is longer than the model's context of {context:,}: "
            "ask with fewer examples."
        )
    order = np.argsort([len(each) for each in ids], kind="stable")

    def answers(batch: int) -> list[torch.Tensor]:
        read = model.base_model(torch.tensor([before])).past_key_values if before else None
        cuts = range(0, len(order), batch)
        return [
            _last_logits(model, [ids[place] for place in order[cut : cut + batch]], read, before)
            for cut in cuts
        ]

    with torch.inference_mode():
        logits = torch.cat(halving(answers, BATCH))
    found = np.empty((len(ids), len(words)), dtype=np.float32)
    found[order] = logits[:, first].float().log_softmax(-1).numpy()
    return found


def _first_tokens(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> list[int]:
    first = [tokenizer(f" {word}", add_special_tokens=False)["input_ids"][0] for word in words]
    for place, token in enumerate(first):
        if token in first[:place]:
            raise StudyError(
                f"The tokenizer begins '{words[first.index(token)]}' and '{words[place]}' with one "
                "token: the next token does not tell them apart, take other label words."
            )
    return first


def _last_logits(
    model: PreTrainedModel, rows: list[list[int]], read: Any, before: list[int]
) -> torch.Tensor:
    """Logits [rows, vocabulary] of the token after each row, behind what was read before."""
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], True)
    mask = torch.arange(padded.shape[1]) < lengths[:, None]
    mask = torch.cat([torch.ones(len(rows), len(before), dtype=torch.bool), mask], 1)
    cache = copy.deepcopy(read)
    if cache is not None:
        cache.batch_repeat_interleave(len(rows))
    states = model.base_model(padded, attention_mask=mask.long(), past_key_values=cache)
    last = states.last_hidden_state[torch.arange(len(rows)), lengths - 1]
    # The vocabulary's matrix is a fifth of all multiplications: only the last token needs it.
    return model.get_output_embeddings()(last)


def calibrate(scores: np.ndarray, liking: np.ndarray) -> np.ndarray:
    """Divide each label's share by its share after texts that say nothing (Zhao et al. 2021, 4).

    Both are log shares, [rows, labels] and [content-free texts, labels]; so is what is returned,
    up to a constant a row.
    """
    return scores - np.log(np.exp(liking).mean(0))
