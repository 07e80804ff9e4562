"""Observations of what models answer to sentences of the study's own: chapters 6 and 7.

A model is not asked to write: the label words are scored, and the scores sum to one over them.
"""

from __future__ import annotations

import torch

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.probing import looking_at, tensor


def _seen(texts: list[str], words: list[str], scores: list[torch.Tensor]) -> Observation:
    """The answer to each text and the share of the scores' exponentials that it has."""
    rows = []
    for text, score in zip(texts, scores, strict=True):
        chances = score.float().softmax(-1)
        best = int(chances.argmax())
        rows.append({"text": text, "answer": words[best], "probability": float(chances[best])})
    return Observation({"rows": rows, "words": words})


@observes("smollm2.sentences")
def by_decoder(model, tokenizer, texts: list[str], question: str, words: list[str]) -> Observation:
    """What an instruction-tuned decoder answers without an example: whole words, scored.

    `question` has a place for the text, and is put as a user's turn.
    """
    scores = []
    with looking_at(model):
        for text in texts:
            turn = [{"role": "user", "content": question.format(text=text)}]
            prompt = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
            ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
            scores.append(torch.stack([_of_word(model, tokenizer, ids, word) for word in words]))
    return _seen(texts, words, scores)


def _of_word(model, tokenizer, ids: list[int], word: str) -> torch.Tensor:
    """The log-probability of a word after a prompt, its end of turn included."""
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    answer = [*tokenizer(word, add_special_tokens=False)["input_ids"], end]
    logits = model(tensor(model, [*ids, *answer])).logits[0].float().log_softmax(-1)
    places = torch.arange(len(ids) - 1, len(ids) - 1 + len(answer))
    return logits[places, torch.tensor(answer)].sum()
