"""One PDF of the whole book: all pages in one, printed by a browser that shows it as on screen."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.base.files import put_in_place
from t5study.book.build import mend, refuse_external_loads, run_jupyter_book
from t5study.book.chapters import Layout

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def build_pdf(layout: Layout) -> Path:
    """Print the book whose sources are assembled to `<build>/book.pdf`, and return its path.

    Raises:
        StudyError: there is no Chromium or Chrome, or it wrote no PDF.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise StudyError(
            "A PDF is printed by Chromium, and neither Chromium nor Chrome was found: install "
            "one (on Debian the package chromium), or read the pages in HTML."
        )
    output = layout.build / "sphinx-pdf"
    shutil.rmtree(output, ignore_errors=True)
    run_jupyter_book(layout, output, "--builder", "custom", "--custom-builder", "singlehtml")
    pages = output / "_build" / "singlehtml"
    # Its links to styles and pictures are those of a page at the top.
    whole = pages / "whole.html"
    (pages / "book" / "intro.html").replace(whole)
    mend(pages)
    refuse_external_loads(pages)
    printed = output / "book.pdf"
    command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer"]
    if os.geteuid() == 0:
        command.append("--no-sandbox")  # as root it starts in no other way
    # Time enough for the formulas to be set.
    command += ["--virtual-time-budget=120000", f"--print-to-pdf={printed}", whole.as_uri()]
    said = subprocess.run(command, capture_output=True, text=True)
    if not printed.is_file():
        last = (said.stderr.strip().splitlines() or ["nothing"])[-1]
        raise StudyError(f"{Path(browser).name} printed no PDF; it said: {last}")
    put_in_place(printed, layout.build / "book.pdf")
    shutil.rmtree(output, ignore_errors=True)
    return layout.build / "book.pdf"
