"""How much sound a FLAC file has: what its header states, and what its last frame shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.audio.containers.scan import find_mark
from audiocli.audio.containers.sniff import id3_size
from audiocli.audio.containers.tags import before_tags
from audiocli.errors import InputError

_STREAM_INFO = 42  # bytes: the signature, a block's header, and the block
_TOTAL = 21  # where the 36 bits are, after 4 others, that count the samples
_TAIL = 2**17  # bytes at the end that have the last frame in them, unless it is enormous
_HEADER = 16  # bytes of a frame's header, at most
_LARGEST_TAG = 2**24  # bytes
_SIZES = {1: 192, **{n: 576 << n - 2 for n in range(2, 6)}, **{n: 256 << n - 8 for n in range(8, 16)}}


@dataclass(frozen=True)
class Flac:
    """A FLAC file that ends at `end`. It has `stated` how many samples it has, and `counted` are there; both
    are `None` if unknown.

    `mended_head` replaces as many bytes at the start: it states what is counted, if that is more.
    """

    end: int
    rate: int
    stated: int | None
    counted: int | None
    mended_head: bytes

    @property
    def seconds(self) -> float | None:
        """As it is stated."""
        return self.stated / self.rate if self.stated and self.rate else None

    @property
    def understated(self) -> bool:
        """Whether there is more than is stated, as there is in what was written to a pipe."""
        return self.counted is not None and self.counted > (self.stated or 0)


def read_flac(file: BinaryIO, size: int) -> Flac:
    """Reads all of a file of `size` bytes, to find another one that was joined to it.

    Raises `InputError` for a file that is too short to have a header.
    """
    head = _read_at(file, 0, _STREAM_INFO)
    if len(head) < _STREAM_INFO or not _begins(head):
        raise InputError("its header is damaged")
    end = _end(file, size)
    total = int.from_bytes(head[_TOTAL : _TOTAL + 5]) & (2**36 - 1)
    counted = _last_sample(file, end, head)
    most = max(total, counted or 0)
    mended = bytes((head[_TOTAL] & 0xF0 | most >> 32,)) + (most & 0xFFFF_FFFF).to_bytes(4)
    return Flac(
        end=end,
        rate=int.from_bytes(head[18:21]) >> 4,
        stated=total or None,
        counted=counted,
        mended_head=head[:_TOTAL] + mended,
    )


def _end(file: BinaryIO, size: int) -> int:
    """Where another file starts, or the tag before one."""
    found = [find_mark(file, mark, 4, accepts) for mark, accepts in _OTHERS]
    nearest = min((at for at in found if at is not None), default=None)
    return before_tags(file, size if nearest is None else _before_tag(file, nearest))


def _begins(head: bytes) -> bool:
    return head[4:5] in (b"\x00", b"\x80") and head[5:8] == b"\0\0\x22"


_OTHERS: tuple[tuple[bytes, Callable[[bytes], bool]], ...] = (
    (b"fLaC", _begins),
    (b"OggS\0\2", lambda head: head[6:14] == bytes(8)),
    (b"RIFF", lambda head: head[8:16] == b"WAVEfmt "),
)
"""How files begin that are found after FLAC, and what accepts it."""


def _before_tag(file: BinaryIO, end: int) -> int:
    """Where the ID3v2 tag starts that ends at `end`, or `end`."""
    start = max(0, end - _LARGEST_TAG)
    data = _read_at(file, start, end - start)
    at = len(data)
    while (at := data.rfind(b"ID3", 0, at)) >= 0:
        if start + at + id3_size(data[at : at + 10]) == end:
            return start + at
    return end


def _last_sample(file: BinaryIO, end: int, info: bytes) -> int | None:
    """How many samples there are up to the end of the last frame."""
    start = max(_STREAM_INFO, end - _TAIL)
    data = _read_at(file, start, end - start)
    at = len(data)
    while (at := data.rfind(b"\xff", 0, at)) >= 0:
        if (found := _frame_end(data[at : at + _HEADER], info)) is not None:
            return found
    return None


def _frame_end(header: bytes, info: bytes) -> int | None:
    """The number of the sample after the frame that `header` starts, `None` if it does not start one."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1 or header[2] >> 4 == 0:
        return None
    number, at = _number(header)
    size_code, rate_code, bits_code = header[2] >> 4, header[2] & 15, header[3] >> 1 & 7
    if number is None or header[3] >> 4 > 10 or rate_code == 15 or bits_code == 3:
        return None
    more = {6: 1, 7: 2}.get(size_code, 0)
    samples = int.from_bytes(header[at : at + more]) + 1 if more else _SIZES[size_code]
    at += more + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(header) or _crc8(header[:at]) != header[at]:
        return None
    channels = (info[20] >> 1 & 7) + 1
    fits = header[3] >> 4 == channels - 1 or (channels == 2 and header[3] >> 4 >= 8)
    if not fits:
        return None
    fixed = not header[1] & 1
    return number * int.from_bytes(info[8:10]) + samples if fixed else number + samples


def _number(header: bytes) -> tuple[int | None, int]:
    """What is coded as UTF-8 codes characters, in up to 7 bytes, and where that ends."""
    first = header[4]
    if first < 0x80:
        return first, 5
    more = 8 - (first ^ 0xFF).bit_length() - 1 if first != 0xFF else 7
    following = header[5 : 5 + more]
    if more < 1 or more > 6 or len(following) < more or any(byte >> 6 != 2 for byte in following):
        return None, 0
    value = first & (0x7F >> more + 1 if more < 6 else 0)
    for byte in following:
        value = value << 6 | byte & 0x3F
    return value, 5 + more


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ 0x107 if crc & 0x80 else crc << 1
    return crc


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
