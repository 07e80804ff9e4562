"""Where the parts of the book lie, which chapters there are, and what determines their outputs."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t5study.base.errors import StudyError
from t5study.base.files import content, locked
from t5study.base.project import checkout
from t5study.base.reading import read_yaml
from t5study.experiments.recipes import LARGEST_SEED
from t5study.profiles import load_profile

# Not `06_sentiment-Copy1.py` or `06_sentiment (copy).py`.
CHAPTER_NAME = re.compile(r"[0-9]{2}_\w+")
# These run outside the kernels: a change in them cannot alter what a chapter shows.
OUTSIDE_THE_KERNEL = ("book", "cli.py", "__main__.py")
# What the package loads: code and data. Other files beside them are not part of it.
LOADED = (".py", ".yaml", ".yml", ".json", ".csv", ".txt")
# What alters a chapter from outside the package: versions, the claims, what others published.
BESIDE_THE_PACKAGE = ("requirements.lock", "book/claims.yml", "book/published.yml")


@dataclass(frozen=True)
class Layout:
    """The paths of one book: `root` is the clone, `build` the folder of everything generated."""

    root: Path
    profile: str
    profile_file: Path
    build: Path

    @classmethod
    def of(cls, profile: str, root: Path | None = None, build: Path | None = None) -> Layout:
        """The layout of a profile's book, under `_build/<profile>/` unless `build` is given.

        `profile` is a name in notebooks/profiles, or the path of a YAML file.
        """
        root = (root or checkout()).resolve()
        file = root / "notebooks" / "profiles" / f"{profile}.yaml"
        if Path(profile).suffix in (".yaml", ".yml"):
            file = Path(profile).resolve()
        return cls(root, file.stem, file, (build or root / "_build" / file.stem).resolve())

    notebooks = property(lambda self: self.root / "notebooks")
    executed = property(lambda self: self.build / "notebooks")
    stamps = property(lambda self: self.build / "chapters")
    runs = property(lambda self: self.build / "runs")
    source = property(lambda self: self.build / "source")
    html = property(lambda self: self.build / "html")

    def shown(self, path: Path) -> str:
        """`path` as a person at the root of the clone would type it."""
        return os.path.relpath(path, self.root) if path.is_relative_to(self.root) else str(path)


@dataclass(frozen=True)
class Chapter:
    """One notebook, known by the name of its source without the ending (`06_sentiment`)."""

    source: Path

    name = property(lambda self: self.source.stem)
    published = property(lambda self: self.source.with_suffix(".ipynb"))

    def shown(self, ending: str = ".py") -> str:
        """One of the chapter's two files as a person at the root of the clone would type it."""
        return f"{self.source.parent.name}/{self.name}{ending}"


def find_chapters(layout: Layout, names: Sequence[str] | None = None) -> list[Chapter]:
    """The chapters in order; `names` selects some by number (`6`), name or any part of it.

    Raises StudyError for a name that fits no chapter.
    """
    paths = sorted(layout.notebooks.glob("*.py"))
    chapters = [Chapter(path) for path in paths if CHAPTER_NAME.fullmatch(path.stem)]
    if not chapters:
        raise StudyError(f"There are no notebooks like 06_sentiment.py in {layout.notebooks}.")
    if not names:
        return chapters
    wanted = {_match(chapters, name).name for name in names}
    return [chapter for chapter in chapters if chapter.name in wanted]


def _match(chapters: Iterable[Chapter], name: str) -> Chapter:
    name = Path(name).stem
    for chapter in chapters:
        number, _, title = chapter.name.partition("_")
        if name in (chapter.name, title, number) or (name.isdigit() and int(name) == int(number)):
            return chapter
    known = ", ".join(chapter.name for chapter in chapters)
    raise StudyError(f'There is no chapter "{name}"; the chapters are {known}.')


def read_parameters(layout: Layout) -> dict[str, Any]:
    """The papermill parameters of the layout's profile: `profile` (a mapping) and `seed`.

    Raises StudyError for an unknown profile, or a file that is not a valid one.
    """
    if not layout.profile_file.is_file():
        folder = layout.notebooks / "profiles"
        known = ", ".join(sorted(path.stem for path in folder.glob("[!.]*.yaml")))
        raise StudyError(f'There is no profile "{layout.profile}"; the profiles are {known}.')
    load_profile(layout.profile_file)
    parameters = dict(read_yaml(layout.profile_file))
    seed = parameters.get("seed")
    if set(parameters) != {"profile", "seed"} or not (
        type(seed) is int and 0 <= seed <= LARGEST_SEED
    ):
        raise StudyError(
            f"{layout.shown(layout.profile_file)} must hold exactly two keys, "
            f"`profile` (a mapping) and `seed` (a whole number from 0 to {LARGEST_SEED})."
        )
    return parameters


def package_digest(root: Path) -> str:
    """The sha256 of what any chapter can load: the package, and the files of BESIDE_THE_PACKAGE."""
    package = root / "t5study"
    digest = hashlib.sha256()
    for path in content(package):
        inside = path.relative_to(package)
        if path.suffix not in LOADED or inside.parts[0] in OUTSIDE_THE_KERNEL:
            continue
        digest.update(f"{inside.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    for name in BESIDE_THE_PACKAGE:
        found = (root / name).read_bytes() if (root / name).is_file() else b""
        digest.update(f"{name}\0".encode() + found + b"\0")
    return digest.hexdigest()


def alone(layout: Layout) -> AbstractContextManager[None]:
    """Hold the lock of a build folder, so that two commands never make one book at once.

    Raises StudyError when another process holds it, or when the folder cannot be written to.
    """
    return locked(
        layout.build / "lock",
        f"Another command is making the book in {layout.shown(layout.build)}: "
        "wait for it, or stop it and run the same command again.",
    )


_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)", re.M)


def read_text(path: Path, shown: str) -> str:
    """The text of a source of the book.

    Raises StudyError, with the line, for what is not UTF-8 and for what a merge left to resolve.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyError(f"{shown}, line {line}, is not UTF-8: save the file as UTF-8.") from None
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise StudyError(
            f"{shown}, line {line}, holds the mark of a conflict ({conflict[0].strip()}): "
            "choose one of the two versions."
        )
    return text
