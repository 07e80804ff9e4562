"""Observations of the published decoder SmolLM2: next words, ways to write, answers, summaries."""

from __future__ import annotations

import itertools
import re

import numpy as np
import torch

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.corpus import share
from t5study.chapters.observations.gpt import started
from t5study.chapters.observations.probing import (
    entropy,
    log_probabilities,
    looks,
    on_the_future,
    pieces,
    plain_ids,
    sampling,
    start_id,
    tensor,
    top_candidates,
    written,
)
from t5study.models.modules import parameter_count

SUMMARY_REQUEST = "Summarize the following news in one sentence.\n\n{text}"
"""What the model is told, as a user's turn of its own chat format."""

MONTHS = (
    *("january", "february", "march", "april", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
"""Names that are a month wherever they stand; *may* is left out, since it is a verb as well."""


@observes("smollm2.next")
def following(model, tokenizer, prompts: list[str], top: int = 8) -> Observation:
    """The distribution of the next token after each prompt: its best tokens, and its entropy."""
    rows = []
    for prompt in prompts:
        logits = model(tensor(model, plain_ids(tokenizer, prompt))).logits[0, -1]
        chances = logits.float().softmax(-1)
        rows.append(
            {
                "prompt": prompt,
                "candidates": top_candidates(tokenizer, chances, top),
                "entropy": float(entropy(chances.cpu().numpy())),
            }
        )
    return Observation({"rows": rows, "vocabulary": chances.numel()})


@observes("smollm2.attention")
def attention(model, tokenizer, sentences: list[str]) -> Observation:
    """Attention weights of every layer and head on each sentence, behind the start token.

    Arrays as in `minilm.attention`; `on_the_future` is the largest weight on a later token.
    """
    values, arrays, later = [], {}, []
    for place, sentence in enumerate(sentences):
        ids = started(tokenizer, sentence)
        weights = looks(model, tensor(model, ids))
        values.append({"sentence": sentence, "tokens": pieces(tokenizer, ids)})
        arrays[f"attention_{place}"] = weights.astype(np.float16)
        later.append(on_the_future(weights))
    counted = {
        "layers": weights.shape[0],
        "heads": weights.shape[1],
        "on_the_future": max(later),
        "parameters": parameter_count(model),
    }
    return Observation({"sentences": values, **counted}, arrays)


@observes("smollm2.tree")
def tree(
    model, tokenizer, prompt: str, beams: int = 2, steps: int = 3, top: int = 3
) -> Observation:
    """A beam search as a tree: the `top` likeliest tokens after each beam, step by step.

    A row has its `step` (from 1), the row it goes on from (`parent`, None at the prompt), the
    `token` with its `probability`, the sum of `log_probability` so far, and whether it is `kept`.
    With `top` at least `beams`, those kept are the best among all tokens.
    """
    ids = plain_ids(tokenizer, prompt)
    rows: list[dict] = []
    kept: list[tuple[list[int], float, int | None]] = [(ids, 0.0, None)]
    for step in range(1, steps + 1):
        options = []
        for before, score, parent in kept:
            chances = model(tensor(model, before)).logits[0, -1].float().softmax(-1)
            best = chances.topk(top)
            for chance, index in zip(*(part.tolist() for part in best), strict=True):
                total = score + float(np.log(chance))
                options.append(([*before, index], total, len(rows)))
                rows.append(
                    {"step": step, "parent": parent, "token": pieces(tokenizer, [index])[0],
                     "probability": chance, "log_probability": total, "kept": False}
                )  # fmt: skip
        kept = sorted(options, key=lambda option: -option[1])[:beams]
        for _, _, place in kept:
            rows[place]["kept"] = True
    return Observation({"prompt": prompt, "rows": rows})


def methods(beams: int, top_k: int, top_p: float) -> dict[str, dict]:
    """The ways of decoding that are compared, as arguments of `generate`."""
    # top_k=0 switches off the cut at 50 that `generate` makes unasked.
    return {
        "greedy": {"do_sample": False, "num_beams": 1},
        f"beam search, {beams} beams": {"do_sample": False, "num_beams": beams},
        "sampling, T = 1": {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0},
        f"top-k, k = {top_k}": {"do_sample": True, "top_k": top_k, "top_p": 1.0},
        f"nucleus, p = {top_p}": {"do_sample": True, "top_k": 0, "top_p": top_p},
    }


def different_pairs(text: str) -> float:
    """Share of a text's pairs of neighbouring words that are different ones; 1 without pairs."""
    words = text.split()
    pairs = list(itertools.pairwise(words))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


@observes("smollm2.decoding")
def decoding(
    model, tokenizer, prompt: str, length: int = 40, seed: int = 21, penalty: float = 1.3
) -> Observation:
    """One prompt continued by every way of decoding, and greedily with repetition made dearer.

    `penalty` divides the scores of tokens that were used before (Keskar et al. 2019, section 4.1).
    """
    ways = methods(4, 50, 0.9) | {
        f"greedy, repetition penalty {penalty}": {
            "do_sample": False,
            "num_beams": 1,
            "repetition_penalty": penalty,
        }
    }
    end = tokenizer.eos_token_id
    rows = []
    for method, arguments in ways.items():
        with sampling(model, seed):
            ids = plain_ids(tokenizer, prompt)
            ends = {"pad_token_id": end, "eos_token_id": end}
            made = written(model, ids, length, **ends, **arguments)
        text = tokenizer.decode(made, skip_special_tokens=True)
        rows.append({"method": method, "text": text, "different_pairs": different_pairs(text)})
    return Observation({"prompt": prompt, "rows": rows})


@observes("smollm2.scrambled")
def scrambled(model, tokenizer, sentences: list[str], seed: int = 21) -> Observation:
    """Perplexity of each sentence as it is, and with its words in a random order.

    Both begin with the token that starts a text, so that the first word counts as well.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for sentence in sentences:
        words = sentence.rstrip(".").split()
        mixed = " ".join(words[place] for place in rng.permutation(len(words))) + "."
        row = {"sentence": sentence, "scrambled": mixed}
        for name, text in (("plain", sentence), ("mixed", mixed)):
            ids = [start_id(tokenizer), *plain_ids(tokenizer, text)]
            row[f"{name}_perplexity"] = float(
                np.exp(-float(log_probabilities(model, ids).sum()) / (len(ids) - 1))
            )
        rows.append(row)
    return Observation({"rows": rows})


def _turn(tokenizer, words: str) -> str:
    """A prompt of one turn of the user's, in the chat format of the tokenizer."""
    turn = [{"role": "user", "content": words}]
    return tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)


def summarised(model, tokenizer, texts: list[str], batch_size: int = 16, **arguments) -> list[str]:
    """What the model writes when it is asked for a summary of each text.

    Prompts of a batch are padded on the left, so that each is continued from its own end.
    """
    prompts = [_turn(tokenizer, SUMMARY_REQUEST.format(text=text)) for text in texts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    for begin in range(0, len(order), batch_size):
        chosen = order[begin : begin + batch_size]
        batch = tokenizer(
            [prompts[i] for i in chosen],
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        ).to(model.device)
        made = model.generate(**batch, pad_token_id=end, eos_token_id=end, **arguments)
        new = tokenizer.batch_decode(
            made[:, batch["input_ids"].shape[1] :], skip_special_tokens=True
        )
        for place, text in zip(chosen, new, strict=True):
            answers[place] = " ".join(text.split())
    return answers


@observes("smollm2.summaries")
def summaries(
    model, tokenizer, texts: list[str], arguments: dict[str, dict[str, object]]
) -> Observation:
    """Each text summarised under each named set of `generate`'s arguments.

    A decoder's prompt counts towards `max_length`, so lengths are given for what is new:
    `max_new_tokens`, `min_new_tokens`.
    """
    answers = {
        name: summarised(model, tokenizer, texts, do_sample=False, **chosen)
        for name, chosen in arguments.items()
    }
    rows = [
        {"text": text, **{name: answers[name][i] for name in answers}}
        for i, text in enumerate(texts)
    ]
    return Observation({"rows": rows, "request": SUMMARY_REQUEST})


@observes("smollm2.sentences")
def by_decoder(model, tokenizer, texts: list[str], question: str, words: list[str]) -> Observation:
    """What the decoder answers without an example: whole words, scored.

    It is not asked to write: the scores of the label words, each with its end of turn, sum to one.
    `question` has a place for the text, and is put as a user's turn.
    """
    end, rows = tokenizer.convert_tokens_to_ids("<|im_end|>"), []
    answers = [[*plain_ids(tokenizer, word), end] for word in words]
    for text in texts:
        ids = plain_ids(tokenizer, _turn(tokenizer, question.format(text=text)))
        scores = [log_probabilities(model, [*ids, *a])[-len(a) :].sum() for a in answers]
        chances = torch.stack(scores).softmax(-1)
        best = int(chances.argmax())
        rows.append({"text": text, "answer": words[best], "probability": float(chances[best])})
    return Observation({"rows": rows, "words": words})


def months_in(text: str) -> list[str]:
    """The months that a text names, in order; see `MONTHS`."""
    return [word for word in re.findall(r"[a-z]+", text.lower()) if word in MONTHS]


def month_texts(count: int, seed: int) -> list[str]:
    """Short news that say "this month" and name none, made by rule, each different."""
    rng = np.random.default_rng(seed)
    pattern = "{0} said on {1} that {2} {3} this month. {4} {5}"
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [part[rng.integers(len(part))] for part in _PARTS]
        found[pattern.format(*parts)] = None
    return list(found)


_PARTS = (
    (
        *("The mayor", "The minister of health", "A spokesman for the railway", "The governor"),
        *("The head of the city library", "The director of the museum", "The prime minister"),
        *("The chief of the fire service", "A speaker for the airport", "The school board"),
    ),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    (
        *("the old bridge", "the main station", "the swimming pool", "the northern road"),
        *("the botanical garden", "the night bus", "the ferry to the island", "the town theatre"),
        *("the new hospital", "the market hall", "the public library", "the border crossing"),
    ),
    (
        *("would reopen", "would be closed for repairs", "would receive new funding"),
        *("would extend its hours", "would be inspected", "would be handed to a new owner"),
    ),
    (
        *(
            "The work has cost 3 million euros so far.",
            "More than 4,000 people had signed a letter.",
        ),
        *(
            "It had been shut for two years.",
            "Residents have complained about the delay for weeks.",
        ),
        *("Two earlier dates had been missed.", "The decision was taken behind closed doors."),
    ),
    (
        *('"We owe it to the people who waited," the statement said.',),
        *("Details are to be announced after the weekend.", "The opposition called it too late."),
        *("Tickets will stay at the same price.", "Staff were told by letter in the morning."),
        *("An independent report is expected later.",),
    ),
)


@observes("smollm2.months")
def months(
    model, tokenizer, count: int = 240, seed: int = 21, max_new_tokens: int = 60
) -> Observation:
    """How often a summary names a month where its source says "this month".

    Greedy summaries of `month_texts`. `invented` is the share of summaries that name any month,
    with Wilson's 95 % interval, `says_this_month` the share that keep the words.
    """
    texts = month_texts(count, seed)
    answers = summarised(
        model, tokenizer, texts, do_sample=False, num_beams=1, max_new_tokens=max_new_tokens
    )
    named = [months_in(answer) for answer in answers]
    rows = [
        {"text": text, "summary": answer, "months": found}
        for text, answer, found in zip(texts, answers, named, strict=True)
    ]
    kept = sum("this month" in answer.lower() for answer in answers)
    return Observation(
        {
            "invented": share(sum(map(bool, named)), count),
            "says_this_month": share(kept, count),
            "rows": rows,
        }
    )
