"""What is piped in is put into a file, which can be read again, and from its middle."""

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import BinaryIO

from audiocli.audio.reading.source import Intake
from audiocli.cli.ask.inputs import PATIENCE_SECONDS
from audiocli.cli.transcribe.recordings import STDIN, Recording
from audiocli.cli.world import World
from audiocli.errors import InputError, OutputError
from audiocli.files import write_all

_BLOCK = 1 << 20  # bytes
_SHORTER = "pipe in a shorter piece, or raise --max-input"


@contextmanager
def spooled(world: World, recordings: Sequence[Recording], max_bytes: int) -> Iterator[list[Recording]]:
    """The recordings, with a file in the place of stdin while this is entered.

    Raises `InputError` where nothing is piped in, or more than `max_bytes`, and `OutputError` where there is
    no room for it.
    """
    if not any(recording.input == STDIN for recording in recordings):
        yield list(recordings)
        return
    with tempfile.TemporaryDirectory(prefix="audiocli-") as folder:
        path = os.path.join(folder, "stdin")
        _copy_stdin(world, path, max_bytes)
        yield [replace(each, input=path) if each.input == STDIN else each for each in recordings]


def _copy_stdin(world: World, path: str, max_bytes: int) -> None:
    if (stdin := world.stdin) is None:
        raise _nothing()
    reminder = threading.Timer(PATIENCE_SECONDS, world.note, ["waiting for a recording on stdin"])
    reminder.daemon = True
    reminder.start()
    try:
        first = _read(stdin, 1)
        reminder.cancel()
        if not first:
            raise _nothing()
        with open(path, "xb", buffering=0) as file:
            intake = Intake(partial(write_all, file), "stdin", max_bytes, hint=_SHORTER)
            for block in chain([first], iter(lambda: _read(stdin, _BLOCK), b"")):
                intake.take(block)
    except OSError as error:
        problem = error.strerror or str(error)
        raise OutputError(
            f"cannot keep what comes on stdin: {problem}", hint="make room, or set TMPDIR to another folder"
        ) from error
    finally:
        reminder.cancel()


def _read(source: BinaryIO, size: int) -> bytes:
    try:
        return source.read(size)
    except OSError:
        return b""  # A descriptor that is closed, or a terminal that has gone: nothing more comes from there.


def _nothing() -> InputError:
    return InputError("nothing came on stdin", hint="name a recording, or pipe one in")
