"""The pocket corpus: small generated data sets of films, feelings and news; needs no network."""

from t5study.data.pocket.acceptability import parse
from t5study.data.pocket.datasets import (
    CONFIGS,
    NOISE,
    SIZES,
    SPLITS,
    VERSION,
    generate,
    rows,
)
