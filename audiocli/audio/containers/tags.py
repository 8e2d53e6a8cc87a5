"""Tags that programs put before, between and after the sound, whatever the format is."""

import os
from typing import BinaryIO

from audiocli.audio.containers.sniff import id3_size

_ID3V1_BYTES = 128
_APE_HEADER = 32  # bytes, and as many of its footer
_LYRICS_END = b"LYRICS200"
_MAX_LYRICS = 2**20


def leading_tags(file: BinaryIO) -> int:
    """Bytes of the ID3v2 tags at the start of `file`."""
    offset = 0
    while tag := id3_size(_read_at(file, offset, 10)):
        offset += tag
    return offset


def after_tags(file: BinaryIO, offset: int, size: int) -> int:
    """Where the tags at `offset` end, in a file of `size` bytes; `offset` if none is there."""
    while offset < size and (tag := _tag_size(file, offset, size)):
        offset += tag
    return min(offset, size)


def before_tags(file: BinaryIO, end: int) -> int:
    """Where those tags start that end at `end` and show it: ID3v1, and APE."""
    while start := _tag_before(file, end):
        end = start
    return end


def _tag_before(file: BinaryIO, end: int) -> int | None:
    tail = _read_at(file, max(0, end - _ID3V1_BYTES), min(end, _ID3V1_BYTES))
    if len(tail) == _ID3V1_BYTES and tail.startswith(b"TAG"):
        return end - _ID3V1_BYTES
    footer = tail[-_APE_HEADER:]
    if not footer.startswith(b"APETAGEX") or len(footer) < _APE_HEADER:
        return None
    header = _APE_HEADER if footer[23] & 0x80 else 0
    start = end - header - int.from_bytes(footer[12:16], "little")
    return start if 0 < start < end else None


def _tag_size(file: BinaryIO, offset: int, size: int) -> int:
    head = _read_at(file, offset, _APE_HEADER)
    if head.startswith(b"TAG") and size - offset >= _ID3V1_BYTES:
        return _ID3V1_BYTES
    if head.startswith(b"APETAGEX") and len(head) == _APE_HEADER:
        has_header = head[23] & 0xA0 == 0xA0  # This is it, and not a footer without one.
        return (_APE_HEADER if has_header else 0) + max(_APE_HEADER, int.from_bytes(head[12:16], "little"))
    if head.startswith(b"LYRICSBEGIN"):
        end = _read_at(file, offset, _MAX_LYRICS).find(_LYRICS_END)
        return end + len(_LYRICS_END) if end > 0 else size - offset
    return id3_size(head)


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset, os.SEEK_SET)
    return file.read(count)
