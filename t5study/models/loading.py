"""Models and tokenizers: loaded from checkpoints, made with random weights, saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from t5study.base.errors import StudyError
from t5study.base.quiet import quiet
from t5study.data.checkpoint_files import has_vocabulary
from t5study.models.checkpoints import Checkpoint, configuration, no_weights

# Left out, transformers would ask on the terminal whether to run the code of a checkpoint.
_FROM_HERE = {"local_files_only": True, "trust_remote_code": False}

SPARE_ROWS = 1024
"""So many rows a model may have beyond its tokenizer's pieces."""

HEADS = ("cls.", "classifier.", "pooler.", "score.")
"""What the tensors of a head are called, which may be lacking, since training makes one anew."""


_CONSTANTS = ("attn.masked_bias",)
"""Tensors that hold nothing learnt and that old savings of GPT-2 have."""


def load_tokenizer(checkpoint: Checkpoint | Path | str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a checkpoint, from its folder only.

    A BERT's has no end token; what such a model writes ends with `[SEP]`, as what it reads does.

    Raises:
        StudyError: there is none, it is not of the model's vocabulary, or it does not end a text
            with exactly one end token although it is a T5 tokenizer (some savings end it twice,
            some not at all).
    """
    folder = _folder(checkpoint)
    if not has_vocabulary(folder):
        raise StudyError(
            f"{folder} has no tokenizer: add tokenizer.json, or fetch the checkpoint again."
        )
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, **_FROM_HERE)
    except Exception as error:  # the library raises many kinds for one lack
        raise StudyError(
            f"The tokenizer in {folder} cannot be read ({type(error).__name__}): "
            "fetch tokenizer.json again, or install protobuf if there is only spiece.model."
        ) from error
    settings = configuration(folder)
    _refuse_another_vocabulary(folder, settings, len(tokenizer))
    if settings.get("model_type") == "t5":
        _refuse_other_ends(folder, tokenizer)
    if tokenizer.eos_token is None and tokenizer.sep_token is not None:
        tokenizer.eos_token = tokenizer.sep_token
    return tokenizer


def _refuse_another_vocabulary(folder: Path, settings: dict[str, Any], pieces: int) -> None:
    """A model may have rows to spare, since sizes are rounded up, and never one too few."""
    rows = settings.get("encoder", settings).get("vocab_size")
    if rows is not None and not rows - SPARE_ROWS <= pieces <= rows:
        raise StudyError(
            f"The tokenizer in {folder} has {pieces} pieces and the model {rows}: "
            "use the tokenizer that the model was saved with."
        )


def _refuse_other_ends(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    ids = tokenizer("one end").input_ids
    if ids.count(tokenizer.eos_token_id) != 1 or ids[-1] != tokenizer.eos_token_id:
        raise StudyError(
            f"The tokenizer of {folder} ends a text with "
            f"{ids.count(tokenizer.eos_token_id)} end tokens in place of one: "
            "use the tokenizer.json of the original checkpoint."
        )


def settings_of(checkpoint: Checkpoint | Path | str, **changes: Any) -> PreTrainedConfig:
    """The configuration of a checkpoint with some values changed, such as `dropout_rate=0.0`.

    Raises:
        StudyError: it is not one of an architecture that transformers knows.
    """
    folder = _folder(checkpoint)
    try:
        with quiet():
            return AutoConfig.from_pretrained(folder, **_FROM_HERE, **changes)
    except (ValueError, OSError) as error:
        raise StudyError(
            f"The configuration in {folder} cannot be used ({type(error).__name__}): name a "
            "checkpoint that needs no code of its own, or fetch config.json again."
        ) from error


def load_model(
    checkpoint: Checkpoint,
    cls: type[PreTrainedModel],
    attn: Literal["sdpa", "eager"] = "sdpa",
    **config: Any,
) -> PreTrainedModel:
    """The model with its saved weights, in float32 on the CPU.

    Only a head, or BERT's pooler, may be lacking; it is then drawn from torch's random numbers.

    Args:
        cls: a class of transformers, such as `T5ForConditionalGeneration`.
        attn: `eager` where attention maps are wanted: sdpa gives none.
        config: changes to the configuration, such as `dropout_rate=0.0`.

    Raises:
        StudyError: the checkpoint has no weights, is of another architecture, or has tensors too
            few or too many.
    """
    if not checkpoint.has_weights:
        raise no_weights(checkpoint.name)
    settings = settings_of(checkpoint, **config)
    _refuse_another_kind(settings, cls, checkpoint)
    try:
        with quiet():
            model, loading = cls.from_pretrained(
                checkpoint.folder,
                config=settings,
                **_FROM_HERE,
                use_safetensors=True,
                dtype=torch.float32,
                attn_implementation=attn,
                output_loading_info=True,
            )
    except Exception as error:  # a damaged file shows as any of several kinds
        raise StudyError(
            f"The weights of '{checkpoint.name}' in {checkpoint.folder} cannot be loaded "
            f"({type(error).__name__}): fetch the checkpoint again."
        ) from error
    _refuse_other_tensors(checkpoint, cls, loading)
    return model


def _refuse_another_kind(
    settings: PreTrainedConfig, cls: type[PreTrainedModel], checkpoint: Checkpoint | Path | str
) -> None:
    if settings.model_type != cls.config_class.model_type:
        raise StudyError(
            f"The checkpoint in {_folder(checkpoint)} is a {settings.model_type}, not a "
            f"{cls.config_class.model_type}: name another one."
        )


def _refuse_other_tensors(
    checkpoint: Checkpoint, cls: type[PreTrainedModel], loading: dict[str, Any]
) -> None:
    inside = f"{cls.base_model_prefix}."
    for what, names, heads in (
        ("lacks", loading["missing_keys"], HEADS),
        ("has beside those of the model", loading["unexpected_keys"], (*HEADS, "lm_head.")),
    ):
        odd = sorted(
            name
            for name in names
            if not name.removeprefix(inside).startswith(heads) and not name.endswith(_CONSTANTS)
        )
        if odd:
            more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
            raise StudyError(
                f"The weights of '{checkpoint.name}' are not those of a {cls.__name__}: it {what} "
                f"the tensor {odd[0]}{more}; fetch the checkpoint again, or name another one."
            )


def random_model(
    checkpoint: Checkpoint | Path | str, seed: int, cls: type[PreTrainedModel], **config: Any
) -> PreTrainedModel:
    """The checkpoint's architecture with random weights, the same for the same seed.

    The caller's random state is left as it was. Arguments and errors as for `load_model`.
    """
    settings = settings_of(checkpoint, **config)
    _refuse_another_kind(settings, cls, checkpoint)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        model = cls._from_config(settings, attn_implementation="sdpa", dtype=torch.float32)
    return model


def _folder(checkpoint: Checkpoint | Path | str) -> Path:
    return checkpoint.folder if isinstance(checkpoint, Checkpoint) else Path(checkpoint)


def save_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path | str
) -> None:
    """Save weights (safetensors), configuration and tokenizer into a folder.

    Raises StudyError where the weights cannot be written.
    """
    with quiet(), full_disk_told(folder):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextlib.contextmanager
def full_disk_told(folder: Path | str) -> Iterator[None]:
    """Say in one sentence that weights cannot be written: safetensors raises no OSError then."""
    try:
        yield
    except SafetensorError as error:
        raise StudyError(
            f"the weights cannot be written into {folder} ({error}): free some space and run "
            "the same command again"
        ) from error
