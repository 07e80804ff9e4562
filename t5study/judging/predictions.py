"""Answers of a trained model: label scores, generated text, and the metrics of both.

A classification task is answered by scoring its label words, not by generating text: one encoder
pass and the shortest decoder pass that tells the labels apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from transformers.modeling_outputs import BaseModelOutput

from t5study.base.memory import halving
from t5study.data.batches import cut, in_length_order
from t5study.data.encoding import Collator, Encoded, encode
from t5study.judging import scores

BOOTSTRAP_SEED = 0
"""Seed of the resampling behind every interval, so that a figure is the same each time."""


@dataclass(frozen=True)
class LabelSet:
    """Token ids of a task's label words in label order, each ending with the end token.

    `casts.label_ids` makes them and refuses two labels with the same ids.
    """

    ids: Sequence[Sequence[int]]

    @property
    def first_tokens_differ(self) -> bool:
        """Whether one decoder step separates every pair of labels."""
        return len({ids[0] for ids in self.ids}) == len(self.ids)

    @property
    def prefixes(self) -> list[tuple[int, ...]]:
        """What must be decoded to read every label: prefixes that begin no longer one."""
        found = {tuple(ids[:-1]) for ids in self.ids}
        return sorted(p for p in found if not any(q != p and q[: len(p)] == p for q in found))


def score_labels(
    model: torch.nn.Module,
    batch: dict[str, torch.Tensor],
    labels: LabelSet,
    start_id: int,
) -> torch.Tensor:
    """Return log-probabilities of the labels, a float tensor [rows, labels].

    Where first tokens differ, one decoder step is read: a softmax over those first tokens alone,
    which sums to one over the labels. Otherwise a prefix tree is walked, which decodes every
    distinct prefix once and gives the log-probability of the whole label, end token included.
    """
    encoded = model.get_encoder()(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
    ).last_hidden_state
    if not labels.first_tokens_differ:
        return _walk_prefixes(model, encoded, batch["attention_mask"], labels, start_id)
    step = _next_token_logits(model, encoded, batch["attention_mask"], (start_id,))[:, -1]
    first = torch.tensor([ids[0] for ids in labels.ids], device=step.device)
    return step[:, first].log_softmax(-1)


def _walk_prefixes(
    model: torch.nn.Module,
    encoded: torch.Tensor,
    mask: torch.Tensor,
    labels: LabelSet,
    start_id: int,
) -> torch.Tensor:
    totals = encoded.new_zeros((len(encoded), len(labels.ids)), dtype=torch.float32)
    unread = dict(enumerate(labels.ids))
    for prefix in labels.prefixes:
        log_p = _next_token_logits(model, encoded, mask, (start_id, *prefix)).log_softmax(-1)
        readable = [p for p, ids in unread.items() if tuple(ids[:-1]) == prefix[: len(ids) - 1]]
        for place in readable:
            ids = torch.tensor(unread.pop(place), device=log_p.device)
            steps = torch.arange(len(ids), device=log_p.device)
            totals[:, place] = log_p[:, steps, ids].sum(-1)
    return totals


def _next_token_logits(
    model: torch.nn.Module, encoded: torch.Tensor, mask: torch.Tensor, decoded: tuple[int, ...]
) -> torch.Tensor:
    """Logits [rows, len(decoded), vocabulary] in float32, one decoder input for all rows."""
    tokens = torch.tensor(decoded, device=encoded.device).expand(len(encoded), -1)
    with _head_in_full(model):
        return model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            attention_mask=mask,
            decoder_input_ids=tokens,
            use_cache=False,
        ).logits.float()


@contextlib.contextmanager
def _head_in_full(model: torch.nn.Module) -> Iterator[None]:
    """Multiply by the vocabulary in the weights' own precision, whatever autocast says.

    In bf16 a logit has 8 significant bits, so two labels that are nearly as likely come out equal,
    and the order of the labels would decide.
    """
    head = model.get_output_embeddings()

    def in_full(states: torch.Tensor) -> torch.Tensor:
        with torch.autocast(states.device.type, enabled=False):
            return type(head).forward(head, states.to(head.weight.dtype))

    head.forward = in_full
    try:
        yield
    finally:
        del head.forward


def score_split(
    model: torch.nn.Module,
    encoded: Encoded,
    collator: Collator,
    labels: LabelSet | None,
    tokens: int,
    start_id: int | None = None,
) -> np.ndarray:
    """Score every example of a split, in length order; return an array [examples, labels].

    With a LabelSet the model is an encoder-decoder; without one it has a classification head, and
    the scores are the log-softmax of its logits (for a head of one unit: the value itself).
    """
    device = next(model.parameters()).device
    model.eval()

    def answers(tokens: int) -> list[tuple[np.ndarray, np.ndarray]]:
        parts = []
        for rows, batch in in_length_order(encoded, collator, tokens):
            batch = {name: value.to(device) for name, value in batch.items()}
            if labels is not None:
                answer = score_labels(model, batch, labels, start_id)
            else:
                answer = _head_scores(model, batch)
            parts.append((rows, answer.float().cpu().numpy()))
        return parts

    with torch.inference_mode():
        parts = halving(answers, tokens)
    result = np.empty((len(encoded), parts[0][1].shape[1]), dtype=np.float32)
    for rows, answer in parts:
        result[rows] = answer
    return result


def _head_scores(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return logits if logits.shape[-1] == 1 else logits.float().log_softmax(-1)


def text_table(sources: Sequence[str]) -> Dataset:
    """Return texts as a cast data set without targets (see `casts.cast`)."""
    count = len(sources)
    return Dataset.from_dict(
        {
            "row": range(count),
            "source": list(sources),
            "target": [""] * count,
            "label": [0] * count,
        }
    )


def generate(
    model: torch.nn.Module,
    tokenizer: Any,
    sources: Sequence[str],
    max_source_length: int = 512,
    tokens: int = 8192,
    **arguments: Any,
) -> list[str]:
    """Return one generated text a source, decoded without special tokens.

    `arguments` go to transformers' `generate` unchanged (num_beams, max_length, ...).
    """
    encoded = encode(text_table(sources), tokenizer, max_source_length)
    pad_id, device = tokenizer.pad_token_id, next(model.parameters()).device
    model.eval()

    def written(tokens: int) -> list[str]:
        answers = [""] * len(sources)
        for rows, _ in cut(
            encoded.source_lengths, np.arange(len(encoded)), max_source_length, tokens
        ):
            batch = tokenizer.pad(
                {"input_ids": [encoded.data[int(r)]["source"].tolist() for r in rows]},
                return_tensors="pt",
            ).to(device)
            output = model.generate(**batch, pad_token_id=pad_id, **arguments)
            texts = tokenizer.batch_decode(output, skip_special_tokens=True)
            for row, text in zip(rows, texts, strict=True):
                answers[row] = text
        return answers

    with torch.inference_mode():
        return halving(written, tokens)


def classification_metrics(
    gold: Sequence[int], predicted: Sequence[int], words: Sequence[str], also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return accuracy, macro and weighted F1, Matthews correlation, per-label rows, confusion.

    Macro averages are over the labels that occur among the true or the predicted ones. `intervals`
    holds 95 % bootstrap intervals (1,000 resamples of the test rows); `confusion` has the true
    labels in rows; `also` names further metrics of `scores.METRICS`.
    """
    named = tuple(dict.fromkeys(("accuracy", "macro_f1", "matthews", *also)))
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    indices = list(range(len(words)))
    rows = precision_recall_fscore_support(gold, predicted, labels=indices, zero_division=0)
    names = ("precision", "recall", "f1", "support")
    per_label = {
        word: {name: float(column[i]) for name, column in zip(names, rows, strict=True)}
        for i, word in enumerate(words)
    }
    for row in per_label.values():
        row["support"] = int(row["support"])
    weights = rows[3] / rows[3].sum()
    occurs = np.isin(indices, np.concatenate([gold, predicted]))
    return {
        **named_metrics(named, gold, predicted),
        "macro_precision": float(rows[0][occurs].mean()),
        "macro_recall": float(rows[1][occurs].mean()),
        "weighted_f1": float(weights @ rows[2]),
        "per_label": per_label,
        "confusion": confusion_matrix(gold, predicted, labels=indices).tolist(),
    }


def named_metrics(names: Sequence[str], gold: Sequence, predicted: Sequence) -> dict[str, Any]:
    """Return the metrics of `scores.METRICS` by name, with their bootstrap intervals."""
    return {
        "n": len(gold),
        **{name: scores.METRICS[name](gold, predicted) for name in names},
        "intervals": {
            name: list(scores.bootstrap(name, gold, predicted, BOOTSTRAP_SEED)) for name in names
        },
    }


def prediction_table(
    rows: Sequence[int],
    gold: Sequence[int],
    log_probabilities: np.ndarray,
    words: Sequence[str],
) -> pd.DataFrame:
    """Return predictions by row number: row, label, prediction, and p_<word> for every label.

    Probabilities are normalised over the labels.
    """
    probabilities = softmax(log_probabilities, axis=1)
    table = pd.DataFrame(
        {"row": rows, "label": gold, "prediction": log_probabilities.argmax(axis=1)}
    )
    return table.assign(
        **{f"p_{word}": probabilities[:, i].astype(np.float32) for i, word in enumerate(words)}
    )
