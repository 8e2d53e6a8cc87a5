"""Memory that glibc keeps of large buffers: used again while requests come, given back afterwards."""

import ctypes
import os
import sys
from pathlib import Path

MALLOPT_TRIM_THRESHOLD, MALLOPT_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 32 * 1024 * 1024  # the largest buffer that glibc lets be used again
SPARE_BYTES = 2 * KEPT_BYTES  # that may stay unused
LOOKS = 4  # in a row that find more than that

_STATM = Path("/proc/self/statm")


def reuse_big_buffers() -> None:
    """Keep glibc from giving the memory of each large buffer back, to ask for the same again."""
    library = _glibc()
    if library is not None:
        library.mallopt(MALLOPT_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(MALLOPT_TRIM_THRESHOLD, SPARE_BYTES)


class SpareMemory:
    """Gives unused memory back to the system.

    glibc returns only what is free at the end of its heap. One small block there keeps all that is free below
    it: several hundred MB after a burst of large bodies.
    """

    def __init__(self) -> None:
        self._library = _glibc()
        self._outside = self._unused()  # the program itself, and what is not malloc's
        self._found = 0

    def look(self) -> None:
        """To be called from time to time; gives back what has been unused at `LOOKS` calls in a row."""
        unused = self._unused()
        self._outside = min(self._outside, unused)
        self._found = self._found + 1 if unused - self._outside > SPARE_BYTES else 0
        if self._library is not None and self._found == LOOKS:
            self._library.malloc_trim(0)
            self._outside, self._found = self._unused(), 0

    def _unused(self) -> int:
        """Bytes of this process's memory that are not in use by malloc."""
        if self._library is None:
            return 0
        counted: _Counted = self._library.mallinfo2()
        in_use: int = counted.uordblks + counted.hblkhd
        return resident_bytes() - in_use


def resident_bytes() -> int:
    """What this process has of the machine's memory; Linux alone."""
    pages = _STATM.read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class _Counted(ctypes.Structure):
    """mallinfo2(3): `uordblks` bytes are in use, `hblkhd` in mappings of their own."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _glibc() -> ctypes.CDLL | None:
    """The system's library, if it is glibc 2.33 or newer, which counts large heaps, and /proc is there."""
    if not sys.platform.startswith("linux") or not _STATM.exists():
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.mallinfo2.restype = _Counted
    return library
