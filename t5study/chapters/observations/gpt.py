"""Observations of a decoder-only model: GPT (Radford et al. 2018, 2019)."""

from __future__ import annotations

import torch

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.corpus import blanks, found, share
from t5study.chapters.observations.probing import (
    influence,
    looks,
    marked_word,
    on_the_future,
    one_piece_ids,
    pieces,
    plain_ids,
    sides,
    stacked,
    start_id,
    tensor,
)
from t5study.models.modules import parameter_count


def started(tokenizer, text: str) -> list[int]:
    """Ids of a text behind the token that a GPT reads before the first word."""
    return [start_id(tokenizer), *plain_ids(tokenizer, text)]


@observes("gpt.attention")
def attention(model, tokenizer, sentence: str) -> Observation:
    """How much of the attention lies on the future, its weights, and the model's parameters.

    Array `attention`: (layers, heads, queries, keys).
    """
    ids = started(tokenizer, sentence)
    weights = looks(model, tensor(model, ids))
    values = {
        "on_the_future": on_the_future(weights),
        "parameters": parameter_count(model),
    }
    return Observation(values, {"attention": weights})


@observes("smollm2.influence")
@observes("gpt.influence")
def influences(model, tokenizer, sentence: str) -> Observation:
    """How far each position's last hidden state moves when one token is replaced: [i, j].

    A GPT has no mask token: the replacement is the end-of-text token.
    """
    ids = started(tokenizer, sentence)[1:]
    moved = influence(
        lambda batch: model.base_model(input_ids=batch).last_hidden_state,
        tensor(model, ids),
        tokenizer.eos_token_id,
    )
    values = {"tokens": pieces(tokenizer, ids), **sides(moved)}
    return Observation(values, {"influence": moved})


@observes("gpt.prefix")
def prefix(model, tokenizer, source: str, target: str) -> Observation:
    """The same decoder under its own causal mask and under a prefix-LM mask.

    A prefix LM (Raffel et al. 2020, section 3.2.1) is this network with one change: positions of
    the prefix may look at all of the prefix. `causal` and `prefix` (layers, heads, queries, keys)
    are the attention weights of two passes over the same ids.
    """
    source_ids = started(tokenizer, source)
    ids = source_ids + plain_ids(tokenizer, " " + target)
    allowed = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
    allowed[: len(source_ids), : len(source_ids)] = True
    mask = torch.zeros(1, 1, len(ids), len(ids), dtype=model.dtype)
    mask.masked_fill_(~allowed, torch.finfo(model.dtype).min)
    batch = tensor(model, ids)
    causal = model(batch, output_attentions=True).attentions
    prefixed = model(batch, attention_mask=mask.to(model.device), output_attentions=True).attentions
    values = {"tokens": pieces(tokenizer, ids), "source_length": len(source_ids)}
    return Observation(values, {"causal": stacked(causal), "prefix": stacked(prefixed)})


@observes("smollm2.text")
def following(model, tokenizer, sentence: str) -> Observation:
    """The loss of each token given those before it.

    `values["loss"]` is the mean of -log p by hand and `model_loss` what the model returns for
    `labels`; `perplexity` is exp(loss).
    """
    ids = started(tokenizer, sentence)
    batch = tensor(model, ids)
    output = model(batch, labels=batch)
    logs = output.logits[0].log_softmax(-1)
    losses = -logs[:-1].gather(1, batch[0, 1:, None])[:, 0]
    values = {
        "tokens": pieces(tokenizer, ids),
        "losses": losses.tolist(),
        "log_probability": float(-losses.sum()),
        "loss": float(losses.mean()),
        "model_loss": float(output.loss),
        "perplexity": float(losses.mean().exp()),
        "vocabulary": logs.shape[-1],
    }
    return Observation(values)


