"""The architectures that are fine-tuned, and what training and judging need to know of each.

A T5 writes its answers. A BERT, a GPT or a Llama answers by a head on top of it, and a BERT can be
given a decoder (see `bert_to_text`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import (
    BertForPreTraining,
    BertForSequenceClassification,
    EncoderDecoderModel,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5ForConditionalGeneration,
)

from t5study.base.errors import StudyError
from t5study.data.checkpoint_files import ADAPTER
from t5study.data.encoding import ClassificationCollator, Collator, Seq2SeqCollator
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_model, random_model, settings_of


@dataclass(frozen=True)
class Architecture:
    """How models of one architecture are made and asked.

    Attributes:
        model_type: what config.json calls the checkpoints that training begins from.
        trained_as: the class that is fine-tuned.
        pretrained_as: the class that its own pre-training trains.
        dropouts: the configuration's names of its dropout rates.
        text_to_text: whether it writes its answers; otherwise it has a head.
        positions: the configuration's name of the longest text, None where there is no such limit.
        head: the name of its head, if it has one.
    """

    model_type: str
    trained_as: type[PreTrainedModel]
    pretrained_as: type[PreTrainedModel]
    dropouts: tuple[str, ...]
    text_to_text: bool = False
    positions: str | None = None
    head: str | None = None


_BERT_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
ARCHITECTURES: dict[str, Architecture] = {
    "t5": Architecture(
        "t5", T5ForConditionalGeneration, T5ForConditionalGeneration, ("dropout_rate",), True
    ),
    "bert": Architecture(
        "bert",
        BertForSequenceClassification,
        BertForPreTraining,
        _BERT_DROPOUTS,
        positions="max_position_embeddings",
        head="classifier",
    ),
    "bert2text": Architecture(
        "bert",
        EncoderDecoderModel,
        BertForPreTraining,
        _BERT_DROPOUTS,
        text_to_text=True,
        positions="max_position_embeddings",
    ),
    "gpt": Architecture(
        "gpt2",
        GPT2ForSequenceClassification,
        GPT2LMHeadModel,
        ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
        positions="n_positions",
        head="score",
    ),
    "llama": Architecture(
        "llama",
        LlamaForSequenceClassification,
        LlamaForCausalLM,
        ("attention_dropout",),
        positions="max_position_embeddings",
        head="score",
    ),
}


def architecture_of(checkpoint: Checkpoint, text_to_text: bool | None = None) -> str:
    """The name of the architecture that a checkpoint is trained as.

    Args:
        text_to_text: whether it should write its answers; None takes what is usual for it.

    Raises:
        StudyError: no architecture here is of its kind, or none answers in the way asked for.
    """
    kind = checkpoint.model_type
    names = [name for name, known in ARCHITECTURES.items() if known.model_type == kind]
    if kind == "encoder-decoder":  # a saved one of bert_to_text
        names = ["bert2text"]
    if not names:
        raise StudyError(
            f"The checkpoint '{checkpoint.name}' is a {kind}, which is not known here: name one "
            f"that is a {', '.join(sorted({a.model_type for a in ARCHITECTURES.values()}))}."
        )
    wanted = [name for name in names if text_to_text in (None, ARCHITECTURES[name].text_to_text)]
    if not wanted:
        way = "text to text" if text_to_text else "by a head"
        raise StudyError(
            f"The checkpoint '{checkpoint.name}' is a {kind}, which does not answer {way} here: "
            "leave the way of answering out."
        )
    return wanted[0]


def new_model(
    architecture: str,
    checkpoint: Checkpoint,
    init: Literal["pretrained", "scratch"],
    seed: int,
    tokenizer: PreTrainedTokenizerBase,
    dropout: float,
    outputs: int,
    longest: int,
) -> PreTrainedModel:
    """The model to fine-tune; what the checkpoint lacks (a head, a decoder) is drawn from the seed.

    Args:
        init: "scratch" draws all weights from the seed.
        dropout: every dropout rate of the model.
        outputs: units of the head, where there is one.
        longest: tokens of the longest source text.

    Raises:
        StudyError: the checkpoint is of another kind, does not fit, or takes shorter texts only.
    """
    known = ARCHITECTURES[architecture]
    changes: dict[str, Any] = dict.fromkeys(known.dropouts, dropout)
    if not known.text_to_text:
        changes |= {"num_labels": outputs, "pad_token_id": tokenizer.pad_token_id}
    settings = settings_of(checkpoint, **changes)
    _refuse_long_texts(checkpoint, known, settings, longest)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        if architecture == "bert2text":
            # Late, here and below: few models are such.
            from t5study.models.bert_to_text import new_bert_to_text

            return new_bert_to_text(checkpoint, settings, init, seed, tokenizer, dropout)
        if init == "scratch":
            return random_model(checkpoint, seed, known.trained_as, **changes)
        return load_model(checkpoint, known.trained_as, **changes)


def saved_model(architecture: str, checkpoint: Checkpoint) -> PreTrainedModel:
    """The model of a fine-tuned checkpoint, or of adapters, to be asked."""
    trained_as = ARCHITECTURES[architecture].trained_as
    if (checkpoint.folder / ADAPTER).is_file():
        # Late: most models have no adapters.
        from t5study.models.adapters import adapted_model

        return adapted_model(checkpoint, trained_as)
    if architecture == "bert2text":
        from t5study.models.bert_to_text import BertToText as trained_as
    return load_model(checkpoint, trained_as)


def collator(
    architecture: str, tokenizer: PreTrainedTokenizerBase, regression: bool = False
) -> Collator:
    """What makes micro-batches for an architecture.

    Raises:
        StudyError: the tokenizer has no padding token.
    """
    pad = tokenizer.pad_token_id
    if pad is None:
        raise StudyError(
            f"The tokenizer in {tokenizer.name_or_path} has no padding token, so texts of "
            "different length cannot share a batch: fine-tune another model."
        )
    if not ARCHITECTURES[architecture].text_to_text:
        return ClassificationCollator(pad, regression)
    return Seq2SeqCollator(pad, start_id(architecture, tokenizer))


def start_id(architecture: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that a decoder begins with: T5's padding, BERT's `[CLS]`."""
    return tokenizer.cls_token_id if architecture == "bert2text" else tokenizer.pad_token_id


def _refuse_long_texts(
    checkpoint: Checkpoint, known: Architecture, settings: PreTrainedConfig, longest: int
) -> None:
    settings = getattr(settings, "encoder", settings)
    room = getattr(settings, known.positions) if known.positions else longest
    if longest > room:
        raise StudyError(
            f"The checkpoint '{checkpoint.name}' reads {room} tokens and the recipe's "
            f"max_source_length is {longest}: lower it to {room}."
        )
