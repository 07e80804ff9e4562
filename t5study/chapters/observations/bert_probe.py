"""A probe of frozen vectors: what one trained layer can read from them, and from controls."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from t5study.chapters.observations.bert import framed
from t5study.chapters.observations.core import Observation, observes
from t5study.chapters.observations.corpus import share
from t5study.chapters.observations.probing import looking_at, plain_ids, tensor
from t5study.data.pocket import rows


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
        "model_parameters": sum(p.numel() for p in model.base_model.parameters()),
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
