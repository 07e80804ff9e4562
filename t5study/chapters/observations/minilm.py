"""Observations of the published encoder MiniLM: attention, words in two senses, like sentences."""

from __future__ import annotations

import numpy as np
import torch

from t5study.base.errors import StudyError
from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.probing import (
    marked_ids,
    pieces,
    stacked,
    tensor,
    unmarked,
)
from t5study.models.modules import parameter_count


@observes("minilm.attention")
def attention(model, tokenizer, sentences: list[str], head: list[int]) -> Observation:
    """Attention weights of every layer and head on each sentence, in `[CLS] … [SEP]`.

    Arrays `attention_0`, `attention_1`, …: (layers, heads, queries, keys), in half precision,
    which is finer than a picture shows; `query`, `key` and `value` (tokens, width) of one `head`,
    a layer and a head counted from 0, on the first sentence, and the `weights` it made of them.
    """
    layer, number = head
    values, arrays = [], {}
    for place, sentence in enumerate(sentences):
        ids = tokenizer(sentence)["input_ids"]
        output = model(tensor(model, ids), output_attentions=True, output_hidden_states=True)
        weights = stacked(output.attentions)
        values.append({"sentence": sentence, "tokens": pieces(tokenizer, ids)})
        arrays[f"attention_{place}"] = weights.astype(np.float16)
        if place == 0:
            inside = model.encoder.layer[layer].attention.self
            arrays |= _projected(inside, number, output.hidden_states[layer][0])
            arrays["weights"] = weights[layer, number]
    shape = {"layers": weights.shape[0], "heads": weights.shape[1]}
    counted = {"parameters": parameter_count(model)}
    return Observation({"sentences": values, "head": head, **shape, **counted}, arrays)


def _projected(inside, head: int, states: torch.Tensor) -> dict[str, np.ndarray]:
    """Queries, keys and values (tokens, width) of one head, from what enters its layer."""
    width = inside.attention_head_size
    part = slice(head * width, (head + 1) * width)
    return {
        name: getattr(inside, name)(states)[:, part].cpu().numpy()
        for name in ("query", "key", "value")
    }


@observes("minilm.senses")
def senses(model, tokenizer, items: list[dict[str, str]]) -> Observation:
    """How alike the vectors of one word are in sentences that mean different things by it.

    Args:
        items: each has a `sentence` with one word in square brackets, and the `sense` it has there.

    Array `similarity` (layers + 1, items, items): cosines of the marked word's vector (the mean
    over its pieces) at the embeddings (0) and after each layer.
    """
    vectors = []
    for item in items:
        ids, places = marked_ids(tokenizer, item["sentence"], special=True)
        states = model(tensor(model, ids), output_hidden_states=True).hidden_states
        vectors.append(torch.stack([layer[0, places].mean(0) for layer in states]))
    units = torch.nn.functional.normalize(torch.stack(vectors), dim=-1)
    similarity = torch.einsum("ilw,jlw->lij", units, units).cpu().numpy()
    rows = []
    for item in items:
        text, ((start, end), *_) = unmarked(item["sentence"])
        rows.append({**item, "word": text[start:end]})
    return Observation({"items": rows}, {"similarity": similarity})


def sentence_vectors(model, tokenizer, sentences: list[str]) -> torch.Tensor:
    """Vectors (sentences, width) of length 1: the mean over the tokens of the last layer.

    That is how the checkpoint was trained to be read (Reimers and Gurevych 2019, section 3).
    """
    batch = tokenizer(sentences, padding=True, return_tensors="pt").to(model.device)
    states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


@observes("minilm.similarity")
def similarity(model, tokenizer, sentences: list[str]) -> Observation:
    """Array `similarity` (sentences, sentences): the cosines of the sentences' vectors."""
    if len(sentences) < 2:
        raise StudyError("Similarity needs two sentences or more: give another one.")
    vectors = sentence_vectors(model, tokenizer, sentences)
    return Observation(
        {"sentences": sentences}, {"similarity": (vectors @ vectors.T).cpu().numpy()}
    )
