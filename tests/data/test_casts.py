"""Casts: texts and labels are what they should be, and a row that cannot be cast is named."""

from __future__ import annotations

import pytest
from datasets import Dataset

from t5study.base.errors import StudyError
from t5study.data.casts import cast, clean_like_report, label_ids, similarity_word
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import SCORES, TASKS, get_task
from t5study.data.vocabulary import train_vocabulary
from t5study.models.loading import load_tokenizer

IMDB = get_task("imdb")


class FakeTokenizer:
    """Words as the ids of their first letters, ended once or not at all."""

    def __init__(self, eos: int | None = 1, letters: int = 99) -> None:
        self.eos_token_id = eos
        self.letters = letters

    def __call__(self, text: str, add_special_tokens: bool = True):
        ids = [ord(letter) for letter in text[: self.letters]]
        return type("Encoding", (), {"input_ids": ids + [1] * add_special_tokens})


def rows(**columns: list) -> Dataset:
    return Dataset.from_dict(columns)


@pytest.mark.parametrize(
    ("name", "row", "source", "target", "label"),
    [
        ("imdb", {"text": " so dull ", "label": 0}, "imdb review: so dull", "negative", 0),
        ("emotion", {"text": "i am well", "label": 1}, "emotion: i am well", "joy", 1),
        ("cola", {"sentence": "A b.", "label": 0}, "cola sentence: A b.", "unacceptable", 0),
        ("sst2", {"sentence": "fine", "label": 1}, "sst2 sentence: fine", "positive", 1),
        (
            "mrpc",
            {"sentence1": "A.", "sentence2": "B.", "label": 1},
            "mrpc sentence1: A. sentence2: B.",
            "equivalent",
            1,
        ),
        (
            "rte",
            {"sentence1": "A.", "sentence2": "B.", "label": 1},
            "rte sentence1: A. sentence2: B.",
            "not_entailment",
            1,
        ),
        (
            "wnli",
            {"sentence1": "A.", "sentence2": "B.", "label": 1},
            "wnli sentence1: A. sentence2: B.",
            "entailment",
            1,
        ),
        (
            "stsb",
            {"sentence1": "A.", "sentence2": "B.", "label": 3.75},
            "stsb sentence1: A. sentence2: B.",
            "3.8",
            3.75,
        ),
        (
            "multi30k",
            {"en": "That is good.", "de": "Das ist gut."},
            "translate English to German: That is good.",
            "Das ist gut.",
            -1,
        ),
        ("bbc", {"article": "Long.", "summary": "Short."}, "summarize: Long.", "Short.", -1),
        (
            "scitldr",
            {"source": ["One.", " Two."], "target": ["First. ", "", "Second."]},
            "summarize: One. Two.",
            "First.",
            -1,
        ),
    ],
)
def test_a_row_becomes_text_in_text_out(name, row, source, target, label) -> None:
    made = cast(get_task(name), Dataset.from_list([row]))[0]
    assert set(made) == {"row", "source", "target", "label"}
    assert (made["row"], made["source"], made["target"]) == (0, source, target)
    assert made["label"] == label


def test_braces_and_prefixes_in_a_text_are_left_alone() -> None:
    made = cast(IMDB, rows(text=["a {text} and {x}"], label=[1]))
    assert made["source"][0] == "imdb review: a {text} and {x}"


def test_row_numbers_go_with_the_rows() -> None:
    made = cast(IMDB, rows(text=["a", "b"], label=[0, 1], row=[7, 3]))
    assert made["row"][:] == [7, 3]


