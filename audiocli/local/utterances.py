"""Where somebody speaks in a sound, cut into what a recogniser hears at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # Hz

_FRAME = 0.03  # seconds
_LEAST_SPEECH = 8  # frames: fewer are a click, or the detector at its start
_PAUSE = 33  # frames, 1 s, after which another utterance begins
_LONGEST = 666  # frames, 20 s
_LULL = 10  # frames, 0.3 s
_MARGIN = 0.3  # seconds, beside what is surely speech, that may be its soft beginning or end

_Span = tuple[int, int]
"""From one frame up to another."""


@dataclass(frozen=True)
class Utterance:
    """Somebody speaks from `start` to `end`; it is heard with some of what is around it. All in seconds."""

    start: float
    end: float
    heard_from: float
    heard_to: float

    def within(self, pcm: bytes) -> bytes:
        """What is to be heard of `pcm`."""
        return pcm[2 * int(self.heard_from * RATE) : 2 * int(self.heard_to * RATE)]


def find_utterances(pcm: bytes) -> list[Utterance]:
    """The speech in `pcm`: `RATE`, one channel, signed 16-bit little-endian. Silence has none.

    An utterance ends at a pause of a second, or after 20 s at most, where it is quietest.
    """
    speech = _find_speech(pcm)
    if not any(speech):
        return []
    loudness = _loudness(pcm, len(speech))
    spans = [part for span in _at_pauses(speech) for part in _at_lulls(span, loudness)]
    edges = [0.0, *(_FRAME * (a[1] + b[0]) / 2 for a, b in pairwise(spans)), len(pcm) / 2 / RATE]
    found = []
    for (first, last), earliest, latest in zip(spans, edges, edges[1:], strict=False):
        start, end = first * _FRAME, last * _FRAME
        found.append(Utterance(start, end, max(earliest, start - _MARGIN), min(latest, end + _MARGIN)))
    return found


def _find_speech(pcm: bytes) -> list[bool]:
    """Whether each frame sounds like speech."""
    from pocketsphinx import Vad

    detector = Vad(sample_rate=RATE, frame_length=_FRAME)
    size = detector.frame_bytes
    return [detector.is_speech(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]


def _loudness(pcm: bytes, frames: int) -> "np.ndarray[Any, Any]":
    """Of each frame, with those around it."""
    import numpy as np

    size = int(_FRAME * RATE)
    samples = np.frombuffer(pcm, "<i2", count=frames * size).reshape(frames, size)
    return np.convolve(np.abs(samples, dtype="f4").mean(axis=1), np.ones(_LULL), "same")


def _at_pauses(speech: list[bool]) -> Iterator[_Span]:
    spoken = [frame for frame, is_speech in enumerate(speech) if is_speech]
    breaks = [index for index, (a, b) in enumerate(pairwise(spoken), 1) if b - a > _PAUSE]
    for first, last in pairwise([0, *breaks, len(spoken)]):
        if last - first >= _LEAST_SPEECH:
            yield spoken[first], spoken[last - 1] + 1


def _at_lulls(span: _Span, loudness: "np.ndarray[Any, Any]") -> Iterator[_Span]:
    first, last = span
    if last - first <= _LONGEST:
        yield span
        return
    quarter = (last - first) // 4
    quietest = first + quarter + int(loudness[first + quarter : last - quarter].argmin())
    yield from _at_lulls((first, quietest), loudness)
    yield from _at_lulls((quietest, last), loudness)
