"""How a table is set: alignment, separators, names, what is missing, and what is never printed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from t5study.chapters import tables
from t5study.chapters.tables import show


def cells(html: str) -> list[list[str]]:
    """The texts of a table, row by row, its heading rows first."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def kinds(html: str, text: str) -> str:
    """The class of the cell that holds a text."""
    return re.search(rf'<t[hd] class="(\w+)"[^>]*>{re.escape(text)}</t', html)[1]


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "examples_seen": [1234567, 89],
            "macro_f1": [0.81649, 0.5],
            "model": ["T5", "BERT"],
            "hours": [np.nan, 3.25],
        }
    )


def test_numbers_stand_right_and_texts_left(frame):
    html = show(frame).html
    for text in ("1,234,567", "0.816", "3.250", "examples seen", "macro F1", "hours"):
        assert kinds(html, text) == "number"
    for text in ("T5", "model"):
        assert kinds(html, text) == "text"
    assert cells(html) == [
        ["examples seen", "macro F1", "model", "hours"],
        ["1,234,567", "0.816", "T5", ""],
        ["89", "0.500", "BERT", "3.250"],
    ]


def test_a_table_is_the_same_text_every_time(frame):
    assert show(frame) == show(frame.copy())
    assert not re.search(r"id=|uuid|0x", show(frame).html)


@pytest.mark.parametrize("name", [None, "task"])
def test_a_named_index_heads_its_rows_in_the_one_heading_row(frame, name):
    html = show(frame.set_index(pd.Index(["rougeL", "sst"], name=name))).html
    assert "<th></th>" not in html
    assert not re.search(r"<th[^>]*></th>", html)
    head, first, _ = cells(html)
    assert head[0] == (name or "")
    assert first[0] == "ROUGE-L"
    assert html.count('scope="row"') == 2


def test_labels_that_are_counts_have_separators():
    frame = pd.DataFrame({"gain": [0.1, 0.2]}, index=pd.Index([500, 5000], name="labels"))
    assert cells(show(frame).html) == [["labels", "gain"], ["500", "0.100"], ["5,000", "0.200"]]


def test_neighbours_under_one_name_share_its_cell():
    index = pd.MultiIndex.from_tuples(
        [("sst", 50), ("sst", 500), ("emotion", 50)], names=["task", "labels"]
    )
    columns = pd.MultiIndex.from_tuples(
        [("this study", "f1"), ("this study", "n"), ("report", "f1")]
    )
    html = show(pd.DataFrame(np.ones((3, 3)), index, columns)).html
    first, second, *body = cells(html)
    assert first == ["", "this study", "report"]
    assert second == ["task", "labels", "F1", "n", "F1"]
    assert [len(row) for row in body] == [5, 4, 5]
    assert html.count('rowspan="2"') == 1
    assert html.count('scope="colgroup" colspan="2"') == 1


def test_the_ends_of_an_interval_share_a_column():
    frame = pd.DataFrame(
        {"mean": [0.5, 0.6], "low": [0.41, np.nan], "high": [0.61, np.nan], "f1": [0.1, 0.2]}
        | {"f1 low": [0.0, 0.15], "f1 high": [0.2, 0.25]}
    )
    head, first, second = cells(show(frame).html)
    assert head == ["mean", "95 % interval", "F1", "95 % interval"]
    assert first == ["0.500", "0.410 to 0.610", "0.100", "0.000 to 0.200"]
    assert second[1] == ""


def test_no_representation_of_python_is_printed():
    odd = [[], ["april", "Dublin"], {"low": 0.25}, None, True, pd.NaT, float("inf"), ([], [])]
    html = show(pd.DataFrame({"found": odd}, dtype=object)).html
    assert not re.search(r"[\[\]{}']|None|nan|True|NaT|\(", html)
    body = [row[0] for row in cells(html)[1:]]
    assert body[:5] == ["", "april, Dublin", "low: 0.250", "", "yes"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.9, 0.123456], ["0.900", "0.123"]),
        ([12.3456, 99.0], ["12.3", "99.0"]),
        ([4096.0, 20_000_000.0], ["4,096", "20,000,000"]),
        ([0.9, 43.21], ["0.900", "43.2"]),
        ([0.5, 0.00002], ["0.500", "2.0 × 10⁻⁵"]),
        ([0.5, -0.0003], ["0.500", "-0.0003"]),
        ([1, 2.5], ["1.000", "2.500"]),
    ],
)
def test_floats_have_the_digits_that_their_size_leaves_sense_in(values, texts):
    assert [row[0] for row in cells(show(pd.DataFrame({"x": values})).html)[1:]] == texts


