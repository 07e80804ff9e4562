"""Observations of an encoder: BERT with its two pre-training heads (Devlin et al. 2019).

The last is a probe of frozen vectors: what one trained layer can read from them, and from controls.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.corpus import blanks, found, share
from t5study.chapters.observations.probing import (
    influence,
    looking_at,
    marked_ids,
    marked_word,
    one_piece_ids,
    pieces,
    plain_ids,
    sides,
    tensor,
)
from t5study.data.encoding import IGNORED
from t5study.data.pocket import rows

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


@observes("minilm.influence")
@observes("bert.influence")
def influences(model, tokenizer, sentence: str) -> Observation:
    """How far the last hidden state at i moves when token j is masked: `influence`[i, j].

    The model reads the sentence between `[CLS]` and `[SEP]`; the record leaves those two out, so
    that it stands beside `gpt.influence` token by token.
    """
    ids, _ = framed(tokenizer, plain_ids(tokenizer, sentence))
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
    for item in items:
        ids, place = marked_word(tokenizer, item["sentence"])
        ids[place] = tokenizer.mask_token_id
        probabilities = _blank(model, tokenizer, ids, place)
        masses = {name: float(sum(probabilities[ids])) for name, ids in pieces_of.items()}
        answer = max(masses, key=masses.get)
        rows.append({**item, "masses": masses, "answer": answer})
    return Observation({"rows": rows})


@observes("bert.cloze")
def cloze(model, tokenizer, count: int = 300, seed: int = 21) -> Observation:
    """One word hidden in each of `count` held-out texts: how often is it found?

    `first` and `among_five` are the shares in which the word is the most probable token, or among
    the five most probable; `chance` is the share of always saying the commonest of these words.
    Words that are not one token in this vocabulary are passed over.
    """

    def chances(ids: list[int], place: int) -> torch.Tensor:
        hidden = [*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]
        return _blank(model, tokenizer, hidden, place)

    return Observation(found(tokenizer, blanks(count, seed), chances))


@observes("minilm.classifier")
def classifier(model, tokenizer, train: int = 400, test: int = 500, seed: int = 21) -> Observation:
    """One dense layer on frozen vectors: sentiment of the bundled corpus's single sentences.

    The layer is a logistic regression. It is trained on the `[CLS]` vector, and on the mean of
    all positions, of this model, of the same architecture with random weights, and on counts of
    words (no network at all). `accuracy` lists the shares of right answers on the test rows, each
    with the number of fitted `parameters`; with two labels a layer has one row of weights.
    """
    data = {name: rows("sst", name)[:n] for name, n in (("train", train), ("test", test))}
    texts = {name: [row["sentence"] for row in rows] for name, rows in data.items()}
    labels = {name: [row["label"] for row in rows] for name, rows in data.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        untrained = type(model)(model.config).to(model.device)
    views = {"counts of words": _counts(texts)}
    for name, network in (("random weights", untrained), ("pre-trained", model)):
        both = {split: _summaries(network, tokenizer, texts[split]) for split in texts}
        for kind in ("[CLS]", "mean"):
            views[f"{name}, {kind}"] = {split: both[split][kind] for split in both}
    accuracy = [{"view": name, **_fitted(view, labels)} for name, view in views.items()]
    values = {
        "accuracy": accuracy,
        "train": train,
        "test": test,
        "layer_parameters": accuracy[-1]["parameters"],
        "width": model.config.hidden_size,
    }
    return Observation(values)


def _counts(texts: dict[str, list[str]]) -> dict:
    words = CountVectorizer(ngram_range=(1, 2), lowercase=True).fit(texts["train"])
    return {split: words.transform(rows) for split, rows in texts.items()}


def _summaries(model, tokenizer, texts: list[str]) -> dict[str, np.ndarray]:
    """The `[CLS]` vector and the mean vector of each text."""
    firsts, means = [], []
    with looking_at(model):
        for text in texts:
            ids, segments = framed(tokenizer, plain_ids(tokenizer, text))
            output = model.base_model(tensor(model, ids), token_type_ids=tensor(model, segments))
            firsts.append(output.last_hidden_state[0, 0])
            means.append(output.last_hidden_state[0].mean(0))
    stack = {"[CLS]": torch.stack(firsts), "mean": torch.stack(means)}
    return {kind: rows.float().cpu().numpy() for kind, rows in stack.items()}


def _fitted(view: dict, labels: dict[str, list[int]]) -> dict:
    layer = LogisticRegression(max_iter=2000)
    scaled = make_pipeline(MaxAbsScaler(), layer).fit(view["train"], labels["train"])
    right = scaled.predict(view["test"]) == np.asarray(labels["test"])
    parameters = layer.coef_.size + layer.intercept_.size
    return {**share(int(right.sum()), len(right)), "parameters": parameters}
