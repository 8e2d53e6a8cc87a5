"""What a file holds, and whether it is still that."""

import hashlib
import os
import stat

from audiocli.audio.reading.source import unreadable
from audiocli.errors import InputError
from audiocli.printable import quoted

Signature = tuple[int, int, int]
"""A file's size, the nanosecond of its last change, and its number: if these stay, so has the content."""

_BLOCK = 1 << 20  # bytes


def signature_of(path: str) -> Signature | None:
    """What tells whether the file at `path` has changed; `None` for what is no regular file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def digest_of(path: str) -> str:
    """The SHA-256 of a file's content, in hexadecimal. Blocks, for as long as it takes to read the file.

    Raises `InputError`.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


class ChangedError(InputError):
    """The input is not what it was: what has been heard may be of two recordings."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{quoted(path)} changed while it was read", hint="try again once it is complete")


def check_unchanged(path: str, signature: Signature | None) -> None:
    """Raise `ChangedError` where the file at `path` is no longer the one that `signature` is of."""
    if signature is not None and signature_of(path) != signature:
        raise ChangedError(path)
