"""The one exception that a user of the study is meant to see."""

from __future__ import annotations


class StudyError(Exception):
    """A mistake or a lack that a person can mend.

    Its text is one sentence: what is wrong, where, and what to do. The command line prints it
    without a traceback and exits with a non-zero status.
    """
