"""The pocket corpus: small generated data sets of films, feelings and news; needs no network."""

from t5study.data.pocket.acceptability import parse, sentences, well_formed
from t5study.data.pocket.datasets import (
    CEILINGS,
    CONFIGS,
    NOISE,
    SIZES,
    SPLITS,
    VERSION,
    generate,
    rows,
)

__all__ = [
    "CEILINGS",
    "CONFIGS",
    "NOISE",
    "SIZES",
    "SPLITS",
    "VERSION",
    "generate",
    "parse",
    "rows",
    "sentences",
    "well_formed",
]
