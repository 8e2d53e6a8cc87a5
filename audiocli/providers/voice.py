"""What reads texts aloud: OpenAI's speech endpoint, every server that has it, and voices of this process."""

import asyncio
import io
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Protocol

from audiocli.audio.encode import encode
from audiocli.audio.formats import Format
from audiocli.audio.recording import PcmFormat
from audiocli.chat import PCM_RATE
from audiocli.errors import ProviderError, RejectedError, ReplyError
from audiocli.http import Reply, post
from audiocli.providers.endpoint import Endpoint, common_headers, without_key
from audiocli.providers.registry import Speak, Target, check_key, speech
from audiocli.providers.reply import check_status, whole
from audiocli.wire import json as wire_json
from audiocli.wire import speech as wire

IDLE_SECONDS = 60.0
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


class Voice(Protocol):
    """Reads texts aloud: `stream` yields the sound as it comes, in the format that was asked for."""

    def stream(self, request: wire.SpeechRequest) -> AsyncGenerator[bytes, None]: ...


def voice_of(target: Target) -> Voice:
    """What reads aloud for `target`. Raises `AuthenticationError` and `DependencyError`."""
    check_key(target)
    return InProcess(speech(target)) if target.endpoint is None else OpenAISpeech(target.endpoint)


class InProcess:
    """A voice of this process, whose samples are turned into the format that was asked for."""

    def __init__(self, voice: Speak) -> None:
        self._voice = voice

    async def stream(self, request: wire.SpeechRequest) -> AsyncGenerator[bytes, None]:
        if request.format not in _MADE:
            hint = f"use one of {', '.join(_MADE)}"
            raise RejectedError(f"unsupported response format {request.format!r}", hint=hint)
        async with aclosing(self._voice(request.text, request.voice, request.speed)) as spoken:
            blocks = [block async for block in spoken]
        if not blocks:
            raise RejectedError("there is nothing in the text that could be said")
        yield await asyncio.to_thread(_encoded, blocks, _MADE[request.format])


_MADE: Mapping[str, Format] = {"mp3": "mp3", "opus": "opus", "flac": "flac", "wav": "wav", "pcm": "pcm"}


def _encoded(blocks: Iterable[bytes], format: Format) -> bytes:
    if format == "pcm":
        return b"".join(blocks)
    sink = io.BytesIO()
    encode(blocks, PcmFormat(PCM_RATE), sink, format)
    return sink.getvalue()


class OpenAISpeech:
    """Reads texts aloud by posting them to an `Endpoint`.

    `idle_seconds` bounds the silence of the service.
    """

    def __init__(self, endpoint: Endpoint, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._endpoint = endpoint
        self._idle_seconds = idle_seconds

    async def stream(self, request: wire.SpeechRequest) -> AsyncGenerator[bytes, None]:
        """The sound of `request`, as it comes, in the format that was asked for. Raises `ProviderError`."""
        endpoint = self._endpoint
        names = endpoint.dialect.speech_names
        asked = endpoint.completed(wire.encode_request(request))
        body = wire_json.segments({names.get(name, name): value for name, value in asked.items()})
        headers = {
            "Content-Type": "application/json",
            **common_headers(endpoint, "*/*", request.idempotency_key),
        }
        begun = False
        try:
            async with post(
                endpoint.at("audio/speech"),
                headers,
                body,
                idle_seconds=self._idle_seconds,
                proxy=endpoint.own_proxy,
            ) as reply:
                await check_status(reply)
                begun = True
                async with aclosing(_sound(reply)) as pieces:
                    async for piece in pieces:
                        yield endpoint.dialect.sound(piece, request.format)
        except ProviderError as error:
            # Sound that has begun is paid for: it would be paid for again.
            error.retryable = error.retryable and not begun
            raise without_key(error, endpoint.secret) from None


async def _sound(reply: Reply) -> AsyncGenerator[bytes, None]:
    if reply.media_type in ("text/html", "application/xhtml+xml"):
        raise ReplyError("the service sent a web page in place of sound", hint="check the base URL")
    async with aclosing(reply.pieces()) as pieces:
        if reply.media_type.endswith("json"):
            yield wire.decode_document(await whole(pieces, MAX_DOCUMENT_BYTES))
            return
        empty = True
        async for piece in pieces:
            empty = empty and not piece
            yield piece
        if empty:
            raise ReplyError("the service sent no sound")
