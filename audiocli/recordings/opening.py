"""A job's input, ready to be read any number of times: a file where it is, or one that was fetched."""

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from audiocli.audio.reading.source import Intake, StoredSource, open_input
from audiocli.chat import AudioSource
from audiocli.files import unwritable, write_all
from audiocli.printable import one_line
from audiocli.recordings.content import Signature, check_unchanged, signature_of
from audiocli.secret import without_secrets


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
    from audiocli.http.client import fetch_into

    shown = one_line(without_secrets(name))
    spool = StoredSource(lambda file: None)
    try:
        with io.FileIO(spool.descriptor, "wb", closefd=False) as file:
            intake = Intake(partial(write_all, file), shown, max_bytes)
            await fetch_into(intake.take, name, max_bytes=max_bytes, seconds=seconds)
    except OSError as error:
        hint = "point TMPDIR to a folder with more room"
        raise unwritable(tempfile.gettempdir(), error, hint=hint) from error
    yield Opened(shown, spool)
