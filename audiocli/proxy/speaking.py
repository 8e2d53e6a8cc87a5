"""Speech by a voice that runs in this process: sent as it is spoken, where its format allows that."""

import asyncio
import io
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from audiocli.audio.encode import encode
from audiocli.audio.formats import Format
from audiocli.audio.recording import PcmFormat
from audiocli.audio.wav import wav_header
from audiocli.chat import PCM_BYTES_PER_SECOND, PCM_RATE, Usage
from audiocli.errors import InputError, RejectedError
from audiocli.providers.registry import speech
from audiocli.proxy.answer import Answer
from audiocli.proxy.booking import Entry
from audiocli.proxy.replies import EVENT_HEADERS
from audiocli.router import Deployment
from audiocli.wire.openai import OUTPUT_AUDIO_TOKEN_SECONDS
from audiocli.wire.speech import MEDIA_TYPES, SpeechRequest, decode_request, encode_delta, encode_done

TOKEN_BYTES = int(PCM_BYTES_PER_SECOND * OUTPUT_AUDIO_TOKEN_SECONDS)

ENCODED: Mapping[str, Format] = {"mp3": "mp3", "opus": "opus", "flac": "flac"}
_STREAMED = ("pcm", "wav")


async def speak(
    deployment: Deployment, document: Mapping[str, Any], turn: asyncio.Lock, answer: Answer
) -> None:
    """Answer a request for speech. Raises `InputError` and `RejectedError` for what cannot be spoken so."""
    request = decode_request(document)
    if request.format not in _STREAMED and request.format not in ENCODED:
        raise RejectedError(
            f"{deployment.target.name} does not make {request.format}",
            hint=f"use one of {', '.join((*ENCODED, *_STREAMED))}",
            param="response_format",
        )
    voice = speech(deployment.target)
    async with turn, aclosing(voice(request.text, request.voice, request.speed)) as spoken:
        counted = _counted(spoken, answer.entry)
        made = _encoded(counted, request.format) if request.format in ENCODED else _streamed(counted, request)
        await _send(made, request, answer)


async def _send(made: AsyncGenerator[bytes, None], request: SpeechRequest, answer: Answer) -> None:
    """Send the sound as it comes; the headers go with the first: an error before it has its status."""
    media_type = MEDIA_TYPES[request.format].encode()
    headers = EVENT_HEADERS if request.events else [(b"content-type", media_type)]
    answer.entry.streamed = request.events
    async with aclosing(made):
        async for data in made:
            if not answer.begun:
                await answer.begin(200, headers, events=request.events)
            await answer.write(encode_delta(data) if request.events else data)
    if not answer.begun:
        raise InputError("there is nothing in the input that could be said", param="input")
    await answer.end(encode_done(answer.entry.usage or Usage()) if request.events else b"")


async def _counted(spoken: AsyncGenerator[bytes, None], entry: Entry) -> AsyncGenerator[bytes, None]:
    """`spoken`, booked as it comes: what is counted is sound."""
    size = 0
    async for pcm in spoken:
        size += len(pcm)
        tokens = -(-size // TOKEN_BYTES)
        entry.usage = Usage(output_tokens=tokens, output_audio_tokens=tokens)
        if entry.first_audio is None:
            entry.first_audio = time.monotonic()
        yield pcm


async def _streamed(
    spoken: AsyncGenerator[bytes, None], request: SpeechRequest
) -> AsyncGenerator[bytes, None]:
    """The samples, after a header that leaves their number open where it is WAV."""
    header = wav_header(None, PCM_RATE) if request.format == "wav" else b""
    async for pcm in spoken:
        yield header + pcm
        header = b""


async def _encoded(spoken: AsyncGenerator[bytes, None], format: str) -> AsyncGenerator[bytes, None]:
    if blocks := [pcm async for pcm in spoken]:
        yield await asyncio.to_thread(encoded, blocks, format)


def encoded(blocks: Iterable[bytes], format: str) -> bytes:
    """Samples as one file of a format in `ENCODED`: compression sees them from first to last."""
    sink = io.BytesIO()
    encode(blocks, PcmFormat(PCM_RATE), sink, ENCODED[format])
    return sink.getvalue()
