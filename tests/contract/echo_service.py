"""A service that speaks OpenAI's chat completions and answers as `Echo` does: a script for `serve`."""

import asyncio
import json

from audiocli.chat import ChatRequest, Event, collect
from audiocli.errors import BadRequestError, ProviderError
from audiocli.providers.embedded.echo import Echo
from audiocli.wire.errors import encode_error
from audiocli.wire.json import parse
from audiocli.wire.openai.chat import (
    STREAM_END,
    StreamEncoder,
    decode_request,
    encode_chunk,
    encode_completion,
)
from tests.servers import Exchange

CREATED = 1_780_693_548


def answer_as_echo(exchange: Exchange) -> None:
    try:
        _answer(exchange)
    except (BadRequestError, ProviderError) as error:
        exchange.reply(json.dumps(encode_error(error)).encode(), status=f"{error.status_code} Refused")


def _answer(exchange: Exchange) -> None:
    request = decode_request(parse(exchange.body))
    if not request.stream:
        answer = asyncio.run(collect(Echo().stream(request)))
        return exchange.reply(json.dumps(encode_completion(answer, request)).encode())
    encoder = StreamEncoder(request, id="chatcmpl-echo", created=CREATED)
    events = asyncio.run(_events(request))
    chunks = [chunk for event in events for chunk in encoder.encode(event)]
    return exchange.stream(*map(encode_chunk, chunks), STREAM_END)


async def _events(request: ChatRequest) -> list[Event]:
    return [event async for event in Echo().stream(request)]
