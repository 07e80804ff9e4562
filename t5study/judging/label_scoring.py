"""Label scoring: how probable each label word of a task is to a model, exactly.

A classification task is answered by scoring its label words, not by generating text: one encoder
pass and the shortest decoder pass that tells the labels apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from t5study.base.out_of_memory import halving
from t5study.data.batches import in_length_order
from t5study.data.encoding import Collator, Encoded


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
