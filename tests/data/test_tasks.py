"""Tasks: the casts say what they should, and rows are held out the same way everywhere."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from t5study.base.errors import StudyError
from t5study.data.hub import Hub
from t5study.data.tasks import (
    SCORES,
    TASKS,
    _generation,
    cast,
    ceiling,
    clean_like_report,
    get_task,
    hashed_order,
    label_ids,
    similarity_word,
    split_rows,
)
from t5study.data.vocabulary import train_vocabulary
from t5study.models.loading import load_tokenizer

MIRROR = Path(__file__).resolve().parents[3] / "shared" / "hub"
on_real_data = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the real data here")
IMDB = get_task("imdb")


class FakeHub:
    """Made-up rows with the columns of the data set that is asked for."""

    def __init__(self, rows: int = 1000) -> None:
        self.rows = rows

    def dataset(self, repo: str, config: str, split: str) -> Dataset:
        labels = [0 if n % 4 else 1 for n in range(self.rows)]
        texts = [f"{split} text {n}" for n in range(self.rows)]
        if repo == "stanfordnlp/imdb":
            return Dataset.from_dict({"text": texts, "label": labels, "row": texts})
        if config == "stsb":
            scores = [n % 50 / 10 for n in range(self.rows)]
            return Dataset.from_dict({"sentence1": texts, "sentence2": texts, "label": scores})
        return Dataset.from_dict({"text": texts, "label": labels})

    def fingerprint(self, repo: str, config: str, split: str) -> str:
        return f"{repo}-{config}-{split}"


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
        ("imdb", {"text": ["a"], "label": [-1]}, "label -1, not one of 0 to 1"),
        ("imdb", {"text": ["a"], "label": [2]}, "label 2, not one of 0 to 1"),
        ("imdb", {"sentence": ["a"], "label": [1]}, "no column 'text'"),
        ("imdb", {"text": [], "label": []}, "has no rows"),
        ("multi30k", {"en": ["a"], "de": [" "]}, "Row 0 of multi30k has an empty target"),
        ("stsb", {"sentence1": ["a"], "sentence2": ["b"], "label": [-1.0]}, "outside 0 to 5"),
    ],
)
def test_a_bad_row_is_named(name: str, columns: dict, part: str) -> None:
    with pytest.raises(StudyError, match=part):
        cast(get_task(name), rows(**columns))


def test_names_that_do_not_exist_list_those_that_do() -> None:
    with pytest.raises(StudyError, match=r"no task 'sentiments'.*imdb.*pocket-summary"):
        get_task("sentiments")
    with pytest.raises(StudyError, match=r"no split 'dev'.*train, validation"):
        split_rows(IMDB, FakeHub(), "dev")
    with pytest.raises(StudyError, match="no cleaning 'wash'"):
        cast(IMDB, rows(text=["a"], label=[0]), cleaning="wash")
    with pytest.raises(StudyError, match="limit of 0 rows"):
        split_rows(IMDB, FakeHub(), "train", 0)


def test_a_setting_that_a_generation_task_has_not_is_no_slip_of_the_pen() -> None:
    with pytest.raises(TypeError, match="metrics"):
        _generation("name", "repo", "config", "prefix ", "en", "de", metrics=("bleu",))


def test_every_task_is_well_formed() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        assert task.fields
        assert task.prefix.endswith(" ")
        assert len(set(task.label_words)) == len(task.label_words)
        assert bool(task.label_words) == (task.kind != "generation")
        assert "test" in task.splits
        assert not any(place.split == "test" for s, place in task.splits.items() if s != "test")


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


# Held-out rows


def test_held_out_rows_are_a_stratified_tenth_and_the_rest_is_the_rest() -> None:
    held_out = split_rows(IMDB, FakeHub(), "validation")
    rest = split_rows(IMDB, FakeHub(), "train")
    assert len(held_out) == 100
    assert Counter(held_out["label"]) == {0: 75, 1: 25}
    assert sorted([*held_out["row"], *rest["row"]]) == list(range(1000))
    assert held_out["text"][0] == f"train text {held_out['row'][0]}"


def test_a_limit_takes_a_stratified_part_of_the_larger_choice_in_order() -> None:
    chosen: set[int] = set()
    for limit in (8, 50, 400):
        part = split_rows(IMDB, FakeHub(), "train", limit)
        numbers = part["row"][:]
        assert len(part) == limit
        assert numbers == sorted(numbers)
        assert chosen <= set(numbers)
        assert abs(sum(part["label"]) - limit / 4) <= 1
        chosen = set(numbers)
    assert split_rows(IMDB, FakeHub(), "test", 5000).num_rows == 1000


def test_regression_is_held_out_by_hash_alone() -> None:
    task = get_task("stsb")
    held_out = split_rows(task, FakeHub(), "validation")
    assert len(held_out) == 100
    assert len(set(held_out["label"])) > 30


def test_the_order_is_a_permutation_that_depends_on_the_text() -> None:
    data = FakeHub(60).dataset(IMDB.repo, IMDB.config, "train")
    order = hashed_order(data, IMDB)
    assert sorted(order) == list(range(60))
    assert np.array_equal(order, hashed_order(data, IMDB))
    other = FakeHub(60).dataset(IMDB.repo, IMDB.config, "test")
    assert not np.array_equal(order, hashed_order(other, IMDB))


def test_the_parts_of_a_split_have_their_own_fingerprints() -> None:
    assert list(IMDB.splits) == ["train", "validation", "test"]
    assert len({IMDB.fingerprint(FakeHub(), name) for name in IMDB.splits}) == 3


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


# The bundled corpus and the real data


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


@on_real_data
def test_imdb_is_held_out_as_it_was_published() -> None:
    hub = Hub(MIRROR)
    held_out = split_rows(IMDB, hub, "validation")
    assert Counter(held_out["label"]) == {0: 1250, 1: 1250}
    numbers = ",".join(map(str, held_out["row"])).encode()
    assert hashlib.sha256(numbers).hexdigest()[:16] == "a4873d5e3b36d065"
    assert split_rows(IMDB, hub, "train").num_rows == 22500
    test = cast(IMDB, split_rows(IMDB, hub, "test"))
    assert Counter(test["target"]) == {"negative": 12500, "positive": 12500}


@on_real_data
def test_emotion_has_the_reports_supports() -> None:
    task = get_task("emotion")
    made = cast(task, split_rows(task, Hub(MIRROR), "test"))
    supports = Counter(made["target"])
    order = ("anger", "fear", "joy", "love", "sadness", "surprise")
    assert [supports[word] for word in order] == [275, 224, 695, 159, 581, 66]


@on_real_data
def test_label_words_follow_the_data_sets_own_names() -> None:
    hub = Hub(MIRROR)
    for name, short in (("imdb", {"negative": "neg", "positive": "pos"}), ("emotion", {})):
        task = get_task(name)
        names = hub.dataset(task.repo, task.config, "test").features["label"].names
        assert names == [short.get(word, word) for word in task.label_words]
    for name in ("cola", "sst2", "mrpc", "rte", "wnli"):
        task = get_task(name)
        names = hub.dataset(task.repo, task.config, "validation").features["label"].names
        assert names == list(task.label_words)


def test_a_ceiling_is_known_where_the_generator_is():
    metric, best, why = ceiling(get_task("pocket-sst"))
    assert metric == "accuracy"
    assert 0.9 < best < 1.0
    assert "noise" in why
    assert ceiling(get_task("sst2")) is None
