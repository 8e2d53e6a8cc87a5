"""Speech to text: what is said in an audio file, and when."""

import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiocli.audio.prepare import prepare
from audiocli.audio.wav import Wav, read_wav
from audiocli.chat import AudioSource
from audiocli.errors import InputError, ServerError
from audiocli.local import recogniser
from audiocli.local.process import run
from audiocli.local.threads import call_in_thread

if TYPE_CHECKING:
    import numpy as np

MAX_SECONDS = 3600  # of sound: an hour of it takes 115 MB, and a quarter of an hour to hear
MAX_BYTES = 512 * 2**20  # of an audio file

_SAMPLE_BYTES = 2


@dataclass(frozen=True)
class Word:
    """A word, when it starts and ends (seconds), and how sure the recogniser is of it (0 to 1)."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Recognition:
    """What was heard, in lower case and without punctuation; `duration` is of the sound, in seconds."""

    text: str
    words: tuple[Word, ...]
    duration: float


async def listen(source: AudioSource) -> Recognition:
    """Hear English in any audio file that `audio.prepare` knows. Cancelling stops it at once.

    Raises `InputError` for what is not audio. Silence is heard as no words.
    """
    pcm = await call_in_thread(lambda: samples(source))
    status, written = await run(sys.executable, "-P", recogniser.__file__, stdin=pcm)
    if status:
        raise ServerError("the speech recogniser failed")
    words = tuple(Word(**word) for word in json.loads(written))
    duration = len(pcm) / _SAMPLE_BYTES / recogniser.RATE
    return Recognition(" ".join(word.text for word in words), words, duration)


def samples(source: AudioSource) -> bytes:
    """The sound as the recogniser takes it: 16 kHz, one channel, signed 16-bit little-endian."""
    part = prepare(source, "the audio", max_bytes=MAX_BYTES).part
    if part.format == "mp3":
        return _decode_mp3(part.source)
    with part.source.open() as file:
        wav = read_wav(file, part.source.size)
        if wav.duration > MAX_SECONDS:
            raise _too_long()
        file.seek(wav.data_offset)
        data = file.read(wav.data_size)
    return data if _is_native(wav) else _convert_wav(data, wav)


def _is_native(wav: Wav) -> bool:
    return (wav.rate, wav.channels, wav.bits) == (recogniser.RATE, 1, 16)


def _convert_wav(data: bytes, wav: Wav) -> bytes:
    import numpy as np

    frames = np.frombuffer(data, "<i2" if wav.bits == 16 else "u1").reshape(-1, wav.channels)
    full_scale = np.float32(2 ** (wav.bits - 1))
    silence = 0 if wav.bits == 16 else full_scale  # 8-bit samples are unsigned
    return _resampled((frames.astype("f4") - silence) / full_scale, wav.rate)


def _decode_mp3(source: AudioSource) -> bytes:
    import soundfile

    with source.open() as file:
        content = io.BytesIO(file.read())
    try:
        with soundfile.SoundFile(content) as sound:
            frames = sound.read((MAX_SECONDS + 1) * sound.samplerate, dtype="float32", always_2d=True)
            rate = sound.samplerate
    except soundfile.LibsndfileError as exc:
        raise InputError(f"the MP3 file cannot be decoded: {exc.error_string.rstrip('.')}") from exc
    if len(frames) > MAX_SECONDS * rate:
        raise _too_long()
    return _resampled(frames, rate)


def _resampled(frames: "np.ndarray[Any, Any]", rate: int) -> bytes:
    """Frames by channels, full scale 1.0, at `rate` Hz."""
    import numpy as np
    import soxr

    mixed = soxr.resample(frames.mean(axis=1), rate, recogniser.RATE)
    data: bytes = np.clip(mixed * 32_767, -32_768, 32_767).astype("<i2").tobytes()
    return data


def _too_long() -> InputError:
    return InputError(
        f"the embedded model hears at most {MAX_SECONDS // 60} minutes", hint="cut the audio into parts"
    )
