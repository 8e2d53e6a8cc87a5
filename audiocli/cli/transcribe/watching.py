"""What a user sees while recordings are heard: words, or bars. What it comes to is counted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from audiocli.chat import Usage
from audiocli.cli.progress import Progress, Spinner
from audiocli.cli.render import watched
from audiocli.cli.transcribe.live import LiveText
from audiocli.cli.transcribe.recordings import Recording
from audiocli.cli.transcribe.results import Result
from audiocli.cli.world import World, is_terminal
from audiocli.cli.wrapping import terminal_size
from audiocli.errors import OutputError
from audiocli.printable import one_line
from audiocli.recordings.job import Begun, Heard, JobEvent, PieceDone


class Bars(Protocol):
    """One bar for the run, and one for each recording in work."""

    def begin(self, name: str, seconds: float, done: float) -> None: ...

    def advance(self, name: str, seconds: float, dollars: float) -> None: ...

    def end(self, name: str) -> None: ...


class NoBars:
    """Where nobody watches, or words are to be seen."""

    def begin(self, name: str, seconds: float, done: float) -> None:
        pass

    def advance(self, name: str, seconds: float, dollars: float) -> None:
        pass

    def end(self, name: str) -> None:
        pass


class Watch:
    """Takes what is told of recordings. `live` shows their words.

    `pieces` and `usage` are what this run was given, as far as that is known; `results` what became of the
    recordings that have ended.
    """

    def __init__(self, world: World, bars: Bars, live: LiveText | None = None) -> None:
        self.pieces = 0
        self.usage = Usage()
        self.results: list[Result] = []
        self._world = world
        self._bars = bars
        self._live = live
        self._began: dict[str, float] = {}

    def take(self, recording: Recording, event: JobEvent) -> None:
        match event:
            case Begun():
                self._began[recording.input] = time.monotonic()
                self._bars.begin(recording.name, event.seconds, event.done)
                self._world.detail(f"{one_line(recording.name)}: {event.model} hears {event.seconds:.1f} s")
            case Heard() if self._live is not None:
                self._world.progress.hide()
                self._live.hear(f"\n\n{event.text.lstrip()}" if event.paragraph else event.text)
            case PieceDone():
                self._count(event)
                self._bars.advance(recording.name, event.end - event.start, event.dollars or 0.0)

    def end(self, result: Result) -> None:
        self.results.append(result)
        self._bars.end(result.recording.name)

    def elapsed(self, recording: Recording) -> float:
        """Seconds since it was begun; 0 where it never was."""
        now = time.monotonic()
        return now - self._began.get(recording.input, now)

    def show(self, text: str) -> None:
        """Show the text as it is in the end."""
        self._world.progress.hide()
        if self._live is not None:
            self._live.settle(text)
        else:
            self._world.answer(text)

    def abandon(self) -> None:
        """Nothing more comes: what moves is taken away, and a line that is open is ended."""
        self._world.progress.hide()
        if self._live is not None:
            with suppress(OutputError, BrokenPipeError):
                self._live.close()

    def _count(self, piece: PieceDone) -> None:
        self.pieces += 1
        if piece.usage is not None:
            self.usage += piece.usage


def watch_words(world: World, recording: Recording, *, live: bool) -> Watch:
    """Watches one recording whose text goes to stdout; `live`, on a terminal, while it is recognised."""
    if world.stdout is None or not (live and is_terminal(world.stdout)):
        return watch_files(world, 1)
    if watched(world) and world.stderr is not None:
        world.progress = Spinner(world.stderr, coloured=world.is_coloured(world.stderr))
        world.progress.show(f"hearing {one_line(recording.name, 40)}")
    redraws = world.environ.get("TERM") != "dumb" and not world.quiet
    size = partial(terminal_size, world.stdout.fileno())
    text = LiveText(world.answer, size, redraws=redraws)
    if is_terminal(world.stderr):
        world.progress = _Above(world.progress, text)
    return Watch(world, NoBars(), text)


@dataclass(frozen=True)
class _Above:
    """A `Progress` until there is `text`; what is said after that goes above it."""

    progress: Progress
    text: LiveText

    def show(self, text: str) -> None:
        self.progress.show(text)

    def hide(self) -> None:
        self.progress.hide()

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self.progress.paused(), self.text.paused():
            yield


def watch_files(world: World, count: int) -> Watch:
    """Watches `count` recordings, whose transcripts go to files."""
    if not watched(world) or world.stderr is None:
        return Watch(world, NoBars())
    from audiocli.cli.transcribe.archive_progress import ArchiveBars

    bars = ArchiveBars(world.stderr, count, coloured=world.is_coloured(world.stderr))
    world.progress = bars
    return Watch(world, bars)
