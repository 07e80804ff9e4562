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
from t5study.book.execute import reproduce
from t5study.book.job import executed_notebook, replay
from t5study.book.notebooks import read_source, written_for
from t5study.book.pdf import build_pdf
from t5study.runs.record import FILES, records_below


def make_book(
    profile: str = "pocket",
    chapters: Sequence[str] | None = None,
    *,
    root: Path | None = None,
    build: Path | None = None,
    console: Console | None = None,
    **settings: Any,
) -> Path | None:
    """Run what is not current and build the HTML; returns the page to open.

    The arguments, `settings` too, are those of `reproduce`. With `chapters`, the HTML is built only
    if the others were run before; otherwise None is returned and the console says which are
    missing.

    Raises StudyError when a chapter failed (the others are kept), when the HTML does not build, or
    when another command is making the same book.
    """
    layout = Layout.of(profile, root, build)
    # Before the lock: a misspelt name must leave no folder behind.
    find_chapters(layout, chapters)
    read_parameters(layout)
    console = console or Console(stderr=True)
    place = {"root": layout.root, "build": layout.build}
    with alone(layout):
        began = time.monotonic()
        problems = [
            result.problem
            for result in reproduce(profile, chapters, **place, console=console, **settings)
            if result.problem
        ]
        if problems:
            raise StudyError(
                f"{' '.join(problems)} What the other chapters gave is kept: mend the cause and "
                "run the same command again to continue from there."
            )
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
    profile: str | None = None,
    *,
    pdf: bool = False,
    root: Path | None = None,
    console: Console | None = None,
) -> Path | None:
    """Render the published book again from results/, with training forbidden.

    Without a `profile` it is the one that the notebooks are written for. Nothing is downloaded.
    With `pdf` all of it becomes one PDF as well, whose path is returned then.

    Raises StudyError when nothing is published for the profile, when a record is not as it was
    published, or when another command is rendering it.
    """
    root = (root or checkout()).resolve()
    layout = Layout.of("published", root)
    job = replay(profile or written_for(read_source(find_chapters(layout)[0])), root)
    records, name = list(records_below(job.runs)), job.layout.profile
    if not records:
        raise StudyError(
            f"Nothing is published for profile {name}: `make book PROFILE={name}` computes it, and "
            "`t5study publish` puts it into results/."
        )
    for record in records:
        check_checksums(record, FILES)
    place = {"root": root, "build": job.layout.build, "store": job.runs}
    index = make_book(str(job.layout.profile_file), **place, training=False, console=console)
    return build_pdf(job.layout) if pdf and index else index
