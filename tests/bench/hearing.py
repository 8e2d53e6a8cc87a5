"""How well the embedded recogniser understands the recorded voices, and what that costs.

Usage: python -m tests.bench.hearing [--clips] ; with --clips, each clip's errors and text as well.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audiocli.audio.containers.wav import wav_header
from audiocli.chat import AudioBytes
from audiocli.local.listen import Listener, samples
from tests.bench.measure import PYTHON, least_cpu
from tests.command import cache_home
from tests.recorded_speech import Clip, clips, word_errors

CACHE = Path(cache_home()) / "audiocli"
REPEATS = 8  # of all the clips: 6 minutes of speech

# The transcriber, on the files named by its arguments, in the order given.
_OURS = """
import asyncio, sys
from pathlib import Path
from audiocli.chat import AudioBytes
from audiocli.local.listen import Listener

async def main():
    listener = Listener(Path(sys.argv[1]), lambda what, done, total: None)
    for name in sys.argv[2:]:
        print((await listener.listen(AudioBytes(Path(name).read_bytes()))).words)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Heard:
    clip: Clip
    text: str
    seconds: float

    @property
    def counts(self) -> tuple[int, int]:
        return word_errors(self.clip.text, self.text)


async def hear() -> list[Heard]:
    listener = Listener(CACHE, lambda what, done, total: None)
    found = []
    for clip in clips():
        recognition = await listener.listen(AudioBytes(clip.content))
        found.append(Heard(clip, recognition.text, recognition.duration))
    return found


def word_error_rates() -> Iterator[tuple[str, float, str]]:
    """In percent: of all clips, and of those with 16 to 24 words."""
    heard = asyncio.run(hear())
    long = [one for one in heard if 16 <= one.counts[1] <= 24]
    for name, chosen in (("all clips", heard), ("clips of 16 to 24 words", long)):
        errors, words = (sum(one.counts[which] for one in chosen) for which in (0, 1))
        yield name, 100 * errors / words, f"{errors} of {words} words"


def cpu() -> tuple[float, float, float]:
    """Milliseconds of the transcriber and of its engine called directly, and the seconds of speech."""
    with tempfile.TemporaryDirectory() as folder:
        pcm = b"".join(samples(AudioBytes(clip.content)) + bytes(16_000) for clip in clips()) * REPEATS
        minute = 60 * 32_000
        names = []
        for number, at in enumerate(range(0, len(pcm), minute)):
            piece = pcm[at : at + minute]
            path = Path(folder) / f"{number:02}.wav"
            path.write_bytes(wav_header(len(piece), 16_000) + piece)
            names.append(str(path))
        ours, direct = least_cpu(
            [PYTHON, "-c", _OURS, str(CACHE), *names],
            [PYTHON, "-m", "tests.bench.recogniser", str(CACHE / "moonshine-tiny-en"), *names],
            rounds=3,
        )
        return ours, direct, len(pcm) / 32_000


def main() -> None:
    if "--clips" in sys.argv:
        for one in asyncio.run(hear()):
            errors, words = one.counts
            print(f"{one.clip.name:<24}{errors:3} of {words:3}  {one.text}")
    for name, rate, counts in word_error_rates():
        print(f"word errors, {name:<28}{rate:6.1f} %  {counts}")
    ours, direct, seconds = cpu()
    print(f"CPU: {ours:.0f} ms / engine: {direct:.0f} ms = {ours / direct:.3f}")
    print(f"real-time factor: {ours / 1000 / seconds:.3f}")


if __name__ == "__main__":
    main()
