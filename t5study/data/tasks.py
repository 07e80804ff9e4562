"""Tasks: data sets seen as text in, text out.

A task casts a row to a source text (a prefix and the row's fields) and a target text (a label word,
a number written out, or a text), after Raffel et al. (2020), section 2.4 and appendix D. For GLUE,
translation and summarisation the prefixes are T5's own; for the report's two tasks, whose prefix
the report does not state, they are ours: ``imdb review: `` and ``emotion: ``. The pocket tasks are
cast the same way, with a prefix that says what is asked.

Where a data set has no labelled validation (or test) split, rows of its training split are held out
by hash: the same rows on every machine, in the proportions of the labels.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from t5study.base.errors import StudyError
from t5study.data.hub import POCKET, Hub

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

Kind = Literal["classification", "regression", "generation"]
Part = Literal["all", "held-out", "rest"]


@dataclass(frozen=True)
class Slice:
    """Where the rows of a task's split come from: a split of the data set, or a part of it."""

    split: str
    part: Part = "all"


@dataclass(frozen=True)
class Task:
    """A text-to-text view of one data set.

    Attributes:
        template: the source text after the prefix, with the columns' names in braces.
        label_words: the targets in the order of the data set's labels; empty for generation.
        target: the column that holds the label or the target text.
        metrics: names of the metrics, the one by which results are compared first.
        splits: the task's splits (train, validation and test, or test alone).
        held_out: how many training rows validate, at most a tenth of them, where rows are held out.
    """

    name: str
    repo: str
    config: str
    kind: Kind
    prefix: str
    template: str
    target: str
    metrics: tuple[str, ...]
    splits: Mapping[str, Slice] = field(hash=False)
    label_words: tuple[str, ...] = ()
    held_out: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that the source text is made of."""
        return tuple(re.findall(r"{(\w+)}", self.template))

    def source(self, row: Mapping[str, str]) -> str:
        """The source text of a row given as column → text."""
        return self.prefix + self.template.format_map(row)

    def fingerprint(self, hub: Hub, split: str) -> str:
        """What identifies the content of a split's rows before any limit."""
        place = _slice(self, split)
        content = hub.fingerprint(self.repo, self.config, place.split)
        return content if place.part == "all" else f"{content}:{place.part}:{self.held_out}"


OWN_SPLITS = {"train": Slice("train"), "validation": Slice("validation"), "test": Slice("test")}
TEST_ONLY = {"test": Slice("test")}


def _held_out_of_train(test: str) -> dict[str, Slice]:
    """Splits of a task that validates on held-out training rows and tests on the split ``test``."""
    return {
        "train": Slice("train", "rest"),
        "validation": Slice("train", "held-out"),
        "test": Slice(test),
    }


SENTIMENTS = ("negative", "positive")
EMOTIONS = ("sadness", "joy", "love", "anger", "fear", "surprise")
SCORES = tuple(f"{tenths / 10:.1f}" for tenths in range(0, 51, 2))
PAIR = "sentence1: {sentence1} sentence2: {sentence2}"
CLASS_METRICS = ("accuracy", "macro_f1")
GLUE = {"repo": "nyu-mll/glue", "splits": _held_out_of_train("validation"), "held_out": 1_000}
TRANSLATE = "translate English to German: "
SUMMARIZE = "summarize: "


def _classification(
    name: str, prefix: str, template: str, label_words: Sequence[str], **rest: Any
) -> Task:
    return Task(
        **{
            "name": name,
            "config": name.removeprefix("pocket-"),
            "kind": "classification",
            "prefix": prefix,
            "template": template,
            "target": "label",
            "label_words": tuple(label_words),
            "metrics": CLASS_METRICS,
            "repo": POCKET,
            "splits": OWN_SPLITS,
            **rest,
        }
    )


def _regression(name: str, prefix: str, **rest: Any) -> Task:
    """Similarity from 0 to 5: the target is the number rounded to the nearest 0.2, as text."""
    metrics = ("pearson", "spearman")
    return _classification(
        name, prefix, PAIR, SCORES, **{"kind": "regression", "metrics": metrics, **rest}
    )


def _generation(
    name: str,
    repo: str,
    config: str,
    prefix: str,
    source: str,
    target: str,
    splits: Mapping[str, Slice] = OWN_SPLITS,
) -> Task:
    metrics = (
        ("bleu", "chrf", "exact_match")
        if prefix == TRANSLATE
        else ("rougeL", "rouge1", "rouge2", "faithful")
    )
    return Task(
        name=name,
        repo=repo,
        config=config,
        kind="generation",
        prefix=prefix,
        template="{" + source + "}",
        target=target,
        metrics=metrics,
        splits=splits,
    )


