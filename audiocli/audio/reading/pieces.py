"""A recording is cut where nobody speaks, and each piece becomes what a model takes."""

import math
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any

from audiocli.audio.formats import Format
from audiocli.audio.reading.damage import reading
from audiocli.audio.reading.pauses import WARM_UP, may_be_speech, quietest
from audiocli.audio.reading.recorded import Sound
from audiocli.audio.reading.samples import SPEECH_RATE, byte_count, heard, heard_pcm16, stored
from audiocli.audio.recording import SAMPLE_BYTES
from audiocli.chat import AudioPart
from audiocli.errors import InputError
from audiocli.printable import quoted

if TYPE_CHECKING:  # it costs 100 ms
    import numpy as np

_ENCODED: tuple[Format, ...] = ("flac", "mp3", "wav")
"""What a piece is made, best first: without loss and at half the size of WAV; at a tenth; at its own."""

_ALIASES = {"m4a": ("mp4",), "mp3": ("mpga", "mpeg"), "aiff": ("aif",), "ogg": ("oga",)}
"""Other words of the wire for the same container."""

_STRETCH = 10.0  # seconds that are searched at a time for a pause
_STRETCHES = 3  # of them, before the limit, at most
_SHARE = 0.5  # of a piece's length that may be given up for a pause
_LEAST = 1.0  # seconds that are worth a piece of their own
_EDGE = 0.001  # seconds by which a piece that is everything may differ
_WAV_HEADER = 44  # bytes

_SILENCE = 10 / 32_768
"""How loud (root of the mean square over a frame) is nothing: -70 dB. Speech that was recorded far too low is
at -50 dB.
"""
_QUIET = 184 / 32_768
"""-45 dB: below that a recording is mostly noise, and it is worth the time to look for speech in it."""
_USUAL = 0.1
"""-20 dB: as loud as speech is in most recordings, and in those that the detector has learned from."""
_NATIVE = {"format": "RAW", "subtype": "PCM_16", "endian": sys.byteorder.upper()}
_GLANCE = 3.0  # seconds of a piece in which most begin to speak
_FRAME = 480  # samples, 30 ms, in which there could be speech


@dataclass(frozen=True)
class Piece:
    """Where a piece of a recording starts and ends, in seconds."""

    start: float
    end: float


def cut(sound: Sound, longest: float, *, start: float = 0.0, end: float | None = None) -> Iterator[Piece]:
    """The pieces from `start` to `end`, each of at most `longest` seconds, without gaps.

    They are found as they are asked for, each in a second or so, the first perhaps after all has been decoded
    once. A cut is in a pause of speech, if there is one in the half minute before the limit, else at its
    quietest moment. Less than a second is not left over. Raises `ValueError` for a `longest` below that of
    two, and `InputError` for what cannot be decoded.
    """
    if longest < 2 * _LEAST:
        raise ValueError(f"pieces of {longest!r} s are too short")
    end = sound.duration if end is None else min(end, sound.duration)
    while end - start > longest:
        limit = min(start + longest, end - _LEAST)
        with reading(sound.name):
            middle = _pause(sound, max(start + _LEAST, limit - longest * _SHARE), limit)
        yield Piece(start, middle)
        start = middle
    if end > start:
        yield Piece(start, end)


def is_silent(sound: Sound, piece: Piece) -> bool:
    """Whether nothing in it could be speech. Quiet speech is no silence, and neither is noise, unless it is
    quiet and nothing in it resembles speech.

    It reads until it finds something. What only ffmpeg could decode, where that is missing, may be anything.
    """
    with reading(sound.name):
        if _begins_loud(sound, piece):
            return False
        try:
            samples = sound.samples(piece.start)
        except InputError:
            return False
        loudest = _loudest(heard(samples, piece.start, piece.end))
        if _SILENCE < loudest <= _QUIET:
            return not may_be_speech(heard(samples, piece.start, piece.end), _USUAL / loudest)
        return loudest <= _SILENCE


def part_of(sound: Sound, piece: Piece, formats: Collection[str], max_bytes: int) -> AudioPart:
    """The piece as one of `formats`, in at most `max_bytes`; raises `InputError` where that cannot be.

    A piece that is everything is the file itself, unread, where that fits. Others are 16 kHz, one channel,
    in a temporary file.
    """
    word = next((each for each in _words(sound) if each in formats), None)
    if word and sound.source.size <= max_bytes and _is_all(sound, piece):
        return AudioPart(sound.source, word)
    with reading(sound.name):
        return _made_of(sound, piece, formats, max_bytes)


