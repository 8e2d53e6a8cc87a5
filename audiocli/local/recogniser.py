"""Speech to text in a process of its own, which hears one sound after the other until its stdin ends.

What holds the interpreter's lock for long can neither be interrupted nor run beside itself in one process;
a process can be killed. It takes the length of a sound (4 bytes, little-endian) and the sound, 16 kHz mono
16-bit PCM, on stdin, and answers with a line of JSON on stdout: the words, `[text, start, end, confidence]`.
"""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from audiocli.local.align import Aligner
from audiocli.local.moonshine import Moonshine, Written
from audiocli.local.utterances import Utterance, find_utterances

LENGTH = struct.Struct("<I")

_SENTENCE_ENDS = (".", "!", "?")
_FILLER_WORDS = 3
_SURE, _SURE_UNENDED = 0.5, 0.75

Word = tuple[str, float, float, float]
"""The text, when it starts and ends (seconds), and a confidence from 0 to 1."""


class Recogniser:
    def __init__(self, weights: Path) -> None:
        self._model = Moonshine(weights)
        self._aligner = Aligner()

    def hear(self, pcm: bytes) -> list[Word]:
        """The words, in order. Silence has none."""
        return [word for part in find_utterances(pcm) for word in self._hear_utterance(part, pcm)]

    def _hear_utterance(self, utterance: Utterance, pcm: bytes) -> Iterator[Word]:
        import numpy as np

        sound = utterance.within(pcm)
        samples = np.frombuffer(sound, "<i2").astype("f4") / 32_768
        written = without_filler(self._model.write(samples))
        spans = self._aligner.align([word.text for word in written], sound) if written else []
        for word, (start, end) in zip(written, spans, strict=True):
            # To the aligner, the silence beside a word is part of it.
            earliest, latest = utterance.start, utterance.end
            begun = min(max(utterance.heard_from + start, earliest), latest)
            ended = min(max(utterance.heard_from + end, begun), latest)
            yield word.text, round(begun, 3), round(ended, 3), round(word.confidence, 3)


def without_filler(written: list[Written]) -> list[Written]:
    """`written` without a last short sentence that the model heard in a noise, such as "Thank you." or "You".

    It is unsure of those, and often does not end them. A word alone, ended, is believed.
    """
    ends = [index for index, word in enumerate(written[:-1], 1) if word.text.endswith(_SENTENCE_ENDS)]
    before, last = (written[: ends[-1]], written[ends[-1] :]) if ends else ([], written)
    if not last or len(last) > _FILLER_WORDS:
        return written
    confidence = min(word.confidence for word in last)
    if not last[-1].text.endswith((*_SENTENCE_ENDS, ",")):
        return before if confidence < _SURE_UNENDED else written
    return before if before and confidence < _SURE else written


def main(weights: str) -> None:
    recogniser = Recogniser(Path(weights))
    while header := sys.stdin.buffer.read(LENGTH.size):
        (size,) = LENGTH.unpack(header)
        words = recogniser.hear(sys.stdin.buffer.read(size))
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()
