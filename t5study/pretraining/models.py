"""The models that the study pre-trains, with random weights to begin from."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers import (
    BertConfig,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from t5study.experiments.recipes import PretrainingRecipe

POSITIONS = 512
"""Least number of positions that BERT and GPT get: fine-tuning reads longer texts."""


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
