"""Observations of generated text: answers, and the arguments that shape them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GenerationConfig

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.probing import pieces, tensor
from t5study.chapters.observations.t5 import ended, shifted

# transformers warns when a search without beams is given these.
_OF_BEAMS = ("early_stopping", "length_penalty")


def _settings(model, arguments: dict[str, Any]) -> GenerationConfig:
    """The arguments and nothing inherited from the checkpoint but its special tokens."""
    beams = arguments.get("num_beams", 1)
    kept = {k: v for k, v in arguments.items() if beams > 1 or k not in _OF_BEAMS}
    return GenerationConfig(
        **kept,
        pad_token_id=model.config.pad_token_id,
        eos_token_id=model.config.eos_token_id,
        decoder_start_token_id=model.config.decoder_start_token_id,
        return_dict_in_generate=True,
        output_scores=beams > 1,
    )


def _generate(model, tokenizer, prompt: str, arguments: dict[str, Any]):
    batch = tensor(model, ended(tokenizer, prompt))
    return model.generate(
        batch,
        attention_mask=torch.ones_like(batch),
        generation_config=_settings(model, arguments),
    )


def _written(model, sequence: torch.Tensor) -> list[int]:
    """What the decoder wrote: without its start token, up to and with the end token."""
    ids = sequence.tolist()[1:]
    end = model.config.eos_token_id
    ids = ids[: ids.index(end) + 1] if end in ids else ids
    while ids and ids[-1] == model.config.pad_token_id:
        ids.pop()
    return ids


def _log_chances(model, tokenizer, prompt: str, ids: list[int]) -> torch.Tensor:
    """Log-probabilities (steps, vocabulary) of each next token while the decoder reads `ids`."""
    output = model(
        input_ids=tensor(model, ended(tokenizer, prompt)),
        decoder_input_ids=tensor(model, shifted(model, ids)),
    )
    # Of no pieces the decoder still reads its start token, and nothing is to be written after it.
    return output.logits[0, : len(ids)].float().log_softmax(-1)


def _answer(model, tokenizer, prompt: str, ids: list[int]) -> dict[str, Any]:
    chances = _log_chances(model, tokenizer, prompt, ids)
    # A model that is hardly trained may write nothing but padding: an answer of no pieces.
    written = torch.tensor(ids, dtype=torch.long, device=chances.device)
    chosen = chances[torch.arange(len(ids)), written]
    return {
        "answer": tokenizer.decode(ids, skip_special_tokens=True),
        "pieces": pieces(tokenizer, ids),
        "length": len(ids) + 1,
        "ended": ids[-1:] == [model.config.eos_token_id],
        "log_probability": float(chosen.sum()),
        "mean_log_probability": float(chosen.mean()) if ids else 0.0,
    }


def _answered(model, tokenizer, prompt: str, arguments: dict[str, Any]) -> dict[str, Any]:
    made = _generate(model, tokenizer, prompt, arguments)
    return _answer(model, tokenizer, prompt, _written(model, made.sequences[0]))


@observes("generation.answers")
def answers(model, tokenizer, prompts: list[str], arguments: dict[str, Any]) -> Observation:
    """The answer to each prompt under one set of arguments of `generate`.

    `values["rows"]`, in the prompts' order: `prompt`, `answer`, its `pieces`, `length` as
    `max_length` counts it (the decoder's start token included), whether it `ended` by itself, and
    the log-probability that the model gives to those pieces, whole and as a mean over them.
    """
    rows = [
        {"prompt": prompt, **_answered(model, tokenizer, prompt, arguments)} for prompt in prompts
    ]
    return Observation({"rows": rows})


@observes("generation.sweep")
def sweep(
    model, tokenizer, prompt: str, arguments: dict[str, Any], changes: list[dict[str, Any]]
) -> Observation:
    """One prompt answered under `arguments`, and again with each of `changes` made to them.

    `values["rows"]` has the unchanged answer first; `change` says what is different, the other
    keys are those of `generation.answers`.
    """
    rows = [
        {
            "change": ", ".join(f"{name}={value}" for name, value in change.items()),
            **_answered(model, tokenizer, prompt, {**arguments, **change}),
        }
        for change in ({}, *changes)
    ]
    return Observation({"prompt": prompt, "rows": rows})
