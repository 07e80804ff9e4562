"""What a person sees while chapters run, and the memory they take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType

import psutil
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def spoken_time(seconds: float) -> str:
    """A duration in words: `8 s`, `1 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


class ChapterProgress:
    """Prints one line a chapter and, on a terminal, a bar that counts its cells."""

    def __init__(self, console: Console, total: int, budget_minutes: float) -> None:
        self.console = console
        self.total = total
        self.budget_minutes = budget_minutes
        self.index = 0
        self.bar: Progress | None = None
        self.announced = False

    def kept(self, name: str, seconds: float) -> None:
        """The chapter's outputs are current."""
        self.index += 1
        self._line(name, f"up to date [dim](took {spoken_time(seconds)} when it ran)[/dim]")

    def start(self, name: str, cells: int, expected: float | None) -> None:
        """The chapter begins; `expected` is how many seconds it took last time."""
        if not self.announced:
            self.announced = True
            budget = spoken_time(60 * self.budget_minutes)
            self.console.print(f"The whole book is expected to take at most {budget}.")
        self.index += 1
        expectation = f"expected {spoken_time(expected)}" if expected else "first time"
        self._line(name, f"running, {expectation}")
        self.bar = Progress(
            TextColumn("       "),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells,"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(name, total=cells)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Shows the bar, and takes it away again also when the run is interrupted."""
        with self.bar or nullcontext():
            yield
        self.bar = None

    def cell(self, index: int) -> None:
        """The chapter's cell `index` begins."""
        if self.bar is not None:
            self.bar.update(self.task, completed=index)

    def done(self, name: str, seconds: float) -> None:
        """The chapter ran to its end."""
        self._line(name, f"[green]done[/green] in {spoken_time(seconds)}")

    def failed(self, name: str, problem: str) -> None:
        """The chapter stopped."""
        self._line(name, f"[red]failed[/red]: {escape(problem)}")

    def _line(self, name: str, text: str) -> None:
        place = escape(f"[{self.index}/{self.total}]")
        self.console.print(f"{place} {name}: {text}", highlight=False)


class PeakMemory:
    """Watches the child processes of this one: `peak` is the most bytes they held together."""

    def __init__(self, interval: float = 0.5) -> None:
        self.peak = 0
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        here = psutil.Process()
        while not self._stop.wait(self._interval):
            self.peak = max(self.peak, sum(map(_resident, here.children(recursive=True))))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
