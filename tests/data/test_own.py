"""Data of the user's own: what is read, how it is split, and one sentence for every bad file."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from t5study.base.errors import StudyError
from t5study.data.casts import cast
from t5study.data.own.data import OwnHub, own_task, read_own, read_texts, read_to_judge, task_of
from t5study.data.own.rows import LONGEST
from t5study.data.rows import split_rows
from t5study.data.tasks import get_task
from t5study.experiments.identity import task_definition

COLUMNS = ("Issue Text", "Kind")
KINDS = ("Bug", "Frage", "質問", "Lob 🎉")


def rows(count: int = 80) -> list[dict[str, str]]:
    return [
        {"Issue Text": f'رسالة number {n}, with „quotes“, a "comma", and 🙂', "Kind": KINDS[n % 4]}
        for n in range(count)
    ]


def written(path: Path, table: list[dict]) -> Path:
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        pd.DataFrame(table).to_parquet(path)
        return path
    if plain.endswith(".jsonl"):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
    else:
        text = pd.DataFrame(table).to_csv(index=False, sep="\t" if ".tsv" in plain else ",")
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def own(path: Path, **files: Path):
    return read_own({"train": path, **files}, *COLUMNS)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.gz"]
)
def test_each_kind_of_file_gives_the_same_task_and_the_same_content(tmp_path, name):
    data = own(written(tmp_path / name, rows()))
    assert data.task.label_words == tuple(sorted(KINDS))
    hub = OwnHub(None, data)
    texts = [
        source
        for split in data.rows
        for source in cast(data.task, split_rows(data.task, hub, split))["source"]
    ]
    assert sorted(texts) == sorted(f"Kind: {row['Issue Text']}" for row in rows())
    reference = own(written(tmp_path / "reference.csv", rows()))
    for split in data.rows:
        fingerprints = {
            h.fingerprint("own data", "", split) for h in (hub, OwnHub(None, reference))
        }
        assert len(fingerprints) == 1
    assert hub.revision("own data") == name
    assert hub.revision("pocket") == "v1"


def test_a_label_stands_with_its_text_whatever_the_split(tmp_path):
    data = own(written(tmp_path / "a.csv", rows()))
    hub, wanted = OwnHub(None, data), {f"Kind: {r['Issue Text']}": r["Kind"] for r in rows()}
    for split in data.rows:
        made = cast(data.task, split_rows(data.task, hub, split))
        assert all(wanted[s] == t for s, t in zip(made["source"], made["target"], strict=True))


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_the_header_says_what_separates(tmp_path, separator):
    path = tmp_path / "a.csv"
    pd.DataFrame(rows()).to_csv(path, index=False, sep=separator)
    assert sum(len(part) for part in own(path).rows.values()) == 80


def test_a_mark_of_byte_order_and_windows_line_ends_change_nothing(tmp_path):
    path = written(tmp_path / "a.csv", rows())
    plain = own(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert own(path).rows["test"].data.table.equals(plain.rows["test"].data.table)


def test_copies_of_a_text_are_on_one_side_and_told(tmp_path):
    table = rows() + [{**row, "Issue Text": row["Issue Text"].upper() + "  "} for row in rows(40)]
    data = own(written(tmp_path / "a.csv", table))
    sides = [
        {" ".join(text.casefold().split()) for text in part["Issue Text"]}
        for part in data.rows.values()
    ]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 80
    assert "40 rows of a.csv repeat the text of another; all rows of one text" in data.notes[0]


def test_a_text_with_two_labels_is_told(tmp_path):
    table = [*rows(), {"Issue Text": rows()[0]["Issue Text"], "Kind": "Lob 🎉"}]
    assert (
        "1 of these texts have more than one answer"
        in own(written(tmp_path / "a.csv", table)).notes[1]
    )


def test_the_split_keeps_the_proportions_and_not_the_order(tmp_path):
    table = rows(400)
    counts = own(written(tmp_path / "a.csv", table)).counts
    for split, each in (("train", 70), ("validation", 15), ("test", 15)):
        assert counts[split] == dict.fromkeys(sorted(KINDS), each)
    turned = own(written(tmp_path / "b.csv", table[::-1]))
    same = own(written(tmp_path / "a.csv", table))
    assert sorted(turned.rows["test"]["Issue Text"]) == sorted(same.rows["test"]["Issue Text"])


def test_a_class_of_two_rows_is_learnt_from_and_its_lack_in_the_test_is_told(tmp_path):
    table = [*rows(), *({"Issue Text": f"dear lawyer {n}", "Kind": "Legal"} for n in range(2))]
    data = own(written(tmp_path / "a.csv", table))
    assert data.counts["train"]["Legal"] >= 1
    assert "No test row is labelled Legal: no score speaks of that." in data.notes


def test_forty_labels_are_told_apart(tmp_path):
    table = [{"Issue Text": f"text {n}", "Kind": f"kind {n % 40:02}"} for n in range(400)]
    counts = own(written(tmp_path / "a.csv", table)).counts
    assert len(counts["test"]) == 40
    assert min(counts["train"].values()) >= 5


def test_given_files_are_taken_and_what_they_share_is_told(tmp_path):
    train, test = written(tmp_path / "a.csv", rows()), written(tmp_path / "t.csv", rows(20))
    data = own(train, test=test)
    assert (len(data.rows["test"]), len(data.rows["validation"])) == (20, 12)
    assert (
        "20 of the 20 texts of t.csv stand in a.csv as well: a score on them flatters."
        in data.notes
    )
    assert data.files == {"train": "a.csv", "validation": "a.csv", "test": "t.csv"}


def test_what_differs_in_the_data_differs_in_the_identity(tmp_path):
    def of(table) -> tuple:
        data = own(written(tmp_path / "a.csv", table))
        hub = OwnHub(None, data)
        prints = [hub.fingerprint("own data", "", split) for split in data.rows]
        return str(prints), str(task_definition(data.task))

    first = of(rows())
    assert of(rows()) == first
    changed = rows()
    changed[3]["Kind"] = "Bug"
    assert of(changed)[0] != first[0]
    renamed = [{**row, "Kind": row["Kind"].replace("Frage", "Anfrage")} for row in rows()]
    assert of(renamed)[1] != first[1]


def test_a_record_gives_its_task_back():
    task = own_task("Issue Text", "Kind", ["a", "b"])
    definition = task_definition(task)["definition"]
    assert task_of(json.loads(json.dumps(definition))) == task
    written_texts = own_task("a", "b", None)
    assert (
        task_of(json.loads(json.dumps(task_definition(written_texts)["definition"])))
        == written_texts
    )
    for bad in (
        {},
        {"template": 1, "target": "x"},
        {"template": "{a}", "target": "b", "label_words": [1]},
    ):
        with pytest.raises(StudyError, match="what cannot be read"):
            task_of(bad)


def test_a_field_of_a_template_is_text_and_nothing_that_runs():
    task = own_task("x.__class__", "Kind", ["a", "b"])
    assert task.source({"x.__class__": "{0.real} fine"}) == "Kind: {0.real} fine"
    with pytest.raises(StudyError, match="without braces"):
        own_task("{x}", "Kind", ["a", "b"])


def test_a_model_of_the_study_is_judged_on_a_users_file(tmp_path):
    table = [
        {"review": "so good", "verdict": "positive"},
        {"review": "so bad", "verdict": "negative"},
    ]
    task = get_task("imdb")
    data = read_to_judge(written(tmp_path / "a.jsonl", table), task, "review", "verdict")
    made = cast(data.task, split_rows(data.task, OwnHub(None, data), "test"))
    assert made["source"][:] == ["imdb review: so good", "imdb review: so bad"]
    assert made["label"][:] == [1, 0]
    table[0]["verdict"] = "splendid"
    with pytest.raises(StudyError, match=r"'splendid' \(1x\).*known are negative, positive"):
        read_to_judge(written(tmp_path / "a.jsonl", table), task, "review", "verdict")


def test_labels_of_numbers_are_words(tmp_path):
    table = [{**row, "Kind": n % 2} for n, row in enumerate(rows())]
    assert own(written(tmp_path / "a.parquet", table)).task.label_words == ("0", "1")
    table[0]["Kind"] = None
    with pytest.raises(StudyError, match="1 bad row: row 1 has no Kind: mend"):
        own(written(tmp_path / "a.parquet", table))
    assert own(written(tmp_path / "a.parquet", table[1:])).task.label_words == ("0", "1")


# --- bad input ----------------------------------------------------------------------------------


def with_row(**values) -> list[dict]:
    return [*rows(), {**rows(1)[0], **values}]


BAD_TABLES = {
    "no such column": (
        [{"Text": "a", "Kind": "b"}],
        "no column 'Issue Text': its columns are Text, Kind",
    ),
    "one label": ([{**row, "Kind": "Bug"} for row in rows()], "has the one label 'Bug'"),
    "an empty text": (with_row(**{"Issue Text": " \u200b"}), "line 82 has an empty Issue Text"),
    "no label": (with_row(Kind=""), "line 82 has no Kind"),
    "numbers as text": (
        [{"Issue Text": str(n), "Kind": KINDS[n % 4]} for n in range(80)],
        "The column 'Issue Text' of .*a.csv holds numbers only",
    ),
    "a different label in each row": (
        [{**row, "Kind": f"answer {n}"} for n, row in enumerate(rows(300))],
        "300 different values, more than the 200 labels",
    ),
    "too few rows": (rows(8), "has 8 rows, too few to hold some out"),
    "no row": ([{"Issue Text": "", "Kind": ""}][:0], "has no column"),
}


@pytest.mark.parametrize("what", BAD_TABLES)
def test_a_bad_table_is_one_sentence(tmp_path, what):
    table, sentence = BAD_TABLES[what]
    with pytest.raises(StudyError, match=sentence) as caught:
        own(written(tmp_path / "a.csv", table))
    assert "\n" not in str(caught.value)


def content(text: str) -> bytes:
    return f"Issue Text,Kind\n{text}".encode()


BAD_FILES = {
    "0 bytes": ("a.csv", b"", "is empty \\(0 bytes\\)"),
    "a header alone": ("a.csv", b"Issue Text,Kind\n", "has no row below its header"),
    "a header twice": ("a.csv", b"Kind,Issue Text,Kind\na,b,c\n", "the column 'Kind' 2 times"),
    "latin-1": ("a.csv", content("schön,Bug\n").decode().encode("latin-1"), "line 2, is not UTF-8"),
    "UTF-16": ("a.csv", "Issue Text,Kind\nfine,Bug\n".encode("utf-16"), "line 1, is not UTF-8"),
    "a field too many": (
        "a.csv",
        content("a,b,c\nd,e\nf\n"),
        "line 2 has 3 fields, the header 2; line 4",
    ),
    "an open quotation mark": (
        "a.csv",
        content('fine,Bug\n"open,Bug\nmore,Bug\n'),
        "line 3, is no row",
    ),
    "a truncated gzip": (
        "a.csv.gz",
        gzip.compress(content("a,b\n" * 999))[:-20],
        "damaged or cut off",
    ),
    "no gzip": ("a.csv.gz", content("a,b\n"), "damaged or cut off"),
    "no JSON": ("a.jsonl", b'{"Issue Text": "a", "Kind": "b"}\n{"Issue\n', "line 2 is no JSON"),
    "JSON of another shape": ("a.jsonl", b"[1]\n", "line 1 is no object"),
    "a key that lacks": (
        "a.jsonl",
        b'{"Issue Text": "a", "Kind": "b"}\n{"Kind": "b"}\n',
        "line 2 has no 'Issue Text'",
    ),
    "a number as a text": (
        "a.jsonl",
        b'{"Issue Text": 5, "Kind": "b"}\n',
        "line 1 has 5 as its Issue Text",
    ),
    "a list as a label": (
        "a.jsonl",
        b'{"Issue Text": "a", "Kind": ["b"]}\n',
        "as its Kind, which is no label",
    ),
    "nested without end": ("a.jsonl", b"[" * 100_000, "line 1 is no JSON"),
    "a truncated Parquet": ("a.parquet", b"PAR1 and then nothing", "damaged or cut off"),
    "another kind of file": ("a.xlsx", b"x", "save it as .csv, .tsv, .jsonl or .parquet"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_one_sentence(tmp_path, what):
    name, data, sentence = BAD_FILES[what]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StudyError, match=sentence) as caught:
        own(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_file_that_is_not_there_are_one_sentence(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, sentence in (("folder.csv", "is a folder"), ("none.csv", "There is no file")):
        with pytest.raises(StudyError, match=sentence):
            own(tmp_path / name)


def test_bad_rows_are_named_together_and_the_rest_counted(tmp_path):
    table = [{**row, "Kind": "" if n < 9 else row["Kind"]} for n, row in enumerate(rows())]
    with pytest.raises(
        StudyError, match=r"has 9 bad rows: line 2 has no Kind; .*, and 4 more: mend"
    ):
        own(written(tmp_path / "a.csv", table))


def test_a_text_of_ten_million_characters_is_named(tmp_path):
    table = with_row(**{"Issue Text": "ab " * (10_000_000 // 3)})
    with pytest.raises(
        StudyError, match=rf"line 82 has 9,999,999 characters.*{LONGEST:,} are read"
    ):
        own(written(tmp_path / "a.csv", table))


def test_a_label_that_training_lacks_is_named(tmp_path):
    test = [{"Issue Text": "x y", "Kind": "Nouveau"}]
    with pytest.raises(
        StudyError, match=r"t.csv has labels that the training rows lack, 'Nouveau'"
    ):
        own(written(tmp_path / "a.csv", rows()), test=written(tmp_path / "t.csv", test))


def test_texts_alone_need_no_labels(tmp_path):
    path = written(tmp_path / "a.csv", [{"body": " hello "}, {"body": "you"}])
    assert read_texts(path, "body") == ["hello", "you"]


def test_a_broken_file_of_any_bytes_ends_in_rows_or_in_a_sentence(tmp_path):
    random = np.random.default_rng(0)
    whole = written(tmp_path / "a.csv", rows(12)).read_bytes()
    said = []
    for trial in range(150):
        broken = bytearray(whole)
        for place in random.integers(0, len(broken), size=random.integers(1, 9)):
            broken[place] = random.integers(0, 256)
        path = tmp_path / f"b{trial}.csv"
        path.write_bytes(broken[: random.integers(1, len(broken) + 1)])
        try:
            texts = read_texts(path, "Issue Text")
        except StudyError as error:
            said.append(str(error))
        else:
            assert all(re.search(r"\S", text) for text in texts)
    assert 100 < len(said) < 150
    assert all(str(tmp_path) in sentence and "\n" not in sentence for sentence in said)
    assert csv.field_size_limit() > LONGEST
