"""Transcripts go to files that appear when they are whole."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from audiocli.files import AtomicFile, unwritable
from audiocli.transcript import Transcript


@dataclass(frozen=True)
class Form:
    """What a file's content is: `render` makes it of a transcript, `name` tells it from other forms."""

    name: str
    render: Callable[[Transcript], bytes]


def check_writable(path: str, *, clobber: bool) -> None:
    """Raise `OutputError` if something keeps a file from being written at `path`, as far as can be known.

    A folder that is not there is none of it: it is made when there is something to write.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(folder):
        AtomicFile(path, clobber=clobber).discard()
        return
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    AtomicFile(os.path.join(folder, os.path.basename(path))).discard()


def write_file(path: str, content: bytes, *, clobber: bool) -> None:
    """Put `content` into the file at `path`, whole or not at all. Raises `OutputError`. Blocks."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    file = AtomicFile(path, clobber=clobber)
    try:
        file.write(content)
        file.commit()
    except BaseException:
        file.discard()
        raise


def read_file(path: str) -> bytes:
    """What was written to the file at `path`. Raises `OutputError`. Blocks."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unwritable(path, error) from error
