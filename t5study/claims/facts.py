"""Facts: what can be counted in the report's own tables, the models' shapes and the library.

Each function answers one question of a claim and trains nothing. A StudyError from one of them
means that the claim cannot be judged here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.claims.counting import counted
from t5study.claims.published import load_published
from t5study.models.modules import rounded_count

Value = bool | int | float | str

ROUNDING = 0.005
"""Half of the last digit that the report prints."""

_BINARY = 1e-9
"""Sums of two-decimal numbers may be off by a last binary digit."""


# --- the report's classification reports ------------------------------------------------


def _printed(role: str) -> pd.DataFrame:
    """The rows of a printed report that are labels."""
    return load_published().classification_report(role).iloc[:-3]


def weighted_average(role: str, column: str) -> float:
    """Return the mean of a printed column over labels, weighted by their supports."""
    rows = _printed(role)
    return float(np.average(rows[column], weights=rows["support"]))


def averages_that_agree(role: str, kind: str) -> int:
    """Count the printed averages (of precision, recall and F1) that their rows confirm.

    Args:
        kind: `"macro"` or `"weighted"`.

    Rows and averages are both printed to two decimals, so each may be half a digit off.
    """
    printed = load_published().classification_report(role).loc[f"{kind} avg"]
    return sum(
        abs(
            (_printed(role)[column].mean() if kind == "macro" else weighted_average(role, column))
            - printed[column]
        )
        <= 2 * ROUNDING + _BINARY
        for column in ("precision", "recall", "f1")
    )


def accuracy_from_recalls(role: str) -> float:
    """Return the accuracy that the printed recalls and supports imply."""
    return weighted_average(role, "recall")


def support_total(role: str) -> int:
    """Return the sum of the printed supports."""
    return int(_printed(role)["support"].sum())


def impossible_f1_rows(role: str) -> int:
    """Count labels whose printed F1 no precision and recall of that rounding could give."""
    return sum(not possible_f1(row) for row in _printed(role).itertuples())


def possible_f1(row: Any) -> bool:
    """Return whether a row's F1 can come from its precision and recall before they were rounded."""

    def harmonic(shift: float) -> float:
        precision, recall = row.precision + shift, row.recall + shift
        return 2 * precision * recall / (precision + recall)

    return harmonic(-ROUNDING) - ROUNDING <= row.f1 <= harmonic(ROUNDING) + ROUNDING


def prediction_total(role: str) -> float:
    """Return the number of predictions that the printed table implies.

    A label's predictions are support * recall / precision; over labels they must sum to the
    number of texts, up to the rounding of the print.
    """
    rows = _printed(role)
    return float((rows["support"] * rows["recall"] / rows["precision"]).sum())


# --- the leaderboard --------------------------------------------------------------------


def leaderboard_rank(model: str) -> int:
    """Return the place of a model by its printed score: one more than the rows above it."""
    table = load_published().leaderboard()
    row = table[table["model"] == model]
    if row.empty:
        raise StudyError(f"The report's leaderboard has no model '{model}': see its rows.")
    return int((table["score"] > row["score"].iloc[0]).sum()) + 1


def leaderboard_is_ordered() -> bool:
    """Return whether the printed ranks follow the printed scores."""
    table = load_published().leaderboard().sort_values("rank")
    return bool(table["score"].is_monotonic_decreasing)


def bert_family_in_top(places: int) -> int:
    """Count the descendants of BERT among the first `places` of the leaderboard."""
    table = load_published().leaderboard().sort_values("rank").head(places)
    return int((table["family"] == "bert").sum())


# --- the models' shapes -----------------------------------------------------------------


def t5_parameters(name: str) -> int:
    """Return the number of parameters of a published T5, each shared weight counted once.

    Raises:
        StudyError: there is no such T5.
    """
    sizes = counted()["t5"]
    if name not in sizes:
        raise StudyError(f"There is no T5 model '{name}': choose one of {', '.join(sizes)}.")
    return sizes[name]


def t5_size(name: str) -> str:
    """Return the size of a published T5 as the report prints sizes, such as `60 M`."""
    return rounded_count(t5_parameters(name))


def t5_share(name: str, of: str) -> float:
    """Return one T5's parameters in percent of another's."""
    return 100 * t5_parameters(name) / t5_parameters(of)


def smallest_t5() -> str:
    """Return the name of the smallest published T5."""
    sizes = counted()["t5"]
    return min(sizes, key=sizes.get)


def training_state_gigabytes(name: str) -> float:
    """Return GB of weights, gradients and both AdamW moments in float32, without activations."""
    return 16 * t5_parameters(name) / 1e9


def training_memory(name: str, batch: int) -> float:
    """Return the GB that fine-tuning a T5 took, by `benchmarks/results/memory-checked.json`.

    Float32, AdamW and 512 tokens an example, on the line through the two batches that were
    measured. What the driver takes of a card comes on top.

    Raises:
        StudyError: the file is missing, or the model was not measured.
    """
    file = checkout() / "benchmarks" / "results" / "memory-checked.json"
    if not file.is_file():
        raise StudyError(f"{file.name} is missing: restore benchmarks/results from git.")
    asked = {"model": name, "precision": "fp32", "optimizer": "adamw", "length": 512}
    for need in json.loads(file.read_text(encoding="utf-8"))["needs"]:
        if asked.items() <= need.items():
            return (need["fixed"] + batch * need["example"]) / 1e9
    raise StudyError(f"The memory of {name} was not measured: {file.name} has other models.")


