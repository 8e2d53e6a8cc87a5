"""Files that lines are added to, by several processes at once, any of which may be killed at any instant."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MAX_LINE_BYTES = 64 * 1024 * 1024  # The longest transcripts are some megabytes.


def append(path: str, line: bytes) -> None:
    """Add `line`, which has no line feed in it, to the file at `path`, which is its owner's alone.

    What a writer left unfinished that was killed becomes a line of its own. Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with _locked(descriptor):
            data = (b"" if _is_whole(descriptor) else b"\n") + line + b"\n"
            if os.write(descriptor, data) < len(data):
                raise OSError("there is no room for all of it")
    finally:
        os.close(descriptor)


def _is_whole(descriptor: int) -> bool:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return True
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    if sys.platform == "win32":  # where what is added at once stays together
        yield
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def whole_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Each line that was written to its end, and where it begins. Raises `OSError`."""
    with open(path, "rb") as file:
        offset = 0
        while line := file.readline(MAX_LINE_BYTES):
            if line.endswith(b"\n"):
                yield offset, line
            offset += len(line)
