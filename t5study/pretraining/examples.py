"""What each architecture learns from: micro-batches of its objective, drawn from one stream of ids.

Each kind of examples gives micro-batches by running number, the loss that is minimised on them, and
what is judged on held-out text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from t5study.base.errors import StudyError
from t5study.data import corpora
from t5study.data.batches import bucket_of, epoch_order
from t5study.data.corpora import TokenStream
from t5study.data.encoding import IGNORED, MicroBatch, pad
from t5study.data.vocabulary import SPECIAL_PIECES, sentinel_ids
from t5study.pretraining import objectives
from t5study.training.losses import seq2seq_loss


@dataclass(frozen=True)
class Windows:
    """A stream of ids cut into pieces of `length`; every epoch has another cut and order."""

    ids: np.ndarray
    length: int
    seed: int

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """The windows of these running numbers, counted over all epochs: [numbers, length]."""
        per_epoch = (len(self.ids) - self.length) // self.length
        rows = []
        for number in numbers.tolist():
            epoch, place = divmod(number, per_epoch)
            shift = int(np.random.default_rng([self.seed, epoch, 1]).integers(self.length))
            start = shift + self.length * int(epoch_order(per_epoch, self.seed, epoch)[place])
            rows.append(self.ids[start : start + self.length])
        return np.stack(rows).astype(np.int64)


def _windows(stream: TokenStream, length: int, seed: int) -> Windows:
    """Windows of a stream; a text too short for two of them is repeated."""
    short = len(stream.ids) < 2 * length
    return Windows(np.resize(stream.ids, 2 * length) if short else stream.ids, length, seed)


class SpanCorruption:
    """T5's examples: [rows, sequence_length] inputs and their targets, without padding."""

    def __init__(self, stream: TokenStream, tokenizer: Any, length: int, seed: int) -> None:
        self.stream = stream
        self.length, self.targets_length = objectives.random_spans_helper(length)
        self.sentinels = sentinel_ids(tokenizer)
        objectives.check_sentinels(self.length, len(self.sentinels))
        self.windows = _windows(stream, self.length, seed)
        self.start, self.eos = tokenizer.pad_token_id, tokenizer.eos_token_id

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[MicroBatch, int]:
        """Return the micro-batch of these running numbers and its count of target pieces."""
        pairs = [
            objectives.span_corruption(row, rng, sentinels=self.sentinels, eos=self.eos)
            for row in self.windows(numbers)
        ]
        inputs, labels = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
        shifted = torch.roll(labels, 1, dims=1)
        shifted[:, 0] = self.start
        batch = {"input_ids": inputs, "decoder_input_ids": shifted, "labels": labels}
        return batch, labels.numel()

    loss = staticmethod(seq2seq_loss)

    def judge(self, model: torch.nn.Module, batch: MicroBatch) -> dict[str, tuple[float, int]]:
        """Sums and counts for the held-out loss, and for the pieces of text alone."""
        labels = batch["labels"]
        losses, right = _token_losses(model(**_inputs(batch)).logits, labels)
        marks = torch.tensor([*self.sentinels, self.eos], device=labels.device)
        text = ~torch.isin(labels, marks)
        return {
            "loss": (losses.sum().item(), labels.numel()),
            "text_loss": (losses[text].sum().item(), int(text.sum())),
            "accuracy": (right[text].sum().item(), int(text.sum())),
        }


class NextToken:
    """GPT's examples: [rows, sequence_length] ids and the same ids one place on.

    An end token parts the texts of the stream.
    """

    def __init__(self, stream: TokenStream, tokenizer: Any, length: int, seed: int) -> None:
        self.stream = corpora.separated(stream, tokenizer.eos_token_id)
        self.windows = _windows(self.stream, length + 1, seed)
        self.targets_length = length

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[MicroBatch, int]:
        """Return the micro-batch of these running numbers and its count of predicted pieces."""
        pairs = [objectives.causal(row) for row in self.windows(numbers)]
        inputs, labels = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
        return {"input_ids": inputs, "labels": labels}, labels.numel()

    loss = staticmethod(seq2seq_loss)

    def judge(self, model: torch.nn.Module, batch: MicroBatch) -> dict[str, tuple[float, int]]:
        """Sums and counts for the held-out loss and accuracy."""
        losses, right = _token_losses(model(**_inputs(batch)).logits, batch["labels"])
        count = batch["labels"].numel()
        return {"loss": (losses.sum().item(), count), "accuracy": (right.sum().item(), count)}


