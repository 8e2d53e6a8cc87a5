"""Sound that libsndfile decodes, as 16-bit mono WAV.

Models hear one channel, and nothing above 24 kHz: mixing the channels halves what is sent, and rates above
48 kHz are divided by a whole number. libsndfile has had memory faults, nearly all of them in its ADPCM
decoders and in its WAV parser: neither is ever reached from here.
"""

import struct
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from audiocli.audio.sndfile import Reader, UndecodableError, mixed, rounded
from audiocli.audio.sniff import Kind
from audiocli.audio.source import too_large
from audiocli.audio.wav import MAX_RATE, MIN_RATE, Wav, wav_header

if TYPE_CHECKING:  # it costs 100 ms, and most audio needs no decoding
    import numpy as np

UNTRUSTED = "its codec is not one that is decoded without ffmpeg"

_TOP_RATE = 48_000  # Hz of what comes out
_BLOCK = 2**18  # samples that are decoded at a time: 1 MB of float32

_RAW = {
    ("pcm", 1): "PCM_U8",
    ("pcm", 2): "PCM_16",
    ("pcm", 3): "PCM_24",
    ("pcm", 4): "PCM_32",
    ("float", 4): "FLOAT",
    ("float", 8): "DOUBLE",
    ("alaw", 1): "ALAW",
    ("ulaw", 1): "ULAW",
}
"""libsndfile's words for samples without a header, by encoding and bytes in a sample."""

_AIFF_CODECS = (
    *(b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32"),
    *(b"fl32", b"FL32", b"fl64", b"FL64", b"alaw", b"ALAW", b"ulaw", b"ULAW"),
)
_CAF_CODECS = (b"lpcm", b"alaw", b"ulaw")
_AU_CODECS = (*range(1, 8), 27)  # µ-law, 8 to 32 bits, float, double; A-law
_W64_CODECS = (1, 3, 6, 7)  # as in WAV: PCM, float, A-law, µ-law
_MAX_CHUNKS = 10_000  # in an AIFF file
_W64_FORMAT = b"fmt \xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def layout_of(wav: Wav) -> dict[str, Any]:
    """libsndfile's words for the samples of a WAV file. Raises `UndecodableError` for other codecs."""
    subtype = _RAW.get((wav.encoding, (wav.bits + 7) // 8))
    if not subtype:
        raise UndecodableError(f"its codec is {wav.encoding.removeprefix('other:')}")
    return {
        "format": "RAW",
        "subtype": subtype,
        "endian": wav.byte_order.upper(),
        "samplerate": wav.rate,
        "channels": wav.channels,
    }


def decode_samples(samples: bytes, wav: Wav, name: str, max_bytes: int) -> bytes:
    """The sound of a WAV file, of which `samples` is the data chunk, as 16-bit mono WAV up to `max_bytes`."""
    return _decode(samples, layout_of(wav), name, max_bytes)


def decode_file(content: bytes, kind: Kind, name: str, max_bytes: int) -> bytes:
    """The sound of a FLAC, Ogg, AIFF, CAF, AU or Wave64 file as 16-bit mono WAV up to `max_bytes`."""
    if not is_trusted(kind, BytesIO(content)):
        raise UndecodableError(UNTRUSTED)
    return _decode(content, {}, name, max_bytes)


def _decode(content: bytes, layout: dict[str, Any], name: str, max_bytes: int) -> bytes:
    with closing(Reader(BytesIO(content), layout)) as sound:
        return _as_wav(sound, name, max_bytes)


def _as_wav(sound: Reader, name: str, max_bytes: int) -> bytes:
    if not MIN_RATE <= sound.rate <= MAX_RATE:
        raise UndecodableError(f"{sound.rate:,} Hz is no sample rate")
    factor = -(-sound.rate // _TOP_RATE)
    pieces = []
    left = max_bytes - 44  # the header
    for block in _blocks(sound, factor):
        piece = _pcm16(block, factor)
        left -= len(piece)
        if left < 0:  # a small FLAC file can hold hours of silence
            raise too_large(name, max_bytes, decoded=True)
        pieces.append(piece)
    data = b"".join(pieces)
    if not data:
        raise UndecodableError("it has no audio in it")
    return wav_header(len(data), rate=sound.rate // factor) + data


def _blocks(sound: Reader, factor: int) -> Iterator["np.ndarray[Any, Any]"]:
    """Frames by channels, as many frames as `factor` divides; the header's count is not believed."""
    frames = max(1, _BLOCK // sound.channels // factor) * factor
    while len(block := sound.read(frames)):
        yield block


def _pcm16(block: "np.ndarray[Any, Any]", factor: int) -> bytes:
    """Mixed to one channel, `factor` frames averaged into one."""
    channel = mixed(block)
    whole = len(channel) // factor * factor
    return rounded(channel[:whole].reshape(-1, factor).mean(axis=1))


def is_trusted(kind: Kind, file: BinaryIO) -> bool:
    """Whether the file has a codec that libsndfile decodes safely. Its place is fixed but in AIFF."""
    file.seek(0)
    head = file.read(66)
    match kind:
        case "flac" | "ogg" | "opus":
            return True
        case "caf":
            return head[8:12] == b"desc" and head[28:32] in _CAF_CODECS
        case "au":
            return int.from_bytes(head[12:16]) in _AU_CODECS
        case "w64":  # a second format chunk would count as well
            codec = int.from_bytes(head[64:66], "little")
            return list(_places(file, _W64_FORMAT)) == [40] and codec in _W64_CODECS
        case "aiff":
            codecs = list(_aiff_codecs(file))
            return len(codecs) == 1 and codecs[0] in _AIFF_CODECS
        case _:
            return False


def _places(file: BinaryIO, mark: bytes) -> Iterator[int]:
    """Where `mark` is in all of the file."""
    file.seek(0)
    start, data = 0, b""
    while block := file.read(_BLOCK):
        data += block
        at = data.find(mark)
        while at >= 0:
            yield start + at
            at = data.find(mark, at + 1)
        start += max(0, len(data) - len(mark) + 1)
        data = data[-(len(mark) - 1) :]


def _aiff_codecs(file: BinaryIO) -> Iterator[bytes]:
    """What each `COMM` chunk says that the codec is; the short ones of plain AIFF do not say it."""
    offset = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(offset)
        chunk = file.read(30)
        if len(chunk) < 8:
            return
        name, size = struct.unpack_from(">4sI", chunk)
        if name == b"COMM":
            yield chunk[26:30] if size >= 22 else b"NONE"
        offset += 8 + size + size % 2
    yield b"too many chunks"