_ALL = (
    _classification(
        "imdb",
        "imdb review: ",
        "{text}",
        SENTIMENTS,
        repo="stanfordnlp/imdb",
        config="plain_text",
        splits=_held_out_of_train("test"),
        held_out=2_500,
    ),
    _classification(
        "emotion", "emotion: ", "{text}", EMOTIONS, repo="dair-ai/emotion", config="split"
    ),
    _classification(
        "cola",
        "cola ",
        "sentence: {sentence}",
        ("unacceptable", "acceptable"),
        **(GLUE | {"metrics": ("matthews", "accuracy")}),
    ),
    _classification("sst2", "sst2 ", "sentence: {sentence}", SENTIMENTS, **GLUE),
    _classification(
        "mrpc",
        "mrpc ",
        PAIR,
        ("not_equivalent", "equivalent"),
        **(GLUE | {"metrics": ("f1", "accuracy")}),
    ),
    _classification("rte", "rte ", PAIR, ("entailment", "not_entailment"), **GLUE),
    _classification("wnli", "wnli ", PAIR, ("not_entailment", "entailment"), **GLUE),
    _regression("stsb", "stsb ", **GLUE),
    _generation("multi30k", "bentrevett/multi30k", "default", TRANSLATE, "en", "de"),
    _generation("ntrex", "local/ntrex-en-de", "default", TRANSLATE, "en", "de", splits=TEST_ONLY),
    _generation("bbc", "local/bbc-news-summary", "default", SUMMARIZE, "article", "summary"),
    _generation("scitldr", "allenai/scitldr", "Abstract", SUMMARIZE, "source", "target"),
    _classification("pocket-sentiment", "sentiment: ", "{text}", SENTIMENTS),
    _classification("pocket-emotion", "emotion: ", "{text}", EMOTIONS),
    _classification("pocket-sst", "sst ", "sentence: {sentence}", SENTIMENTS),
    _classification(
        "pocket-acceptability",
        "acceptability ",
        "sentence: {sentence}",
        ("unacceptable", "acceptable"),
        metrics=("matthews", "accuracy"),
    ),
    _classification(
        "pocket-paraphrase",
        "paraphrase ",
        PAIR,
        ("not_equivalent", "equivalent"),
        metrics=("f1", "accuracy"),
    ),
    _classification("pocket-entailment", "entailment ", PAIR, ("entailment", "not_entailment")),
    _regression("pocket-similarity", "similarity ", repo=POCKET),
    _generation("pocket-translation", POCKET, "translation", TRANSLATE, "en", "de"),
    _generation("pocket-summary", POCKET, "summary", SUMMARIZE, "document", "summary"),
)
TASKS: dict[str, Task] = {task.name: task for task in _ALL}


def get_task(name: str) -> Task:
    """A task by name; StudyError lists the names."""
    if name not in TASKS:
        raise StudyError(f"There is no task '{name}': choose one of {', '.join(TASKS)}.")
    return TASKS[name]


def ceiling(task: Task) -> tuple[str, float, str] | None:
    """Metric, the best value that any model can reach, and why; None where nobody knows.

    It is known for the pocket tasks alone: their generator and its label noise are ours.
    """
    if task.repo != POCKET:
        return None
    from t5study.data.pocket import CEILINGS

    known = CEILINGS[task.config]
    return known["metric"], known["best"], known["why"]


# Rows


