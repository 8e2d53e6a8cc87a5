"""Speech to text: what is said in an audio file, and when."""

import os
import weakref
from dataclasses import dataclass
from pathlib import Path

from audiocli.audio.reading.pieces import Piece, pcm16
from audiocli.audio.reading.recorded import examine
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.local.ear import Ear
from audiocli.local.moonshine import RATE
from audiocli.local.threads import call_in_thread
from audiocli.local.weights import Progress, locate_hearing
from audiocli.transcript import Word

MAX_SECONDS = 3600  # of sound: an hour of it takes 115 MB, and two minutes to hear
MAX_BYTES = 512 * 2**20  # of an audio file

_SAMPLE_BYTES = 2


@dataclass(frozen=True)
class Recognition:
    """What was heard; `duration` is of the sound, in seconds."""

    words: tuple[Word, ...]
    duration: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Listener:
    """Hears English in audio files, with processes of its own, one for each file at a time.

    They stay, warm, for the next one: as many as there are processors at most, until this object is gone. The
    model is kept in `cache_dir`, where it is fetched once; `progress` is told how far that is.
    """

    def __init__(self, cache_dir: Path, progress: Progress) -> None:
        self._cache_dir = cache_dir
        self._progress = progress
        self._idle: list[Ear] = []
        weakref.finalize(self, _end_all, self._idle)

    async def prepare(self) -> None:
        """See that the model is here, and start a process that loads it, unless one is ready."""
        self._idle.append(await self._take())

    async def listen(self, source: AudioSource) -> Recognition:
        """Hear any audio file that `audio.recorded` knows. Cancelling stops it at once.

        Raises `InputError` for what is not audio, `DependencyError` where the model cannot be had. Silence is
        heard as no words.
        """
        ear = await self._take()
        try:
            heard = await call_in_thread(lambda: samples(source))
            words = await call_in_thread(lambda: ear.hear(heard))
        except BaseException:
            ear.end()
            raise
        self._keep(ear)
        duration = len(heard) / _SAMPLE_BYTES / RATE
        return Recognition(tuple(Word(*word) for word in words), duration)

    async def _take(self) -> Ear:
        while self._idle:
            if (ear := self._idle.pop()).is_alive:
                return ear
            ear.end()
        return Ear(await locate_hearing(self._cache_dir, self._progress))

    def _keep(self, ear: Ear) -> None:
        if len(self._idle) < processors():
            self._idle.append(ear)
        else:
            ear.end()


def _end_all(idle: list[Ear]) -> None:
    for ear in idle:
        ear.end()


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def samples(source: AudioSource) -> bytes:
    """The sound as the recogniser takes it: 16 kHz, one channel, signed 16-bit little-endian."""
    sound = examine(source, "the audio")
    if sound.duration > MAX_SECONDS:
        raise InputError(
            f"the embedded model hears at most {MAX_SECONDS // 60} minutes", hint="cut the audio into parts"
        )
    return pcm16(sound, Piece(0.0, sound.duration), RATE)