def module_comparison() -> pd.DataFrame:
    """Set the report's 32 module rows beside those of the T5-small that the library builds.

    Index: the module's name. Columns: type, parameters (a count), rounded (as the report would
    print it) and report (as it does).
    """
    printed = load_published().module_table().set_index("name")
    counts = pd.DataFrame(counted()["modules"]).set_index("name").reindex(printed.index)
    table = counts[["type", "parameters", "rounded"]].assign(report=printed["parameters"])
    return table.rename_axis("module")


def module_rows_that_agree() -> int:
    """Count the rows of the printed module table whose size the rebuilt model confirms."""
    table = module_comparison()
    return int((table["rounded"] == table["report"]).sum())


def module_size(name: str) -> str:
    """Return the size of one module of the rebuilt T5-small, as the report prints sizes."""
    table = module_comparison()
    if name not in table.index:
        raise StudyError(f"The report's module table has no row '{name}': see its names.")
    return str(table.loc[name, "rounded"])


# --- the fine-tuner of the appendix -----------------------------------------------------

NO_DECAY = ("bias", "LayerNorm.weight")
"""Names that the report's optimiser wants to leave without weight decay."""


def norms_without_decay() -> int:
    """Count T5-small's layer-normalisation weights that the report's exclusion catches."""
    return sum(any(word in name for word in NO_DECAY) for name in counted()["norms"])


def effective_batch() -> int:
    """Return the report's examples per optimiser step: batch x accumulation x devices."""
    argument = load_published().argument
    return (
        int(argument("train_batch_size"))
        * int(argument("gradient_accumulation_steps"))
        * int(argument("n_gpu"))
    )


def scheduled_updates(examples: int) -> int:
    """Return `t_total` of the report's fine-tuner: it floors twice, then multiplies by epochs."""
    argument = load_published().argument
    per_device = int(argument("train_batch_size")) * max(1, int(argument("n_gpu")))
    per_epoch = examples // per_device // int(argument("gradient_accumulation_steps"))
    return int(per_epoch * float(argument("num_train_epochs")))


def made_updates(examples: int) -> int:
    """Return the optimiser steps of the report's loader: the last, short group of an epoch steps.

    The loader drops an incomplete batch; accumulation ends with the epoch, complete or not.
    """
    argument = load_published().argument
    batches = examples // int(argument("train_batch_size"))
    per_epoch = -(-batches // int(argument("gradient_accumulation_steps")))
    return per_epoch * int(argument("num_train_epochs"))


def updates_beyond_schedule(examples: int) -> int:
    """Return how many optimiser steps come after the schedule's end, at a learning rate of 0."""
    return made_updates(examples) - scheduled_updates(examples)


def has_warmup() -> bool:
    """Return whether the report's argument table asks for any warm-up."""
    return int(load_published().argument("warmup_steps")) > 0


def accepts(argument: str) -> bool:
    """Return whether the installed library's T5 names such an argument of its forward pass."""
    return argument in counted()["arguments"]


def bert_head_parameters() -> int:
    """Return the parameters of the layer that BERT-base gets for a task with two classes."""
    return counted()["bert_head"]


def glue_grows_with_size() -> bool:
    """Return whether the published GLUE averages rise from each T5 to the next larger one."""
    published = load_published()
    sizes = [shape["name"] for shape in published.t5_shapes["models"]]
    scores = [published.value(f"glue-test-{name}") for name in sizes]
    return all(low < high for low, high in pairwise(scores))


def gain_per_growth(large: str, small: str) -> float:
    """Return the growth of the published GLUE average over the growth in parameters of two T5s.

    In proportion to size would be 1.
    """
    published = load_published()
    gain = published.value(f"glue-test-{large}") / published.value(f"glue-test-{small}")
    return gain / (t5_parameters(large) / t5_parameters(small))


FACTS: dict[str, Callable[..., Value]] = {
    name: found
    for name, found in list(globals().items())
    if getattr(found, "__module__", "") == __name__ and not name.startswith("_")
}
"""What a claim may have counted, by name: the functions above."""


# --- readings of an observation's record -------------------------------------------------

Seen = tuple[Value, bool] | None
Reading = Callable[[Mapping[str, Any], Value | None], Seen]
"""From the values of a record and the report's value to what was found and whether the claim holds.

None where the record lacks it.
"""

SAME_LOSS = 1e-4
"""Two ways to one loss in float32 differ by less."""

PROMPT = "translate English to German: that is good"
"""The report's example of translation."""


def attention_waits_half_as_long(values: Mapping[str, Any], reported: Value | None) -> Seen:
    """The median over lengths: an LSTM's chain of waiting operations over attention's."""
    recurrent, attention = values.get("chain_lstm"), values.get("chain_attention")
    if recurrent is None or attention is None:
        return None
    times = float(np.median(np.divide(recurrent, attention)))
    return f"{times:.3g} times", times >= 2


def loss_is_the_models(values: Mapping[str, Any], reported: Value | None) -> Seen:
    """The cross-entropy that was worked out by hand is the model's own loss."""
    loss, models = values.get("loss"), values.get("model_loss")
    if loss is None:
        return None
    return loss, models is not None and abs(loss - models) <= SAME_LOSS


def translation_is_as_printed(values: Mapping[str, Any], reported: Value | None) -> Seen:
    """The answer to the report's prompt, with its arguments, is the one that it prints."""
    answers = {row["prompt"]: row["answer"] for row in values.get("rows", [])}
    if PROMPT not in answers:
        return None
    return answers[PROMPT], answers[PROMPT] == reported


READINGS: dict[str, Reading] = {
    function.__name__: function
    for function in (attention_waits_half_as_long, loss_is_the_models, translation_is_as_printed)
}
