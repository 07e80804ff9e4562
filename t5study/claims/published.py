"""Numbers that the study did not measure: what others published, and the report's own tables.

They are kept in `book/published.yml`, each with its source. This module checks that file and
hands its parts out as tables; nothing here is computed from our runs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.base.reading import checked, read_yaml
from t5study.base.settings import Settings

Score = Annotated[float, Field(ge=0, le=1)]


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


class Shape(Settings):
    """Sizes of one published T5 model (T5 paper, section 3.7); `title` is its name in print."""

    name: str
    title: str
    d_model: int
    d_ff: int
    heads: int
    d_kv: int
    layers: int


class Shapes(Settings):
    """The published T5 models, and what they share."""

    vocabulary: int
    relative_buckets: int
    models: list[Shape]


class LeaderboardRow(Settings):
    """One row of the report's GLUE leaderboard, in points."""

    rank: int
    team: str
    model: str
    score: float
    cola: float
    sst2: float
    family: Literal["bert", "t5", "other"]


class Leaderboard(Settings):
    """The report's Fig. 5."""

    caption: str
    rows: list[LeaderboardRow]


class LabelRow(Settings):
    """One label of a printed classification report."""

    label: str
    precision: Score
    recall: Score
    f1: Score
    support: int


class Averages(Settings):
    """One line of averages of a printed classification report."""

    precision: Score
    recall: Score
    f1: Score


class ClassificationReport(Settings):
    """A classification report as the report prints it, to two decimals."""

    caption: str
    accuracy: Score
    total: int
    rows: list[LabelRow]
    macro: Averages
    weighted: Averages


class ModuleRow(Settings):
    """One row of the report's module summary; `parameters` is as printed, such as `262 K`."""

    row: int
    name: str
    type: str
    parameters: str


class Argument(Settings):
    """One line of the report's argument table; `recipe` names the field of ours that says it."""

    name: str
    value: bool | int | float | str
    recipe: str | None


class Generation(Settings):
    """The arguments with which the report generates."""

    task: Literal["translation", "summary"]
    num_beams: int
    no_repeat_ngram_size: int
    min_length: int
    max_length: int
    early_stopping: bool


class Report(Settings):
    """The report's own tables."""

    title: str
    year: int
    leaderboard: Leaderboard
    classification_reports: dict[Literal["sentiment", "emotion"], ClassificationReport]
    modules: list[ModuleRow]
    arguments: list[Argument]
    generation: list[Generation]


class Published(Settings):
    """The whole of `book/published.yml`."""

    sources: dict[str, Source]
    numbers: list[Number]
    t5_shapes: Shapes
    report: Report

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
            {
                **number.model_dump(),
                "source": self.sources[number.source].title,
                "url": self.sources[number.source].url,
                "cite": self.sources[number.source].cite,
            }
            for number in self.numbers
            if all(word in (None, getattr(number, key)) for key, word in wanted.items())
        ]
        columns = [
            *["id", "task", "split", "metric", "model", "value"],
            *["source", "url", "cite", "verified", "note"],
        ]
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values(
            ["task", "split", "metric", "value"], ascending=[True, True, True, False]
        ).reset_index(drop=True)

    def leaderboard(self) -> pd.DataFrame:
        """Return the report's 13 rows: rank, team, model, score, cola, sst2, family."""
        return _frame(self.report.leaderboard.rows)

    def classification_report(self, role: str) -> pd.DataFrame:
        """Return a printed report by label, with the rows accuracy, macro avg and weighted avg.

        Args:
            role: `"sentiment"` or `"emotion"`.
        """
        if role not in self.report.classification_reports:
            raise StudyError(
                f"The report prints no classification report for '{role}': "
                "it has sentiment and emotion."
            )
        printed = self.report.classification_reports[role]
        table = _frame(printed.rows).set_index("label")
        table.loc["accuracy"] = [None, None, printed.accuracy, printed.total]
        for name, line in (("macro avg", printed.macro), ("weighted avg", printed.weighted)):
            table.loc[name] = [line.precision, line.recall, line.f1, printed.total]
        return table.astype({"precision": float, "recall": float, "f1": float, "support": int})

    def module_table(self) -> pd.DataFrame:
        """Return the 32 rows of the printed summary: row, name, type, parameters."""
        return _frame(self.report.modules).set_index("row")

    def arguments(self) -> pd.DataFrame:
        """Return the argument table: name, value, recipe."""
        return _frame(self.report.arguments).set_index("name")

    def argument(self, name: str) -> bool | int | float | str:
        """Return one value of the argument table."""
        for argument in self.report.arguments:
            if argument.name == name:
                return argument.value
        raise StudyError(f"The report's argument table has no '{name}': see its names.")

    def generation(self) -> pd.DataFrame:
        """Return the arguments of the two generation examples, one row a task."""
        return _frame(self.report.generation).set_index("task")


def book_file(name: str) -> Path:
    """Return the path of a file of `book/` in the checkout.

    Raises:
        StudyError: there is no checkout.
    """
    return checkout() / "book" / name


def load_published(path: Path | None = None) -> Published:
    """Read and check `book/published.yml` (or `path`).

    Raises:
        StudyError: the file is missing or wrong, with the place.
    """
    return _read(path) if path is not None else _default()


@cache
def _default() -> Published:
    return _read(book_file("published.yml"))


def _read(path: Path) -> Published:
    return checked(Published, read_yaml(path), path.name)


def _frame(rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame([row.model_dump() for row in rows])
