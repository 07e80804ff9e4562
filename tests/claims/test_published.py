"""The published numbers and the report's tables: complete, consistent, traceable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from t5study.base.errors import StudyError
from t5study.claims.published import book_file, load_published

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def published():
    return load_published()


@pytest.fixture(scope="module")
def bibliography() -> set[str]:
    text = book_file("references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{([^,\s]+),", text, re.M)
    assert len(keys) == len(set(keys))
    return set(keys)


def damaged(tmp_path: Path, change) -> Path:
    content = yaml.safe_load(book_file("published.yml").read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "published.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_leaderboard_is_the_reports(published):
    table = published.leaderboard()
    assert list(table["rank"]) == list(range(1, 14))
    t5 = table[table["model"] == "T5"].iloc[0]
    assert (t5["rank"], t5["score"], t5["cola"], t5["sst2"]) == (6, 90.3, 71.6, 97.5)
    assert table[["score", "cola", "sst2"]].sum().round(1).tolist() == [1167.5, 928.9, 1264.3]


def test_classification_reports_are_the_reports(published):
    emotion = published.classification_report("emotion")
    assert list(emotion.index[:6]) == ["anger", "fear", "joy", "love", "sadness", "surprise"]
    assert list(emotion["support"][:6]) == [275, 224, 695, 159, 581, 66]
    assert emotion.loc["love", ["precision", "recall", "f1"]].tolist() == [0.79, 0.70, 0.74]
    assert emotion.loc["accuracy", "f1"] == 0.89
    assert emotion.loc["macro avg", ["precision", "recall", "f1"]].tolist() == [0.84, 0.85, 0.85]
    sentiment = published.classification_report("sentiment")
    assert sentiment.loc["negative", ["precision", "recall", "f1"]].tolist() == [0.93, 0.91, 0.92]
    assert sentiment.loc["accuracy", "support"] == 25000


def test_module_and_argument_tables_are_whole(published):
    modules = published.module_table()
    assert list(modules.index) == list(range(32))
    assert modules["parameters"].value_counts().to_dict() == {
        "262 K": 8, "3 M": 4, "1 M": 6, "0": 4, "512": 3, "2 M": 2,
        "60 M": 1, "16 M": 1, "35 M": 1, "18 M": 1, "256": 1,
    }  # fmt: skip
    assert len(published.arguments()) == 19
    assert published.argument("learning_rate") == 3e-4
    assert published.argument("early_stop_callback") is False
    assert published.generation().loc["translation", "max_length"] == 5


def test_numbers_have_sources_that_the_bibliography_holds(published, bibliography):
    assert {source.cite for source in published.sources.values()} <= bibliography
    used = {number.source for number in published.numbers}
    assert used == set(published.sources)


def test_a_model_card_is_cited_as_itself(published):
    entries = book_file("references.bib").read_text(encoding="utf-8").split("\n\n")
    cards = {name: s for name, s in published.sources.items() if name.startswith("card-")}
    assert cards
    for source in cards.values():
        (entry,) = [text for text in entries if text.startswith(f"@misc{{{source.cite},")]
        assert source.url in entry


def test_fractions_and_points_are_not_mixed(published):
    fractions = {"accuracy", "macro_f1", "weighted_f1", "f1", "matthews", "pearson", "spearman"}
    for number in published.numbers:
        assert number.value <= 1 if number.metric in fractions else number.value > 1, number.id


def test_table_narrows_and_puts_the_best_first(published):
    table = published.table(task="imdb", split="test", metric="accuracy")
    assert set(table["task"]) == {"imdb"}
    assert table["value"].is_monotonic_decreasing
    assert published.table(task="no such task").empty


def test_unknown_names_are_one_sentence(published):
    for ask in (
        lambda: published.value("nothing"),
        lambda: published.classification_report("nothing"),
        lambda: published.argument("nothing"),
    ):
        with pytest.raises(StudyError, match="nothing"):
            ask()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["numbers"][0].update(colour="red"), "unknown key 'numbers.0.colour'"),
        (lambda c: c["numbers"][0].pop("source"), "the key 'numbers.0.source' is missing"),
        (lambda c: c["numbers"].append(c["numbers"][0]), "is given twice"),
        (lambda c: c["numbers"][0].update(source="hearsay"), "unknown source hearsay"),
        (lambda c: c["numbers"][0].update(verified="surely"), "numbers.0.verified"),
    ],
)
def test_a_damaged_file_is_named_with_the_place(tmp_path, change, says):
    with pytest.raises(StudyError, match=re.escape(says)) as caught:
        load_published(damaged(tmp_path, change))
    assert "published.yml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_unreadable_file_is_one_sentence(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        load_published(tmp_path / "published.yml")
    broken = tmp_path / "broken.yml"
    broken.write_text("sources: ]\nnumbers: 1", encoding="utf-8")
    with pytest.raises(StudyError, match="not valid YAML in line 1"):
        load_published(broken)


def prose() -> dict[str, str]:
    """The Markdown of the book and of the notebooks, line breaks taken out."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("book/*.md")}
    for path in ROOT.glob("notebooks/*.py"):
        pages[path.name] = re.sub(r"\n# ?", "\n", path.read_text(encoding="utf-8"))
    return {name: re.sub(r"\s+", " ", text) for name, text in pages.items()}


def test_every_citation_is_in_the_bibliography(bibliography):
    for name, text in prose().items():
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text):
            unknown = set(re.split(r"\s*,\s*", keys.strip())) - bibliography
            assert not unknown, f"{name} cites {unknown}"


def test_every_term_is_in_the_glossary():
    text = book_file("glossary.md").read_text(encoding="utf-8")
    inside = text[text.index("```{glossary}") :]
    entries = {line.lower() for line in inside.splitlines()[1:] if line and line[0] not in " `"}
    assert len(entries) > 100
    for name, page in prose().items():
        for term in re.findall(r"\{term\}`([^`]+)`", page):
            target = re.search(r"<(.+)>", term)
            assert (target.group(1) if target else term).lower() in entries, f"{name}: {term}"
