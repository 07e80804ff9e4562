"""Recipes: the sizes, hyper-parameters and rows that an experiment is made with."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from t5study.base.device import resolve_precision
from t5study.base.settings import Settings

ArchitectureName = Literal["t5", "bert", "bert2text", "gpt", "llama"]
Precision = Literal["auto", "fp32", "bf16"]
CorpusName = Literal["pocket-text", "imdb-unlabelled", "imdb-train", "classic-books"]

Count = Annotated[int, Field(ge=1)]
Steps = Annotated[int, Field(ge=0)]
LARGEST_SEED = 2**32 - 1
"""What the random generators of numpy take at most."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]

OWN = "own"
"""Stands for a checkpoint's name where the study pre-trains the model itself."""
MOST_COUNTED = 30_000_000
"""So many pieces of a corpus at most, its first, are counted for embeddings from co-occurrence."""


class Optimisation(Settings):
    """What one run tells its optimiser, and how it computes: a part of every recipe that trains.

    `adam_epsilon` and `max_grad_norm`, the longest gradient, belong to it as well: `Recipe` lets
    them be chosen, `PretrainingRecipe` does not.
    """

    learning_rate: Rate
    schedule: Literal["linear", "cosine", "inverse-sqrt", "constant"] = "linear"
    warmup_steps: Steps = 0
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    weight_decay: Share = 0.0
    precision: Precision = "auto"
    compile: bool = False

    def resolved(self) -> Self:
        """Return the recipe with the precision that this machine computes in for "auto"."""
        return self.model_copy(update={"precision": resolve_precision(self.precision)})


class Recipe(Optimisation):
    """Hyper-parameters of one fine-tuning. The defaults are the report's argument table."""

    epochs: Count = 2
    min_updates: Steps = Field(
        0, description="with few rows, epochs are added until there are so many updates"
    )
    learning_rate: Rate = 3e-4
    batch_size: Count = Field(128, description="effective: the report's 8 x 16")
    schedule: Literal["linear", "constant"] = "linear"
    adam_epsilon: Rate = 1e-8
    max_grad_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_source_length: Annotated[int, Field(ge=8, le=4096)] = 512
    dropout: Share = 0.1
    gradient_checkpointing: bool = Field(
        False, description="compute activations twice, keep them once: less memory, more time"
    )
    tokens_per_micro_batch: Annotated[int, Field(ge=64)] = 4096
    packing: bool = Field(
        True,
        description="on a CPU: an update is cut for the least padding in place of few lengths, "
        "and in T5 short texts share the encoder's rows",
    )
    evaluations_per_epoch: Count = 1
    keep_checkpoints: Count = 5
    early_stopping: Count | None = Field(
        None, description="patience in evaluations; None is the report's early_stop_callback=False"
    )
    cleaning: Literal["none", "report"] = "none"
    lora_rank: Count | None = Field(
        None, description="learn low-rank adapters and a head; the other weights stay as they are"
    )


class Architecture(Settings):
    """Sizes of a model that the study pre-trains itself. Decoder layers count for T5 only."""

    d_model: Count
    d_ff: Count
    d_kv: Count
    num_layers: Count
    num_decoder_layers: Count | None = None
    num_heads: Count
    dropout: Share = 0.1

    @model_validator(mode="after")
    def _heads_fit(self) -> Architecture:
        if self.num_decoder_layers is None and self.d_kv * self.num_heads != self.d_model:
            raise ValueError(
                "without num_decoder_layers (BERT and GPT) d_model must be d_kv times num_heads"
            )
        return self


class PretrainingRecipe(Optimisation):
    """How one model is pre-trained from random weights, and for how many tokens."""

    objective: Literal["span-corruption", "mlm-nsp", "causal"]
    corpus: Annotated[list[CorpusName], Field(min_length=1)]
    architecture: Architecture
    vocabulary_size: Annotated[int, Field(ge=200, le=64_000)]
    tokens: Annotated[int, Field(ge=1_000)] = Field(description="budget, in input tokens")
    batch_tokens: Annotated[int, Field(ge=64)]
    sequence_length: Annotated[int, Field(ge=16, le=4096)]
    evaluate_every: Annotated[int, Field(ge=1)] = Field(description="in optimiser steps")
    save_every: Annotated[int, Field(ge=1)] = Field(description="in optimiser steps")
    initial_embeddings: Literal["random", "cooccurrence"] = "random"

    adam_epsilon: ClassVar[float] = 1e-8
    max_grad_norm: ClassVar[float] = 1.0

    @model_validator(mode="after")
    def _one_batch_fits(self) -> PretrainingRecipe:
        if self.batch_tokens < self.sequence_length:
            raise ValueError("batch_tokens must be at least sequence_length")
        if self.tokens < self.batch_tokens:
            raise ValueError("tokens, the budget, must be at least batch_tokens")
        if self.save_every % self.evaluate_every:
            # A run that goes on knows its seconds from the evaluation before the checkpoint.
            raise ValueError("save_every must be a multiple of evaluate_every")
        if len(set(self.corpus)) != len(self.corpus):
            raise ValueError("corpus names the same text twice")
        return self


class TaskRows(Settings):
    """A task, and how many of its rows are used.

    A limit of None means all rows; the subset is chosen by hash and stratified by label.
    """

    task: Annotated[str, Field(min_length=1)]
    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None


class TaskSettings(TaskRows):
    """A task, how many of its rows are used, and the recipe that it is learnt by."""

    recipe: Recipe = Recipe()


WRITES_TEXT = ("t5", "bert2text")
"""The architectures that answer in words; the others have a head for labels or a number."""
OBJECTIVES: dict[str, str] = {"t5": "span-corruption", "bert": "mlm-nsp", "gpt": "causal"}
