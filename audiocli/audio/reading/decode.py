"""Sound that libsndfile decodes, as 16-bit mono WAV.

Models hear one channel, and nothing above 24 kHz: mixing the channels halves what is sent, and rates above
48 kHz are divided by a whole number. libsndfile has had memory faults, nearly all of them in its ADPCM
decoders and in its parsers of WAV and its relatives: neither is ever reached from here.
"""

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

from audiocli.audio.containers.sniff import Kind
from audiocli.audio.containers.wav import MAX_RATE, MIN_RATE, Wav, wav_header
from audiocli.audio.reading.source import too_large
from audiocli.audio.sndfile import Reader, UndecodableError, mixed, rounded

if TYPE_CHECKING:  # it costs 100 ms, and most audio needs no decoding
    import numpy as np

_TRUSTED: frozenset[Kind] = frozenset(("flac", "ogg", "opus"))

_TOP_RATE = 48_000  # Hz of what comes out
_BLOCK = 2**18  # samples that are decoded at a time: 1 MB of float32

_RAW = {
    ("pcm", 1): "PCM_U8",
    ("signed", 1): "PCM_S8",
    ("pcm", 2): "PCM_16",
    ("pcm", 3): "PCM_24",
    ("pcm", 4): "PCM_32",
    ("float", 4): "FLOAT",
    ("float", 8): "DOUBLE",
    ("alaw", 1): "ALAW",
    ("ulaw", 1): "ULAW",
}
"""libsndfile's words for samples without a header, by encoding and bytes in a sample."""


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
    """The sound of a FLAC or Ogg file as 16-bit mono WAV up to `max_bytes`."""
    if kind not in _TRUSTED:
        raise UndecodableError("it takes ffmpeg")
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