class MaskedPairs:
    """BERT's examples: `[CLS] first [SEP] second [SEP]`, masked, and whether second follows first.

    Texts are drawn anew for every update; the few pieces that a pair may lack are padding.
    """

    def __init__(self, stream: TokenStream, tokenizer: Any, length: int, seed: int) -> None:
        self.stream, self.length = stream, length
        self.targets_length = round(objectives.MASKED_SHARE * (length - 3))
        self.ends = corpora.sentence_ends(tokenizer)
        self.pad, self.cls = tokenizer.pad_token_id, tokenizer.cls_token_id
        self.sep, self.mask = tokenizer.sep_token_id, tokenizer.mask_token_id
        self.special = [self.pad, self.cls, self.sep]
        self.words = (len(SPECIAL_PIECES), min(sentinel_ids(tokenizer)))
        self.several = self._texts_of_several_sentences()

    def _texts_of_several_sentences(self) -> np.ndarray:
        """Numbers of the texts that can be parted at a sentence end."""
        before = np.concatenate(([0], np.cumsum(self.ends[self.stream.ids])))
        # An end at the very last piece parts nothing, hence the end that is not counted.
        inner = before[np.maximum(self.stream.starts[1:] - 1, 0)] - before[self.stream.starts[:-1]]
        several = np.flatnonzero(inner > 0)
        if not len(several) or self.stream.documents < 2:
            raise StudyError(
                "Next-sentence prediction needs texts of several sentences, and the pre-training"
                " corpus has none: give longer texts."
            )
        return several

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[MicroBatch, int]:
        """Return a batch and its count of masked pieces; of `numbers` only the count matters."""
        rows = [self._row(rng) for _ in numbers]
        length = bucket_of(max(len(row["input_ids"]) for row in rows), self.length)
        fill = {"input_ids": self.pad, "labels": IGNORED}
        batch = {
            name: pad([row[name] for row in rows], length, fill.get(name, 0))
            for name in ("input_ids", "attention_mask", "token_type_ids", "labels")
        }
        # The class numbers of transformers: 0 where the second text follows the first.
        follows = torch.tensor([not row["follows"] for row in rows], dtype=torch.int64)
        masked = int((batch["labels"] != IGNORED).sum())
        # The engine divides by the masked pieces of the update: this makes a mean over its pairs.
        weight = torch.full((len(rows),), masked / len(rows))
        return {**batch, "next_sentence_label": follows, "pair_weight": weight}, masked

    def _row(self, rng: np.random.Generator) -> dict[str, Any]:
        chosen = int(self.several[rng.integers(len(self.several))])
        other = (chosen + 1 + int(rng.integers(self.stream.documents - 1))) % self.stream.documents
        texts = (
            corpora.sentences(self.stream.document(number), self.ends) for number in (chosen, other)
        )
        pair = objectives.next_sentence_pair(*texts, rng, self.length - 3)
        ids = np.concatenate(([self.cls], pair.first, [self.sep], pair.second, [self.sep]))
        inputs, labels = objectives.mask_tokens(
            ids, rng, mask=self.mask, words=self.words, special=self.special
        )
        return {
            "input_ids": inputs,
            "attention_mask": np.ones_like(inputs),
            "token_type_ids": np.arange(len(ids)) > len(pair.first) + 1,
            "labels": labels,
            "follows": pair.follows,
        }

    @staticmethod
    def loss(model: torch.nn.Module, batch: MicroBatch) -> torch.Tensor:
        """A sum which, divided by the update's masked pieces, is the sum of the two mean losses."""
        words, labels, following, follows = _bert_outputs(model, batch)
        pairs = cross_entropy(following, follows, reduction="none") * batch["pair_weight"]
        return cross_entropy(words, labels, reduction="sum") + pairs.sum()

    def judge(self, model: torch.nn.Module, batch: MicroBatch) -> dict[str, tuple[float, int]]:
        """Sums and counts for both held-out losses and accuracies."""
        words, labels, following, follows = _bert_outputs(model, batch)
        masked, pairs = len(labels), len(follows)
        mlm = cross_entropy(words, labels, reduction="sum").item()
        nsp = cross_entropy(following, follows, reduction="sum").item()
        return {
            "mlm_loss": (mlm, masked),
            "nsp_loss": (nsp, pairs),
            "mlm_accuracy": ((words.argmax(-1) == labels).sum().item(), masked),
            "nsp_accuracy": ((following.argmax(-1) == follows).sum().item(), pairs),
        }


def _bert_outputs(model: torch.nn.Module, batch: MicroBatch) -> tuple[torch.Tensor, ...]:
    """Logits and labels of the masked pieces, logits and labels of the pairs."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    masked = batch["labels"] != IGNORED
    words, following = model(predicted=masked, **{name: batch[name] for name in names})
    return words.float(), batch["labels"][masked], following.float(), batch["next_sentence_label"]


def _inputs(batch: MicroBatch) -> MicroBatch:
    return {name: value for name, value in batch.items() if name != "labels"}


def _token_losses(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of every piece and whether it was the likeliest, both shaped like the labels."""
    losses = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    return losses.view(labels.shape), logits.argmax(-1) == labels


Examples = SpanCorruption | MaskedPairs | NextToken
"""Called with running numbers and a generator they give a micro-batch and its number of loss items.

`loss` is what is minimised on one, and `judge` what is measured on a held-out one, by name, as a
sum and a count. `targets_length` are the pieces of a sequence that pass the output layer.
"""
EXAMPLES = {"t5": SpanCorruption, "bert": MaskedPairs, "gpt": NextToken}
