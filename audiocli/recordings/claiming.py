"""Which file a transcript may replace: what somebody else has written stays."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audiocli.files import Identity, TakenError, identity, unwritable
from audiocli.printable import quoted
from audiocli.recordings.remembering.journal import Journal

Replaces = Literal["target", "any", "own", "nothing"]
"""What an output may replace: what its name leads to, as a user who names a file wants; whatever has the
name, links included; a file that was written here and has not changed since; nothing.
"""

OVERWRITE = "overwrite replaces it"


@dataclass(frozen=True)
class Claim:
    """What may be replaced: what the name leads to (`follow`), else `only` one file, else nothing."""

    follow: bool = False
    only: Identity | None = None


def claimed(
    path: str,
    replaces: Replaces,
    journal: Journal,
    recording: str,
    expected: Callable[[], bytes | None] = lambda: None,
) -> Claim:
    """What the transcript of `recording`, as the journal calls it, may replace at `path`.

    A run that was killed may have left a file that the journal does not know: it holds what is `expected`.
    Raises `OutputError`, which is a `TakenError` for a file that must stay. Blocks.
    """
    if replaces == "target":
        return Claim(follow=True)
    try:
        seen = identity(path)
    except OSError as error:
        raise unwritable(path, error) from error
    except ValueError:
        return Claim()  # What is no name is refused when it is opened.
    if seen is None or replaces == "nothing":
        return Claim()
    if replaces == "own":
        _check_own(path, journal, recording, expected)
    return Claim(only=seen)


def _check_own(path: str, journal: Journal, recording: str, expected: Callable[[], bytes | None]) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        return  # Nothing replaces a folder; that is found out when the file is made.
    if os.path.islink(path):
        raise _taken(path, "it is a symbolic link")
    digest, done = digest_at(path), journal.written(path)
    if done is None or digest is None or digest != done.content:
        content = expected()
        if content is None or digest_of_bytes(content) != digest:
            raise _taken(path, "it has been changed" if done else "it exists, and audiocli did not write it")
    elif done.input != recording and _is_another(done.input, recording):
        raise _taken(path, f"it is the transcript of {quoted(done.input)}")


def _is_another(first: str, second: str) -> bool:
    """Whether `first` is a file that still exists, and is not `second`."""
    try:
        return not os.path.samefile(first, second)
    except OSError:
        return os.path.exists(first)


def _taken(path: str, reason: str) -> TakenError:
    return TakenError(f"cannot write {quoted(path)}: {reason}", hint=OVERWRITE).about("overwrite")


def digest_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_at(path: str) -> str | None:
    """The SHA-256 of the file at `path`; `None` for what is no file, or cannot be read. Follows no link."""
    try:
        with open(path, "rb", opener=_open_unfollowed) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _open_unfollowed(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
