"""Where in a file something starts that has a mark, if nothing less than looking at all of it tells."""

from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 2**20  # bytes that are looked at together
AFTER = 64  # bytes from a mark on that `accepts` is shown, as far as there are so many


def find_mark(
    file: BinaryIO, mark: bytes, start: int, accepts: Callable[[bytes], bool] = lambda found: True
) -> int | None:
    """The first place from `start` on where `mark` is, and what `accepts` it with what follows."""
    data = b""
    while block := _read_at(file, start + len(data), _BLOCK):
        data += block
        at = data.find(mark)
        while at >= 0:
            found = data[at : at + AFTER]
            if accepts(found if len(found) == AFTER else _read_at(file, start + at, AFTER)):
                return start + at
            at = data.find(mark, at + 1)
        kept = len(mark) - 1
        start, data = start + len(data) - kept, data[-kept:]
    return None


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
