"""What is piped in is put into a file, which can be read again, and from its middle."""

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from audiocli.cli.inputs import PATIENCE_SECONDS
from audiocli.cli.recordings import STDIN, Recording
from audiocli.cli.world import World
from audiocli.errors import InputError, OutputError

_BLOCK = 1 << 20  # bytes


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
    if world.stdin is None:
        raise _nothing()
    reminder = threading.Timer(PATIENCE_SECONDS, world.note, ["waiting for a recording on stdin"])
    reminder.daemon = True
    reminder.start()
    try:
        first = _read(world.stdin, 1)
        reminder.cancel()
        if not first:
            raise _nothing()
        with open(path, "xb", buffering=0) as file:
            _copy(first, world.stdin, file, max_bytes)
    except OSError as error:
        problem = error.strerror or str(error)
        raise OutputError(
            f"cannot keep what comes on stdin: {problem}", hint="make room, or set TMPDIR to another folder"
        ) from error
    finally:
        reminder.cancel()


def _copy(first: bytes, source: BinaryIO, file: BinaryIO, max_bytes: int) -> None:
    size, block = 0, first
    while block:
        size += len(block)
        if size > max_bytes:
            raise InputError(
                f"what comes on stdin is larger than {max_bytes / 1e6:.3g} MB",
                hint="pipe in a shorter piece, or raise --max-input",
            )
        file.write(block)
        block = _read(source, _BLOCK)


def _read(source: BinaryIO, size: int) -> bytes:
    try:
        return source.read(size)
    except OSError:
        return b""  # A descriptor that is closed, or a terminal that has gone: nothing more comes from there.


def _nothing() -> InputError:
    return InputError("nothing came on stdin", hint="name a recording, or pipe one in")
