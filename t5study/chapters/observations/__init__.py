"""Observations: small computations on one model that chapters 1 to 7 show.

An observation is a pure function `(model, tokenizer, **inputs) -> Observation`, entered in
`OBSERVATIONS` under its name. `Study.observe` calls it once and keeps the result as a run record,
from which the figures are drawn.
"""

from __future__ import annotations

from t5study.chapters.observations import (
    bert,
    bert_probe,
    generation,
    gpt,
    minilm,
    sentences,
    smollm2,
    t5,
)
from t5study.chapters.observations.core import OBSERVATIONS, Observation, observes

__all__ = [
    "OBSERVATIONS",
    "Observation",
    "bert",
    "bert_probe",
    "generation",
    "gpt",
    "minilm",
    "observes",
    "sentences",
    "smollm2",
    "t5",
]