def split_rows(task: Task, hub: Hub, split: str, limit: int | None = None) -> Dataset:
    """The rows of a task's split, with a column ``row``: the row's number in the data set's split.

    Args:
        split: a key of ``task.splits``.
        limit: at most so many rows, chosen by hash in the proportions of the labels; a smaller
            choice is a part of a larger one, and rows keep their order.

    Raises:
        StudyError: an unknown split, a limit below 1, or data that cannot be had.
    """
    if limit is not None and limit < 1:
        raise StudyError(f"A limit of {limit} rows leaves {task.name} nothing: use 1 or more.")
    place = _slice(task, split)
    data = hub.dataset(task.repo, task.config, place.split)
    if "row" in data.column_names:
        data = data.remove_columns("row")
    data = data.add_column("row", np.arange(len(data)))
    if place.part == "all" and (limit is None or limit >= len(data)):
        return data
    order = hashed_order(data.select_columns([*task.fields, task.target]), task)
    if place.part != "all":
        held_out = min(task.held_out, len(data) // 10)
        order = order[:held_out] if place.part == "held-out" else order[held_out:]
    return data.select(np.sort(order[:limit]))


def hashed_order(data: Dataset, task: Task) -> np.ndarray:
    """All row numbers in an order of which every beginning has nearly the labels' proportions.

    Rows are shuffled by the SHA-256 of their number and text; within a label the i-th of n rows
    gets the place (i + 1/2) / n, and all rows are sorted by place. The order depends on nothing but
    the data. For regression and generation it is the shuffle alone.
    """
    columns = [_values(data, name) for name in task.fields]
    keys = [_key(number, values) for number, values in enumerate(zip(*columns, strict=True))]
    shuffled = np.asarray(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    if task.kind != "classification":
        return shuffled
    labels = np.asarray(_values(data, task.target))[shuffled]
    place = np.empty(len(shuffled))
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return shuffled[np.argsort(place, kind="stable")]


def _values(data: Dataset, column: str) -> list[Any]:
    """A column as a list, taken from Arrow at once: row by row it is ten times slower."""
    return data.select_columns(column).with_format("arrow")[:].column(column).to_pylist()


def _key(number: int, values: tuple[Any, ...]) -> bytes:
    text = "\n".join(_text(value).strip() for value in values)
    return hashlib.sha256(f"{number}\n{text}".encode()).digest()


def _slice(task: Task, split: str) -> Slice:
    if split not in task.splits:
        raise StudyError(
            f"The task {task.name} has no split '{split}': choose one of {', '.join(task.splits)}."
        )
    return task.splits[split]


# Casts


def cast(task: Task, dataset: Dataset, cleaning: str = "none") -> Dataset:
    """Rows as text in, text out.

    Args:
        dataset: rows of the task's data set, as :func:`split_rows` gives them; without a column
            ``row`` they are numbered from 0.
        cleaning: ``"none"``, or ``"report"`` for :func:`clean_like_report` over the inputs.

    Returns:
        Columns ``row`` (int), ``source`` and ``target`` (text), ``label`` (the index into
        ``task.label_words``; the unrounded number for regression; -1 for generation). Where a
        data set accepts several targets it is the first.

    Raises:
        StudyError: a row with an empty text or an unknown label, a lacking column, or a cleaning
            asked for where the punctuation belongs to the answer.
    """
    clean = _cleaner(task, cleaning)
    lacking = [name for name in (*task.fields, task.target) if name not in dataset.column_names]
    if lacking:
        raise StudyError(
            f"The data of {task.name} has no column '{lacking[0]}': its columns are "
            f"{', '.join(dataset.column_names)}."
        )
    numbered = "row" in dataset.column_names
    rows = _values(dataset, "row") if numbered else list(range(len(dataset)))
    columns = [_values(dataset, name) for name in task.fields]
    sources = []
    for row, values in zip(rows, zip(*columns, strict=True), strict=True):
        texts = [_text(value).strip() for value in values]
        for name, text in zip(task.fields, texts, strict=True):
            if not text:
                raise StudyError(
                    f"Row {row} of {task.name} has an empty {name}: remove the row or give it text."
                )
        sources.append(task.source(dict(zip(task.fields, map(clean, texts), strict=True))))
    if not sources:
        raise StudyError(f"The data of {task.name} has no rows: give it at least one.")
    from datasets import Dataset

    return Dataset.from_dict(
        {"row": rows, "source": sources, **_targets(task, rows, _values(dataset, task.target))}
    )


def _targets(task: Task, rows: Sequence[int], values: Sequence[Any]) -> dict[str, list[Any]]:
    if task.kind == "generation":
        target = [_first_text(value) for value in values]
        for row, text in zip(rows, target, strict=True):
            if not text:
                raise StudyError(f"Row {row} of {task.name} has an empty target: remove the row.")
        return {"target": target, "label": [-1] * len(target)}
    if task.kind == "regression":
        labels = [float(value) for value in values]
        return {"target": [similarity_word(label) for label in labels], "label": labels}
    for row, value in zip(rows, values, strict=True):
        if not 0 <= value < len(task.label_words):
            raise StudyError(
                f"Row {row} of {task.name} has the label {value}, not one of "
                f"0 to {len(task.label_words) - 1}: use a split with labels."
            )
    return {"target": [task.label_words[value] for value in values], "label": list(values)}


def similarity_word(score: float) -> str:
    """A similarity from 0 to 5 as T5 writes it: rounded to the nearest 0.2, one decimal."""
    if not 0.0 <= score <= 5.0:
        raise StudyError(f"A similarity of {score} is outside 0 to 5: use a split with labels.")
    return SCORES[int(np.rint(score * 5))]


def _first_text(value: str | Sequence[str] | None) -> str:
    """The first text accepted as the answer, empty where there is none; a data set gives a list."""
    texts = [value] if isinstance(value, str) else list(value or [])
    return next((text.strip() for text in texts if text and text.strip()), "")


def _text(value: str | Sequence[str] | None) -> str:
    """A field's text; a list of sentences is joined by blanks."""
    if value is None or isinstance(value, str):
        return value or ""
    return " ".join(part.strip() for part in value)


def _cleaner(task: Task, cleaning: str) -> Callable[[str], str]:
    if cleaning == "none":
        return lambda text: text
    if cleaning != "report":
        raise StudyError(f"There is no cleaning '{cleaning}': choose none or report.")
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

    The rule is inferred: in the samples that can be found among IMDB's reviews, ``<br />``, commas,
    full stops, exclamation and quotation marks are gone without a trace but a blank, and capitals
    are kept. No apostrophe or hyphen is seen in them; they are taken for punctuation: an apostrophe
    inside a word closes up, all else becomes a blank. A text of punctuation only is left as it is.
    """
    plain = html.unescape(_MARKUP.sub(" ", text)).replace("’", "'")
    plain = re.sub(r"(?<=\w)'(?=\w)", "", plain)
    return _NEITHER_LETTER_NOR_DIGIT.sub(" ", plain).strip() or text


# Labels as ids


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
