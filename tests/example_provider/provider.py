"""The class that posts what the wire encodes, and yields what it decodes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from audiocli.chat import ChatRequest, Event
from audiocli.errors import ProviderError
from audiocli.http.client import post
from audiocli.providers.endpoint import Endpoint, common_headers, without_key
from audiocli.providers.reply import check_status
from audiocli.wire.json import segments
from tests.example_provider import wire

IDLE_SECONDS = 60.0


class Parrot:
    """A `Provider` that asks a parrot."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        url = self._endpoint.at(wire.PATH.format(model=request.model))
        headers = {
            "Content-Type": "application/json",
            **common_headers(self._endpoint, "application/x-ndjson", request.idempotency_key),
        }
        begun = False
        try:
            body = segments(wire.encode_request(request))
            async with post(url, headers, body, idle_seconds=IDLE_SECONDS) as reply:
                await check_status(reply)
                decoder = wire.Decoder()
                async with aclosing(reply.pieces()) as pieces:
                    async for piece in pieces:
                        for event in decoder.feed(piece):
                            begun = True
                            yield event
                for event in decoder.close():
                    yield event
        except ProviderError as error:
            error.retryable = error.retryable and not begun
            raise without_key(error, self._endpoint.secret) from None
