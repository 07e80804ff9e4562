"""Tasks: the table is well formed and says what the data sets say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from t5study.base.errors import StudyError
from t5study.data.casts import cast
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import TASKS, _generation, get_task

MIRROR = Path(__file__).resolve().parents[3] / "shared" / "hub"
on_real_data = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the real data here")


def test_a_name_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(StudyError, match=r"no task 'sentiments'.*imdb.*pocket-summary"):
        get_task("sentiments")


def test_a_setting_that_a_generation_task_has_not_is_no_slip_of_the_pen() -> None:
    with pytest.raises(TypeError, match="metrics"):
        _generation("name", "repo", "config", "prefix ", "en", "de", metrics=("bleu",))


def test_every_task_is_well_formed() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        assert task.fields
        assert task.prefix == "" or task.prefix.endswith(" ")
        assert len(set(task.label_words)) == len(task.label_words)
        assert bool(task.label_words) == (task.kind != "generation")
        assert "test" in task.splits
        assert not any(place.split == "test" for s, place in task.splits.items() if s != "test")


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
