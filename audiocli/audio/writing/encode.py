"""Samples into files and out of them, by libsndfile, where a conversion is wanted."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, BinaryIO

from audiocli.audio.containers.mpeg import read_mpeg
from audiocli.audio.containers.sniff import NAMES, Kind
from audiocli.audio.formats import Format
from audiocli.audio.recording import SAMPLE_BYTES, PcmFormat
from audiocli.audio.sndfile import CalledFromC, Reader, UndecodableError, rounded
from audiocli.errors import InputError, OutputError, ReplyError
from audiocli.files import write_all
from audiocli.printable import one_line

MAX_DECODED_BYTES = 256 * 2**20
"""93 minutes at 24 kHz, and what an answer may have. A small FLAC file can hold weeks of silence."""

_MISSED = 0.1  # seconds that may be missing at the end of an answer
_BLOCK_BYTES = 64 * 1024
_ENCODERS: dict[str, tuple[str, str]] = {  # libsndfile's container and codec
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "ogg": ("OGG", "VORBIS"),
}

_RATES: dict[str, tuple[int, ...]] = {  # Hz, where not every one will do
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
}

# libsndfile has had memory faults, nearly all of them in parsers and codecs that are not among these.
_DECODABLE: tuple[Kind, ...] = ("mp3", "flac", "ogg", "opus")
_FLIPPED_SIGN = bytes(value ^ 0x80 for value in range(256))


def sample_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of `file`, in blocks."""
    while block := file.read(_BLOCK_BYTES):
        yield block


def encode(blocks: Iterable[bytes], pcm: PcmFormat, sink: BinaryIO, format: Format) -> int:
    """Write samples to `sink` as `format`; returns how many bytes of samples there were.

    Opus and MP3 know few sample rates; others become the next one up. Raises `OutputError` where `format`
    cannot hold them, and what `blocks` and `sink` raise. A signal's exception ends it within a block.
    """
    if format == "pcm":
        return _write_plain(blocks, sink)
    from concurrent.futures import ThreadPoolExecutor

    stopped = threading.Event()
    # Signals come to the main thread: there they would be lost in libsndfile's calls of our functions.
    with ThreadPoolExecutor(1) as pool:
        encoding = pool.submit(_encode, _until(stopped, blocks), pcm, sink, format)
        try:
            return encoding.result()
        finally:
            stopped.set()


def _until(stopped: threading.Event, blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if stopped.is_set():
            return
        yield block


def _encode(blocks: Iterable[bytes], pcm: PcmFormat, sink: BinaryIO, format: Format) -> int:
    import soundfile

    container, codec = _ENCODERS[format]
    called = CalledFromC(sink)
    size = 0
    resampling = _Resampling(pcm, rate_for(pcm.rate, format))
    try:
        with soundfile.SoundFile(
            called, "w", samplerate=resampling.rate, channels=pcm.channels, format=container, subtype=codec
        ) as file:
            for block in blocks:
                file.buffer_write(resampling.take(block), dtype="int16")
                called.check()
                size += len(block)
            file.buffer_write(resampling.end(), dtype="int16")
    except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all is written
        called.check()
        reason = one_line(getattr(error, "error_string", "it fails").removeprefix("Error : ").rstrip("."))
        raise OutputError(
            f"the sound cannot be written as {format}: {reason}", hint="use wav or flac"
        ) from error
    called.check()
    return size


class _Resampling:
    """Brings samples to `rate`, block by block."""

    def __init__(self, pcm: PcmFormat, rate: int) -> None:
        self.rate = rate
        self._channels = pcm.channels
        self._stream: Any = None
        if rate != pcm.rate:
            import soxr

            self._stream = soxr.ResampleStream(pcm.rate, rate, pcm.channels, dtype="int16")

    def take(self, block: bytes, *, last: bool = False) -> bytes:
        if self._stream is None:
            return block
        import numpy as np

        frames = np.frombuffer(block, "<i2").reshape(-1, self._channels)
        resampled: bytes = self._stream.resample_chunk(frames, last=last).tobytes()
        return resampled

    def end(self) -> bytes:
        """What the last samples still give."""
        return self.take(b"", last=True)


def rate_for(rate: int, format: Format) -> int:
    """The lowest that `format` knows and that loses nothing, or its highest."""
    known = _RATES.get(format, (rate,))
    return min((each for each in known if each >= rate), default=max(known))


def decode(file: BinaryIO, kind: Kind) -> tuple[PcmFormat, Iterator[bytes]]:
    """The samples of a file that is compressed. Raises `ReplyError` where it is broken, at once or while it
    is read, and what `file` raises.
    """
    if kind not in _DECODABLE:
        raise ReplyError(
            f"the service sent {NAMES[kind]} that cannot be converted",
            hint="ask for the whole answer at once, without streaming",
        )
    if kind == "mp3":
        _check_frames(file)
    try:
        reader = Reader(file, {})
    except UndecodableError as error:
        raise _undecodable(kind) from error
    return PcmFormat(reader.rate, reader.channels), _decoded(reader, kind)


def _check_frames(file: BinaryIO) -> None:
    """Raises `ReplyError` for MP3 that is cut off: mpg123 would write on stderr what it thinks of that."""
    size = file.seek(0, os.SEEK_END)
    try:
        frames = read_mpeg(file, size)
    except InputError as error:
        raise _undecodable("mp3") from error
    file.seek(0)
    heard = sum(part.duration for part in frames.parts)
    stated = sum(part.promised or part.duration for part in frames.parts)
    if stated - heard > _MISSED:
        raise _undecodable("mp3")


def to_pcm16(samples: bytes, encoding: str, width: int) -> bytes:
    """Little-endian samples of `width` bytes, `pcm` or `float` as a WAV header says, as 16 bits each."""
    if encoding == "float":
        import numpy as np

        return rounded(np.frombuffer(samples, f"<f{width}"))
    if width == SAMPLE_BYTES:
        return samples
    narrowed = bytearray(len(samples) // width * SAMPLE_BYTES)
    if width == 1:  # These alone are unsigned.
        narrowed[1::2] = samples.translate(_FLIPPED_SIGN)
    else:
        narrowed[0::2], narrowed[1::2] = samples[width - 2 :: width], samples[width - 1 :: width]
    return bytes(narrowed)


def _decoded(reader: Reader, kind: Kind) -> Iterator[bytes]:
    frame_bytes = reader.channels * SAMPLE_BYTES
    done = 0
    with closing(reader):
        try:
            while len(block := reader.read(_BLOCK_BYTES // frame_bytes)):
                done += len(block)
                if done * frame_bytes > MAX_DECODED_BYTES:
                    raise ReplyError(f"the service sent more than {MAX_DECODED_BYTES:,} bytes of sound")
                yield rounded(block)
        except UndecodableError as error:
            raise _undecodable(kind) from error
        if done < (reader.frames or 0):
            raise ReplyError("the sound of the answer was cut off")


def _undecodable(kind: Kind) -> ReplyError:
    return ReplyError(f"the service sent broken {NAMES[kind]}", hint="try again")


def _write_plain(blocks: Iterable[bytes], sink: BinaryIO) -> int:
    size = 0
    for block in blocks:
        write_all(sink, block)
        size += len(block)
    return size
