"""Chapter 5's figures: what the decoder weighed, where it looked, and what its beams ended with.

Every function takes what `Study.observe` returns: `values` (a dictionary) and `arrays` (NumPy).
"""

from __future__ import annotations

import pandas as pd
import yaml

from t5study.base.project import checkout
from t5study.runs.record import Run

CLAIMS = (*("translation-output", "summary-output", "seq2seq-confirmed"),)
"""What the report says of translation and summaries by T5, by the names of claims."""


def articles() -> list[str]:
    """Return the study's own news articles, which `book/articles.yml` holds."""
    return yaml.safe_load((checkout() / "book" / "articles.yml").read_text("utf-8"))


def summary_table(seen: Run, rows: int) -> pd.DataFrame:
    """Return the first articles with the summary that each set of arguments gave."""
    return pd.DataFrame(seen.values["rows"][:rows]).set_index("text").rename_axis("article")


def invented_facts(seen: Run) -> pd.DataFrame:
    """Return how many facts of each summary are not in its article, a column a set of arguments."""
    # Late: its stop words come with a library that a drawn page does without.
    from t5study.judging import faithfulness

    rows = seen.values["rows"]
    names = [name for name in rows[0] if name != "text"]
    counts = [
        {name: len(faithfulness.invented(row[name], row["text"])) for name in names} for row in rows
    ]
    return pd.DataFrame(counts)