def test_counts_cut_to_thousands_are_numbers():
    html = show(pd.DataFrame({"cut": ["18 M", "262 K", "512"]})).html
    assert kinds(html, "262 K") == "number"


def test_powers_of_ten_are_numbers():
    html = show(pd.DataFrame({"FLOPs": [1.5778e13]}), formats={"FLOPs": tables.scientific}).html
    assert kinds(html, "1.6 × 10¹³") == "number"


def test_a_column_may_have_a_format_of_its_own(frame):
    said = {"macro_f1": "{:.1%}", "hours": lambda hours: f"{60 * hours:.0f} min"}
    assert cells(show(frame, formats=said).html)[2] == ["89", "50.0%", "BERT", "195 min"]


def test_what_is_not_markup_is_escaped():
    table = show(pd.DataFrame({"piece": ["</s>", "<unk>"]}), caption="a < b")
    assert "</s>" not in table.html
    assert "&lt;/s&gt;" in table.html
    assert "<caption>a &lt; b</caption>" in table.html
    assert "</s>" in table.plain


def test_a_table_wider_than_the_page_is_turned_where_that_helps():
    wide = pd.DataFrame(
        np.full((2, 12), 0.5), ["t5", "bert"], [f"quantity {c}" for c in "abcdefghijkl"]
    )
    rows = cells(show(wide).html)
    assert rows[0] == ["", "T5", "BERT"]
    assert len(rows) == 13
    narrow = wide.iloc[:, :5]
    assert cells(show(narrow).html)[0] == ["", *narrow.columns]


def test_a_table_that_stays_too_wide_is_set_smaller():
    tall = pd.DataFrame(np.full((20, 12), 1234.5))
    assert 'class="dataframe wide"' in show(tall).html
    assert len(cells(show(tall).html)) == 21
    # Texts wrap between words, however long they are.
    long = pd.DataFrame({"a": ["some words " * 40] * 3, "b": ["others " * 40] * 3})
    assert 'class="dataframe"' in show(long).html


def test_what_holds_nothing_is_not_shown():
    assert show(pd.DataFrame(columns=["a", "b"])) is None
    frame = pd.DataFrame({"a": [1, 2], "nothing": [np.nan, np.nan], "b": ["", "x"]})
    assert cells(show(frame).html)[0] == ["a", "b"]


def test_a_single_run_has_no_interval_over_seeds():
    mean, low, high = tables.mean_interval([0.5])
    assert mean == 0.5
    assert np.isnan([low, high]).all()
    # Student's t with two degrees of freedom: 4.303.
    mean, low, high = tables.mean_interval([0.1, 0.2, 0.3])
    assert high - mean == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)


def test_a_score_has_the_decimals_of_its_metric_and_not_of_its_size():
    index = pd.MultiIndex.from_tuples(
        [("bleu", "T5"), ("bleu", "copy"), ("exact_match", "T5")], names=["metric", "answers"]
    )
    frame = pd.DataFrame(
        {"score": [12.34, 0.478, 0.00349], "low": [11.3, 0.222, np.nan], "high": [13.2, 0.8, 1.0]},
        index=index,
    )
    assert cells(show(frame).html)[1:] == [
        ["BLEU", "T5", "12.3", "11.3 to 13.2"],
        ["copy", "0.5", "0.2 to 0.8"],
        ["exact match", "T5", "0.003", ""],
    ]
    listed = frame.reset_index()[["metric", "score"]]
    assert [row[-1] for row in cells(show(listed).html)[1:]] == ["12.3", "0.5", "0.003"]
