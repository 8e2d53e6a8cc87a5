"""The samples of a recording: one channel, at any rate, from any place, a block at a time."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiocli.audio.formats import Format
from audiocli.audio.reading.damage import reading
from audiocli.audio.reading.source import StoredSource
from audiocli.audio.recording import SAMPLE_BYTES, PcmFormat
from audiocli.audio.sndfile import Reader, UndecodableError, mixed, rounded
from audiocli.audio.writing.encode import encode
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

if TYPE_CHECKING:  # it costs 100 ms, and a recording that is sent as it is needs none of it
    import numpy as np

SPEECH_RATE = 16_000
"""Hz. Recognisers hear nothing above half of it."""

_BLOCK = 2**17  # samples, of all channels, that are decoded at a time
_CRUMB = 4096  # frames that are lost where a file breaks off, at most
_CONTEXT = 0.05  # seconds on either side of what is resampled: many times the filter's length


@dataclass(frozen=True)
class Samples:
    """Sound that libsndfile reads, by any number of threads at once.

    `layout` are its words for samples without a header. Of `seekable` sound any part can be read, of other
    only the beginning.
    """

    name: str
    source: AudioSource
    rate: int
    channels: int
    layout: Mapping[str, Any] = field(default_factory=dict)
    seekable: bool = True

    @contextmanager
    def open(self) -> Iterator[Reader]:
        with (
            reading(self.name),
            self.source.open() as file,
            closing(Reader(file, self.layout)) as reader,
        ):
            yield reader


class Once:
    """Makes samples when they are first wanted, once for all threads."""

    def __init__(self, make: Callable[[], Samples]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Samples | None = None

    def __call__(self) -> Samples:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def heard(
    samples: Samples, start: float, end: float, rate: int = SPEECH_RATE
) -> Iterator["np.ndarray[Any, Any]"]:
    """Blocks of one channel from `start` to `end` (seconds) at `rate` Hz, full scale 1.0.

    Parts that follow one another join as if they had never been parted: each takes the samples of its own
    from what the whole would give. Fewer come where the sound ends before. Raises `InputError`.
    """
    first, last = round(start * rate), round(end * rate)
    if samples.rate == rate:
        return _frames(samples, first, last)
    period = rate // math.gcd(
        rate, samples.rate
    )  # after so many samples both rates have one at the same time
    lead = max(0, first - round(_CONTEXT * rate)) // period * period
    until = math.ceil((last / rate + _CONTEXT) * samples.rate)
    blocks = _frames(samples, lead * samples.rate // rate, until)
    return _part(_resampled(blocks, samples.rate, rate), first - lead, last - lead)


def heard_pcm16(samples: Samples, start: float, end: float, rate: int = SPEECH_RATE) -> Iterator[bytes]:
    """As `heard`, as signed 16-bit little-endian samples."""
    return map(rounded, heard(samples, start, end, rate))


def stored(samples: Samples, start: float, end: float, format: Format) -> StoredSource:
    """The sound from `start` to `end` as a file of `format`, at `SPEECH_RATE`, in a temporary file."""
    blocks = heard_pcm16(samples, start, end)
    return StoredSource(lambda sink: encode(blocks, PcmFormat(SPEECH_RATE), sink, format))


def salvaged(samples: Samples) -> tuple[Samples, float]:
    """A copy of all that can be decoded, one block after the other, and how many seconds that are.

    Raises `UndecodableError` where that is nothing.
    """
    count = 0

    def blocks() -> Iterator[bytes]:
        nonlocal count
        for block in _resampled(_while_decodable(samples), samples.rate, SPEECH_RATE):
            count += len(block)
            yield rounded(block)

    made = StoredSource(lambda sink: encode(blocks(), PcmFormat(SPEECH_RATE), sink, "flac"))
    if not count:
        raise UndecodableError("there is no sound in it")
    return Samples(samples.name, made, SPEECH_RATE, 1), count / SPEECH_RATE


def joined(parts: Sequence[Samples]) -> Samples:
    """A copy of sounds one after the other, whatever their rates are; of a damaged one as far as it goes."""

    def blocks() -> Iterator[bytes]:
        for part in parts:
            yield from map(rounded, _resampled(_while_decodable(part), part.rate, SPEECH_RATE))

    made = StoredSource(lambda sink: encode(blocks(), PcmFormat(SPEECH_RATE), sink, "flac"))
    return Samples(parts[0].name, made, SPEECH_RATE, 1)


def _while_decodable(samples: Samples) -> Iterator["np.ndarray[Any, Any]"]:
    with samples.open() as reader:
        try:
            while len(block := reader.read(_CRUMB)):
                yield mixed(block)
        except UndecodableError:
            return


def _frames(samples: Samples, first: int, last: int) -> Iterator["np.ndarray[Any, Any]"]:
    """Blocks of one channel, from frame `first` to `last`, at the sound's own rate."""
    try:
        with samples.open() as reader:
            if first:
                reader.seek(first)
            while first < last and len(block := reader.read(min(last - first, _BLOCK // samples.channels))):
                first += len(block)
                yield mixed(block)
    except UndecodableError as exc:
        raise InputError(
            f"{quoted(samples.name)} is damaged at {first / samples.rate:.1f} s: {exc.message}",
            hint="convert it again, or leave that part out",
        ) from exc


def _resampled(
    blocks: Iterable["np.ndarray[Any, Any]"], given: int, wanted: int
) -> Iterator["np.ndarray[Any, Any]"]:
    if given == wanted:
        yield from blocks
        return
    import numpy as np
    import soxr

    stream = soxr.ResampleStream(given, wanted, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, "float32"), last=True)


def _part(
    blocks: Iterable["np.ndarray[Any, Any]"], first: int, last: int
) -> Iterator["np.ndarray[Any, Any]"]:
    """What of `blocks` is from sample `first` to `last`."""
    position = 0
    for block in blocks:
        yield block[max(0, first - position) : max(0, last - position)]
        position += len(block)


def byte_count(seconds: float, rate: int = SPEECH_RATE) -> int:
    """Of that much sound as 16-bit samples."""
    return round(seconds * rate) * SAMPLE_BYTES
