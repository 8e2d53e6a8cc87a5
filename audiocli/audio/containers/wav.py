"""WAV headers, read strictly and within bounds, and written.

A RIFF file is a list of chunks: `fmt ` says what the samples are, `data` holds them. Sizes are what real
files get wrong: a writer to a pipe cannot know them, a cut download has fewer bytes than it promises, and 32
bits count no more than 4 GiB. All are understood here; whatever would make a decoder guess is refused.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Literal

from audiocli.audio.containers.sniff import signed_kind
from audiocli.audio.containers.tags import after_tags
from audiocli.errors import InputError

STREAMED = 0xFFFF_FFFF
"""The size that stands for "not known yet" while a WAV is written to a pipe."""

MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz; 768 kHz is the fastest that converters are built for
MAX_CHANNELS = 32
MAX_CHUNKS = 1_000
MAX_HEADER = 16 * 2**20  # bytes before the audio; cover art is the largest thing found there

ByteOrder = Literal["little", "big"]

_RIFF: dict[bytes, ByteOrder] = {b"RIFF": "little"}
_VARIANTS: dict[bytes, ByteOrder] = {**_RIFF, b"RF64": "little", b"BW64": "little", b"RIFX": "big"}

_USUAL_BYTE_RATE = 16_000  # of compressed sound, if the file says 0, as ffmpeg does of a changing bit rate
_SMALLEST_STREAMED = 0x7FFF_F000  # SoX writes this to a pipe, arecord 2**31, everybody else STREAMED or 0
_SIGNATURE_BYTES = 64
_TRAILING = frozenset(
    {
        *(b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"cue ", b"smpl", b"inst", b"PEAK"),
        *(b"JUNK", b"junk", b"PAD ", b"FLLR", b"afsp", b"_PMX", b"umid", b"chna", b"cart", b"DISP", b"plst"),
        *(b"acid", b"strc", b"minf", b"elm1", b"regn", b"levl", b"fmt "),
        *(b"COMM", b"MARK", b"INST", b"COMT", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"APPL", b"MIDI", b"AESD"),
    }
)
"""Chunks that are found after the sound, in WAV and in AIFF; others count if they end within the file."""

_ENCODINGS = {0x0001: "pcm", 0x0003: "float", 0x0006: "alaw", 0x0007: "ulaw"}
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("0000 0000 1000 8000 00aa 0038 9b71")  # follows the tag in a Microsoft GUID
_BITS = {"pcm": range(1, 33), "signed": range(1, 9), "float": (32, 64), "alaw": (8,), "ulaw": (8,)}


@dataclass(frozen=True, kw_only=True)
class SampleFormat:
    """What the samples are.

    `encoding` is `pcm`, `signed` (PCM whose bytes have a sign, unlike those of WAV), `float`, `alaw`, `ulaw`,
    or the tag of another codec as `other:0x0011`. `bits` is per sample, and means nothing for another codec.
    `byte_rate` (bytes in a second of sound) is exact for the five that are named and an average, as the file
    claims it, for others.
    """

    rate: int
    channels: int
    bits: int
    encoding: str
    block_align: int
    byte_rate: int


@dataclass(frozen=True, kw_only=True)
class Wav(SampleFormat):
    """Where the sound is in a WAV file, and what it is.

    `data_size` counts the bytes that are really there, in whole blocks; `size_field` is the size of the audio
    as the file states it. `streamed` says that this was written before the size was known, `truncated` that
    fewer bytes are there than it promises. What belongs to the file ends at `end`, as far as that is known.
    """

    byte_order: ByteOrder
    data_offset: int
    data_size: int
    size_field: int
    streamed: bool
    truncated: bool
    end: int

    @property
    def declared_size(self) -> int | None:
        """Bytes of audio that the header promises; `None` where it was written before that was known."""
        return None if self.streamed else self.size_field

    @property
    def stated(self) -> float | None:
        """Seconds that the header promises, likewise."""
        return None if self.streamed else self.size_field / self.byte_rate

    @property
    def frames(self) -> int:
        """Samples in each channel; an estimate for another codec."""
        return self.data_size * self.rate // self.byte_rate

    @property
    def duration(self) -> float:
        """Seconds; an estimate for another codec."""
        return self.data_size / self.byte_rate


def read_wav(file: BinaryIO, size: int) -> Wav:
    """Find the sound in a WAV file that has `size` bytes, without reading the sound.

    `file` must be seekable; it is left anywhere. Raises
    only `InputError`, whatever the bytes are: for what is not RIFF/WAVE, for a missing or impossible `fmt `
    chunk, and for a file without sound. Errors of `file` itself pass through.
    """
    return _read(file, size, _RIFF)


def read_wav_variant(file: BinaryIO, size: int) -> Wav:
    """As `read_wav`, for its relatives too: RF64 and BW64 (64-bit sizes) and RIFX (`byte_order` is `big`)."""
    return _read(file, size, _VARIANTS)


def wav_header(data_size: int | None, rate: int = 24_000, channels: int = 1, bits: int = 16) -> bytes:
    """The 44 bytes that make a WAV file of the `data_size` bytes of little-endian PCM that follow.

    `None` writes the placeholder for a stream whose length is not known. `ValueError` is for what a WAV file
    cannot hold: 4 GiB and more.
    """
    block_align = channels * bits // 8
    if data_size is None:
        riff_size = data_size = STREAMED
    else:
        riff_size = 36 + data_size  # the 36 are what follows this field in the header
    if not 0 <= data_size <= riff_size <= STREAMED:
        raise ValueError(f"a WAV file cannot hold {data_size!r} bytes of audio")
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_size, b"WAVE"),
        *(b"fmt ", 16, 1, channels, rate, rate * block_align, block_align, bits),
        *(b"data", data_size),
    )


@dataclass(frozen=True)
class _Chunk:
    id: bytes
    offset: int  # of its content, from the start of the file
    size: int  # as it says


def _read(file: BinaryIO, size: int, magics: dict[bytes, ByteOrder]) -> Wav:
    head = _read_at(file, 0, 12)
    if len(head) < 12 or head[:4] not in magics or head[8:] != b"WAVE":
        raise InputError("not a WAV file")
    order = magics[head[:4]]
    samples: SampleFormat | None = None
    for chunk in _chunks(file, size, order):
        if chunk.id == b"fmt ":
            if samples:
                raise InputError("two fmt chunks")
            samples = read_format(_read_at(file, chunk.offset, min(chunk.size, 40)), order)
        elif chunk.id == b"data":
            if not samples:
                raise InputError("no fmt chunk before the audio")
            complete = int.from_bytes(head[4:8], order) + 8 == size
            return _locate(file, samples, chunk, order, size, complete=complete)
    raise InputError("no data chunk" if samples else "no fmt chunk")


def _chunks(file: BinaryIO, size: int, order: ByteOrder) -> Iterator[_Chunk]:
    """The chunks in order, until the file ends. Their content is skipped, so it costs nothing."""
    offset = 12
    long_size = None
    for _ in range(MAX_CHUNKS):
        head = _read_at(file, offset, 8) if offset + 8 <= size else b""
        if len(head) < 8:
            return
        if offset > MAX_HEADER:
            raise InputError(f"more than {MAX_HEADER // 2**20} MB before the audio")
        chunk = _Chunk(head[:4], offset + 8, int.from_bytes(head[4:], order))
        if chunk.id == b"ds64":  # sizes for what 32 bits cannot count: of the file, then of the audio
            long_size = int.from_bytes(_read_at(file, chunk.offset + 8, 8), order)
        elif chunk.id == b"data" and chunk.size == STREAMED and long_size is not None:
            chunk = _Chunk(chunk.id, chunk.offset, long_size)
        yield chunk
        offset = chunk.offset + chunk.size + chunk.size % 2  # chunks start at even offsets
    raise InputError(f"more than {MAX_CHUNKS:,} chunks before the audio")


def read_format(content: bytes, order: ByteOrder) -> SampleFormat:
    """What a `fmt ` chunk says, of which up to 40 bytes are wanted."""
    if len(content) < 16:
        raise InputError("the fmt chunk is too short")
    layout = "<HHIIHH" if order == "little" else ">HHIIHH"
    tag, channels, rate, byte_rate, block_align, bits = struct.unpack(layout, content[:16])
    if tag == _EXTENSIBLE and content[26:40] == _GUID_TAIL:
        tag = int.from_bytes(content[24:26], "little")
    encoding = _ENCODINGS.get(tag, f"other:{tag:#06x}")
    _check_range("channels", channels, 1, MAX_CHANNELS)
    _check_range("Hz", rate, MIN_RATE, MAX_RATE)
    if encoding in _BITS:
        _check_samples(encoding, channels, bits, block_align)
        byte_rate = rate * block_align  # files get theirs wrong, and nobody minds
    else:
        byte_rate = byte_rate or _USUAL_BYTE_RATE
    return SampleFormat(
        rate=rate,
        channels=channels,
        bits=bits,
        encoding=encoding,
        block_align=block_align,
        byte_rate=byte_rate,
    )


def _check_range(unit: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{value:,} {unit}, which is not between {low:,} and {high:,}")


def _check_samples(encoding: str, channels: int, bits: int, block_align: int) -> None:
    if bits not in _BITS[encoding]:
        raise InputError(f"{bits} bits are no size for {encoding} samples")
    if block_align != channels * ((bits + 7) // 8):
        raise InputError(f"block align {block_align} does not fit {channels} channels of {bits} bits")


def _locate(
    file: BinaryIO, samples: SampleFormat, chunk: _Chunk, order: ByteOrder, size: int, *, complete: bool
) -> Wav:
    """`complete` says that the file is as long as its first header claims, so that a size of 0 means 0."""
    missing = chunk.size > size - chunk.offset
    unknown = chunk.size == STREAMED or (missing and chunk.size >= _SMALLEST_STREAMED)
    streamed = unknown or (chunk.size == 0 and not complete)
    return located(
        file,
        samples,
        order,
        chunk.offset,
        None if streamed else chunk.size,
        size,
        size_field=chunk.size,
        follows=partial(chunks_end, order=order),
    )


def located(
    file: BinaryIO,
    samples: SampleFormat,
    order: ByteOrder,
    offset: int,
    stated: int | None,
    size: int,
    *,
    follows: Callable[[BinaryIO, int, int], int | None],
    size_field: int | None = None,
) -> Wav:
    """Sound that starts at `offset`, with the size that is `stated`, in a file of `size` bytes.

    `follows` says where that ends which follows the sound, and `None` for more sound: sizes count modulo
    2^32, and some are plainly wrong. Raises `InputError` if there is no sound.
    """
    if stated is None or stated > size - offset:
        there, end = size - offset, size
    else:
        there, end = _true_size(file, offset, stated, size, samples.byte_rate // 10, follows)
    if samples.encoding in _BITS:
        there -= there % samples.block_align
    if there <= 0:
        raise InputError("there is no audio in it")
    return Wav(
        **vars(samples),
        byte_order=order,
        data_offset=offset,
        data_size=there,
        size_field=(stated or 0) if size_field is None else size_field,
        streamed=stated is None,
        truncated=stated is not None and stated > size - offset,
        end=end,
    )


def _true_size(
    file: BinaryIO,
    offset: int,
    stated: int,
    size: int,
    crumb: int,
    follows: Callable[[BinaryIO, int, int], int | None],
) -> tuple[int, int]:
    """Bytes of sound, and where all ends. Up to `crumb` bytes at the end of a file are never sound."""
    for there in range(stated, size - offset + 1, 2**32):
        if size - offset - there <= crumb:
            return there, size
        end = follows(file, offset + there, size)
        if end is not None:
            return there, end
    return size - offset, size


def chunks_end(file: BinaryIO, offset: int, size: int, order: ByteOrder) -> int | None:
    """Where the chunks that start at `offset`, or after a byte of padding, end; `None` if none does."""
    ends = (_walked(file, start, size, order) for start in dict.fromkeys((offset + offset % 2, offset)))
    return next((end for end in ends if end is not None), None)


def _walked(file: BinaryIO, offset: int, size: int, order: ByteOrder) -> int | None:
    known = False
    for _ in range(MAX_CHUNKS):
        offset = after_tags(file, offset, size)
        head = _read_at(file, offset, _SIGNATURE_BYTES)
        if len(head) < 8 or signed_kind(head):  # Bytes that cannot be read yet are not known to be sound.
            return min(offset + len(head), size) if len(head) < 8 else offset
        length = int.from_bytes(head[4:8], order)
        end = offset + 8 + length + length % 2
        if head[:4] == b"data":
            return offset
        if head[:4] in _TRAILING:
            known = True
        elif not _is_name(head[:4]) or end > size + 1:
            return offset if known else None
        offset = min(end, size)
    return offset


def _is_name(name: bytes) -> bool:
    return all(32 <= byte < 127 for byte in name) and name[:1] != b" "


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
