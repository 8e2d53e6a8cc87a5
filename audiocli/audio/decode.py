"""Sound that libsndfile decodes, as 16-bit mono WAV.

Models hear one channel, and nothing above 24 kHz: mixing the channels halves what is sent, and rates above
48 kHz are divided by a whole number. libsndfile has had memory faults, nearly all of them in its ADPCM
decoders and in its WAV parser: neither is ever reached from here.
"""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from audiocli.audio.sniff import Kind
from audiocli.audio.source import too_large
from audiocli.audio.wav import MAX_RATE, MIN_RATE, Wav, wav_header
from audiocli.errors import InputError
from audiocli.printable import one_line

if TYPE_CHECKING:  # they cost 100 ms, and most audio needs no decoding
    import numpy as np
    import soundfile

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
_W64_FORMAT = b"fmt \xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


class UndecodableError(InputError):
    """libsndfile cannot read it, or is not to be trusted with it; another decoder may do better."""


class _Memory(io.BytesIO):
    """Stays where it is when libsndfile, misled by a damaged file, seeks to a place before its start.

    An exception would be printed from within the callback, with a traceback, and could not be caught.
    """

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def decode_samples(samples: bytes, wav: Wav, name: str, max_bytes: int) -> bytes:
    """The sound of a WAV file, of which `samples` is the data chunk, as 16-bit mono WAV up to `max_bytes`."""
    subtype = _RAW.get((wav.encoding, (wav.bits + 7) // 8))
    if not subtype:
        raise UndecodableError(f"its codec is {wav.encoding.removeprefix('other:')}")
    layout = {
        "format": "RAW",
        "subtype": subtype,
        "endian": wav.byte_order.upper(),
        "samplerate": wav.rate,
        "channels": wav.channels,
    }
    return _decode(samples, layout, name, max_bytes)


def decode_file(content: bytes, kind: Kind, name: str, max_bytes: int) -> bytes:
    """The sound of a FLAC, Ogg, AIFF, CAF, AU or Wave64 file as 16-bit mono WAV up to `max_bytes`."""
    if not _is_trusted(kind, content):
        raise UndecodableError("its codec is not one that is decoded without ffmpeg")
    return _decode(content, {}, name, max_bytes)


def _decode(content: bytes, layout: dict[str, Any], name: str, max_bytes: int) -> bytes:
    try:
        import soundfile
    except (ImportError, OSError) as exc:  # OSError: the package is there, the C library is not
        raise UndecodableError(f"soundfile is not usable: {one_line(str(exc))}") from exc
    try:
        with soundfile.SoundFile(_Memory(content), **layout) as sound:
            # Else it seeks after each block, which fails at the end of FLAC that was written to a pipe.
            sound.seekable = lambda: False
            return _as_wav(sound, name, max_bytes)
    except soundfile.LibsndfileError as exc:
        raise UndecodableError(exc.error_string.rstrip(".")) from exc


def _as_wav(sound: "soundfile.SoundFile", name: str, max_bytes: int) -> bytes:
    if not MIN_RATE <= sound.samplerate <= MAX_RATE:
        raise UndecodableError(f"{sound.samplerate:,} Hz is no sample rate")
    factor = -(-sound.samplerate // _TOP_RATE)
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
    return wav_header(len(data), rate=sound.samplerate // factor) + data


def _blocks(sound: "soundfile.SoundFile", factor: int) -> Iterator["np.ndarray[Any, Any]"]:
    """Frames by channels, as many frames as `factor` divides; the header's count is not believed."""
    frames = max(1, _BLOCK // sound.channels // factor) * factor
    while len(block := sound.read(frames, dtype="float32", always_2d=True)):
        yield block


def _pcm16(block: "np.ndarray[Any, Any]", factor: int) -> bytes:
    """Mixed to one channel, `factor` frames averaged into one. NaN is silence, infinity full scale."""
    import numpy as np

    bounded = np.clip(np.nan_to_num(block, nan=0.0), -1.0, 1.0)
    mixed = bounded.mean(axis=1)
    whole = len(mixed) // factor * factor
    averaged = mixed[:whole].reshape(-1, factor).mean(axis=1)
    samples: bytes = np.clip(np.rint(averaged * 32_768), -32_768, 32_767).astype("<i2").tobytes()
    return samples


def _is_trusted(kind: Kind, content: bytes) -> bool:
    """Whether the file has a codec that libsndfile decodes safely. Its place is fixed but in AIFF."""
    match kind:
        case "flac" | "ogg" | "opus":
            return True
        case "caf":
            return content[8:12] == b"desc" and content[28:32] in _CAF_CODECS
        case "au":
            return int.from_bytes(content[12:16]) in _AU_CODECS
        case "w64":  # a second format chunk would count as well
            codec = int.from_bytes(content[64:66], "little")
            return content.find(_W64_FORMAT) == 40 == content.rfind(_W64_FORMAT) and codec in _W64_CODECS
        case "aiff":
            codecs = list(_aiff_codecs(content))
            return len(codecs) == 1 and codecs[0] in _AIFF_CODECS
        case _:
            return False


def _aiff_codecs(content: bytes) -> Iterator[bytes]:
    """What each `COMM` chunk says that the codec is; the short ones of plain AIFF do not say it."""
    offset = 12
    while offset + 8 <= len(content):
        name, size = struct.unpack_from(">4sI", content, offset)
        if name == b"COMM":
            yield content[offset + 26 : offset + 30] if size >= 22 else b"NONE"
        offset += 8 + size + size % 2
