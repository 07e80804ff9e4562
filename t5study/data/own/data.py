"""Data of the user's own: files become a task like every other, checked, split and described.

Where no validation or test file is given, rows are held out of the training file by the hash of
their text, in the proportions of the labels, and all rows of one text go to one side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from t5study.base.errors import StudyError
from t5study.data.contents import content_fingerprint
from t5study.data.hub import Hub
from t5study.data.own.rows import FEWEST, MOST_NAMED, across, read_columns, repeated, splits_by_hash
from t5study.data.tasks import OWN_DATA, OWN_SPLITS, Slice, Task

if TYPE_CHECKING:
    from datasets import Dataset

MOST_LABELS = 200
"""So many labels are told apart at most; a column of more values is taken for texts."""


def own_task(text: str, target: str, labels: Sequence[str] | None) -> Task:
    """Return the task of a user's files: the column `target` is answered from the column `text`.

    Args:
        labels: the label words; None where the targets are texts to be written.

    Raises:
        StudyError: the columns are the same one, or cannot be told from a template's fields.
    """
    for name in (text, target):
        if not name.strip() or set(name) & set("{}"):
            raise StudyError(
                f"A column cannot be called '{name}' here: give it a name without braces."
            )
    if text == target:
        raise StudyError(f"The column '{text}' cannot be both text and answer: name another.")
    return Task(
        name=OWN_DATA,
        repo=OWN_DATA,
        config="",
        kind="generation" if labels is None else "classification",
        prefix=f"{target}: ",
        template="{" + text + "}",
        target=target,
        metrics=("chrf", "rougeL", "exact_match") if labels is None else ("macro_f1", "accuracy"),
        splits=OWN_SPLITS,
        label_words=tuple(labels or ()),
    )


def task_of(definition: Mapping[str, Any]) -> Task:
    """Return the task of a record, from its definition; StudyError where that is none of these."""
    try:
        labels = definition.get("label_words")
        template, target = definition["template"], definition["target"]
        if not all(isinstance(text, str) for text in (template, target, *(labels or ()))):
            raise TypeError
        return own_task(template[1:-1], target, labels)
    except (KeyError, TypeError):
        raise StudyError(
            "The record says of its task what cannot be read: take another copy of it."
        ) from None


@dataclass(frozen=True, eq=False)
class OwnData:
    """Files as a task: the rows of each split, and what is to be known of them.

    Attributes:
        files: the files' names by split.
        notes: what a user should know before believing a score, a sentence each.
    """

    task: Task
    rows: dict[str, Dataset]
    files: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows of each label by split; where texts are written, all rows."""
        words = self.task.label_words
        if not words:
            return {split: {"rows": len(rows)} for split, rows in self.rows.items()}
        counts = {}
        for split, rows in self.rows.items():
            labels = rows.data.column(self.task.target).to_numpy()
            of = np.bincount(labels, minlength=len(words)).tolist()
            counts[split] = dict(zip(words, of, strict=True))
        return counts

    def about(self) -> dict[str, Any]:
        """Return what a record keeps of the data, beside the rows' fingerprints."""
        return {"files": self.files, "counts": self.counts, "notes": list(self.notes)}

    def told(self) -> Iterator[str]:
        """Say what the splits hold, a line each, and then the notes."""
        splits = ", ".join(f"{len(rows):,} for {split}" for split, rows in self.rows.items())
        yield f"{', '.join(dict.fromkeys(self.files.values()))}: {splits}."
        counts = self.counts
        for word in self.task.label_words:
            yield f"  {word}: " + " + ".join(f"{of[word]:,}" for of in counts.values())
        yield from self.notes


class OwnHub(Hub):
    """A hub that has a user's own data beside what every hub has."""

    def __init__(self, source: Path | str | None, data: OwnData) -> None:
        super().__init__(source)
        self.data = data

    def dataset(self, repo: str, config: str, split: str) -> Dataset:
        """As `Hub.dataset`; of the user's own data the rows of a split."""
        return self.data.rows[split] if repo == OWN_DATA else super().dataset(repo, config, split)

    def fingerprint(self, repo: str, config: str, split: str) -> str:
        """As `Hub.fingerprint`; of the user's own data over what its rows hold."""
        if repo != OWN_DATA:
            return super().fingerprint(repo, config, split)
        columns = [*self.data.task.fields, self.data.task.target]
        return content_fingerprint(self.data.rows[split].data.table, columns)

    def revision(self, repo: str) -> str:
        """As `Hub.revision`; of the user's own data the names of the files."""
        if repo != OWN_DATA:
            return super().revision(repo)
        return ", ".join(dict.fromkeys(self.data.files.values()))


