"""A chapter that prose names by its number is a link; what only looks like one stays."""

from __future__ import annotations

import pytest

from t5study.book.build import mend
from t5study.book.hovers import add_hovers
from t5study.book.prose import linked

THERE = {5: "05_generation", 6: "06_sentiment", 8: "08_transfer"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See chapter 8.", "See {doc}`chapter 8 </notebooks/08_transfer>`."),
        ("In chapter\n8 it is.", "In {doc}`chapter 8 </notebooks/08_transfer>` it is."),
        (
            "Chapters 5 and 6 do.",
            "Chapters {doc}`5 </notebooks/05_generation>` and "
            "{doc}`6 </notebooks/06_sentiment>` do.",
        ),
        ("Not chapter 7 and not `chapter 8`.", "Not chapter 7 and not `chapter 8`."),
        ("# Chapter 8\n", "# Chapter 8\n"),
        ("# A\nchapter 8", "# A\n{doc}`chapter 8 </notebooks/08_transfer>`"),
        ("{doc}`chapter 8 <x>` [chapter 8](y)", "{doc}`chapter 8 <x>` [chapter 8](y)"),
        ("```sh\n# chapter 8\n```\n", "```sh\n# chapter 8\n```\n"),
        (
            "```{admonition} Exercise\nchapter 8\n```\n```\nchapter 8\n```\nchapter 8",
            "```{admonition} Exercise\n{doc}`chapter 8 </notebooks/08_transfer>`\n```\n"
            "```\nchapter 8\n```\n{doc}`chapter 8 </notebooks/08_transfer>`",
        ),
        ("$$\nx\n$$\nchapter 8", "$$\nx\n$$\n{doc}`chapter 8 </notebooks/08_transfer>`"),
    ],
)
def test_what_is_named_in_prose_is_a_link(text, found):
    assert linked(text, THERE) == found


def test_a_page_does_not_link_to_itself():
    assert linked("chapter 8", THERE, here=8) == "chapter 8"


def test_a_link_to_a_term_or_a_figure_says_what_it_leads_to(tmp_path):
    glossary, page = tmp_path / "book" / "glossary.html", tmp_path / "page.html"
    glossary.parent.mkdir()
    glossary.write_text(
        '<dt id="term-head">head<a class="headerlink">#</a></dt><dd><p>A "small"\n part.</p></dd>'
    )
    link = '<a class="reference internal" href="{}">x</a>'
    page.write_text(
        '<figure id="fig-one"><figcaption>What is seen.<a class="headerlink">#</a></figcaption>'
        "</figure>"
        + "".join(map(link.format, ("book/glossary.html#term-head", "#fig-one", "#fig-none")))
    )
    add_hovers(tmp_path)
    text = page.read_text()
    assert 'term-head" title="A &quot;small&quot; part.">x' in text
    assert '#fig-one" title="What is seen.">x' in text
    assert '#fig-none">x' in text


@pytest.mark.parametrize(
    ("address", "picture"),
    [("", None), ("https://a.example/book/", "https://a.example/book/_static/preview.png")],
)
def test_the_picture_for_links_has_a_whole_address_or_is_left_out(tmp_path, address, picture):
    page = tmp_path / "page.html"
    page.write_text('<meta content="_static/preview.png" property="og:image" />\n')
    mend(tmp_path, address)
    assert ("og:image" in page.read_text()) is bool(picture)
    assert (picture or "") in page.read_text()


def test_a_page_is_mended_where_the_theme_is_wrong(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<button class="btn search-button-field" title="Search" aria-label="Search">Search</button>'
        '<i class="theme-switch fa-sun" data-mode="light" title="Light"></i>'
        '<div role="list" class="citation-list">'
        '<a href="a.ipynb" target="_blank"\n class="btn btn-download-source-button">.ipynb</a>'
    )
    mend(tmp_path)
    text = page.read_text()
    assert "aria-label" not in text
    assert 'title="Light"' not in text
    assert "role=" not in text
    assert "download\n class" in text
