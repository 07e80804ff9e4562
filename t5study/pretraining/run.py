"""Pre-training from random weights: a recipe and a corpus give a model and its record.

T5 learns span corruption, BERT masked language modelling with next-sentence prediction, GPT next
token prediction, all on the same text, with one vocabulary, in windows of one length without
padding. The loop is the engine's, as in fine-tuning.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import (
    BertConfig,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from t5study.base.errors import StudyError
from t5study.base.memory import halving
from t5study.base.precision import resolve_precision
from t5study.data import corpora
from t5study.data.batches import bucket_of, epoch_order, pad, split_batch
from t5study.data.corpora import TokenStream
from t5study.data.hub import Hub
from t5study.data.vocabulary import SPECIAL_PIECES, framed, sentinel_ids
from t5study.experiments.identity import BERT_FRAME, Pretraining
from t5study.experiments.recipes import PretrainingRecipe
from t5study.models.loading import parameter_count, save_model
from t5study.pretraining import embeddings as cooccurrence
from t5study.pretraining import objectives
from t5study.pretraining.text import PreparedText, prepare
from t5study.runs.provenance import device_name, peak_memory_bytes, recorded, usual_device
from t5study.runs.store import Workspace
from t5study.training.acceleration import compiled_or_not, tune_allocator
from t5study.training.checkpointing import latest_checkpoint
from t5study.training.loop import EngineSettings, StudyTrainer, mixed, seq2seq_loss

MICRO_BATCH_TOKENS = {"cpu": 8192, "cuda": 131_072}
HELD_OUT_SEQUENCES = 256
POSITIONS = 512
"""Least number of positions that BERT and GPT get: fine-tuning reads longer texts."""

Batch = dict[str, torch.Tensor]


# --- the model -----------------------------------------------------------------------------------


def build_model(
    architecture: str, recipe: PretrainingRecipe, tokenizer: Any, seed: int
) -> PreTrainedModel:
    """The recipe's architecture with random weights, the same for the same seed.

    T5 is version 1.0's: embeddings shared between encoder, decoder and output, the output scaled
    by d_model^-0.5, and transformers' translation of Mesh TensorFlow's initial weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        model = {"t5": _t5, "bert": _bert, "gpt": _gpt}[architecture](recipe, tokenizer)
    return model


def _t5(recipe: PretrainingRecipe, tokenizer: Any) -> PreTrainedModel:
    size = recipe.architecture
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=size.d_model,
            d_kv=size.d_kv,
            d_ff=size.d_ff,
            num_layers=size.num_layers,
            num_decoder_layers=size.num_decoder_layers,
            num_heads=size.num_heads,
            dropout_rate=size.dropout,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.pad_token_id,
        )
    )


