"""Tiny models and experiments, and a tool or two, that several test modules share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from t5study.data import pocket
from t5study.data.hub import Hub
from t5study.data.tasks import TASKS, get_task
from t5study.data.vocabulary import train_vocabulary
from t5study.experiments.identity import Experiment
from t5study.experiments.recipes import Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_tokenizer, save_model
from t5study.models.opening import checkpoint_in


@lru_cache(maxsize=1)
def _texts() -> tuple[str, ...]:
    reviews = [row["text"] for row in pocket.generate("sentiment", "validation")]
    # Often enough for each label word to become one piece; two tasks of one data set count once.
    sets = {(task.repo, task.config): task.label_words for task in TASKS.values()}
    words = [word for labels in sets.values() for word in labels if word.isalpha()]
    return (*reviews, *(50 * words))


def tiny_t5(folder: Path) -> Checkpoint:
    """A T5 of one layer and width 16 with random weights and a vocabulary of its own."""
    train_vocabulary(_texts(), 400, folder / "vocabulary", sentinels=10)
    tokenizer = load_tokenizer(folder / "vocabulary")
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        dropout_rate=0.0,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    save_model(T5ForConditionalGeneration(config), tokenizer, folder / "t5")
    return checkpoint_in(folder / "t5", name="tiny-t5")


def tiny_bert(folder: Path, words: Iterable[str] = ()) -> Checkpoint:
    """A BERT of three layers as the hub has them, with pooler and without head.

    Its vocabulary is `[PAD] [UNK] [CLS] [SEP] [MASK]` and the words; none asks for those of the
    pocket corpus's reviews and of all labels.
    """
    words = list(words) or [word for text in _texts() for word in re.findall(r"\w+|[^\w\s]", text)]
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    ids = {word: i for i, word in enumerate(dict.fromkeys([*special.values(), *words]))}
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(ids), num_hidden_layers=3, max_position_embeddings=64, **sizes
    )
    BertModel(config).save_pretrained(folder)
    pieces = Tokenizer(models.WordLevel(ids, "[UNK]"))
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=pieces, **special).save_pretrained(folder)
    return checkpoint_in(folder)


def tiny_llama(folder: Path) -> Checkpoint:
    """A decoder of two layers with random weights, whose vocabulary is the words of the corpus."""
    words = [word for text in _texts() for word in re.findall(r"\w+|[^\w\s]", text)]
    known = dict.fromkeys(["<unk>", "<s>", "</s>", "N", "/", "A", *"[]:", "Review", "Mood", *words])
    pieces = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, "<unk>"))
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=pieces, **ends).save_pretrained(folder)
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=len(known),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.5,
        max_position_embeddings=600,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return checkpoint_in(folder, weights=True)


def untrained_t5(dropout: float = 0.1, feed_forward: str = "relu") -> T5ForConditionalGeneration:
    """A T5 of two layers with random weights, in training, for questions about its arithmetic."""
    torch.manual_seed(3)
    config = T5Config(
        vocab_size=64,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        feed_forward_proj=feed_forward,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config).train()


def tiny_experiment(checkpoint: Checkpoint, task: str = "pocket-sentiment", **recipe) -> Experiment:
    """A fine-tuning of a second or two."""
    values = {
        "epochs": 2,
        "learning_rate": 3e-3,
        "batch_size": 16,
        "max_source_length": 64,
        "dropout": 0.0,
        "precision": "fp32",
        "tokens_per_micro_batch": 512,
        "evaluations_per_epoch": 2,
        **recipe,
    }
    settings = TaskSettings(task=task, train=96, validation=32, test=40, recipe=Recipe(**values))
    return Experiment(get_task(task), settings, checkpoint, "t5", "pretrained", 21)


def no_hub() -> Hub:
    """A hub that only ever serves the bundled corpus."""
    return Hub()


def film_table(count: int) -> Dataset:
    """A cast data set of so many texts, 1 to 9 times four words long, with two labels."""
    return Dataset.from_dict(
        {
            "row": range(count),
            "source": ["the film was good " * (1 + i % 9) for i in range(count)],
            "target": ["good" if i % 2 else "not good" for i in range(count)],
            "label": [i % 2 for i in range(count)],
        }
    )


def restored(inputs: Iterable[int], targets: Iterable[int], sentinels: list[int]) -> list[int]:
    """The inverse of span corruption: the inputs without their end, spans in the gaps again."""
    spans: dict[int, list[int]] = {}
    for piece in [*targets][:-1]:
        if piece in sentinels:
            current = spans.setdefault(piece, [])
        else:
            current.append(piece)
    return [each for piece in [*inputs][:-1] for each in spans.get(piece, [piece])]
