"""Speech by what reads texts aloud here, or on a wire of its own: sent as it comes."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from audiocli.audio.passing_by import Length
from audiocli.chat import PCM_BYTES_PER_SECOND, Usage
from audiocli.errors import ReplyError
from audiocli.gateway.answer import Answer
from audiocli.gateway.booking import Entry
from audiocli.gateway.replies import EVENT_HEADERS
from audiocli.gateway.state import State
from audiocli.router import Deployment
from audiocli.wire.openai.chat import OUTPUT_AUDIO_TOKEN_SECONDS
from audiocli.wire.openai.speech import MEDIA_TYPES, SpeechRequest, decode_request, encode_delta, encode_done

TOKEN_BYTES = int(PCM_BYTES_PER_SECOND * OUTPUT_AUDIO_TOKEN_SECONDS)


async def speak(
    state: State,
    deployment: Deployment,
    document: Mapping[str, Any],
    turn: asyncio.Lock,
    answer: Answer,
) -> None:
    """Answer a request for speech. Raises `InputError` and `RejectedError` for what cannot be spoken so."""
    request = replace(decode_request(document), model=deployment.target.model)
    speaker = state.engines.speaker(deployment.target, state.settings.config)
    async with turn, aclosing(speaker.stream(request)) as sound:
        await _send(_counted(sound, request, answer.entry), request, answer)


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
        raise ReplyError("the service sent an empty answer")
    await answer.end(encode_done(answer.entry.usage or Usage()) if request.events else b"")


async def _counted(
    sound: AsyncGenerator[bytes, None], request: SpeechRequest, entry: Entry
) -> AsyncGenerator[bytes, None]:
    """`sound`, booked as it comes."""
    length = Length(PCM_BYTES_PER_SECOND if request.format == "pcm" else None)
    async for data in sound:
        length.count(data)
        tokens = math.ceil(length.seconds / OUTPUT_AUDIO_TOKEN_SECONDS)
        entry.usage = Usage(output_tokens=tokens, output_audio_tokens=tokens)
        if entry.first_audio is None:
            entry.first_audio = time.monotonic()
        yield data
