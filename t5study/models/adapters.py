"""Low-rank adapters (Hu et al. 2022): small matrices beside weights that stay as they are.

A model with adapters is saved as the adapters alone, in the layout of peft, and is loaded beside
the checkpoint that it was trained from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from t5study.base.errors import StudyError
from t5study.base.quiet import quiet
from t5study.data.checkpoint_files import ADAPTER, ADAPTER_SETTINGS
from t5study.data.hub import Hub
from t5study.models.checkpoints import Checkpoint, read_object
from t5study.models.loading import full_disk_told, load_model, settings_of
from t5study.models.opening import open_checkpoint


def with_adapters(model: PreTrainedModel, rank: int, head: str | None) -> PeftModel:
    """The model with two matrices of `rank` beside each of its linear layers; those are learnt.

    W x becomes W x + 2 B A x, where A is random and B is zero to begin with (Hu et al. 2022,
    section 4.1).

    Args:
        head: the name of the layer on top that is learnt whole, if there is one.
    """
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        modules_to_save=[head] if head else None,
        exclude_modules=[head] if head else None,
    )
    with quiet():
        return get_peft_model(model, settings)


def save_adapters(model: PeftModel, tokenizer: Any, base: str, folder: Path) -> None:
    """Save the adapters, the head, the model's configuration and the tokenizer into a folder.

    Args:
        base: the name of the checkpoint that the other weights are from.
    """
    # Else peft writes the folder that the weights were read from, which is somebody's own.
    model.peft_config["default"].base_model_name_or_path = base
    with full_disk_told(folder):
        model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink()  # a form of peft's to be filled in
        model.get_base_model().config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def adapted_model(checkpoint: Checkpoint, cls: type[PreTrainedModel]) -> PreTrainedModel:
    """The model of saved adapters, merged into the weights that they were learnt beside.

    Raises:
        StudyError: the adapters are damaged, or the checkpoint below them cannot be had.
    """
    settings = read_object(checkpoint.folder / ADAPTER_SETTINGS)
    base = open_checkpoint(Hub(), str(settings.get("base_model_name_or_path")), weights=True)
    model = load_model(base, cls, num_labels=settings_of(checkpoint).num_labels)
    try:
        with quiet():
            adapted = PeftModel.from_pretrained(model, checkpoint.folder, local_files_only=True)
    except Exception as error:  # a damaged file shows as any of several kinds
        raise StudyError(
            f"The adapters in {checkpoint.folder / ADAPTER} cannot be loaded "
            f"({type(error).__name__}): fetch the folder again."
        ) from error
    return adapted.merge_and_unload()
