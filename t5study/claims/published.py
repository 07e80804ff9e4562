"""Numbers that the study did not measure: what others published, and the report's own tables.

They are kept in `book/published.yml`, each with its source. This module checks that file and
hands its parts out as tables; nothing here is computed from our runs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import model_validator

from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.base.reading import checked, read_yaml
from t5study.base.settings import Settings


class Source(Settings):
    """Where a published number comes from; `cite` is a key of `book/references.bib`."""

    title: str
    url: str
    cite: str


class Number(Settings):
    """One published result. Fractions of one, or points where the source gives points."""

    id: str
    task: str
    split: Literal["validation", "test"]
    metric: str
    model: str
    value: float
    source: str
    verified: Literal["read", "listing", "not verified"]
    note: str = ""


class Published(Settings):
    """The whole of `book/published.yml`.

    Attributes:
        t5_shapes: sizes of the published T5 models (T5 paper, section 3.7), and what they share.
        report: the report's own tables, as it prints them.
    """

    sources: dict[str, Source]
    numbers: list[Number]
    t5_shapes: dict[str, Any]
    report: dict[str, Any]

    @model_validator(mode="after")
    def _consistent(self) -> Published:
        names = [number.id for number in self.numbers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the number {twice[0]} is given twice")
        for number in self.numbers:
            if number.source not in self.sources:
                raise ValueError(f"the number {number.id} names the unknown source {number.source}")
        return self

    def value(self, name: str) -> float:
        """Return one published number by its id.

        Raises:
            StudyError: there is no such number.
        """
        for number in self.numbers:
            if number.id == name:
                return number.value
        raise StudyError(
            f"book/published.yml has no number '{name}': add it there with its source."
        )

    def table(
        self, task: str | None = None, split: str | None = None, metric: str | None = None
    ) -> pd.DataFrame:
        """Return published numbers, best first, narrowed to a task, split or metric.

        Columns: id, task, split, metric, model, value, source (title), url, cite, verified, note.
        """
        wanted = {"task": task, "split": split, "metric": metric}
        rows = [
            {**number.model_dump(), **self._named(number.source)}
            for number in self.numbers
            if all(word in (None, getattr(number, key)) for key, word in wanted.items())
        ]
        columns = [
            *["id", "task", "split", "metric", "model", "value"],
            *["source", "url", "cite", "verified", "note"],
        ]
        order = {"task": True, "split": True, "metric": True, "value": False}
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values(list(order), ascending=list(order.values()), ignore_index=True)

    def _named(self, source: str) -> dict[str, str]:
        found = self.sources[source]
        return {"source": found.title, "url": found.url, "cite": found.cite}

    def leaderboard(self) -> pd.DataFrame:
        """Return the report's 13 rows: rank, team, model, score, cola, sst2, family."""
        return pd.DataFrame(self.report["leaderboard"]["rows"])

    def classification_report(self, role: str) -> pd.DataFrame:
        """Return a printed report by label, with the rows accuracy, macro avg and weighted avg.

        Args:
            role: `"sentiment"` or `"emotion"`.
        """
        if role not in self.report["classification_reports"]:
            raise StudyError(
                f"The report prints no classification report for '{role}': "
                "it has sentiment and emotion."
            )
        printed = self.report["classification_reports"][role]
        table = pd.DataFrame(printed["rows"]).set_index("label")
        table.loc["accuracy"] = [None, None, printed["accuracy"], printed["total"]]
        for kind in ("macro", "weighted"):
            table.loc[f"{kind} avg"] = [*printed[kind].values(), printed["total"]]
        return table.astype({"precision": float, "recall": float, "f1": float, "support": int})

    def module_table(self) -> pd.DataFrame:
        """Return the 32 rows of the printed summary: row, name, type, parameters."""
        return pd.DataFrame(self.report["modules"]).set_index("row")

    def arguments(self) -> pd.DataFrame:
        """Return the argument table: name, value, recipe (the field of ours that says it)."""
        return pd.DataFrame(self.report["arguments"]).set_index("name")

    def argument(self, name: str) -> bool | int | float | str:
        """Return one value of the argument table."""
        for argument in self.report["arguments"]:
            if argument["name"] == name:
                return argument["value"]
        raise StudyError(f"The report's argument table has no '{name}': see its names.")

    def generation(self) -> pd.DataFrame:
        """Return the arguments of the two generation examples, one row a task."""
        return pd.DataFrame(self.report["generation"]).set_index("task")


def book_file(name: str) -> Path:
    """Return the path of a file of `book/` in the checkout.

    Raises:
        StudyError: there is no checkout.
    """
    return checkout() / "book" / name


@cache
def load_published(path: Path | None = None) -> Published:
    """Read and check `book/published.yml` (or `path`).

    Raises:
        StudyError: the file is missing or wrong, with the place.
    """
    path = path or book_file("published.yml")
    return checked(Published, read_yaml(path), path.name)
