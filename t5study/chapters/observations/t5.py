"""Observations of an encoder-decoder: T5 (Raffel et al. 2020)."""

from __future__ import annotations

import numpy as np
import torch

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.probing import (
    on_the_future,
    pieces,
    plain_ids,
    stacked,
    tensor,
    top_candidates,
    written,
)
from t5study.claims.facts import t5_parameters
from t5study.claims.published import load_published
from t5study.data.vocabulary import sentinel_ids
from t5study.models.modules import module_table, parameter_count
from t5study.pretraining.objectives import generator, noise_mask, span_corruption


def ended(tokenizer, text: str) -> list[int]:
    """Ids of a text with the one end token that T5's inputs and targets carry."""
    return [*plain_ids(tokenizer, text), tokenizer.eos_token_id]


def shifted(model, labels: list[int]) -> list[int]:
    """What the decoder reads while it learns `labels`: the same, one place to the right."""
    return [model.config.decoder_start_token_id, *labels[:-1]]


def _forced(model, tokenizer, source: str, target: str, **extra):
    source_ids, labels = ended(tokenizer, source), ended(tokenizer, target)
    output = model(input_ids=tensor(model, source_ids), labels=tensor(model, labels), **extra)
    return source_ids, labels, output


@observes("t5.prompts")
def prompts(model, tokenizer, texts: list[str], length: int = 40) -> Observation:
    """The model's greedy answer to each text, of at most `length` tokens."""
    rows = []
    for text in texts:
        made = written(model, ended(tokenizer, text), length)
        rows.append({"prompt": text, "answer": tokenizer.decode(made, skip_special_tokens=True)})
    return Observation({"rows": rows})


@observes("t5.masks")
def masks(model, tokenizer, source: str, target: str) -> Observation:
    """The three kinds of attention in an encoder-decoder, on one input and its target.

    Arrays, each (layers, heads, queries, keys): `encoder` (source on source), `decoder` (target
    on target) and `cross` (target on source).
    """
    source_ids, labels, output = _forced(model, tokenizer, source, target, output_attentions=True)
    arrays = {
        "encoder": stacked(output.encoder_attentions),
        "decoder": stacked(output.decoder_attentions),
        "cross": stacked(output.cross_attentions),
    }
    values = {
        "source_tokens": pieces(tokenizer, source_ids),
        "decoder_tokens": pieces(tokenizer, shifted(model, labels)),
        "labels": pieces(tokenizer, labels),
        "on_the_future": on_the_future(arrays["decoder"]),
    }
    return Observation(values, arrays)


@observes("t5.prefix")
def prefix(
    model, tokenizer, prefix: str, source: str, target: str, other_prefix: str
) -> Observation:
    """Does the decoder attend to the task prefix? The weights, and what another prefix changes.

    `mass` (layers, heads) is the share of cross-attention on the prefix's tokens, the mean over
    the decoder's positions; `even_share` what even attention would give. `moved` is, for each
    position of the target, the total variation distance between the next-token distributions
    under the two prefixes with everything else alike.
    """
    length = len(plain_ids(tokenizer, prefix))
    source_ids, labels, output = _forced(
        model, tokenizer, f"{prefix} {source}", target, output_attentions=True
    )
    _, _, other = _forced(model, tokenizer, f"{other_prefix} {source}", target)
    cross = stacked(output.cross_attentions)
    chances, others = output.logits[0].softmax(-1), other.logits[0].softmax(-1)
    moved = (chances - others).abs().sum(-1) / 2
    mass = cross[..., :length].sum(-1)
    values = {
        "prefix": prefix,
        "prefix_length": length,
        "source_tokens": pieces(tokenizer, source_ids),
        "labels": pieces(tokenizer, labels),
        "moved": moved.tolist(),
        "largest_move": float(moved.max()),
        "mean_mass": float(mass.mean()),
        "least_mass": float(mass.min()),
        "largest_mass": float(mass.max()),
        "even_share": length / len(source_ids),
    }
    return Observation(values, {"cross": cross, "mass": mass.mean(-1)})


