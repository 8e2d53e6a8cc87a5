"""Transcripts go to files that appear when they are whole."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from audiocli.errors import OutputError
from audiocli.files import AtomicFile, TakenError, unwritable
from audiocli.printable import quoted
from audiocli.recordings.claiming import Claim, digest_at, digest_of_bytes
from audiocli.transcript import Transcript

_NAMES = 1000  # that are tried for what cannot have its own


@dataclass(frozen=True)
class Form:
    """What a file's content is: `render` makes it of a transcript, `name` tells it from other forms."""

    name: str
    render: Callable[[Transcript], bytes]


def check_writable(path: str, claim: Claim) -> None:
    """Raise `OutputError` if something keeps a file from being written at `path`, as far as can be known.

    A folder that is missing is not an error: it is made when there is something to write.
    """
    folder = os.path.dirname(path)
    if os.path.isdir(folder or os.curdir):
        AtomicFile(path, clobber=claim.follow, only=claim.only).discard()
    else:
        check_folder_writable(folder)


def check_folder_writable(folder: str) -> None:
    """Raise `OutputError` if no file can be made in `folder`, or, if that is missing, where it would be."""
    nearest = os.path.abspath(folder)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    AtomicFile(os.path.join(nearest, f".audiocli-{os.urandom(8).hex()}")).discard()


def write_file(path: str, content: bytes, claim: Claim) -> None:
    """Put `content` into the file at `path`, whole or not at all. Blocks.

    Raises `OutputError`. If a file that must stay has taken the name meanwhile, `content` is kept beside it.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        _write(path, content, claim)
    except TakenError as error:
        if digest_at(path) == digest_of_bytes(content):
            return  # Another run has written the same.
        raise _kept_beside(path, content) from error


def _write(path: str, content: bytes, claim: Claim) -> None:
    file = AtomicFile(path, clobber=claim.follow, only=claim.only)
    try:
        file.write(content)
        file.commit()
    except BaseException:
        file.discard()
        raise


def _kept_beside(path: str, content: bytes) -> OutputError:
    """Write `content` under the next free name, which the error says."""
    stem, extension = os.path.splitext(path)
    for number in range(1, _NAMES):
        kept = f"{stem}.kept{f'-{number}' if number > 1 else ''}{extension}"
        with suppress(TakenError):
            _write(kept, content, Claim())
            error = OutputError(
                f"cannot write {quoted(path)}: it was created or changed meanwhile; "
                f"the transcript is kept as {quoted(kept)}"
            )
            error.kept = kept
            return error
    return OutputError(f"cannot write {quoted(path)}: it was created or changed meanwhile")


def read_file(path: str) -> bytes:
    """What was written to the file at `path`. Raises `OutputError`. Blocks."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unwritable(path, error) from error
