"""Text to speech: flite where it is installed, else espeak-ng, which comes as a package.

flite is clearer. A voice is chosen by name; a name that neither has, such as OpenAI's `alloy`, stands for
the default voice, so that a request for a hosted model works here too.
"""

import ctypes
import functools
import struct
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from audiocli import children
from audiocli.chat import PCM_RATE
from audiocli.errors import ServerError
from audiocli.local.process import run
from audiocli.local.threads import call_in_thread, start_thread

FLITE_VOICES = ("slt", "rms", "awb", "kal", "kal16")  # as Debian's package has them; the first is the default
ESPEAK_VOICES = ("en-us", "en-gb", "en-gb-scotland")

_WAV_HEADER = struct.Struct("<24xI16x")  # the sample rate in the 44 bytes that flite writes

_SYNCHRONOUS = 2  # espeak_ng's AUDIO_OUTPUT_SYNCHRONOUS: it calls us with the samples
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE = 1  # espeak_ng's espeakRATE, in words a minute
_WORDS_PER_MINUTE = 175  # its usual one


class Speaker(Protocol):
    """Speaks one text at a time, as 24 kHz mono pcm16. Cancelling `speak` stops it at once."""

    async def speak(self, text: str) -> bytes: ...


def choose_speaker(voice: str, flite: str | None, speed: float = 1.0) -> Speaker:
    """Whoever has `voice`; `flite` is the program, if there is one. Raises nothing.

    A `speed` of 2 is twice as fast as usual, as far as a voice goes: espeak-ng says 80 to 450 words a minute.
    """
    if flite and voice not in ESPEAK_VOICES:
        return Flite(flite, voice if voice in FLITE_VOICES else FLITE_VOICES[0], speed)
    return Espeak(voice if voice in ESPEAK_VOICES else ESPEAK_VOICES[0], speed)


def start_warming_up() -> None:
    """Import what speaking needs, 0.1 s, while something else is waited for."""

    def load() -> None:
        import soxr  # noqa: F401 - it stays loaded

    start_thread(load)


def find_flite() -> str | None:
    return children.find("flite")


@dataclass(frozen=True)
class Flite:
    """A process for each text. 0.1 s for two sentences."""

    program: str
    voice: str
    speed: float = 1.0

    async def speak(self, text: str) -> bytes:
        stretch = f"duration_stretch={1 / self.speed:.3f}"
        # Read from a pipe, it hangs; other users of this machine may see the text while it is made.
        status, wav = await run(
            *(self.program, "-voice", self.voice, "--setf", stretch, "-t", text, "-o", "/dev/stdout")
        )
        if status or len(wav) < _WAV_HEADER.size:
            raise ServerError("flite cannot speak", hint="take it off the PATH to use espeak-ng")
        (rate,) = _WAV_HEADER.unpack_from(wav)
        return await call_in_thread(lambda: resample(wav[_WAV_HEADER.size :], rate))


@dataclass(frozen=True)
class Espeak:
    """Robotic, but fast: 0.05 s for a sentence."""

    voice: str
    speed: float = 1.0

    async def speak(self, text: str) -> bytes:
        cancelled = threading.Event()
        rate = round(_WORDS_PER_MINUTE * self.speed)
        try:
            return await call_in_thread(lambda: _synthesise(text, self.voice, rate, cancelled))
        finally:
            cancelled.set()


def resample(pcm: bytes, rate: int) -> bytes:
    """Mono pcm16 of `rate` Hz as 24 kHz."""
    if rate == PCM_RATE:
        return pcm
    import numpy as np
    import soxr

    samples = np.frombuffer(pcm, "<i2")
    data: bytes = soxr.resample(samples, rate, PCM_RATE).astype("<i2").tobytes()
    return data


_SamplesCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

_espeak_lock = threading.Lock()
"""espeak-ng is one machine with one voice: its state is global."""


def _synthesise(text: str, voice: str, rate: int, cancelled: threading.Event) -> bytes:
    pieces: list[bytes] = []

    def take(samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return int(cancelled.is_set())  # 1 makes it stop

    with _espeak_lock:
        library, sample_rate = _espeak()
        callback = _SamplesCallback(take)
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetVoiceByName(voice.encode())
        library.espeak_SetParameter(_RATE, rate, 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
    return resample(b"".join(pieces), sample_rate)


@functools.cache
def _espeak() -> tuple[ctypes.CDLL, int]:
    """The library, and the rate (Hz) of what it says."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data_path = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path, _DO_NOT_EXIT)
    if rate <= 0:
        raise ServerError("espeak-ng cannot be started")
    library.espeak_Synth.argtypes = (
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
        *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
    )
    return library, rate
