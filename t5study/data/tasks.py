"""Tasks: data sets seen as text in, text out.

A task casts a row to a source text (a prefix and the row's fields) and a target text (a label word,
a number written out, or a text), after Raffel et al. (2020), section 2.4 and appendix D. For GLUE,
translation and summarisation the prefixes are T5's own; for the report's two tasks, whose prefix
the report does not state, they are ours: `imdb review: ` and `emotion: `. The pocket tasks are
cast the same way, with a prefix that says what is asked.

Where a data set has no labelled validation (or test) split, rows of its training split are held out
by hash (`rows`). `casts` makes the texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from t5study.base.errors import StudyError

if TYPE_CHECKING:
    from t5study.data.hub import Hub

POCKET = "pocket"
"""What the bundled corpus is called, where others have a name on the hub."""

Kind = Literal["classification", "regression", "generation"]
Part = Literal["all", "held-out", "rest"]
OWN_DATA = "own data"
"""Stands for the repository, and the name, of a task made from files of the user's own."""
_FIELD = r"{([^{}]+)}"


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
        return tuple(re.findall(_FIELD, self.template))

    def source(self, row: Mapping[str, str]) -> str:
        """The source text of a row given as column → text."""
        return self.prefix + re.sub(_FIELD, lambda field: row[field[1]], self.template)

    def place(self, split: str) -> Slice:
        """Where a split's rows come from; StudyError lists the splits."""
        if split not in self.splits:
            raise StudyError(
                f"The task {self.name} has no split '{split}': "
                f"choose one of {', '.join(self.splits)}."
            )
        return self.splits[split]

    def fingerprint(self, hub: Hub, split: str) -> str:
        """What identifies the content of a split's rows before any limit."""
        place = self.place(split)
        content = hub.fingerprint(self.repo, self.config, place.split)
        return content if place.part == "all" else f"{content}:{place.part}:{self.held_out}"


OWN_SPLITS = {"train": Slice("train"), "validation": Slice("validation"), "test": Slice("test")}
TEST_ONLY = {"test": Slice("test")}


def _held_out_of_train(test: str) -> dict[str, Slice]:
    """Splits of a task that validates on held-out training rows and tests on the split `test`."""
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
    what = {"kind": "generation", "metrics": metrics, "target": target}
    return _classification(
        name, prefix, "{" + source + "}", (), repo=repo, config=config, splits=splits, **what
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
    # As the cards of published models have it: the message alone, scored on the validation split.
    _classification(
        "emotion-card",
        "",
        "{text}",
        EMOTIONS,
        repo="dair-ai/emotion",
        config="split",
        splits=OWN_SPLITS | {"test": Slice("validation")},
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
