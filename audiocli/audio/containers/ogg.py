"""What an Ogg file holds: links, one after the other, each with streams beside each other (RFC 3533)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.audio.containers.tags import after_tags
from audiocli.errors import InputError

_HEADER = 27  # bytes of a page before the lengths of its segments
_LARGEST = _HEADER + 255 + 255 * 255  # bytes of a page
_FIRST, _LAST = 2, 4  # flags of a page
_SOUND = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
_BLOCK = 2**20


@dataclass
class Link:
    """From `start` to `end` of a file. `tracks` are its streams with sound; those that are not `ended` lack
    their last page.
    """

    start: int
    end: int
    tracks: int
    ended: bool


@dataclass(frozen=True)
class Links:
    """All that is in a file, and how many bytes between are not Ogg."""

    links: tuple[Link, ...]
    unread: int


@dataclass(frozen=True)
class _Page:
    start: int
    end: int
    flags: int
    serial: bytes
    content: bytes  # its beginning


def read_ogg(file: BinaryIO, size: int) -> Links:
    """Looks at every page of a file of `size` bytes. Raises `InputError` if there is none."""
    links: list[Link] = []
    beginning, unread, last = False, 0, 0
    open_streams: set[bytes] = set()
    for page in _pages(file, size):
        unread += page.start - last
        first = bool(page.flags & _FIRST)
        if first and not beginning:
            links.append(Link(page.start, page.end, 0, ended=True))
            open_streams = set()
        beginning = first
        if links:
            links[-1].tracks += first and page.content.startswith(_SOUND)
            links[-1].end = last = page.end
            (open_streams.discard if page.flags & _LAST else open_streams.add)(page.serial)
            links[-1].ended = not open_streams
    if not links:
        raise InputError("there is no page that begins a stream")
    return Links(tuple(links), unread)


def _pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    offset = 0
    while (found := _find(file, offset, size)) is not None:
        page = _page_at(file, found)
        offset = page.end if page and page.end <= size else found + 4
        if page and page.end <= size:
            yield page


def _find(file: BinaryIO, offset: int, size: int) -> int | None:
    """Where the next page starts, after tags or damage."""
    offset = after_tags(file, offset, size)
    if _read_at(file, offset, 4) == b"OggS":
        return offset
    while offset < size:
        data = _read_at(file, offset, _BLOCK)
        at = data.find(b"OggS")
        if at >= 0:
            return offset + at
        offset += max(1, len(data) - 3)
    return None


def _page_at(file: BinaryIO, offset: int) -> _Page | None:
    head = _read_at(file, offset, _HEADER + 255 + 16)
    if len(head) < _HEADER or head[4]:
        return None
    start = _HEADER + head[26]
    return _Page(
        offset, offset + start + sum(head[_HEADER:start]), head[5], head[14:18], head[start : start + 16]
    )


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