@observes("t5.span_corruption")
def corrupted(
    model,
    tokenizer,
    sentence: str,
    seed: int = 21,
    density: float = 0.15,
    mean_span: float = 3.0,
) -> Observation:
    """One example of span corruption, step by step.

    Raises StudyError when the tokenizer has no sentinels or the sentence is too short.
    """
    ids = np.asarray(plain_ids(tokenizer, sentence))
    sentinels, eos = sentinel_ids(tokenizer), tokenizer.eos_token_id
    hidden = noise_mask(len(ids), generator(seed, 0), density, mean_span)
    inputs, targets = span_corruption(
        ids, generator(seed, 0), density, mean_span, sentinels=sentinels, eos=eos
    )
    values = {
        "tokens": pieces(tokenizer, ids.tolist()),
        "hidden": hidden.tolist(),
        "inputs": pieces(tokenizer, inputs.tolist()),
        "targets": pieces(tokenizer, targets.tolist()),
    }
    return Observation(values)


@observes("t5.position_bias")
def position_bias(model, tokenizer, reach: int = 40) -> Observation:
    """The learnt bias of every head by the distance key minus query (section 2.1 of the paper).

    Arrays: `distances` from -reach to reach and `encoder` (heads, distances) for them; `decoder`
    (heads, reach + 1) for the distances -reach to 0, all that a causal decoder has.
    """
    encoder = model.encoder.block[0].layer[0].SelfAttention
    decoder = model.decoder.block[0].layer[0].SelfAttention
    # Row `reach` of 2 reach + 1 positions looks `reach` places both ways.
    both = encoder.compute_bias(2 * reach + 1, 2 * reach + 1)[0, :, reach]
    back = decoder.compute_bias(reach + 1, reach + 1)[0, :, reach]
    values = {
        "heads": both.shape[0],
        "buckets": model.config.relative_attention_num_buckets,
        "max_distance": model.config.relative_attention_max_distance,
        "parameters": encoder.relative_attention_bias.weight.numel(),
    }
    arrays = {
        "distances": np.arange(-reach, reach + 1),
        "encoder": both.cpu().numpy(),
        "decoder": back.cpu().numpy(),
    }
    return Observation(values, arrays)


@observes("t5.teacher_forcing")
def teacher_forcing(model, tokenizer, source: str, target: str) -> Observation:
    """What the decoder reads, what it must say, and the cross-entropy of each step.

    `loss` is the mean of -log p(label) by hand, `model_loss` what the model returns for `labels`.
    """
    source_ids, labels, output = _forced(model, tokenizer, source, target)
    logs = output.logits[0].log_softmax(-1)
    losses = -logs.gather(1, torch.tensor(labels, device=logs.device)[:, None])[:, 0]
    best = [top_candidates(tokenizer, row.exp(), 1)[0] for row in logs]
    values = {
        "source": pieces(tokenizer, source_ids),
        "steps": [
            {"reads": read, "label": label, "probability": float((-loss).exp()),
             "loss": float(loss), "best": top["token"]}
            for read, label, loss, top in zip(
                pieces(tokenizer, shifted(model, labels)),
                pieces(tokenizer, labels),
                losses,
                best,
                strict=True,
            )
        ],
        "loss": float(losses.mean()),
        "model_loss": float(output.loss),
        "log_probability": float(-losses.sum()),
    }  # fmt: skip
    return Observation(values)


@observes("t5.modules")
def modules(model, tokenizer, rows: int = 32) -> Observation:
    """The first rows of the module table, and the parameters of the model's large parts."""
    table = module_table(model, max_rows=rows)
    block = model.encoder.block[0]
    values = {
        "rows": table.to_dict("records"),
        "parts": [
            {"part": name, "parameters": parameter_count(part)}
            for name, part in (
                ("shared embedding", model.shared),
                ("encoder, with the embedding", model.encoder),
                ("one encoder block", block),
                ("decoder, with the embedding", model.decoder),
                ("one decoder block", model.decoder.block[0]),
                ("whole model", model),
            )
        ],
    }
    return Observation(values)


def published_parameters() -> dict[str, int]:
    """Parameters of the five published sizes, by the names that the T5 paper gives them."""
    return {
        shape["title"]: t5_parameters(shape["name"])
        for shape in load_published().t5_shapes["models"]
    }


@observes("t5.sizes")
def sizes(model, tokenizer) -> Observation:
    """Parameter counts: this model's, and those of the published sizes from their settings."""
    counts = published_parameters()
    values = {
        "here": parameter_count(model),
        "published": [{"model": name, "parameters": count} for name, count in counts.items()],
        "small_of_base": counts["T5-small"] / counts["T5-base"],
        "small_of_largest": counts["T5-small"] / counts["T5-11B"],
    }
    return Observation(values)
