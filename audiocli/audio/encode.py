"""Samples into files and out of them, by libsndfile, where a conversion is wanted."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from audiocli.audio.formats import Format
from audiocli.audio.recording import SAMPLE_BYTES, PcmFormat
from audiocli.audio.sniff import NAMES, Kind
from audiocli.errors import OutputError, ReplyError
from audiocli.files import write_all
from audiocli.printable import one_line

if TYPE_CHECKING:  # it costs 100 ms, and most sound is not converted
    import numpy as np

T = TypeVar("T")

MAX_DECODED_BYTES = 256 * 2**20
"""93 minutes at 24 kHz, and what an answer may have. A small FLAC file can hold weeks of silence."""

_STDERR = 2
_BLOCK_BYTES = 64 * 1024
_ENCODERS: dict[str, tuple[str, str]] = {  # libsndfile's container and codec
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "ogg": ("OGG", "VORBIS"),
}

# libsndfile has had memory faults, nearly all of them in parsers and codecs that are not among these.
_DECODABLE: tuple[Kind, ...] = ("mp3", "flac", "ogg", "opus")
_UNKNOWN_FRAMES = 2**62  # libsndfile's count for a file that does not say how long it is
_FLIPPED_SIGN = bytes(value ^ 0x80 for value in range(256))


def sample_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of `file`, in blocks."""
    while block := file.read(_BLOCK_BYTES):
        yield block


def encode(blocks: Iterable[bytes], pcm: PcmFormat, sink: BinaryIO, format: Format) -> int:
    """Write samples to `sink` as `format`; returns how many bytes of samples there were.

    Raises `OutputError` where `format` cannot hold them (Opus, for one, knows few sample rates), and what
    `blocks` and `sink` raise. A signal's exception ends it within a block.
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
    called = _CalledFromC(sink)
    size = 0
    try:
        with soundfile.SoundFile(
            called, "w", samplerate=pcm.rate, channels=pcm.channels, format=container, subtype=codec
        ) as file:
            for block in blocks:
                file.buffer_write(block, dtype="int16")
                called.check()
                size += len(block)
    except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all is written
        called.check()
        reason = one_line(getattr(error, "error_string", "it fails").removeprefix("Error : ").rstrip("."))
        raise OutputError(
            f"the sound cannot be written as {format}: {reason}", hint="use wav or flac"
        ) from error
    called.check()
    return size


def decode(file: BinaryIO, kind: Kind) -> tuple[PcmFormat, Iterator[bytes]]:
    """The samples of a file that is compressed. Raises `ReplyError` where it is broken, at once or while it
    is read, and what `file` raises.
    """
    if kind not in _DECODABLE:
        raise ReplyError(f"the service sent {NAMES[kind]} that cannot be converted", hint="try --no-stream")
    import soundfile

    called = _CalledFromC(file)
    try:
        with _muted():
            source = soundfile.SoundFile(called)
    except soundfile.LibsndfileError as error:
        called.check()
        raise _undecodable(kind) from error
    # Else soundfile seeks after each block, which makes an MP3 decoder lose its place.
    source.seekable = lambda: False
    return PcmFormat(source.samplerate, source.channels), _decoded(source, called, kind)


def to_pcm16(samples: bytes, encoding: str, width: int) -> bytes:
    """Little-endian samples of `width` bytes, `pcm` or `float` as a WAV header says, as 16 bits each."""
    if encoding == "float":
        import numpy as np

        return _rounded(np.frombuffer(samples, f"<f{width}"))
    if width == SAMPLE_BYTES:
        return samples
    narrowed = bytearray(len(samples) // width * SAMPLE_BYTES)
    if width == 1:  # These alone are unsigned.
        narrowed[1::2] = samples.translate(_FLIPPED_SIGN)
    else:
        narrowed[0::2], narrowed[1::2] = samples[width - 2 :: width], samples[width - 1 :: width]
    return bytes(narrowed)


class _CalledFromC:
    """A file as libsndfile calls it: from C, where an exception would be printed, and lost.

    The first one is kept; `check` raises it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: BaseException | None = None

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def read(self, count: int) -> bytes:
        return self._call(b"", self._file.read, count)

    def write(self, data: bytes) -> int:
        self._call(None, write_all, self._file, data)
        return 0 if self._failure else len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with suppress(OSError, ValueError):  # A damaged file leads to a place before its start.
            return self._file.seek(offset, whence)
        return -1

    def tell(self) -> int:
        return self._file.tell()

    def _call(self, failed: T, function: Callable[..., T], *arguments: Any) -> T:
        if self._failure is not None:
            return failed
        try:
            return function(*arguments)
        except BaseException as error:
            self._failure = error
            return failed


def _decoded(source: Any, called: _CalledFromC, kind: Kind) -> Iterator[bytes]:
    import soundfile

    done = 0
    with source:
        try:
            while len(block := _read(source)):
                done += len(block)
                if done * source.channels * SAMPLE_BYTES > MAX_DECODED_BYTES:
                    raise ReplyError(f"the service sent more than {MAX_DECODED_BYTES:,} bytes of sound")
                yield _rounded(block)
        except soundfile.LibsndfileError as error:
            called.check()
            raise _undecodable(kind) from error
        called.check()
        if done < source.frames < _UNKNOWN_FRAMES:
            raise ReplyError("the sound of the answer was cut off")


def _read(source: Any) -> "np.ndarray[Any, Any]":
    with _muted():
        block: np.ndarray[Any, Any] = source.read(
            _BLOCK_BYTES // (SAMPLE_BYTES * source.channels), dtype="float32"
        )
    return block


@contextmanager
def _muted() -> Iterator[None]:
    """Keeps libmpg123 from writing to the program's stderr what it thinks of a file."""
    try:
        stderr = os.dup(_STDERR)
    except OSError:  # It is closed.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(stderr, _STDERR)
        os.close(nowhere)
        os.close(stderr)


def _undecodable(kind: Kind) -> ReplyError:
    return ReplyError(f"the service sent broken {NAMES[kind]}", hint="try again")


def _rounded(samples: "np.ndarray[Any, Any]") -> bytes:
    """Samples between -1 and 1 as 16 bits each. NaN is silence, infinity full scale."""
    import numpy as np

    scaled = np.rint(np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0) * 32_768.0)
    rounded: bytes = np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes()
    return rounded


def _write_plain(blocks: Iterable[bytes], sink: BinaryIO) -> int:
    size = 0
    for block in blocks:
        write_all(sink, block)
        size += len(block)
    return size
