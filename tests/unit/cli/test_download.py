"""What is fetched is named, and its bar leaves the terminal as it was."""

import os
import pty
import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

import pytest

from audiocli.cli.progress import DownloadBar
from audiocli.cli.render import Download
from audiocli.cli.world import World

HEARING, THINKING = "the embedded recogniser (56 MB)", "the embedded model (93 MB)"
HIDES_CURSOR, SHOWS_CURSOR = "\x1b[?25l", "\x1b[?25h"


@dataclass
class Waiting:
    """Something that moves until it is told to stop."""

    done: list[str] = field(default_factory=list)

    def show(self, text: str) -> None:
        self.done.append(text)

    def hide(self) -> None:
        self.done.append("hidden")

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.done.append("paused")
        yield
        self.done.append("moves")


@dataclass
class Terminal:
    stream: TextIO
    other_side: int

    def read(self) -> str:
        """All that has been written; the system hands it over a moment later."""
        shown = b""
        while select.select([self.other_side], [], [], 0.2)[0]:
            shown += os.read(self.other_side, 65536)
        return shown.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    with open(theirs, "w", buffering=1) as stream:
        yield Terminal(stream, ours)
    os.close(ours)


def test_each_thing_is_named_once_and_what_moved_before_goes_on(terminal: Terminal) -> None:
    waiting = Waiting()
    world = World(None, None, terminal.stream, {"TERM": "xterm"}, progress=waiting)
    download = Download(world)
    for what in (HEARING, THINKING):
        for done in range(0, 101, 50):
            download.show(what, done, 100)
        assert world.progress is waiting
    shown = terminal.read()
    assert [shown.count(what) for what in (HEARING, THINKING)] == [1, 1]
    assert shown.count(HIDES_CURSOR) == shown.count(SHOWS_CURSOR) == 2
    assert waiting.done.count("paused") == waiting.done.count("moves") == 4  # for two notes and two bars


def test_a_bar_that_does_not_come_to_its_end_is_taken_away_with_what_moves(terminal: Terminal) -> None:
    world = World(None, None, terminal.stream, {"TERM": "xterm"}, progress=Waiting())
    Download(world).show(THINKING, 1, 100)
    assert isinstance(world.progress, DownloadBar)
    world.progress.hide()
    shown = terminal.read()
    assert -1 < shown.rfind(HIDES_CURSOR) < shown.rfind(SHOWS_CURSOR)


def test_where_nobody_watches_it_is_a_line() -> None:
    with open(os.devnull, "w") as nowhere:
        world = World(None, None, nowhere, {}, json=True)
        download = Download(world)
        for done in range(3):
            download.show(HEARING, done, 2)
    assert world.notes == [f"fetching {HEARING}, once"]
