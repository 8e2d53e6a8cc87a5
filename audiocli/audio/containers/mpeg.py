"""How long MPEG audio is: MP3, its older layers, and AAC with ADTS headers, counted frame by frame.

Nothing else can be relied on. Few files say how many frames they have, for a changing bit rate the size says
nothing, and what was joined from several files says what the first one had.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import BinaryIO

from audiocli.audio.containers.sniff import Frame, Kind, frame_at, signed_kind
from audiocli.audio.containers.tags import after_tags
from audiocli.errors import InputError

_BLOCK = 2**20  # bytes that are looked at together
_NEAR, _FAR = 2**13, 2**18  # bytes that are searched for a frame at first, and then at a time
_LONGEST = 8192  # bytes in a frame, and more
_MAX_KNOWN = 10_000  # headers
_BEST_BIT_RATE = 14 << 4  # in a header; its frames have 1,440 bytes at most, and 240 at least
_COUNTED = tuple(bytes((flags,)) for flags in range(1, 256, 2))  # The first of Xing's flags.
_HEADER = 7  # bytes that tell all of a frame
_XING, _VBRI = (b"Xing", b"Info"), b"VBRI"  # what a frame bears that counts others
_LOOKED_AT = 40  # bytes of a frame that show whether it does
_FEWEST = 3  # frames of another format that are no accident
_MAX_RUNS = 10_000  # What has more gaps is no recording.
_SIGNATURE = 64  # bytes


@dataclass(frozen=True)
class Mpeg:
    """Frames of one format. `ranges` (offsets and lengths) are those with sound, `duration` is in seconds.

    `promised` is how many seconds there are by the frames that count others, if any does. `head` is a frame
    that counts all: with it in front of the others, decoders do not stop at a guess, or at what was the end
    of a file before others were joined to it. `clean` says that they are one file, whose count is right if it
    has one, with nothing but tags around the frames.
    """

    kind: Kind
    rate: int
    channels: int
    duration: float
    promised: float | None
    head: bytes
    ranges: tuple[tuple[int, int], ...]
    clean: bool

    @property
    def offset(self) -> int:
        return self.ranges[0][0]

    @property
    def size(self) -> int:
        return sum(length for _, length in self.ranges)


@dataclass(frozen=True)
class Frames:
    """The MPEG audio in a file, parted by its format; how many bytes between are neither frames nor tags; and
    where it ends.
    """

    parts: tuple[Mpeg, ...]
    unread: int
    end: int


@dataclass
class _Run:
    """Frames of one format without a gap between them: where those with sound are, and what others count."""

    offset: int
    first: Frame
    header: bytes
    end: int
    frames: int = 0
    samples: int = 0
    counters: int = 0
    counted: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)


def read_mpeg(file: BinaryIO, size: int) -> Frames:
    """Count the frames of a file of `size` bytes, up to another recording that follows.

    Raises `InputError` if there are none, and what `file` raises.
    """
    runs: list[_Run] = []
    position = after_tags(file, 0, size)
    unread = 0
    while position < size and len(runs) < _MAX_RUNS:
        if runs and signed_kind(_read_at(file, position, _SIGNATURE)):
            break
        run = _next_run(file, position, size, runs[-1].first if runs else None)
        if run is None:
            break
        unread += run.offset - position
        runs.append(run)
        position = after_tags(file, run.end, size)
    if not any(run.frames for run in runs):
        raise InputError("there is no sound in it")
    parts = [list(part) for _, part in groupby(runs, lambda run: run.first.constant)]
    whole = len(parts) == 1 and not unread and position == size
    return Frames(tuple(_part(part, whole) for part in parts if _sounds(part)), unread, position)


def _sounds(runs: list[_Run]) -> bool:
    return any(run.frames for run in runs)


def _part(runs: list[_Run], whole: bool) -> Mpeg:
    """`whole` says that there is nothing else in the file."""
    first = runs[0].first
    frames, counters, counted = (
        sum(getattr(run, name) for run in runs) for name in ("frames", "counters", "counted")
    )
    tagged = len(runs) > 1  # by what stands between files that were joined
    leads = counters == 1 and runs[0].ranges[0][0] > runs[0].offset
    clean = whole and not tagged and (not counters or (leads and counted in (0, frames)))
    kept = clean and counted
    ranges = [part for run in runs for part in run.ranges]
    return Mpeg(
        kind=first.kind,
        rate=first.rate,
        channels=first.channels,
        duration=sum(run.samples for run in runs) / first.rate,
        promised=counted * first.samples / first.rate if counted else None,
        head=b"" if kept or first.kind != "mp3" else _counting_frame(runs[0], frames),
        ranges=((runs[0].offset, runs[0].end - runs[0].offset),) if kept else tuple(ranges),
        clean=clean,
    )


def _next_run(file: BinaryIO, offset: int, size: int, like: Frame | None) -> _Run | None:
    """The next frames, which are `like` those before, or at least three."""
    while (found := _find(file, offset, size)) is not None:
        run = _follow(file, *found, size)
        fewest = 1 if like is None or run.first.constant == like.constant else _FEWEST
        if run.frames + run.counters >= fewest:
            return run
        offset = found[0] + 1
    return None


def _find(file: BinaryIO, offset: int, size: int) -> tuple[int, Frame] | None:
    """Where the next frame starts that another one follows, or the end."""
    window = _NEAR
    while offset < size:
        data = _read_at(file, offset, window + _LONGEST)
        at = data.find(b"\xff")
        while 0 <= at < window:
            frame = frame_at(data[at : at + _HEADER])
            if frame and offset + at + frame.size <= size:
                after = data[at + frame.size : at + frame.size + _HEADER]
                follower = frame_at(after)
                if not after or (follower and follower.constant == frame.constant):
                    return offset + at, frame
            at = data.find(b"\xff", at + 1)
        offset, window = offset + window, _FAR
    return None


def _follow(file: BinaryIO, start: int, first: Frame, size: int) -> _Run:
    run = _Run(start, first, _read_at(file, start, 4), start)
    begun = start
    for length, samples, count in _frames(file, start, first):
        if run.end + length > size:  # It is cut off, and nobody can decode it.
            break
        if count is None:
            run.frames += 1
            run.samples += samples
        else:
            run.counters += 1
            run.counted += count
            _close(run, begun)
            begun = run.end + length
        run.end += length
    _close(run, begun)
    return run


def _close(run: _Run, begun: int) -> None:
    if run.end > begun:
        run.ranges.append((begun, run.end - begun))


def _frames(file: BinaryIO, position: int, first: Frame) -> Iterator[tuple[int, int, int | None]]:
    """The bytes and the samples of each frame from `position` on that is like the first.

    Of one without sound, because it counts others, how many those are; 0 if it does not say.
    """
    key_size = _HEADER if first.kind == "aac" else 4
    known: dict[bytes, tuple[int, int, int]] = {}  # An hour has 138,000 frames, with few headers among them.
    block, base = b"", position
    while True:
        at = position - base
        if at + _LOOKED_AT > len(block):
            block, base, at = _read_at(file, position, _BLOCK), position, 0
        found = known.get(block[at : at + key_size])
        if not found:
            frame = frame_at(block[at : at + _HEADER])
            if not frame or frame.constant != first.constant:
                return
            found = frame.size, frame.samples, _xing_offset(frame) if frame.kind == "mp3" else 0
            if len(known) < _MAX_KNOWN:
                known[block[at : at + key_size]] = found
        length, samples, mark = found
        count = None
        if mark and (block[at + mark : at + mark + 4] in _XING or block[at + 36 : at + 40] == _VBRI):
            count = _count(_read_at(file, position, min(length, 256)), mark)
        yield length, samples, count
        position += length


def _count(frame: bytes, mark: int) -> int:
    """How many frames follow, as one says in place of sound; 0 if it does not say that."""
    if frame[36:40] == _VBRI:
        return int.from_bytes(frame[50:54])
    return int.from_bytes(frame[mark + 8 : mark + 12]) if frame[mark + 7 : mark + 8] in _COUNTED else 0


def _xing_offset(frame: Frame) -> int:
    """Where in a frame the header of Xing is: after what a decoder wants to know of each channel."""
    stereo = frame.channels > 1
    if frame.samples == 1152:
        return 36 if stereo else 21
    return 21 if stereo else 13


def _counting_frame(run: _Run, count: int) -> bytes:
    """A frame that says that `count` of them follow."""
    first, second, third, fourth = run.header
    header = bytes((first, second | 1, third & 0x0C | _BEST_BIT_RATE, fourth))
    frame = frame_at(header + bytes(_HEADER))
    assert frame  # noqa: S101 - it is the first one, at another bit rate
    content = bytes(_xing_offset(frame) - 4) + b"Xing" + (1).to_bytes(4) + count.to_bytes(4)
    return (header + content).ljust(frame.size, b"\0")


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset, os.SEEK_SET)
    return file.read(count)
