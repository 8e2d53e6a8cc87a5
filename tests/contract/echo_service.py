"""A service that speaks OpenAI's chat completions and answers as `Echo` does: a script for `serve`."""

import asyncio
import json

from audiocli.chat import ChatRequest, Event, collect
from audiocli.errors import InputError
from audiocli.providers.echo import Echo
from audiocli.wire.json import parse
from audiocli.wire.openai import StreamEncoder, decode_request, encode_completion
from tests.servers import Exchange

CREATED = 1_780_693_548


def answer_as_echo(exchange: Exchange) -> None:
    try:
        request = decode_request(parse(exchange.body))
    except InputError as error:
        document = {"error": {"message": error.message, "type": "invalid_request_error"}}
        return exchange.reply(json.dumps(document).encode(), status="400 Bad Request")
    if not request.stream:
        answer = asyncio.run(collect(Echo().stream(request)))
        return exchange.reply(json.dumps(encode_completion(answer, request)).encode())
    encoder = StreamEncoder(request, id="chatcmpl-echo", audio_id="audio_echo", created=CREATED)
    events = asyncio.run(_events(request))
    return exchange.stream(*(chunk for event in events for chunk in encoder.encode(event)))


async def _events(request: ChatRequest) -> list[Event]:
    return [event async for event in Echo().stream(request)]
