"""The encoder of a BERT with a small decoder behind it: its weights can answer in both ways."""

from __future__ import annotations

import copy

from torch import nn
from transformers import (
    BertLMHeadModel,
    BertModel,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from t5study.models.checkpoints import Checkpoint
from t5study.models.loading import load_model, random_model

DECODER_LAYERS = 2
"""Of `bert2text`. It is part of what the name means: another number is another architecture."""


class BertToText(EncoderDecoderModel):
    """A BERT encoder and a BERT decoder that share their word vectors, as T5's stacks do."""

    _tied_weights_keys = dict.fromkeys(
        (
            "decoder.bert.embeddings.word_embeddings.weight",
            "decoder.cls.predictions.decoder.weight",
        ),
        "encoder.embeddings.word_embeddings.weight",
    )

    def __init__(
        self,
        config: EncoderDecoderConfig | None = None,
        encoder: BertModel | None = None,
        decoder: BertLMHeadModel | None = None,
    ) -> None:
        super().__init__(config, encoder, decoder)
        # Nothing reads it, and processes that train together refuse weights without a gradient.
        self.encoder.pooler = None


def new_bert_to_text(
    checkpoint: Checkpoint,
    settings: PreTrainedConfig,
    init: str,
    seed: int,
    tokenizer: PreTrainedTokenizerBase,
    dropout: float,
) -> BertToText:
    """An encoder-decoder that begins from a BERT (Rothe et al. 2020, section 3, BERTSHARE).

    The decoder's word and position vectors and its layers are the encoder's: attention to the
    encoder, which a BERT does not have, and the step before the vocabulary are drawn.
    """
    if settings.model_type == "encoder-decoder":
        return _with_dropout(load_model(checkpoint, BertToText), dropout)
    if init == "scratch":
        encoder = random_model(checkpoint, seed, BertModel)
    else:
        encoder = load_model(checkpoint, BertModel)
    written = copy.deepcopy(encoder.config)
    written.update(
        {"num_hidden_layers": DECODER_LAYERS, "is_decoder": True, "add_cross_attention": True}
    )
    decoder = BertLMHeadModel._from_config(written, attn_implementation="sdpa")
    if init == "pretrained":
        _begin_from(decoder.bert, encoder)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(
        encoder.config,
        written,
        decoder_start_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    model = BertToText(config, encoder, decoder)
    model.tie_weights()
    return _with_dropout(model, dropout)


def _begin_from(decoder: BertModel, encoder: BertModel) -> None:
    """Copy the encoder's vectors and its last layers into a decoder.

    With the last layers 100 updates on 3,200 emotions reach an accuracy of 0.78, with random ones
    0.61 and with the first 0.35 (one seed, 500 test rows).
    """
    decoder.embeddings.load_state_dict(encoder.embeddings.state_dict())
    for layer, source in zip(
        decoder.encoder.layer, encoder.encoder.layer[-DECODER_LAYERS:], strict=True
    ):
        layer.load_state_dict(source.state_dict(), strict=False)


def _with_dropout(model: BertToText, rate: float) -> BertToText:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
    return model