def _made_of(sound: Sound, piece: Piece, formats: Collection[str], max_bytes: int) -> AudioPart:
    samples = sound.samples(piece.start)
    possible = [format for format in _ENCODED if format in formats]
    for format in possible:
        if format == "wav" and byte_count(piece.end - piece.start) + _WAV_HEADER > max_bytes:
            continue
        made = stored(samples, piece.start, piece.end, format)
        if made.size <= max_bytes:
            return AudioPart(made, format)
    where = f"{piece.start:.1f} to {piece.end:.1f} s of {quoted(sound.name)}"
    if not possible:
        raise InputError(f"{where} cannot be made {' or '.join(formats)}", hint="choose another model")
    raise InputError(
        f"{where} are more than {max_bytes / 1e6:.3g} MB as {' and as '.join(possible)}",
        hint="choose another model",
    )


def pcm16(sound: Sound, piece: Piece, rate: int = SPEECH_RATE) -> bytes:
    """The piece as one channel of signed 16-bit little-endian samples, `rate` a second."""
    with reading(sound.name):
        return b"".join(heard_pcm16(sound.samples(piece.start), piece.start, piece.end, rate))


def _pause(sound: Sound, earliest: float, limit: float) -> float:
    """Where to cut, from `earliest` to `limit`, as late as may be."""
    moments = []
    for number in range(_STRETCHES):
        start = max(earliest, limit - (number + 1) * _STRETCH)
        end = limit - number * _STRETCH
        if start >= end:
            break
        moment, found = _best_moment(sound, start, end)
        if found:
            return moment
        moments.append(moment)
    return moments[0] if moments else limit


def _best_moment(sound: Sound, start: float, end: float) -> tuple[float, bool]:
    import numpy as np

    first = max(0.0, start - WARM_UP)
    blocks = list(heard(sound.samples(first), first, end))
    stretch = np.concatenate(blocks) if blocks else np.zeros(0, "float32")
    at, found = quietest(stretch, round((start - first) * SPEECH_RATE))
    return min(first + at / SPEECH_RATE, end), found


def _words(sound: Sound) -> tuple[str, ...]:
    """What its own container is called, if a service can be trusted to read it."""
    return (sound.format, *_ALIASES.get(sound.format, ())) if sound.plain else ()


def _is_all(sound: Sound, piece: Piece) -> bool:
    return piece.start <= 0 and piece.end >= sound.duration - _EDGE


def _in_frames(blocks: Iterable["np.ndarray[Any, Any]"]) -> Iterator["np.ndarray[Any, Any]"]:
    """Frames in which there could be speech, as many together as a block has; what is left is one, too."""
    import numpy as np

    rest = np.zeros(0, "float32")
    for block in blocks:
        joined = np.concatenate((rest, block))
        whole = len(joined) // _FRAME * _FRAME
        rest = joined[whole:]
        if whole:
            yield joined[:whole].reshape(-1, _FRAME)
    if len(rest):
        yield rest.reshape(1, -1)


def _begins_loud(sound: Sound, piece: Piece) -> bool:
    """Whether WAV is loud in a piece's first seconds, which shows without a decoder, and without NumPy."""
    samples = sound.direct
    if samples is None or not _NATIVE.items() <= samples.layout.items():
        return False
    step = samples.channels * round(samples.rate * _FRAME / SPEECH_RATE)
    seconds = min(piece.end - piece.start, _GLANCE)
    with samples.source.open() as file:
        file.seek(round(piece.start * samples.rate) * samples.channels * SAMPLE_BYTES)
        data = file.read(round(seconds * samples.rate) * samples.channels * SAMPLE_BYTES)
    part = array("h", data[: len(data) // SAMPLE_BYTES * SAMPLE_BYTES])
    return any(_deviation(part[at : at + step]) > _QUIET for at in range(0, len(part), step))


def _deviation(frame: "array[int]") -> float:
    """Root of the mean square, without what is constant; full scale is 1.0."""
    mean = sum(frame) / len(frame)
    return math.sqrt(max(0.0, sum(map(mul, frame, frame)) / len(frame) - mean**2)) / 32_768


def _loudest(blocks: Iterable["np.ndarray[Any, Any]"]) -> float:
    """How loud the loudest frame is, or the first that is not quiet. A constant offset is not loud."""
    loudest = 0.0
    for frames in _in_frames(blocks):
        loudest = max(loudest, float(frames.std(axis=1).max()))
        if loudest > _QUIET:
            break
    return loudest
