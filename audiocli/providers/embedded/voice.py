"""Voices of this process as speakers: their samples become the format that is asked for."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing

from audiocli.audio.containers.wav import wav_header
from audiocli.audio.formats import Format
from audiocli.audio.recording import PcmFormat
from audiocli.audio.writing.encode import encode
from audiocli.chat import PCM_RATE
from audiocli.errors import InputError, RejectedError
from audiocli.wire.openai import speech as wire

Speak = Callable[[str, str, float], AsyncGenerator[bytes, None]]
"""Reads a text aloud, with a voice, so many times as fast as usual: 24 kHz mono pcm16, as it is spoken.

Nothing comes of a text in which nothing can be said. Closing it early ends the work.
"""

ENCODED: Mapping[str, Format] = {"mp3": "mp3", "opus": "opus", "flac": "flac"}
"""Formats that are made of the whole: compression sees samples from first to last."""

_STREAMED = ("pcm", "wav")


class InProcess:
    """A `Speaker` of this process, named `name`: its samples are turned into the format that is asked for.

    Where the format allows that, they are sent as they are spoken.
    """

    def __init__(self, name: str, speak: Speak) -> None:
        self._name = name
        self._speak = speak

    async def stream(self, request: wire.SpeechRequest) -> AsyncGenerator[bytes, None]:
        if request.format not in _STREAMED and request.format not in ENCODED:
            raise RejectedError(
                f"{self._name} does not make {request.format}",
                hint=f"use one of {', '.join((*ENCODED, *_STREAMED))}",
                param="response_format",
            )
        empty = True
        async with aclosing(self._speak(request.text, request.voice, request.speed)) as spoken:
            made = _whole(spoken, request.format) if request.format in ENCODED else _started(spoken, request)
            async with aclosing(made):
                async for sound in made:
                    empty = False
                    yield sound
        if empty:
            raise InputError("there is nothing in the input that could be said", param="input")


async def _started(
    spoken: AsyncGenerator[bytes, None], request: wire.SpeechRequest
) -> AsyncGenerator[bytes, None]:
    """The samples, after a header that leaves their number open where it is WAV."""
    header = wav_header(None, PCM_RATE) if request.format == "wav" else b""
    async for pcm in spoken:
        yield header + pcm
        header = b""


async def _whole(spoken: AsyncGenerator[bytes, None], format: str) -> AsyncGenerator[bytes, None]:
    if blocks := [pcm async for pcm in spoken]:
        yield await asyncio.to_thread(encoded, blocks, format)


def encoded(blocks: Iterable[bytes], format: str) -> bytes:
    """Samples of 24 kHz as one file of a format in `ENCODED`."""
    sink = io.BytesIO()
    encode(blocks, PcmFormat(PCM_RATE), sink, ENCODED[format])
    return sink.getvalue()
