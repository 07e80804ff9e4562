"""Casts: rows of a data set as text in, text out, and labels as token ids."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t5study.base.errors import StudyError
from t5study.data.tasks import SCORES, Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase


def cast(task: Task, dataset: Dataset, cleaning: str = "none") -> Dataset:
    """Rows as text in, text out.

    Args:
        dataset: rows of the task's data set, as `rows.split_rows` gives them; without a column
            `row` they are numbered from 0.
        cleaning: "none", or "report" for `clean_like_report` over the inputs.

    Returns:
        Columns `row` (int), `source` and `target` (text), `label` (the index into
        `task.label_words`; the unrounded number for regression; -1 for generation). Where a data
        set accepts several targets it is the first.

    Raises:
        StudyError: a row whose text is empty or no text, or whose label is none of the task's, a
            lacking column, no row at all, or a cleaning asked for where the punctuation belongs to
            the answer.
    """
    clean = _cleaner(task, cleaning)
    lacking = [name for name in (*task.fields, task.target) if name not in dataset.column_names]
    if lacking:
        raise StudyError(
            f"The data of {task.name} has no column '{lacking[0]}': its columns are "
            f"{', '.join(dataset.column_names)}."
        )
    if not len(dataset):
        raise StudyError(f"The data of {task.name} has no rows: give it at least one.")
    numbered = "row" in dataset.column_names
    rows = values(dataset, "row") if numbered else list(range(len(dataset)))
    columns = [
        [clean(_text(task, row, name, value)) for row, value in _numbered(dataset, name, rows)]
        for name in task.fields
    ]
    sources = [
        task.source(dict(zip(task.fields, texts, strict=True)))
        for texts in zip(*columns, strict=True)
    ]
    targets = _TARGETS[task.kind](task, _numbered(dataset, task.target, rows))
    from datasets import Dataset

    return Dataset.from_dict({"row": rows, "source": sources, **targets})


Numbered = Iterable[tuple[int, Any]]
"""Row numbers and the values of one column."""


def _numbered(dataset: Dataset, column: str, rows: Sequence[int]) -> Numbered:
    return zip(rows, values(dataset, column), strict=True)


def _text(task: Task, row: int, name: str, value: Any) -> str:
    """A field's text; StudyError names the row where it is empty or no text."""
    text = as_text(value)
    if text is None:
        raise StudyError(
            f"Row {row} of {task.name} has {value!r} as its {name}, which is no text: "
            "store the column as text."
        )
    if is_blank(text):
        raise StudyError(
            f"Row {row} of {task.name} has an empty {name}: remove the row or give it text."
        )
    return text.strip()


def _texts(task: Task, column: Numbered) -> dict[str, list[Any]]:
    targets = [
        _text(task, row, "target", _first(value) if isinstance(value, list) else value)
        for row, value in column
    ]
    return {"target": targets, "label": [-1] * len(targets)}


def _scores(task: Task, column: Numbered) -> dict[str, list[Any]]:
    labels = []
    for row, value in column:
        if type(value) not in (int, float) or not 0.0 <= value <= 5.0:
            raise StudyError(
                f"Row {row} of {task.name} has the label {value!r}, which is no number or outside "
                "0 to 5: use a split with labels."
            )
        labels.append(float(value))
    return {"target": [similarity_word(label) for label in labels], "label": labels}


def _words(task: Task, column: Numbered) -> dict[str, list[Any]]:
    labels = []
    for row, value in column:
        # True is an int to Python, and 1.0 equals 1: neither is how a data set numbers its labels.
        if type(value) is not int or not 0 <= value < len(task.label_words):
            raise StudyError(
                f"Row {row} of {task.name} has the label {value!r}, not one of "
                f"0 to {len(task.label_words) - 1}: use a split with labels, stored as integers."
            )
        labels.append(value)
    return {"target": [task.label_words[label] for label in labels], "label": labels}


_TARGETS = {"generation": _texts, "regression": _scores, "classification": _words}


def similarity_word(score: float) -> str:
    """A similarity from 0 to 5 as T5 writes it: rounded to the nearest 0.2, one decimal."""
    return SCORES[int(np.rint(score * 5))]


def values(data: Dataset, column: str) -> list[Any]:
    """A column as a list, taken from Arrow at once: row by row it is ten times slower."""
    return data.select_columns(column).with_format("arrow")[:].column(column).to_pylist()


def as_text(value: Any) -> str | None:
    """A field's text, a list of sentences joined by blanks; None where it is no text."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(part.strip() for part in value)
    return None


def is_blank(text: str) -> bool:
    """Whether a text has nothing to see in it: blanks, control and zero-width characters alone."""
    return not any(unicodedata.category(character)[0] not in "CZ" for character in text)


def _first(accepted: list[Any]) -> Any:
    """The first of the texts accepted as the answer that is not empty."""
    return next((text for text in accepted if text and not is_blank(text)), "")


def _cleaner(task: Task, cleaning: str) -> Callable[[str], str]:
    if cleaning == "none":
        return lambda text: text
    if task.kind == "generation":
        raise StudyError(
            f"The cleaning 'report' drops punctuation, which belongs to the answer of {task.name}: "
            "use cleaning none."
        )
    return clean_like_report


_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,40}>")
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")


def clean_like_report(text: str) -> str:
    """A text without mark-up and punctuation, as the report's printed samples are.

    The rule is inferred: in the samples that can be found among IMDB's reviews, `<br />`, commas,
    full stops, exclamation and quotation marks are gone without a trace but a blank, and capitals
    are kept. No apostrophe or hyphen is seen in them; they are taken for punctuation: an apostrophe
    inside a word closes up, all else becomes a blank. A text of punctuation only is left as it is.
    """
    plain = html.unescape(_MARKUP.sub(" ", text)).replace("’", "'")
    plain = re.sub(r"(?<=\w)'(?=\w)", "", plain)
    return _NEITHER_LETTER_NOR_DIGIT.sub(" ", plain).strip() or text


def label_ids(task: Task, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The ids of each label word, in label order, each ending in exactly one end token.

    Raises:
        StudyError: a task without label words, a tokenizer without end token, or two labels with
            the same ids (which no score could tell apart).
    """
    if not task.label_words:
        raise StudyError(f"The task {task.name} has no label words: generate its answers instead.")
    end = tokenizer.eos_token_id
    if end is None:
        raise StudyError("The tokenizer has no end token: use the tokenizer of a T5 checkpoint.")
    found: dict[tuple[int, ...], str] = {}
    for word in task.label_words:
        ids = tuple(i for i in tokenizer(word, add_special_tokens=False).input_ids if i != end)
        if ids in found:
            raise StudyError(
                f"The labels '{found[ids]}' and '{word}' of {task.name} have the same ids "
                f"{[*ids, end]} with this tokenizer: use other label words or a vocabulary "
                "that can write them."
            )
        found[ids] = word
    return [[*ids, end] for ids in found]