def read_own(files: Mapping[str, Path], text: str, target: str, writes: bool = False) -> OwnData:
    """Read a user's files for training: the splits train, validation and test, held out or given.

    Args:
        files: "train" and perhaps "validation" and "test".
        text, target: the columns of texts and of labels, or of texts to be written.
        writes: whether the targets are texts to be written.

    Raises:
        StudyError: a file or a column cannot be read, rows are bad (several are named), there is
            one label only, too many or one that training lacks, or there are too few rows.
    """
    own_task(text, target, None)
    read = {split: read_columns(path, text, target, writes) for split, path in files.items()}
    keys = {split: rows.column("key").to_numpy() for split, rows in read.items()}
    held_out = [split for split in ("validation", "test") if split not in files]
    notes = [*across(files, keys), *repeated(files["train"], read["train"], bool(held_out))]
    words = None if writes else _label_words(files["train"], target, read["train"])
    task = own_task(text, target, words)
    tables = {split: _table(task, files[split], rows) for split, rows in read.items()}
    if held_out:
        kinds = tables["train"].column(target).to_numpy() if words else np.zeros(len(keys["train"]))
        split_of = splits_by_hash(keys["train"], kinds, held_out)
        whole = tables["train"]
        tables |= {split: whole.filter(split_of == split) for split in ("train", *held_out)}
        _refuse_too_few(files["train"], tables, whole.num_rows)
    data = OwnData(
        task,
        {split: _dataset(tables[split]) for split in OWN_SPLITS},
        {split: files.get(split, files["train"]).name for split in OWN_SPLITS},
    )
    return replace(data, notes=(*notes, *_unseen(data)))


def read_to_judge(path: Path, task: Task, text: str, target: str) -> OwnData:
    """Read a file that a trained model is judged on: the split "test" of its task on these rows.

    Raises:
        StudyError: as `read_own`; a label that the model does not know.
    """
    here = replace(task, repo=OWN_DATA, splits={"test": Slice("test")})
    rows = read_columns(path, text, target, task.kind == "generation")
    return OwnData(here, {"test": _dataset(_table(here, path, rows))}, {"test": path.name})


def read_texts(path: Path, text: str) -> list[str]:
    """Read one column of texts to be answered.

    Raises:
        StudyError: as `read_own`.
    """
    return read_columns(path, text, None, writes=False).column("text").to_pylist()


def _label_words(path: Path, target: str, rows: pa.Table) -> list[str]:
    words = sorted(rows.column("answer").unique().to_pylist())
    if len(words) == 1:
        raise StudyError(
            f"The column '{target}' of {path} has the one label '{words[0]}': nothing can be told "
            "apart, give it at least two."
        )
    if len(words) > MOST_LABELS:
        raise StudyError(
            f"The column '{target}' of {path} has {len(words):,} different values, more than the "
            f"{MOST_LABELS} labels that are told apart: name another --label-column, or "
            "--target-column for texts that are to be written."
        )
    return words


def _table(task: Task, path: Path, rows: pa.Table) -> pa.Table:
    """The rows as the task wants them, with each label's place among the label words."""
    answers = rows.column("answer")
    if task.label_words:
        places = pc.index_in(answers, pa.array(task.label_words, pa.large_string()))
        _refuse_unknown(task, path, answers, places)
        answers = places.cast(pa.int64())
    (text,) = task.fields
    return pa.table({text: rows.column("text"), task.target: answers})


def _refuse_unknown(
    task: Task, path: Path, labels: pa.ChunkedArray, places: pa.ChunkedArray
) -> None:
    if places.null_count:
        unknown = Counter(labels.filter(pc.is_null(places)).to_pylist())
        named = ", ".join(f"'{label}' ({n}x)" for label, n in unknown.most_common(MOST_NAMED))
        raise StudyError(
            f"{path} has labels that the training rows lack, {named}: add rows of them there, or "
            f"remove them here; known are {', '.join(task.label_words)}."
        )


def _dataset(table: pa.Table) -> Dataset:
    from datasets import Dataset

    return Dataset(table.combine_chunks())


def _refuse_too_few(path: Path, tables: Mapping[str, pa.Table], rows: int) -> None:
    for split, table in tables.items():
        if not table.num_rows:
            raise StudyError(
                f"{path} has {rows} rows, too few to hold some out for {split}: give at least one "
                f"label {FEWEST} different texts, or name a file with --{split}."
            )


def _unseen(data: OwnData) -> Iterator[str]:
    """Say which labels no score speaks of, and which differ in case alone."""
    words = data.task.label_words
    never = [word for word in words if not data.counts["test"][word]]
    if never:
        more = f" and {len(never) - MOST_NAMED} more" if len(never) > MOST_NAMED else ""
        named = ", ".join(never[:MOST_NAMED])
        yield f"No test row is labelled {named}{more}: no score speaks of that."
    cases = Counter(word.casefold() for word in words)
    same = [word for word in words if cases[word.casefold()] > 1]
    if same:
        yield f"Labels that differ in case alone are told apart: {', '.join(same)}."