def _bert(recipe: PretrainingRecipe, tokenizer: Any) -> PreTrainedModel:
    size = recipe.architecture
    return BertForPreTraining(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.d_model,
            intermediate_size=size.d_ff,
            num_hidden_layers=size.num_layers,
            num_attention_heads=size.num_heads,
            hidden_dropout_prob=size.dropout,
            attention_probs_dropout_prob=size.dropout,
            max_position_embeddings=max(POSITIONS, recipe.sequence_length),
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _gpt(recipe: PretrainingRecipe, tokenizer: Any) -> PreTrainedModel:
    size = recipe.architecture
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_embd=size.d_model,
            n_inner=size.d_ff,
            n_layer=size.num_layers,
            n_head=size.num_heads,
            n_positions=max(POSITIONS, recipe.sequence_length),
            resid_pdrop=size.dropout,
            embd_pdrop=size.dropout,
            attn_pdrop=size.dropout,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


class BertForPreTraining(transformers.BertForPreTraining):
    """BERT whose output layer can be asked for some pieces only.

    It keeps the name of the class it extends, so that a saved checkpoint is an ordinary one.
    """

    def forward(self, predicted: torch.Tensor | None = None, **inputs: Any) -> Any:
        """As without `predicted`; with it, logits of these pieces and logits of the pairs.

        `predicted` is boolean, [rows, length]: the masked pieces are one in seven, and for a small
        model the output layer would otherwise be most of the work.
        """
        if predicted is None:
            return super().forward(**inputs)
        states = self.bert(**inputs)
        return self.cls(states.last_hidden_state[predicted], states.pooler_output)


# --- examples ------------------------------------------------------------------------------------


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

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[Batch, int]:
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

    def judge(self, model: torch.nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
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
    """GPT's examples: [rows, sequence_length] ids and the same ids one place on."""

    def __init__(self, stream: TokenStream, tokenizer: Any, length: int, seed: int) -> None:
        self.stream = stream
        self.windows = _windows(stream, length + 1, seed)
        self.targets_length = length

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[Batch, int]:
        """Return the micro-batch of these running numbers and its count of predicted pieces."""
        pairs = [objectives.causal(row) for row in self.windows(numbers)]
        inputs, labels = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
        return {"input_ids": inputs, "labels": labels}, labels.numel()

    loss = staticmethod(seq2seq_loss)

    def judge(self, model: torch.nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
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

    def __call__(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[Batch, int]:
        """Return a batch and its count of masked pieces; of `numbers` only the count matters."""
        rows = [self._row(rng) for _ in numbers]
        length = bucket_of(max(len(row["input_ids"]) for row in rows), self.length)
        fill = {"input_ids": self.pad, "labels": objectives.IGNORED}
        batch = {
            name: pad([row[name] for row in rows], length, fill.get(name, 0))
            for name in ("input_ids", "attention_mask", "token_type_ids", "labels")
        }
        # The class numbers of transformers: 0 where the second text follows the first.
        follows = torch.tensor([not row["follows"] for row in rows], dtype=torch.int64)
        masked = int((batch["labels"] != objectives.IGNORED).sum())
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
    def loss(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """A sum which, divided by the update's masked pieces, is the sum of the two mean losses."""
        words, labels, following, follows = _bert_outputs(model, batch)
        pairs = cross_entropy(following, follows, reduction="none") * batch["pair_weight"]
        return cross_entropy(words, labels, reduction="sum") + pairs.sum()

    def judge(self, model: torch.nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
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


def _bert_outputs(model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, ...]:
    """Logits and labels of the masked pieces, logits and labels of the pairs."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    masked = batch["labels"] != objectives.IGNORED
    words, following = model(predicted=masked, **{name: batch[name] for name in names})
    return words.float(), batch["labels"][masked], following.float(), batch["next_sentence_label"]


def _inputs(batch: Batch) -> Batch:
    return {name: value for name, value in batch.items() if name != "labels"}


def _token_losses(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of every piece and whether it was the likeliest, both shaped like the labels."""
    losses = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    return losses.view(labels.shape), logits.argmax(-1) == labels


EXAMPLES = {"t5": SpanCorruption, "bert": MaskedPairs, "gpt": NextToken}


@dataclass(frozen=True)
class PretrainingPlan:
    """Every update of a pre-training, by its step: a pure function of corpus, seed and step."""

    examples: Any
    rows: int
    steps: int
    seed: int
    micro_rows: int
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.rows < self.world_size:
            raise StudyError(
                f"An update of {self.rows} sequences cannot be shared by {self.world_size}"
                " processes: raise batch_tokens or start fewer."
            )

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, Any]:
        """This process's micro-batches and the loss items of the whole update.

        Every process makes the whole update and keeps its share, so all agree on the items.
        """
        if not 0 <= step < self.steps:
            raise IndexError(step)
        numbers = np.arange(step * self.rows, (step + 1) * self.rows)
        batch, items = self.examples(numbers, objectives.generator(self.seed, step))
        parts = max(-(-self.rows // self.micro_rows), self.world_size)
        return {
            "micro_batches": split_batch(batch, parts)[self.rank :: self.world_size],
            "items": items,
        }


# --- cost ----------------------------------------------------------------------------------------


def flops_per_sequence(
    recipe: PretrainingRecipe, vocabulary: int, length: int, targets: int
) -> float:
    """Floating-point operations of training on one sequence (forward and backward).

    6 for every weight that is multiplied with every piece (Kaplan et al. 2020, 2.1), embedding
    look-ups not counted; and 12 x length x width for each layer's attention. `targets` pieces pass
    the output layer: GPT's every one, BERT's masked ones, those that T5's decoder writes. T5's
    cross-attention reads keys and values from `length` pieces for `targets` pieces written.
    """
    size, output = recipe.architecture, recipe.architecture.d_model * vocabulary
    width = size.d_kv * size.num_heads
    attention, feed = 4 * size.d_model * width, 2 * size.d_model * size.d_ff
    if size.num_decoder_layers is None:
        read = size.num_layers * (attention + feed)
        return 6.0 * (length * read + targets * output) + 12.0 * size.num_layers * length**2 * width
    read = size.num_layers * (attention + feed) + size.num_decoder_layers * attention // 2
    written = size.num_decoder_layers * (attention * 3 // 2 + feed) + output
    pairs = size.num_layers * length**2 + size.num_decoder_layers * targets * (targets + length)
    return 6.0 * (length * read + targets * written) + 12.0 * pairs * width


# --- the run -------------------------------------------------------------------------------------


def pretrain(plan: Pretraining, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Train the model for the recipe's budget of tokens, on text that a store's runs share.

    Fills `work.record` with metrics.json, history.csv and model/ (weights after the last update,
    and tokenizer), and returns the provenance. Interrupted, it continues from its last checkpoint
    in `work.scratch`.
    """
    with recorded() as provenance:
        tune_allocator()
        text = prepare(plan.recipe, hub, work.root.parent)
        trainer = _trainer(plan, text, work.scratch)
        trainer.find_start(latest_checkpoint)
        if plan.recipe.initial_embeddings == "cooccurrence" and not trainer.resumed_from:
            _place_embeddings(trainer, len(text.tokenizer))
        trainer.train_from_start()
        work.save_metrics(
            {
                **_budget(plan, trainer, len(text.tokenizer)),
                **text.counts,
                "model": plan.architecture,
                "seed": plan.seed,
                "parameters": parameter_count(trainer.model),
                "vocabulary": len(text.tokenizer),
                "device": device_name(),
                "peak_memory_bytes": peak_memory_bytes(),
            }
        )
        work.save_history(_history(trainer, plan))
        if work.leader:
            save_model(trainer.model, _own_tokenizer(plan, text), work.record / "model")
        provenance |= {
            "data": corpora.revisions(plan.recipe.corpus, hub),
            "resumed_from": trainer.resumed_from,
            "micro_batches_cut_into": trainer.parts,
        }
    return provenance


def _own_tokenizer(plan: Pretraining, text: PreparedText) -> Any:
    """The tokenizer that frames a text as the architecture met texts in pre-training."""
    if plan.architecture == "bert":
        return framed(text.tokenizer, BERT_FRAME)
    return text.tokenizer


def _examples(plan: Pretraining, stream: TokenStream, tokenizer: Any) -> Any:
    if plan.architecture == "gpt":
        stream = corpora.separated(stream, tokenizer.eos_token_id)
    return EXAMPLES[plan.architecture](stream, tokenizer, plan.recipe.sequence_length, plan.seed)


def _place_embeddings(trainer: StudyTrainer, vocabulary: int) -> None:
    """Set the model's embeddings from counts of neighbouring pieces, in place."""
    embeddings = trainer.model.get_input_embeddings()
    ids = trainer.plan.examples.stream.ids
    table = cooccurrence.embeddings(
        ids, vocabulary, embeddings.embedding_dim, trainer.settings.seed
    )
    cooccurrence.place(embeddings, table)


def _trainer(plan: Pretraining, text: PreparedText, scratch: Path) -> StudyTrainer:
    recipe, tokenizer = plan.recipe, text.tokenizer
    examples = _examples(plan, text.train, tokenizer)
    micro_rows = max(1, MICRO_BATCH_TOKENS[usual_device()] // recipe.sequence_length)
    held_out = HeldOut(
        _examples(plan, text.held_out, tokenizer),
        micro_rows,
        resolve_precision(recipe.precision),
    )
    updates = PretrainingPlan(
        examples,
        plan.rows,
        plan.steps,
        plan.seed,
        micro_rows,
        rank=int(os.environ.get("RANK", "0")),
        world_size=int(os.environ.get("WORLD_SIZE", "1")),
    )

    def evaluation(model: torch.nn.Module) -> dict[str, float]:
        return {**held_out(model), "seconds": _seconds(trainer)}

    model = build_model(plan.architecture, recipe, tokenizer, plan.seed)
    trainer = StudyTrainer(
        model,
        updates,
        compiled_or_not(examples.loss) if recipe.compile else examples.loss,
        evaluation,
        _settings(plan),
        scratch,
    )
    return trainer


def _settings(plan: Pretraining) -> EngineSettings:
    recipe = plan.recipe
    return EngineSettings(
        seed=plan.seed,
        learning_rate=recipe.learning_rate,
        precision=resolve_precision(recipe.precision),
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        evaluate_every=recipe.evaluate_every,
        save_every=recipe.save_every,
        log_every=max(1, recipe.evaluate_every // 5),
        keep_checkpoints=1,
    )


@dataclass
class HeldOut:
    """The evaluation of a model in training, always on the same held-out examples."""

    examples: Any
    micro_rows: int
    precision: str = "fp32"

    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        """Return the mean of all that the examples judge; BERT's loss is the sum of its two."""
        device = next(model.parameters()).device

        def judged(rows: int) -> dict[str, float]:
            sums: dict[str, float] = defaultdict(float)
            counts: dict[str, int] = defaultdict(int)
            for batch in split_batch(self._batch, -(-HELD_OUT_SEQUENCES // rows)):
                moved = {name: value.to(device) for name, value in batch.items()}
                for name, (total, count) in self.examples.judge(model, moved).items():
                    sums[name] += total
                    counts[name] += count
            return {name: sums[name] / counts[name] for name in sums}

        with torch.inference_mode(), mixed(self.precision):
            means = halving(judged, self.micro_rows)
        return {"loss": sum(means.get(name, 0.0) for name in ("mlm_loss", "nsp_loss")), **means}

    @cached_property
    def _batch(self) -> Batch:
        return self.examples(np.arange(HELD_OUT_SEQUENCES), objectives.generator(0, 0))[0]


def _evaluations(trainer: StudyTrainer) -> list[dict[str, Any]]:
    return [row for row in trainer.state.log_history if "eval_loss" in row]


def _seconds(trainer: StudyTrainer) -> float:
    """Seconds of training, those before an interruption included."""
    begun = trainer.resumed_from
    before = [row["eval_seconds"] for row in _evaluations(trainer) if row["step"] <= begun]
    return (before[-1] if before else 0.0) + trainer.stopwatch.seconds


def _budget(plan: Pretraining, trainer: StudyTrainer, vocabulary: int) -> dict[str, float]:
    """Held-out result of the last update, and what the training cost.

    BERT's share of non-padding pieces is that of its first updates; the others pad nothing.
    """
    last = {
        name.replace("eval_", "held_out_"): value
        for name, value in _evaluations(trainer)[-1].items()
        if name.startswith("eval_")
    }
    seconds = last.pop("held_out_seconds")
    recipe, examples = plan.recipe, trainer.plan.examples
    sequences = plan.steps * plan.rows
    tokens = sequences * recipe.sequence_length
    share = _full_share(trainer.plan, recipe.sequence_length)
    length = round(recipe.sequence_length * share)
    targets = examples.targets_length
    return {
        **last,
        "steps": plan.steps,
        "tokens": tokens,
        "non_pad_tokens": round(tokens * share),
        "target_tokens": sequences * targets,
        "flops": sequences * flops_per_sequence(recipe, vocabulary, length, targets),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }


def _full_share(plan: PretrainingPlan, length: int) -> float:
    """Non-padding pieces of the first updates over the positions that the budget counts."""
    updates = [
        plan.examples(np.arange(plan.rows), objectives.generator(plan.seed, step))[0]
        for step in range(min(4, len(plan)))
    ]
    if "attention_mask" not in updates[0]:
        return 1.0
    return float(np.mean([update["attention_mask"].sum() for update in updates])) / (
        plan.rows * length
    )


def _history(trainer: StudyTrainer, plan: Pretraining) -> pd.DataFrame:
    """One row a logged step: step, tokens, loss, learning_rate, grad_norm, and the held-out
    results (held_out_loss and so on) with the seconds trained."""
    rows: dict[int, dict[str, float]] = {}
    per_step = plan.rows * plan.recipe.sequence_length
    for entry in trainer.state.log_history:
        row = rows.setdefault(entry["step"], {"step": entry["step"]})
        row["tokens"] = entry["step"] * per_step
        for name, value in entry.items():
            if name in ("loss", "learning_rate", "grad_norm"):
                row[name] = value
            elif name == "eval_seconds":
                row["seconds"] = value
            elif name.startswith("eval_"):
                row[name.replace("eval_", "held_out_")] = value
    return pd.DataFrame([rows[step] for step in sorted(rows)])
