"""OpenAI's speech endpoint, and every server that has it, as a speaker."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from audiocli.errors import ProviderError, ReplyError
from audiocli.http.client import Reply, post
from audiocli.providers.endpoint import Endpoint, common_headers, without_key
from audiocli.providers.reply import check_status, whole
from audiocli.wire import json as wire_json
from audiocli.wire.openai import speech as wire

IDLE_SECONDS = 60.0
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


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
