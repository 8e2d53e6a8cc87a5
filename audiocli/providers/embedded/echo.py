"""A model that says back what it is told: instant, free, and the same every time."""

import math
from array import array
from collections.abc import AsyncGenerator, Iterator
from functools import cache

from audiocli.audio.containers.wav import wav_header
from audiocli.chat import (
    PCM_RATE,
    AudioDelta,
    AudioPart,
    AudioStarted,
    ChatRequest,
    Event,
    Finished,
    Part,
    RawPart,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.providers.base import not_understood

SECONDS_PER_WORD = 0.1
TOKENS_PER_WORD = 2  # of 50 ms each
TONE_HZ = 440
AUDIO_ID = "audio_echo"


class Echo:
    """A `Provider` that says the last message back; each word sounds as a tenth of a second of tone."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        words = " ".join(map(_said, request.messages[-1].parts)).split()
        spoken = request.audio is not None
        if spoken:
            yield AudioStarted(AUDIO_ID)
        if request.audio and request.audio.format == "wav":
            yield AudioDelta(wav_header(len(words) * len(_tone())))
        for word in _spaced(words):
            if not spoken:
                yield TextDelta(word)
                continue
            yield TranscriptDelta(word)
            yield AudioDelta(_tone())
        audio_tokens = TOKENS_PER_WORD * len(words) if spoken else 0
        yield Finished(
            id="chatcmpl-echo",
            model=request.model,
            audio_id=AUDIO_ID if spoken else None,
            usage=Usage(len(words), len(words) + audio_tokens, 0, audio_tokens),
        )


async def speak_as_echo(text: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:  # noqa: ARG001 - it has one voice
    """A tenth of a second of tone for each word; see `voice.Speak`."""
    for _ in text.split():
        yield _tone()


def _said(part: Part) -> str:
    match part:
        case TextPart(text):
            return text
        case AudioPart(source, format):
            return f"({source.size} bytes of {format})"
        case RawPart():
            raise not_understood(part, "echo")


def _spaced(words: list[str]) -> Iterator[str]:
    for position, word in enumerate(words):
        yield f" {word}" if position else word


@cache
def _tone() -> bytes:
    samples = range(int(PCM_RATE * SECONDS_PER_WORD))
    return array("h", (int(8000 * math.sin(2 * math.pi * TONE_HZ * n / PCM_RATE)) for n in samples)).tobytes()
