"""The rooms of the package as a picture and a table, drawn from the code at hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]

FLOORS = (
    {
        "cli": "parses and prints",
        "commands": "what the commands do",
        "book": "makes and publishes the book",
    },
    {
        "planning": "what is left, and whether it fits",
        "study": "what a notebook talks to",
        "producing": "which code answers which question",
        "profiles": "which experiments a book runs",
    },
    {
        "chapters": "tables, figures and observations of each chapter",
        "claims": "the report's statements and their verdicts",
    },
    {
        "pretraining": "from plain text to a model",
        "training": "from a model and labels to a run",
    },
    {
        "judging": "answers, scores, intervals, baselines",
        "experiments": "what is asked, and its identity",
    },
    {
        "models": "checkpoints, architectures",
        "data": "sources, tasks, rows, token ids, batches",
    },
    {
        "runs": "records and their store",
        "base": "files, errors, settings, the checkout",
    },
)
"""The rooms, floor by floor from the roof down, each with what it is for."""

ROOMS = {room: use for floor in FLOORS for room, use in floor.items()}
"""The rooms from the roof down: a room imports from those that come after it, and from no other."""


@dataclass(frozen=True)
class Module:
    """A file of the package: its path in it, its first sentence, its lines and what it imports."""

    path: Path
    about: str
    lines: int
    imports: frozenset[str]

    @property
    def room(self) -> str:
        """The room that the file lies in; a file at the top is a room of its own."""
        return self.path.parts[0].removesuffix(".py")


def modules(house: Path = HOUSE) -> list[Module]:
    """Return the modules of the package, by path; `__init__` and `__main__` are no rooms."""
    files = sorted(path for path in house.rglob("*.py") if not path.name.startswith("__"))
    return [_read(path, house) for path in files]


def _read(path: Path, house: Path) -> Module:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    imported = frozenset(_imported(tree, house.name))
    return Module(path.relative_to(house), about, len(text.splitlines()), imported)


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """The rooms that a module imports from, inside functions as well; type checkers' left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == package and rest:
                yield rest.partition(".")[0]
        yield from _imported(node, package)


def picture(house: Path = HOUSE) -> str:
    """Return the house as SVG: a box for each room with its files and lines, floor upon floor."""
    # Late: what asks for the rooms alone draws nothing.
    from t5study.chapters.drawings.shapes import BLUISH, SMALL, Drawing

    found, width, height, gap = modules(house), 760, 66, 10
    drawing = Drawing(len(FLOORS) * (height + gap), width + gap)
    for floor, rooms in enumerate(FLOORS):
        top, each = gap / 2 + floor * (height + gap), (width - gap * (len(rooms) - 1)) / len(rooms)
        for place, (room, use) in enumerate(rooms.items()):
            left, files = gap / 2 + place * (each + gap), [m for m in found if m.room == room]
            size = f"{len(files)} file{'s' * (len(files) > 1)}"
            size += f", {sum(module.lines for module in files):,} lines"
            drawing.box(left, top, each, height, fill=BLUISH)
            drawing.words(left + each / 2, top + 16, room, bold=True)
            for line, words in enumerate((use, size)):
                drawing.words(left + each / 2, top + 36 + 17 * line, words, size=SMALL)
    return drawing.svg()


def table(house: Path = HOUSE) -> str:
    """Return a row a module as MyST: what it holds, by its own first sentence, and its lines."""
    found = modules(house)
    rows = ["| file | what it holds | lines |", "| --- | --- | ---: |"]
    for room in ROOMS:
        files = [module for module in found if module.room == room]
        rows += [f"| `{m.path.as_posix()}` | {m.about} | {m.lines:,} |" for m in files]
    return "\n".join(rows) + "\n"
