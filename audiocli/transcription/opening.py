"""A job's input, ready to be read any number of times: a file where it is, or one that was fetched."""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.audio.source import Intake, open_input
from audiocli.chat import AudioSource
from audiocli.files import unwritable
from audiocli.printable import one_line
from audiocli.secret import without_secrets
from audiocli.transcription.content import Signature, check_unchanged, signature_of


@dataclass(frozen=True)
class Opened:
    """An input's bytes, and what it is called in messages."""

    name: str
    source: AudioSource
    signature: Signature | None = None

    def check_unchanged(self) -> None:
        """Raise `ChangedError` where the file is no longer the one that was opened."""
        check_unchanged(self.name, self.signature)


def is_address(name: str) -> bool:
    return "://" in name


@asynccontextmanager
async def opened(name: str, *, max_bytes: int, seconds: float) -> AsyncIterator[Opened]:
    """What `name`, a path or an address, leads to. A file may have any size.

    What comes through a pipe may have `max_bytes`, as may what comes from an address, and that within
    `seconds`. Raises `InputError`, `ConnectError` and `DeadlineError`.
    """
    if not is_address(name):
        # Looked at before it is opened: a change between the two must not go unseen.
        signature = signature_of(name)
        limit = max_bytes if signature is None else sys.maxsize
        yield Opened(name, await asyncio.to_thread(open_input, name, limit, stored=True), signature)
        return
    from audiocli.http import fetch_into

    shown = one_line(without_secrets(name))
    with tempfile.TemporaryFile() as file:
        intake = Intake(file.write, shown, max_bytes)
        try:
            await fetch_into(intake.take, name, max_bytes=max_bytes, seconds=seconds)
            file.flush()
        except OSError as error:
            hint = "point TMPDIR to a folder with more room"
            raise unwritable(tempfile.gettempdir(), error, hint=hint) from error
        yield Opened(shown, Unnamed(file.fileno(), file.tell()))


@dataclass(frozen=True)
class Unnamed:
    """An `AudioSource` in a file without a name, of which only the descriptor is known."""

    descriptor: int
    size: int

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Reader(self.descriptor, self.size))


class _Reader(io.RawIOBase):
    """Reads from a descriptor at a position of its own, so that several can read at once."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # what io passes here
        read = os.preadv(self._descriptor, [buffer], self._position)
        self._position += read
        return read
