"""How long MPEG audio is: MP3, its older layers, and AAC with ADTS headers, counted frame by frame.

Nothing else can be relied on. Few files say how many frames they have, and for a changing bit rate the size
says nothing.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.audio.sniff import Frame, frame_at, leading_tags
from audiocli.errors import InputError

_BLOCK = 2**20  # bytes that are looked at together
_LONGEST = 8192  # bytes in a frame, and more
_MAX_GARBAGE = 2**18  # bytes between two frames; what comes after more is not the same sound any more
_MAX_KNOWN = 10_000  # headers
_BEST_BIT_RATE = 14 << 4  # in a header; its frames have 1,440 bytes at most, and 240 at least
_COUNTED = tuple(bytes((flags,)) for flags in range(1, 256, 2))  # The first of Xing's flags.
_HEADER = 7  # bytes that tell all of a frame


@dataclass(frozen=True)
class Mpeg:
    """What the frames say. The sound has `size` bytes from `offset`, and lasts `duration` seconds.

    `promised` is how many seconds there are by what the first frame says, if it does. Else `head` is a frame
    that does: with it in front of the others, decoders do not stop at a guess. `clean` says that one frame
    follows the other to the end, or to a tag there.
    """

    rate: int
    channels: int
    duration: float
    promised: float | None
    head: bytes
    offset: int
    size: int
    clean: bool


@dataclass(frozen=True)
class _Run:
    """Frames of one kind without a gap between them."""

    offset: int
    size: int
    frames: int
    first: Frame
    samples: int


def read_mpeg(file: BinaryIO, size: int) -> Mpeg:
    """Count the frames of a file of `size` bytes. Raises `InputError` where there are none, and what `file`
    raises.
    """
    runs = list(_runs(file, size))
    if not runs:
        raise InputError("there is no sound in it")
    first, last = runs[0].first, runs[-1]
    count = _stated_frames(file, runs[0])
    frames = sum(run.frames for run in runs)
    samples = sum(run.samples for run in runs) - (first.samples if count is not None else 0)
    return Mpeg(
        rate=first.rate,
        channels=first.channels,
        duration=samples / first.rate,
        promised=count * first.samples / first.rate if count else None,
        head=b"" if count or first.kind != "mp3" else _counting_frame(file, runs[0], frames),
        offset=runs[0].offset,
        size=last.offset + last.size - runs[0].offset,
        clean=len(runs) == 1 and _ends_well(file, last.offset + last.size, size),
    )


def _runs(file: BinaryIO, size: int) -> Iterator[_Run]:
    first: Frame | None = None
    offset = leading_tags(file)
    while run := _follow(file, offset, size, first):
        first = first or run.first
        if run.frames > 1 or run.size + offset >= size:
            yield run
        offset = run.offset + run.size


def _follow(file: BinaryIO, offset: int, size: int, like: Frame | None) -> _Run | None:
    """The next run of frames, which are `like` those before."""
    found = _find(file, offset, like)
    if not found:
        return None
    start, first = found
    end, count, samples = start, 0, 0
    for length, contained in _lengths(file, start, first):
        if end + length > size:  # It is cut off, and nobody can decode it.
            break
        end += length
        samples += contained
        count += 1
    return _Run(start, end - start, count, first, samples) if count else None


def _lengths(file: BinaryIO, position: int, first: Frame) -> Iterator[tuple[int, int]]:
    """The bytes and the samples of each frame from `position` on that is like the first."""
    key_size = _HEADER if first.kind == "aac" else 4
    known: dict[bytes, tuple[int, int]] = {}  # An hour has 138,000 frames, with few headers among them.
    block, base = b"", position
    while True:
        if position - base + _HEADER > len(block):
            block, base = _read_at(file, position, _BLOCK), position
        header = block[position - base : position - base + _HEADER]
        length = known.get(header[:key_size])
        if not length:
            frame = frame_at(header)
            if not frame or frame.constant != first.constant:
                return
            length = frame.size, frame.samples
            if len(known) < _MAX_KNOWN:
                known[header[:key_size]] = length
        yield length
        position += length[0]


def _find(file: BinaryIO, offset: int, like: Frame | None) -> tuple[int, Frame] | None:
    """Where the next frame starts that another one follows, or the end."""
    data = _read_at(file, offset, _MAX_GARBAGE + _LONGEST)
    at = data.find(b"\xff")
    while 0 <= at < _MAX_GARBAGE:
        frame = frame_at(data[at : at + _HEADER])
        if frame and (like is None or frame.constant == like.constant):
            after = data[at + frame.size : at + frame.size + _HEADER]
            follower = frame_at(after)
            if not after or (follower and follower.constant == frame.constant):
                return offset + at, frame
        at = data.find(b"\xff", at + 1)
    return None


def _stated_frames(file: BinaryIO, run: _Run) -> int | None:
    """How many frames follow, as the first one says in place of sound; 0 where it does not say that."""
    if run.first.kind != "mp3":
        return None
    frame = _read_at(file, run.offset, min(run.first.size, 256))
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[50:54])
    at = _xing_offset(run.first)
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return None
    return int.from_bytes(frame[at + 8 : at + 12]) if frame[at + 4 : at + 8][-1:] in _COUNTED else 0


def _xing_offset(frame: Frame) -> int:
    """Where in a frame the header of Xing is: after what a decoder wants to know of each channel."""
    stereo = frame.channels > 1
    if frame.samples == 1152:
        return 36 if stereo else 21
    return 21 if stereo else 13


def _counting_frame(file: BinaryIO, run: _Run, count: int) -> bytes:
    """A frame that says that `count` of them follow."""
    first, second, third, fourth = _read_at(file, run.offset, 4)
    header = bytes((first, second | 1, third & 0x0C | _BEST_BIT_RATE, fourth))
    frame = frame_at(header + bytes(_HEADER))
    assert frame  # noqa: S101 - it is the first one, at another bit rate
    content = bytes(_xing_offset(frame) - 4) + b"Xing" + (1).to_bytes(4) + count.to_bytes(4)
    return (header + content).ljust(frame.size, b"\0")


def _ends_well(file: BinaryIO, end: int, size: int) -> bool:
    """Whether what is left after the last frame is nothing, or a tag."""
    return end == size or _read_at(file, end, 8).startswith((b"TAG", b"APETAGEX", b"LYRICS", b"ID3"))


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset, os.SEEK_SET)
    return file.read(count)
