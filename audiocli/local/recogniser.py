"""Speech to text in a process of its own: 16 kHz mono 16-bit PCM on stdin, one JSON object on stdout.

pocketsphinx holds the interpreter's lock while it loads (0.3 s) and while it ends an utterance, and cannot be
interrupted. A process can be killed. It is run as a file, and imports nothing of this package.
"""

import json
import sys
from typing import Any

RATE = 16_000  # Hz

_LEAST_SPEECH = 5  # frames of 30 ms: below that the decoder hears words in silence


def recognise(pcm: bytes) -> list[dict[str, Any]]:
    """The words, in order, with their times in seconds and a confidence from 0 to 1."""
    from pocketsphinx import Decoder

    if not _has_speech(pcm):
        return []
    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)  # 16 errors in 176 words; in pieces, 26
    decoder.end_utt()
    frames = decoder.config["frate"]
    return [
        {
            "text": segment.word.partition("(")[0],  # "read(2)" is the second way to say "read"
            "start": segment.start_frame / frames,
            "end": (segment.end_frame + 1) / frames,
            "confidence": min(1.0, segment.prob),
        }
        for segment in decoder.seg() or ()
        if segment.word[0] not in "<["  # <s>, <sil>, [NOISE]
    ]


def _has_speech(pcm: bytes) -> bool:
    from pocketsphinx import Vad

    detector = Vad(sample_rate=RATE)
    size = detector.frame_bytes
    speech = sum(detector.is_speech(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size))
    return bool(speech >= _LEAST_SPEECH)


if __name__ == "__main__":
    json.dump(recognise(sys.stdin.buffer.read()), sys.stdout)
