"""The two whole ways to a book: run a profile, or render again what was published."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from t5study.base.checksums import check_checksums
from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.base.words import spoken_time
from t5study.book.assemble import assemble
from t5study.book.build import build_html
from t5study.book.chapters import Layout, alone, find_chapters, read_parameters
from t5study.book.execute import failures, reproduce
from t5study.book.job import executed_notebook, replay
from t5study.runs.record import FILES, records_below

# The published profile that `make html` shows when none is named: the one closest to the report.
PREFERRED = ("full", "laptop", "published", "pocket")


def make_book(
    profile: str = "pocket",
    chapters: Sequence[str] | None = None,
    *,
    root: Path | None = None,
    build: Path | None = None,
    store: Path | None = None,
    source: Path | None = None,
    training: bool = True,
    force: bool = False,
    console: Console | None = None,
) -> Path | None:
    """Run what is not current and build the HTML; returns the page to open.

    With `chapters`, the HTML is built only if the others were run before; otherwise None is
    returned and the console says which are missing. The arguments are those of `reproduce`.

    Raises StudyError when a chapter failed (the others are kept), when the HTML does not build, or
    when another command is making the same book.
    """
    layout = Layout.of(profile, root, build)
    # Before the lock: a misspelt name must leave no folder behind.
    find_chapters(layout, chapters)
    read_parameters(layout)
    settings = {"store": store, "source": source, "training": training, "force": force}
    with alone(layout):
        return _make(layout, chapters, console or Console(stderr=True), **settings)


def _make(
    layout: Layout, chapters: Sequence[str] | None, console: Console, **settings: Any
) -> Path | None:
    """Make the book of a layout whose lock is held; `settings` are those of `reproduce`."""
    began = time.monotonic()
    place = {"root": layout.root, "build": layout.build}
    profile = str(layout.profile_file)
    results = reproduce(profile, chapters, **place, console=console, **settings)
    problem = failures(results)
    if problem:
        raise StudyError(problem)
    missing = [c.name for c in find_chapters(layout) if executed_notebook(layout, c) is None]
    if missing:
        console.print(f"The HTML waits for the chapters not run yet: {', '.join(missing)}.")
        return None
    console.print("Building the HTML.")
    assemble(profile, **place)
    index = build_html(profile, **place)
    done = f"Done in {spoken_time(time.monotonic() - began)}. Open {layout.shown(index)}"
    console.print(done, markup=False, highlight=False, soft_wrap=True)
    return index


def make_published(
    profile: str | None = None, *, root: Path | None = None, console: Console | None = None
) -> Path | None:
    """Render the published book again from results/, with training forbidden.

    Nothing is downloaded, and no text of a data set is shown even where the data is at hand: the
    pages are those that were published.

    Raises StudyError when nothing is published, or not that profile, when a record is not as it
    was published, or when another command is rendering it.
    """
    root = (root or checkout()).resolve()
    chosen = _published_profile(root / "results", profile)
    job = replay(chosen, root)
    with alone(job.layout):
        for record in records_below(job.runs):
            check_checksums(record, FILES)
        console = console or Console(stderr=True)
        return _make(job.layout, None, console, store=job.runs, training=False)


def _published_profile(results: Path, profile: str | None) -> str:
    there = {place.name for place in results.glob("*/") if any(records_below(place))}
    if profile and profile not in there:
        raise StudyError(
            f"Nothing is published for profile {profile}: `make book PROFILE={profile}` computes "
            "it, and `t5study publish` puts it into results/."
        )
    if not there:
        raise StudyError(
            "Nothing is published yet: `make book` computes a book of your own, and "
            "`t5study publish` puts its results into results/."
        )
    known = [name for name in PREFERRED if name in there]
    return profile or (known or sorted(there))[0]
