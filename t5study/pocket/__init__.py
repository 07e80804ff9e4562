"""The pocket corpus: small generated data sets of films, feelings and news; needs no network."""

from t5study.pocket.datasets import (
    CEILINGS,
    CONFIGS,
    NOISE,
    SIZES,
    SPLITS,
    VERSION,
    generate,
    parse,
    sentences,
)
from t5study.pocket.examples import EXAMPLES
from t5study.pocket.facts import facts
from t5study.pocket.kept import rows

__all__ = [
    "CEILINGS",
    "CONFIGS",
    "EXAMPLES",
    "NOISE",
    "SIZES",
    "SPLITS",
    "VERSION",
    "facts",
    "generate",
    "parse",
    "rows",
    "sentences",
]
