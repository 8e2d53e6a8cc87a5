"""The other containers of plain samples, read as WAV is: AIFF, AU, CAF and Wave64.

Only their headers are understood here, so that no parser in C meets a damaged one.
"""

import math
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from audiocli.audio.containers.sniff import Kind, signed_kind
from audiocli.audio.containers.tags import after_tags
from audiocli.audio.containers.wav import (
    MAX_CHANNELS,
    MAX_CHUNKS,
    MAX_RATE,
    MIN_RATE,
    ByteOrder,
    SampleFormat,
    Wav,
    chunks_end,
    located,
    read_format,
)
from audiocli.errors import InputError

_UNKNOWN = 2**32 - 1
_Codec = tuple[str, int, ByteOrder]  # encoding, bits (0: as the file says), byte order

_AIFF_CODECS: dict[bytes, _Codec] = {
    b"NONE": ("pcm", 0, "big"),
    b"twos": ("pcm", 0, "big"),
    b"sowt": ("pcm", 0, "little"),
    b"raw ": ("unsigned", 8, "big"),
    b"in24": ("pcm", 24, "big"),
    b"in32": ("pcm", 32, "big"),
    **dict.fromkeys((b"fl32", b"FL32"), ("float", 32, "big")),
    **dict.fromkeys((b"fl64", b"FL64"), ("float", 64, "big")),
    **dict.fromkeys((b"alaw", b"ALAW"), ("alaw", 8, "big")),
    **dict.fromkeys((b"ulaw", b"ULAW"), ("ulaw", 8, "big")),
}
_AU_CODECS: dict[int, _Codec] = {
    1: ("ulaw", 8, "big"),
    **{2 + number: ("pcm", 8 * (number + 1), "big") for number in range(4)},
    6: ("float", 32, "big"),
    7: ("float", 64, "big"),
    27: ("alaw", 8, "big"),
}
_CAF_FLOAT, _CAF_LITTLE = 1, 2  # flags of lpcm
_CAF_EDITS = 4  # bytes before the samples, which count edits
_CAF_TRAILING = frozenset(
    (*(b"pakt", b"info", b"mark", b"strg", b"free", b"uuid", b"chan", b"kuki"), *(b"ovvw", b"regn", b"peak"))
)
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of most names
_W64_HEADER = 24  # bytes of a chunk: its name, and its size, which counts them


def read_pcm(file: BinaryIO, size: int, kind: Kind) -> Wav:
    """Find the sound in a file of `kind`, one of those in `READERS`, that has `size` bytes.

    Raises `InputError`, for other codecs too, which are `other:` in what WAV has of them.
    """
    return READERS[kind](file, size)


def _read_aiff(file: BinaryIO, size: int) -> Wav:
    samples: SampleFormat | None = None
    order: ByteOrder = "big"
    sound: tuple[int, int] | None = None
    for name, offset, length in _iff_chunks(file, size):
        if name == b"COMM" and samples is None:
            samples, order = _aiff_format(_read_at(file, offset, min(length, 22)))
        elif name == b"SSND" and sound is None:
            skipped = int.from_bytes(_read_at(file, offset, 4))
            sound = offset + 8 + skipped, length - 8 - skipped
        if samples and sound:
            break
    if not samples or not sound:
        raise InputError("no sound in it" if samples else "no COMM chunk")
    stated = sound[1] if sound[1] > 0 else None
    return located(file, samples, order, sound[0], stated, size, follows=_iff_end)


def _iff_chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    offset = 12
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, 8) if offset + 8 <= size else b""
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:])
        yield head[:4], offset + 8, length
        offset += 8 + length + length % 2
    raise InputError(f"more than {MAX_CHUNKS:,} chunks")


def _iff_end(file: BinaryIO, offset: int, size: int) -> int | None:
    return chunks_end(file, offset, size, "big")


def _aiff_format(content: bytes) -> tuple[SampleFormat, ByteOrder]:
    if len(content) < 18:
        raise InputError("the COMM chunk is too short")
    channels, _, bits = struct.unpack_from(">HIH", content)
    rate = _extended(content[8:18])
    name = content[18:22] if len(content) == 22 else b"NONE"
    return _samples(_AIFF_CODECS.get(name), name, rate, channels, bits)


def _extended(data: bytes) -> float:
    """The number in 80 bits of IEEE 754."""
    exponent, mantissa = struct.unpack(">HQ", data)
    power = (exponent & 0x7FFF) - 16_383 - 63
    return math.ldexp(mantissa, power) if -200 < power < 200 else 0.0


def _read_au(file: BinaryIO, size: int) -> Wav:
    head = _read_at(file, 0, 24)
    if len(head) < 24:
        raise InputError("its header is too short")
    offset, stated, codec, rate, channels = struct.unpack_from(">IIIII", head, 4)
    samples, order = _samples(_AU_CODECS.get(codec), b"%d" % codec, rate, channels, 0)
    known = None if stated in (0, _UNKNOWN) else stated
    return located(file, samples, order, max(offset, 24), known, size, follows=_nothing_but_files)


