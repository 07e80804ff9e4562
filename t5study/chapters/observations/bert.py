"""Observations of an encoder: BERT with its two pre-training heads (Devlin et al. 2019)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.corpus import (
    blanks,
    found,
    held_out,
    judged,
    one_token,
    sentences_of,
    share,
)
from t5study.chapters.observations.probing import (
    entropy,
    influence,
    looking_at,
    marked_ids,
    marked_word,
    one_piece_ids,
    pieces,
    plain_ids,
    rank_of,
    sampling,
    sides,
    stacked,
    tensor,
    top_candidates,
)

IGNORED = -100
IS_NEXT, IS_RANDOM = 0, 1


def framed(tokenizer, first: list[int], second: list[int] | None = None) -> tuple[list, list]:
    """`[CLS] first [SEP] second [SEP]` as ids and segment ids (Devlin et al. 2019, section 3)."""
    ids = [tokenizer.cls_token_id, *first, tokenizer.sep_token_id]
    segments = [0] * len(ids)
    if second is not None:
        ids += [*second, tokenizer.sep_token_id]
        segments += [1] * (len(second) + 1)
    return ids, segments


def _run(model, ids: list[int], segments: list[int], **extra):
    return model(input_ids=tensor(model, ids), token_type_ids=tensor(model, segments), **extra)


@observes("bert.attention")
def attention(model, tokenizer, sentence: str, second: str | None = None) -> Observation:
    """Attention weights of every layer and head on one sentence, or on a pair.

    Arrays: `attention` (layers, heads, queries, keys) as the model computed it; `scores`, `query`
    and `key` of the first layer's first head, from which `recomputed` is softmax(QK^T / sqrt(d_k))
    by hand (Vaswani et al. 2017, equation 1); `entropy` (layers, heads), the mean over queries in
    bits. `values["difference"]` is the largest gap between the two ways of computing.
    """
    ids, segments = framed(
        tokenizer, plain_ids(tokenizer, sentence), second and plain_ids(tokenizer, second)
    )
    with looking_at(model):
        output = _run(model, ids, segments, output_attentions=True, output_hidden_states=True)
        layer = model.bert.encoder.layer[0].attention.self
        width = layer.attention_head_size
        query = layer.query(output.hidden_states[0])[0, :, :width]
        key = layer.key(output.hidden_states[0])[0, :, :width]
        scores = query @ key.T / width**0.5
        weights = stacked(output.attentions)
    recomputed = scores.softmax(-1).cpu().numpy()
    spread = entropy(weights).mean(-1)
    sharpest = np.unravel_index(spread.argmin(), spread.shape)
    values = {
        "tokens": pieces(tokenizer, ids),
        "segments": segments,
        "layers": weights.shape[0],
        "heads": weights.shape[1],
        "width": model.config.hidden_size,
        "head_width": width,
        "difference": float(np.abs(recomputed - weights[0, 0]).max()),
        "row_sum_error": float(np.abs(weights.sum(-1) - 1).max()),
        "smallest_weight": float(weights.min()),
        "sharpest_head": [int(place) for place in sharpest],
        "sharpest_entropy": float(spread.min()),
        "uniform_entropy": float(np.log2(len(ids))),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    arrays = {
        "attention": weights,
        "entropy": spread,
        "query": query.cpu().numpy(),
        "key": key.cpu().numpy(),
        "scores": scores.cpu().numpy(),
        "recomputed": recomputed,
    }
    return Observation(values, arrays)


@observes("minilm.influence")
@observes("bert.influence")
def influences(model, tokenizer, sentence: str) -> Observation:
    """How far the last hidden state at i moves when token j is masked: `influence`[i, j].

    The model reads the sentence between `[CLS]` and `[SEP]`; the record leaves those two out, so
    that it stands beside `gpt.influence` token by token.
    """
    ids, _ = framed(tokenizer, plain_ids(tokenizer, sentence))
    with looking_at(model):
        moved = influence(
            lambda batch: model.base_model(input_ids=batch).last_hidden_state,
            tensor(model, ids),
            tokenizer.mask_token_id,
        )[1:-1, 1:-1]
    values = {"tokens": pieces(tokenizer, ids[1:-1]), **sides(moved)}
    return Observation(values, {"influence": moved})


def _blank(model, tokenizer, ids: list[int], place: int) -> torch.Tensor:
    """Probabilities over the vocabulary at one place of a single sentence."""
    framed_ids, segments = framed(tokenizer, ids)
    return _run(model, framed_ids, segments).prediction_logits[0, place + 1].softmax(-1)


def _answer(probabilities: torch.Tensor, answer: int) -> dict:
    return {
        "probability": float(probabilities[answer]),
        "rank": rank_of(probabilities, answer),
        "entropy": float(entropy(probabilities.cpu().numpy())),
    }


@observes("bert.fill")
def fill(model, tokenizer, sentence: str, top: int = 8) -> Observation:
    """The distribution over the vocabulary at a blank, marked as in `The film was [good].`"""
    ids, place = marked_word(tokenizer, sentence)
    answer = ids[place]
    ids[place] = tokenizer.mask_token_id
    with looking_at(model):
        probabilities = _blank(model, tokenizer, ids, place)
    values = {
        "tokens": pieces(tokenizer, ids),
        "answer": pieces(tokenizer, [answer])[0],
        "candidates": top_candidates(tokenizer, probabilities, top),
        "vocabulary": probabilities.numel(),
        "uniform_entropy": float(np.log2(probabilities.numel())),
        **_answer(probabilities, answer),
    }
    return Observation(values)


@observes("bert.context")
def context(model, tokenizer, sentence: str, top: int = 4) -> Observation:
    """One blank seen four ways: whole, right side hidden, left side hidden, both hidden.

    A side is hidden by putting the mask token in place of each of its tokens, so the number of
    words and the positions stay the same. `probabilities` (views, shown tokens) are the chances
    of the union of each view's best tokens and the answer.
    """
    whole, place = marked_word(tokenizer, sentence)
    answer, mask = whole[place], tokenizer.mask_token_id
    whole[place] = mask
    left, right = whole[:place], whole[place + 1 :]
    hidden_left, hidden_right = [mask] * len(left), [mask] * len(right)
    views = {
        "both sides": whole,
        "left only": [*left, mask, *hidden_right],
        "right only": [*hidden_left, mask, *right],
        "neither": [*hidden_left, mask, *hidden_right],
    }
    with looking_at(model):
        seen = {name: _blank(model, tokenizer, ids, place) for name, ids in views.items()}
    shown = [answer]
    for probabilities in seen.values():
        shown += [i for i in probabilities.topk(top).indices.tolist() if i not in shown]
    values = {
        "answer": pieces(tokenizer, [answer])[0],
        "shown": pieces(tokenizer, shown),
        "views": [
            {
                "view": name,
                "input": " ".join(pieces(tokenizer, views[name])),
                "candidates": top_candidates(tokenizer, probabilities, top),
                **_answer(probabilities, answer),
            }
            for name, probabilities in seen.items()
        ],
    }
    table = torch.stack([probabilities[shown] for probabilities in seen.values()])
    return Observation(values, {"probabilities": table.cpu().numpy()})


@observes("bert.vectors")
def vectors(model, tokenizer, sentences: list[str]) -> Observation:
    """Cosine similarity of one marked word's vectors across sentences, layer by layer.

    `similarity` (1 + layers, sentences, sentences); layer 0 is the sum of the embeddings, which
    knows the word and its position and nothing else.
    """
    rows = []
    with looking_at(model):
        for sentence in sentences:
            ids, place = marked_word(tokenizer, sentence)
            framed_ids, segments = framed(tokenizer, ids)
            states = _run(model, framed_ids, segments, output_hidden_states=True).hidden_states
            rows.append(torch.stack([state[0, place + 1] for state in states]))
    directions = functional.normalize(torch.stack(rows, dim=1), dim=-1)
    similarity = directions @ directions.transpose(1, 2)
    return Observation({"sentences": sentences}, {"similarity": similarity.cpu().numpy()})


def _objectives(model, tokenizer, first: str, second: str, label: int) -> dict:
    first_ids, first_places = marked_ids(tokenizer, first)
    second_ids, second_places = marked_ids(tokenizer, second)
    ids, segments = framed(tokenizer, first_ids, second_ids)
    places = [1 + p for p in first_places] + [2 + len(first_ids) + p for p in second_places]
    labels = [IGNORED] * len(ids)
    for place in places:
        labels[place], ids[place] = ids[place], tokenizer.mask_token_id
    output = _run(
        model,
        ids,
        segments,
        labels=tensor(model, labels),
        next_sentence_label=torch.tensor([label], device=model.device),
    )
    words = output.prediction_logits[0].log_softmax(-1)
    following = output.seq_relationship_logits[0].log_softmax(-1)
    rows = [
        {
            "position": place,
            "token": pieces(tokenizer, [labels[place]])[0],
            "probability": float(words[place, labels[place]].exp()),
            "loss": float(-words[place, labels[place]]),
        }
        for place in places
    ]
    masked_loss = sum(row["loss"] for row in rows) / len(rows)
    next_loss = float(-following[label])
    return {
        "tokens": pieces(tokenizer, ids),
        "segments": segments,
        "masked": rows,
        "is_next_probability": float(following[IS_NEXT].exp()),
        "masked_loss": masked_loss,
        "next_loss": next_loss,
        "sum": masked_loss + next_loss,
        "model_loss": float(output.loss),
        "difference": abs(masked_loss + next_loss - float(output.loss)),
    }


@observes("bert.objectives")
def objectives(model, tokenizer, first: str, second: str, other: str) -> Observation:
    """Both pre-training losses, term by term, on a pair that follows and on one that does not.

    Each sentence marks its masked words with brackets. The masked-LM loss is the mean of
    -log p(token) over the masked positions, the next-sentence loss is -log p(label), both by
    hand; their sum stands beside the loss that the model itself returns.
    """
    with looking_at(model):
        values = {
            "next": _objectives(model, tokenizer, first, second, IS_NEXT),
            "random": _objectives(model, tokenizer, first, other, IS_RANDOM),
        }
    return Observation(values)


@observes("bert.clues")
def clues(model, tokenizer, items: list[dict], groups: dict[str, list[str]]) -> Observation:
    """Which group of words fits a blank, when both sides of it can be read.

    Each item has a `sentence` with one marked word and the name of the group that is `right`; the
    answer is the group with the most probability at the blank. Words that are not one token in
    this vocabulary are left out.
    """
    pieces_of = {name: one_piece_ids(tokenizer, group) for name, group in groups.items()}
    rows = []
    with looking_at(model):
        for item in items:
            ids, place = marked_word(tokenizer, item["sentence"])
            ids[place] = tokenizer.mask_token_id
            probabilities = _blank(model, tokenizer, ids, place)
            masses = {name: float(sum(probabilities[ids])) for name, ids in pieces_of.items()}
            answer = max(masses, key=masses.get)
            rows.append({**item, "masses": masses, "answer": answer})
    correct = sum(row["answer"] == row["right"] for row in rows)
    return Observation({"rows": rows, "correct": share(correct, len(rows))})


@observes("bert.cloze")
def cloze(model, tokenizer, count: int = 300, seed: int = 21) -> Observation:
    """One word hidden in each of `count` held-out texts: how often is it found?

    `first` and `among_five` are the shares in which the word is the most probable token, or among
    the five most probable; `chance` is the share of always saying the commonest of these words.
    Words that are not one token in this vocabulary are passed over.
    """
    ranks, answers = [], []
    with looking_at(model):
        for ids, place in one_token(tokenizer, blanks(count, seed)):
            answer = ids[place]
            hidden = [*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]
            ranks.append(rank_of(_blank(model, tokenizer, hidden, place), answer))
            answers.append(answer)
    return Observation(found(ranks, answers))


def _sampled(probabilities: torch.Tensor, forbidden: list[int]) -> torch.Tensor:
    probabilities[:, forbidden] = 0
    return torch.multinomial(probabilities, 1)[:, 0]


@observes("bert.generation")
def generation(model, tokenizer, samples: int = 200, seed: int = 21) -> Observation:
    """Text from an encoder: rows of masks as long as held-out sentences, filled left to right.

    Each mask in turn is sampled from the model's distribution at temperature 1, with what was
    filled before and the masks behind in view (Wang and Cho 2019 order it otherwise). The first
    word is given, as to GPT in `gpt.generation`.
    """
    models = [plain_ids(tokenizer, sentences_of(text)[0]) for text in held_out(samples, seed)]
    by_length: dict[int, list[list[int]]] = {}
    for ids in models:
        by_length.setdefault(len(ids), []).append(ids)
    texts = []
    with looking_at(model), sampling(model, seed):
        for length, group in sorted(by_length.items()):
            rows = [
                framed(tokenizer, [ids[0], *[tokenizer.mask_token_id] * (length - 1)])[0]
                for ids in group
            ]
            batch = torch.tensor(rows, device=model.device)
            for place in range(2, length + 1):
                chances = model(input_ids=batch).prediction_logits[:, place].softmax(-1)
                batch[:, place] = _sampled(chances, tokenizer.all_special_ids)
            texts += tokenizer.batch_decode(batch[:, 1:-1], skip_special_tokens=True)
    texts = [text.strip() for text in texts]
    return Observation({**judged(texts), "examples": texts[:: max(1, len(texts) // 8)][:8]})