@pytest.mark.parametrize(
    ("name", "columns", "part"),
    [
        ("imdb", {"text": ["a", "  "], "label": [0, 1]}, "Row 1 of imdb has an empty text"),
        ("imdb", {"text": ["a", None], "label": [0, 1]}, "Row 1 of imdb has an empty text"),
        (
            "imdb",
            {"text": ["a\u200b", "\u200b\ufeff"], "label": [0, 1]},
            "Row 1 of imdb has an empty",
        ),
        ("imdb", {"text": [7], "label": [0]}, "Row 0 of imdb has 7 as its text, which is no text"),
        ("imdb", {"text": [float("nan")], "label": [0]}, "Row 0 of imdb has nan as its text"),
        (
            "scitldr",
            {"source": [["a", None]], "target": [["b"]]},
            "scitldr has .* no text",
        ),
        (
            "emotion",
            {"text": ["a", "b"], "label": [1, None]},
            "Row 1 .* the label None",
        ),
        ("emotion", {"text": ["a"], "label": ["joy"]}, "Row 0 of emotion has the label 'joy'"),
        ("emotion", {"text": ["a"], "label": ["1"]}, "Row 0 of emotion has the label '1'"),
        ("emotion", {"text": ["a"], "label": [1.0]}, "Row 0 of emotion has the label 1.0"),
        ("emotion", {"text": ["a"], "label": [True]}, "Row 0 of emotion has the label True"),
        ("imdb", {"text": ["a"], "label": [-1]}, "label -1, not one of 0 to 1"),
        ("imdb", {"text": ["a"], "label": [2]}, "label 2, not one of 0 to 1"),
        ("imdb", {"sentence": ["a"], "label": [1]}, "no column 'text'"),
        ("imdb", {"text": [], "label": []}, "has no rows"),
        ("multi30k", {"en": ["a"], "de": [" "]}, "Row 0 of multi30k has an empty target"),
        ("multi30k", {"en": ["a"], "de": [None]}, "Row 0 of multi30k has an empty target"),
        ("multi30k", {"en": ["a"], "de": [3]}, "Row 0 of multi30k has 3 as its target"),
        *(
            ("stsb", {"sentence1": ["a"], "sentence2": ["b"], "label": [label]}, f"label {label!r}")
            for label in (-1.0, 5.2, float("nan"), None, "3.2")
        ),
    ],
)
def test_a_bad_row_is_named(name: str, columns: dict, part: str) -> None:
    with pytest.raises(StudyError, match=part):
        cast(get_task(name), rows(**columns))


def test_similarities_are_rounded_to_a_fifth() -> None:
    assert len(SCORES) == 26
    assert [similarity_word(x) for x in (0.0, 0.09, 0.11, 2.5, 3.867, 4.95, 5.0)] == [
        "0.0",
        "0.0",
        "0.2",
        "2.4",
        "3.8",
        "5.0",
        "5.0",
    ]


# Cleaning


def test_cleaning_leaves_what_the_reports_samples_show() -> None:
    text = 'Great!<br /><br />Much better than "Dark Sea", isn\'t it? Well-made; 10/10 &amp; fun…'
    assert clean_like_report(text) == (
        "Great Much better than Dark Sea isnt it Well made 10 10 fun"
    )
    assert clean_like_report("a  b\tc_d é") == "a b c d é"
    assert clean_like_report("?!") == "?!"
    assert clean_like_report("1 < 2 and 3 > 2") == "1 2 and 3 2"


def test_cleaning_spares_the_prompt_and_refuses_generation() -> None:
    data = rows(sentence1=["A, b."], sentence2=["C!"], label=[1])
    made = cast(get_task("mrpc"), data, cleaning="report")
    assert made["source"][0] == "mrpc sentence1: A b sentence2: C"
    with pytest.raises(StudyError, match="punctuation"):
        cast(get_task("multi30k"), rows(en=["a"], de=["b"]), cleaning="report")


# Labels as ids


def test_label_ids_end_once() -> None:
    ids = label_ids(IMDB, FakeTokenizer())
    assert [sequence.count(1) for sequence in ids] == [1, 1]
    assert all(sequence[-1] == 1 for sequence in ids)
    assert ids[0][:-1] == [ord(letter) for letter in "negative"]


def test_two_labels_with_the_same_ids_are_refused() -> None:
    with pytest.raises(StudyError, match="'sadness' and 'surprise'"):
        label_ids(get_task("emotion"), FakeTokenizer(letters=1))
    assert len(label_ids(get_task("emotion"), FakeTokenizer(letters=2))) == 6
    with pytest.raises(StudyError, match="no end token"):
        label_ids(IMDB, FakeTokenizer(eos=None))
    with pytest.raises(StudyError, match="generate its answers"):
        label_ids(get_task("bbc"), FakeTokenizer())


# The bundled corpus


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.repo == "pocket"])
def test_a_pocket_task_casts_its_test_split(name: str) -> None:
    task = get_task(name)
    made = cast(task, split_rows(task, Hub(), "test", 40))
    assert made.num_rows == 40
    assert all(source.startswith(task.prefix) for source in made["source"])
    if task.kind == "classification":
        assert set(made["target"]) == set(task.label_words)


def test_a_pocket_vocabulary_can_write_every_label(tmp_path) -> None:
    texts = Hub().dataset("pocket", "text", "validation")["text"][:]
    folder = train_vocabulary(texts, 600, tmp_path / "vocabulary", sentinels=20)
    tokenizer = load_tokenizer(folder)
    for task in TASKS.values():
        if task.repo == "pocket" and task.label_words:
            ids = label_ids(task, tokenizer)
            assert tokenizer.unk_token_id not in {i for sequence in ids for i in sequence}
