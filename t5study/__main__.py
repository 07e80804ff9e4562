"""`python -m t5study`, which torchrun needs."""

from t5study.cli import main

main()
