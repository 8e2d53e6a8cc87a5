"""What is remembered of recordings is forgotten again: what is old, and what is too much."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from audiocli.files import open_private

KEPT_SECONDS = 90 * 86_400.0
MOST_BYTES = 1_000_000_000
BETWEEN_SECONDS = 86_400.0
"""A folder is looked through once a day: there may be many thousands of files."""

_STAMP = "pruned"


def prune(folder: str, *inner: str, most_bytes: int = MOST_BYTES) -> None:
    """Take away the files below the `inner` folders that were written too long ago.

    Of the others the latest stay, as many as `most_bytes` hold. When that was done stands in `folder`, where
    it is not done again on the same day. Raises `OSError`. Blocks.
    """
    now, stamp = time.time(), os.path.join(folder, _STAMP)
    if now - _written(stamp) < BETWEEN_SECONDS:
        return
    with open(stamp, "wb", opener=open_private):
        os.utime(stamp)
    total = 0
    for path, size, written in sorted(_files(folder, inner), key=lambda file: file[2], reverse=True):
        total += size
        if total > most_bytes or now - written > KEPT_SECONDS:
            with suppress(FileNotFoundError):  # Another process prunes as well.
                os.unlink(path)


def _files(folder: str, inner: Iterable[str]) -> Iterator[tuple[str, int, float]]:
    """Path, size and time of writing of each file."""
    for name in inner:
        for directory, _, files in os.walk(os.path.join(folder, name)):
            for file in files:
                path = os.path.join(directory, file)
                with suppress(FileNotFoundError):  # It has been replaced, or pruned.
                    status = os.stat(path)
                    yield path, status.st_size, status.st_mtime


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