def _read_caf(file: BinaryIO, size: int) -> Wav:
    offset = 8
    found: tuple[SampleFormat, ByteOrder] | None = None
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, 12)
        if len(head) < 12 or offset >= size:
            break
        name, length = struct.unpack(">4sq", head)
        if name == b"desc":
            found = _caf_format(_read_at(file, offset + 12, 32))
        elif name == b"data" and found:
            known = None if length < _CAF_EDITS else length - _CAF_EDITS
            start = offset + 12 + _CAF_EDITS
            return located(file, *found, start, known, size, follows=_caf_end)
        offset += 12 + max(0, length)
    raise InputError("no sound in it" if found else "no desc chunk")


def _caf_format(content: bytes) -> tuple[SampleFormat, ByteOrder]:
    if len(content) < 32:
        raise InputError("the desc chunk is too short")
    rate, name, flags, _, _, channels, bits = struct.unpack(">d4sIIIII", content)
    order: ByteOrder = "little" if flags & _CAF_LITTLE else "big"
    codecs: dict[bytes, _Codec] = {
        b"lpcm": ("float" if flags & _CAF_FLOAT else "pcm", 0, order),
        b"alaw": ("alaw", 8, order),
        b"ulaw": ("ulaw", 8, order),
    }
    return _samples(codecs.get(name), name, rate, channels, bits)


def _caf_end(file: BinaryIO, offset: int, size: int) -> int | None:
    start = offset
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, 12)
        if len(head) < 12 or head[:4] not in _CAF_TRAILING:
            break
        offset = min(size, offset + 12 + max(0, int.from_bytes(head[4:], signed=True)))
    return offset if offset > start else _nothing_but_files(file, offset, size)


def _read_w64(file: BinaryIO, size: int) -> Wav:
    offset = 40
    samples: SampleFormat | None = None
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, _W64_HEADER)
        if len(head) < _W64_HEADER or offset >= size:
            break
        length = int.from_bytes(head[16:], "little") - _W64_HEADER
        if head.startswith(b"fmt ") and samples is None:
            samples = read_format(_read_at(file, offset + _W64_HEADER, max(0, min(length, 40))), "little")
        elif head.startswith(b"data") and samples:
            stated = length if 0 < length < 2**62 else None
            return located(file, samples, "little", offset + _W64_HEADER, stated, size, follows=_w64_end)
        offset += _W64_HEADER + max(0, length + -length % 8)
    raise InputError("no sound in it" if samples else "no fmt chunk")


def _w64_end(file: BinaryIO, offset: int, size: int) -> int | None:
    offset += -offset % 8
    start = offset
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, _W64_HEADER)
        if head[4:16] != _W64_TAIL or signed_kind(head):
            break
        length = max(_W64_HEADER, int.from_bytes(head[16:], "little"))
        offset = min(size, offset + length + -length % 8)
    return offset if offset > start else _nothing_but_files(file, offset, size)


def _nothing_but_files(file: BinaryIO, offset: int, size: int) -> int | None:
    """`offset`, after tags, if another recording starts there, or nothing; `None` for more sound."""
    end = after_tags(file, offset, size)
    head = _read_at(file, end, 64)
    return end if end > offset or not head or signed_kind(head) else None


def _samples(
    codec: _Codec | None, name: bytes, rate: float, channels: int, bits: int
) -> tuple[SampleFormat, ByteOrder]:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(f"{rate:,.0f} Hz, which is not between {MIN_RATE:,} and {MAX_RATE:,}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"{channels:,} channels, which is not between 1 and {MAX_CHANNELS}")
    encoding, own_bits, order = codec or (f"other:{name.decode('latin-1').strip()}", 8, "big")
    bits = own_bits or bits
    if (
        not 1 <= bits <= 64
        or (encoding == "pcm" and bits > 32)
        or (encoding == "float" and bits not in (32, 64))
    ):
        raise InputError(f"{bits} bits are no size for {encoding} samples")
    if encoding == "pcm" and bits <= 8:
        encoding = "signed"  # In WAV the samples of one byte are not.
    block = channels * ((bits + 7) // 8)
    whole = round(rate)
    return SampleFormat(
        rate=whole,
        channels=channels,
        bits=bits,
        encoding={"unsigned": "pcm"}.get(encoding, encoding),
        block_align=block,
        byte_rate=whole * block,
    ), order


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    if offset >= 2**63:  # as sizes of 64 bits have it, and no file
        return b""
    file.seek(offset)
    return file.read(count)


READERS: dict[Kind, Callable[[BinaryIO, int], Wav]] = {
    "aiff": _read_aiff,
    "au": _read_au,
    "caf": _read_caf,
    "w64": _read_w64,
}
