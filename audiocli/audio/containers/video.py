"""How long the sound in an MP4 or WebM file is, as the file states it, and where the file ends."""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.audio.containers.scan import find_mark
from audiocli.audio.containers.sniff import Kind

_MAX_BOXES = 10_000
_MAX_SECONDS = 1e7  # Four months; more is damage.
_EBML = 0x1A45DFA3
_SEGMENT, _INFO, _TIMESTAMP_SCALE, _DURATION = 0x18538067, 0x1549A966, 0x2AD7B1, 0x4489


@dataclass(frozen=True)
class _Box:
    """A part of a file from `outer` on that has a name, and content from `start` to `end`."""

    name: bytes | int
    start: int
    end: int
    outer: int


@dataclass(frozen=True)
class Stated:
    """How many seconds a file says that it has; `whole` that no part of it reaches beyond the file's end."""

    seconds: float
    whole: bool


def stated_length(file: BinaryIO, size: int, kind: Kind) -> Stated | None:
    """`None` where a file of `size` bytes does not say it, or is of another kind."""
    read = {"mp4": _mp4_length, "webm": _webm_length}.get(kind)
    stated = read(file, size) if read else None
    return stated if stated and 0 < stated.seconds < _MAX_SECONDS else None


def container_end(file: BinaryIO, size: int, kind: Kind) -> int:
    """Where an MP4 or WebM file ends that others may have been joined to, in a file of `size` bytes."""
    return {"mp4": _mp4_end, "webm": _webm_end}[kind](file, size)


def _mp4_end(file: BinaryIO, size: int) -> int:
    begun = False
    for box in _boxes(file, 0, size):
        if box.name == b"ftyp" and begun:
            return box.outer
        begun = True
    return size


def _webm_end(file: BinaryIO, size: int) -> int:
    """What is recorded live has a segment of unknown size."""
    for element in _elements(file, 0, size):
        if element.name == _EBML and element.outer:
            return element.outer
        if element.name == _SEGMENT and element.end >= size:
            return find_mark(file, _EBML.to_bytes(4), element.start, _begins_webm) or size
    return size


def _begins_webm(head: bytes) -> bool:
    return b"webm" in head or b"matroska" in head


def _mp4_length(file: BinaryIO, size: int) -> Stated | None:
    boxes = list(_boxes(file, 0, size))
    whole = all(box.end <= size for box in boxes)
    for media in _named(file, boxes, b"moov", b"trak", b"mdia"):
        parts = {box.name: box for box in _boxes(file, media.start, media.end)}
        if b"hdlr" in parts and b"mdhd" in parts and _at(file, parts[b"hdlr"].start + 8, 4) == b"soun":
            seconds = _media_seconds(_at(file, parts[b"mdhd"].start, 32))
            return Stated(seconds, whole) if seconds else None
    return None


def _named(file: BinaryIO, boxes: list[_Box], *path: bytes) -> list[_Box]:
    for name in path[:-1]:
        boxes = [inner for box in boxes if box.name == name for inner in _boxes(file, box.start, box.end)]
    return [box for box in boxes if box.name == path[-1]]


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        head = _at(file, start, 16)
        if start + 8 > end or len(head) < 8:
            return
        length, header = int.from_bytes(head[:4]), 8
        if length == 1:
            length, header = int.from_bytes(head[8:16]), 16
        elif length == 0:
            length = end - start
        if length < header:
            return
        yield _Box(head[4:8], start + header, start + length, start)
        start += length


def _media_seconds(header: bytes) -> float | None:
    layout, offset = (">IQ", 20) if header[:1] == b"\1" else (">II", 12)
    if len(header) < offset + struct.calcsize(layout):
        return None
    scale, duration = struct.unpack_from(layout, header, offset)
    unknown = duration in (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)
    return None if unknown or not scale else duration / scale


def _webm_length(file: BinaryIO, size: int) -> Stated | None:
    for segment in _elements(file, 0, size):
        for part in _elements(file, segment.start, segment.end) if segment.name == _SEGMENT else ():
            if part.name == _INFO:
                seconds = _webm_seconds(file, part)
                return Stated(seconds, segment.end <= size) if seconds else None
    return None


def _webm_seconds(file: BinaryIO, info: _Box) -> float | None:
    inside = _elements(file, info.start, info.end)
    values = {each.name: _at(file, each.start, min(8, each.end - each.start)) for each in inside}
    duration = values.get(_DURATION, b"")
    if len(duration) not in (4, 8):
        return None
    scale = int.from_bytes(values.get(_TIMESTAMP_SCALE, b"")) or 1_000_000
    ticks: float = struct.unpack(">f" if len(duration) == 4 else ">d", duration)[0]
    return ticks * scale / 1e9


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        head = _at(file, start, 12)
        if start >= end or len(head) < 2 or not head[0] or head[0] < 0x10:
            return
        name_size = 9 - head[0].bit_length()
        sized = head[name_size:]
        if not sized or not sized[0]:
            return
        width = 9 - sized[0].bit_length()
        length = int.from_bytes(sized[:width]) & ((1 << 7 * width) - 1)
        outer, content = start, start + name_size + width
        start = end if length == (1 << 7 * width) - 1 else content + length
        yield _Box(int.from_bytes(head[:name_size]), content, start, outer)


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    """What a file has there; sizes of 64 bits lead to places that no file has."""
    if offset > sys.maxsize:
        return b""
    file.seek(offset)
    return file.read(count)