@observes("smollm2.truncation")
def truncation(
    model,
    tokenizer,
    prompt: str,
    top: int = 12,
    top_k: int = 5,
    top_p: float = 0.9,
    temperatures: list[float] | None = None,
) -> Observation:
    """What temperature, top-k and nucleus sampling do to one next-token distribution.

    `tempered` (temperatures, top) are the chances of the `top` best tokens after division of the
    logits by each temperature. `nucleus_size` is the least number of tokens whose chances reach
    `top_p` (Holtzman et al. 2020, section 3.1).
    """
    temperatures = temperatures or [0.5, 1.0, 1.5]
    logits = model(tensor(model, plain_ids(tokenizer, prompt))).logits[0, -1]
    ordered, order = logits.softmax(-1).sort(descending=True, stable=True)
    reached = ordered.cumsum(0)
    # Adding up float32 chances may end a hair below top_p: then every token is needed.
    nucleus = min(int((reached < top_p).sum()) + 1, ordered.numel())
    tempered = torch.stack([(logits / t).softmax(-1)[order[:top]] for t in temperatures])
    values = {
        "prompt": prompt,
        "tokens": pieces(tokenizer, order[:top].tolist()),
        "temperatures": temperatures,
        "top_k": top_k,
        "top_k_mass": float(reached[top_k - 1]),
        "top_p": top_p,
        "nucleus_size": nucleus,
        "vocabulary": logits.numel(),
    }
    return Observation(values, {"tempered": tempered.cpu().numpy()})


@observes("gpt.clues")
def clues(model, tokenizer, items: list[dict], groups: dict[str, list[str]]) -> Observation:
    """Which group of words fits a blank: from the left alone, and by scoring whole sentences.

    Each item has a `sentence` with one marked word and the name of the group that is `right`.
    `left` compares the groups' probability as the next word, `whole` the probability of the
    sentence summed over the words of each group: one forward pass a word in place of one a blank.
    `left_masses` are probabilities, `whole_masses` add up to one over the words that were tried.
    """
    rows = []
    for item in items:
        ids, place = marked_word(tokenizer, item["sentence"])
        options = {name: one_piece_ids(tokenizer, group) for name, group in groups.items()}
        lefts, wholes = _both_scores(model, tokenizer, ids, place, options)
        rows.append(
            {
                **item,
                "left": max(lefts, key=lefts.get),
                "whole": max(wholes, key=wholes.get),
                "left_masses": lefts,
                "whole_masses": wholes,
            }
        )
    values = {"rows": rows}
    for view in ("left", "whole"):
        values[view] = share(sum(row[view] == row["right"] for row in rows), len(rows))
    return Observation(values)


def _both_scores(model, tokenizer, ids: list[int], place: int, options: dict[str, list[int]]):
    """Probability of each group at the place, and relative probability of whole sentences."""
    tried = [index for group in options.values() for index in group]
    batch = torch.tensor(
        [[start_id(tokenizer), *ids[:place], index, *ids[place + 1 :]] for index in tried],
        device=model.device,
    )
    logs = model(batch).logits[:, :-1].log_softmax(-1)
    each = logs.gather(2, batch[:, 1:, None])[:, :, 0]
    nexts = each[:, place].exp().tolist()
    wholes = each.sum(1).softmax(0).tolist()
    by_group = [name for name, group in options.items() for _ in group]
    return tuple(
        {name: sum(s for s, of in zip(scores, by_group, strict=True) if of == name)
         for name in options}
        for scores in (nexts, wholes)
    )  # fmt: skip


@observes("gpt.cloze")
def cloze(model, tokenizer, count: int = 300, seed: int = 21) -> Observation:
    """The blanks of `bert.cloze`, told from the text on their left alone."""

    def chances(ids: list[int], place: int) -> torch.Tensor:
        left = tensor(model, [start_id(tokenizer), *ids[:place]])
        return model(left).logits[0, -1].softmax(-1)

    return Observation(found(tokenizer, blanks(count, seed), chances))
