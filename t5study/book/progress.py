"""What a person sees while chapters run."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from t5study.base.words import spoken_time


class ChapterProgress:
    """Prints a line where a chapter begins and ends and, on a terminal, bars that count cells.

    Several chapters may run at once; each is known by its name. `bars` is entered around them all.
    """

    def __init__(self, console: Console, total: int, budget_minutes: float | None) -> None:
        self.console = console
        self.total = total
        self.budget_minutes = budget_minutes
        self._numbers: dict[str, int] = {}
        self._tasks: dict[str, TaskID] = {}
        self.bars = Progress(
            TextColumn("       {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells,"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def model(self, name: str, text: str) -> None:
        """Print news of a model that is made before the chapters."""
        self._announce()
        text = f"[dim]before the chapters[/dim] {escape(name)}: {text}"
        self.console.print(text, highlight=False, soft_wrap=True)

    def start(self, name: str, cells: int, expected: float | None) -> None:
        """A chapter begins; `expected` is how many seconds it took last time."""
        self._announce()
        self.line(
            name, f"running, {f'expected {spoken_time(expected)}' if expected else 'first time'}"
        )
        self._tasks[name] = self.bars.add_task(name, total=cells)

    def cell(self, name: str, index: int) -> None:
        """The chapter's cell `index` begins."""
        self.bars.update(self._tasks[name], completed=index)

    def line(self, name: str, text: str) -> None:
        """Print what became of a chapter, and end its bar unless it begins."""
        if name in self._tasks:
            self.bars.remove_task(self._tasks.pop(name))
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        place = escape(f"[{number}/{self.total}]")
        self.console.print(f"{place} {name}: {text}", highlight=False, soft_wrap=True)

    def _announce(self) -> None:
        """Say once how long everything may take, if that is known."""
        if self.budget_minutes is not None:
            budget = spoken_time(60 * self.budget_minutes)
            self.console.print(f"The whole book is expected to take at most {budget}.")
            self.budget_minutes = None
