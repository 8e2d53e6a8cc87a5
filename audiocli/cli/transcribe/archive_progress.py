"""Bars on a terminal: one for the whole run, one for each recording in work. Rich is imported with this."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from audiocli.cli.colour import console as make_console
from audiocli.cli.render import describe_dollars
from audiocli.cli.transcribe.results import describe_length, describe_speed
from audiocli.printable import one_line

_NARROW = 60  # columns
_REFRESHES = 5  # a second
_ECHO = 3  # columns that stay free for ^C: with it the last line would become two, and one would be left over


class ArchiveBars:
    """How far `files` recordings are. Also the `Progress` of a `World`: what is said goes above the bars."""

    def __init__(self, stream: TextIO, files: int, *, coloured: bool = True) -> None:
        console = make_console(stream, coloured=coloured)
        width = 8 if console.width < _NARROW else 24
        self._bars = Progress(
            _NameColumn(table_column=Column(ratio=1, no_wrap=True)),
            BarColumn(width),
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True)),
            console=console,
            expand=True,
        )
        self._console = console
        self._live: Live | None = None
        self._files = files
        self._ended = 0
        self._began = time.monotonic()
        self._dollars = 0.0
        self._heard = 0.0  # seconds of sound, in this run
        self._tasks: dict[str, TaskID] = {}
        self._run = self._bars.add_task("", total=files, told="", visible=files > 1)
        self._start()

    def begin(self, name: str, seconds: float, done: float) -> None:
        """A recording of `seconds` is in work; `done` of them were heard in an earlier run."""
        told = describe_length(seconds)
        task = self._bars.add_task(one_line(name), total=seconds, told=told)
        self._bars.advance(task, done)
        self._tasks[name] = task
        self._tell()

    def advance(self, name: str, seconds: float, dollars: float) -> None:
        """More of it has been heard."""
        self._heard += seconds
        self._dollars += dollars
        if name in self._tasks:
            self._bars.advance(self._tasks[name], seconds)
        self._tell()

    def end(self, name: str) -> None:
        """It is done, or nothing will come of it."""
        self._ended += 1
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))
        self._tell()

    def show(self, text: str) -> None:
        pass  # What is waited for is to be seen.

    def hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        moves = self._live is not None
        self.hide()
        yield
        if moves:
            self._start()

    def _start(self) -> None:
        # One that is stopped and started again writes over what was said meanwhile.
        self._live = Live(
            console=self._console,
            get_renderable=lambda: Constrain(self._bars.get_renderable(), self._console.width - _ECHO),
            transient=True,
            refresh_per_second=_REFRESHES,
        )
        self._live.start()

    def _tell(self) -> None:
        elapsed = time.monotonic() - self._began
        told = [
            describe_length(self._heard),
            describe_speed(self._heard, elapsed),
            describe_dollars(self._dollars) if self._dollars else "",
        ]
        self._bars.update(
            self._run,
            description=f"{self._ended}/{self._files}",
            completed=self._ended + sum(self._share(task) for task in self._tasks.values()),
            told=" ".join(part for part in told if part),
        )

    def _share(self, task: TaskID) -> float:
        found = next((each for each in self._bars.tasks if each.id == task), None)
        return found.percentage / 100 if found else 0.0


class _NameColumn(ProgressColumn):
    def render(self, task: Task) -> "_Name":
        return _Name(task.description)


@dataclass(frozen=True)
class _Name:
    """A name in whatever room there is."""

    name: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(end_of(self.name, options.max_width))


def end_of(name: str, columns: int) -> str:
    """As much of the end of `name` as `columns` take: recordings of a folder begin alike."""
    if cell_len(name) <= columns:
        return name
    shown = name
    while shown and cell_len(shown) >= columns:
        shown = shown[1:]
    return f"…{shown}"
