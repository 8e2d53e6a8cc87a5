"""What moves on a terminal while a command waits. Rich is imported where there is somebody to watch."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol, TextIO

from audiocli.cli.colour import console
from audiocli.printable import one_line


class Progress(Protocol):
    """Shows on stderr that something goes on. `show` replaces what was shown, `hide` takes it away."""

    def show(self, text: str) -> None: ...

    def hide(self) -> None: ...

    def paused(self) -> AbstractContextManager[None]:
        """A while in which something else may be written there."""
        ...


class NoProgress:
    """Where nobody watches."""

    def show(self, text: str) -> None:
        pass

    def hide(self) -> None:
        pass

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


class Spinner:
    """A moving line on a terminal."""

    def __init__(self, stream: TextIO, *, coloured: bool = True) -> None:
        self._console = console(stream, coloured=coloured)
        self._status: Any = None

    def show(self, text: str) -> None:
        from rich.text import Text

        self._show(Text(one_line(text)))  # What is in brackets is no markup.

    def _show(self, text: Any) -> None:
        if self._status is None:
            self._status = self._console.status(text, spinner="dots")
            self._status.start()
        else:
            self._status.update(text)

    def hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        status = self._status
        self.hide()
        yield
        if status is not None:
            self._show(status.status)


class Meter:
    """A figure behind the words on a terminal's line, which the next words write over."""

    # Saves the cursor, switches wrapping off, is faint; and all of that back.
    _BEFORE, _AFTER = "\x1b7\x1b[?7l\x1b[2m", "\x1b[0m\x1b[?7h\x1b8"
    _ERASE = "\x1b[K"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = False

    def show(self, text: str) -> None:
        self._write(f"{self._BEFORE}  {text}{self._ERASE}{self._AFTER}")
        self._shown = True

    def hide(self) -> None:
        if self._shown:
            self._write(self._ERASE)
            self._shown = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.hide()
        yield

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # A terminal that has gone shows nothing.
            self._stream.write(text)
            self._stream.flush()


class DownloadBar:
    """A bar on a terminal for `total` bytes that arrive. Something that is said takes it away."""

    def __init__(self, stream: TextIO, total: int, *, coloured: bool = True) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

        columns = BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=console(stream, coloured=coloured), transient=True)
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def advance(self, done: int) -> None:
        """`done` bytes of all are there."""
        self._bar.update(self._task, completed=done)

    def show(self, text: str) -> None:
        pass  # What is waited for is to be seen.

    def hide(self) -> None:
        self._bar.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.hide()
        yield
