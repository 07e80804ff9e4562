"""Chapter 12's tables and figure: the report's claims with their verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from t5study.chapters.style import (
    GREEN,
    GREY,
    HATCHES,
    ORANGE,
    PAGE,
    PINK,
    SKY,
    Picture,
    drawn,
    panels,
)
from t5study.chapters.tables import shown
from t5study.claims.schema import OUTCOMES

_COLOURS = (GREEN, SKY, ORANGE, PINK, "#d9d9d9", GREY)


@drawn
def plot_verdicts(verdicts: pd.DataFrame) -> Picture:
    """Draw how many claims of each kind got each verdict (a table of `claims.scorecard`)."""
    counts = pd.crosstab(verdicts["kind"], verdicts["verdict"]).reindex(
        columns=list(OUTCOMES), fill_value=0
    )
    figure, (axes,) = panels(1, 1, PAGE, 2.4)
    left = np.zeros(len(counts))
    for outcome, colour, hatch in zip(OUTCOMES, _COLOURS, HATCHES, strict=False):
        widths = counts[outcome].to_numpy()
        axes.barh(
            counts.index, widths, left=left, color=colour, hatch=hatch, edgecolor="white",
            label=outcome,
        )  # fmt: skip
        left += widths
    axes.set_xlabel("claims")
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def claim_table(verdicts: pd.DataFrame, outcomes: Sequence[str]) -> pd.DataFrame:
    """Return the claims with one of the verdicts: where, statement, report, measured, evidence."""
    chosen = verdicts[verdicts["verdict"].isin(outcomes)]
    table = pd.DataFrame(
        {
            "where": chosen["where"],
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "measured": chosen["measured"].map(shown),
            "verdict": chosen["verdict"],
            "evidence": chosen["evidence"],
        }
    )
    return table.reset_index(drop=True)


def number_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of kind number: the report's value, the published one, ours, the verdict.

    `with other weights` is what models other than the one named reached with the profile's own
    recipe.
    """
    chosen = verdicts[verdicts["kind"] == "number"]
    table = pd.DataFrame(
        {
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "published": chosen["published"].map(shown),
            "measured": chosen["measured"].map(shown),
            "with other weights": chosen["other_weights"],
            "verdict": chosen["verdict"],
        }
    )
    return table.reset_index(drop=True)


def section_table(verdicts: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return the claims of one section of the report: statement, verdict, and why."""
    chosen = section_of(verdicts, section)
    reasons = chosen["evidence"].where(chosen["verdict"] != "not run", chosen["detail"])
    table = pd.DataFrame(
        {"the report says": chosen["statement"], "verdict": chosen["verdict"], "why": reasons}
    )
    return table.reset_index(drop=True)


def section_of(verdicts: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return the rows of claims that the section makes; some are made in two."""
    return verdicts[verdicts["where"].str.contains(section, regex=False)]


def open_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that were not run, and what is missing to judge each."""
    chosen = verdicts[verdicts["verdict"] == "not run"]
    table = pd.DataFrame(
        {
            "where": chosen["where"],
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "what is missing": chosen["detail"],
        }
    )
    return table.reset_index(drop=True)
