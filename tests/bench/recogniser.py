"""The recogniser's model and aligner called directly: what there is to compare the transcriber with.

Usage: python -m tests.bench.recogniser WEIGHTS FILE... ; each file is a 16 kHz mono 16-bit WAV.
"""

import sys
import wave
from pathlib import Path

import numpy as np

from audiocli.local.align import Aligner
from audiocli.local.moonshine import Moonshine
from audiocli.local.utterances import find_utterances


def main() -> None:
    model, aligner = Moonshine(Path(sys.argv[1])), Aligner()
    for name in sys.argv[2:]:
        with wave.open(name) as file:
            pcm = file.readframes(file.getnframes())
        for utterance in find_utterances(pcm):
            sound = utterance.within(pcm)
            words = [word.text for word in model.write(np.frombuffer(sound, "<i2").astype("f4") / 32_768)]
            print(words, aligner.align(words, sound))


if __name__ == "__main__":
    main()
