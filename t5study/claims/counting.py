"""What claims count in models that the library builds, kept in `counted.json`.

A page that judges claims must not wait for the library; a test counts again and compares.
`python -m t5study.claims.counting` writes the file anew.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

from t5study.base.files import write_json
from t5study.claims.published import load_published
from t5study.models.modules import module_table, parameter_count

COUNTED = Path(__file__).with_name("counted.json")


@cache
def counted() -> dict[str, Any]:
    """Return what `count` gave when the file was written."""
    return json.loads(COUNTED.read_text("utf-8"))


def count() -> dict[str, Any]:
    """Build the published models without memory for their weights, and count.

    Keys: t5 (parameters by name, shared weights once), modules (the rows of T5-small that the
    report prints), norms (names of T5-small's layer-normalisation weights), arguments (of T5's
    forward pass), bert_head (parameters of BERT-base's layer for two classes).
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, T5ForConditionalGeneration

    with torch.device("meta"):
        names = [shape["name"] for shape in load_published().t5_shapes["models"]]
        models = {name: T5ForConditionalGeneration(t5_config(name)) for name in names}
        bert = BertForSequenceClassification(BertConfig(num_labels=2))
    small, printed = models["t5-small"], load_published().module_table()["name"]
    modules = module_table(small).rename(columns={"params": "parameters"})
    return {
        "t5": {name: parameter_count(model) for name, model in models.items()},
        "modules": modules[modules["name"].isin(printed)].to_dict("records"),
        "norms": [name for name, _ in small.named_parameters() if "layer_norm" in name],
        "arguments": list(inspect.signature(small.forward).parameters),
        "bert_head": parameter_count(bert.classifier),
    }


def t5_config(name: str) -> Any:
    """Return the configuration (transformers' `T5Config`) of a published T5."""
    from transformers import T5Config

    shapes = load_published().t5_shapes
    shape = next(shape for shape in shapes["models"] if shape["name"] == name)
    return T5Config(
        vocab_size=shapes["vocabulary"],
        relative_attention_num_buckets=shapes["relative_buckets"],
        d_model=shape["d_model"],
        d_ff=shape["d_ff"],
        d_kv=shape["d_kv"],
        num_heads=shape["heads"],
        num_layers=shape["layers"],
        decoder_start_token_id=0,
    )


if __name__ == "__main__":
    write_json(COUNTED, count())
