"""Readings: what one claim asks of one observation's record, each as a function.

A reading gets the values of a record and the report's value, and returns what was found and whether
the claim holds, or None where the record lacks it. Those in `READINGS` may be named by a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from t5study.claims.facts import Value

Seen = tuple[Value, bool] | None
Reading = Callable[[Mapping[str, Any], Value | None], Seen]

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
