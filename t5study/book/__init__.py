"""The book: run the notebooks, put the pages together, build the HTML, publish the results.

Needs the `book` extra (papermill, jupytext, jupyter-book); nothing else in the package does.
"""

from __future__ import annotations

from t5study.book.assemble import assemble
from t5study.book.build import build_html
from t5study.book.chapters import Chapter, Layout, find_chapters
from t5study.book.execute import ChapterResult, reproduce
from t5study.book.make import make_book, make_published
from t5study.book.publish import publish
