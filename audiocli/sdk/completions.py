"""`completion` and `acompletion`, as OpenAI and LiteLLM have them."""

import os
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

from audiocli.chat import ChatRequest, Event, Finished, collect
from audiocli.errors import ReplyError
from audiocli.library.blocking import blocking, iterating
from audiocli.library.connection import DEFAULT_RETRIES, DEFAULT_TIMEOUT, connect
from audiocli.providers.base import Provider
from audiocli.sdk.document import Document, plain
from audiocli.wire.json import parse
from audiocli.wire.openai import StreamEncoder, decode_request, encode_completion
from audiocli.wire.sse import DONE, EventDecoder

Messages = Sequence[Mapping[str, Any]]


@overload
async def acompletion(
    model: str, messages: Messages, *, stream: Literal[False] | None = None, **arguments: Any
) -> Document: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: Literal[True], **arguments: Any
) -> AsyncGenerator[Document, None]: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: bool | None, **arguments: Any
) -> Document | AsyncGenerator[Document, None]: ...
async def acompletion(
    model: str, messages: Messages, **arguments: Any
) -> Document | AsyncGenerator[Document, None]:
    """The model's answer as a `chat.completion`, or its chunks where `stream` is true.

    `api_base` (or `base_url`), `api_key`, `timeout` in seconds, `num_retries` (or `max_retries`),
    `extra_headers` and `extra_body` are for the call; every other argument is a field of the request. A
    streamed answer that cannot be had is an error here, not where the chunks are read. Raises
    `AudiocliError`.
    """
    call = _call(model, messages, **arguments)
    if not call.request.stream:
        return await _complete(call)
    chunks = _stream(call)
    await anext(chunks)
    return chunks


@overload
def completion(
    model: str, messages: Messages, *, stream: Literal[False] | None = None, **arguments: Any
) -> Document: ...
@overload
def completion(
    model: str, messages: Messages, *, stream: Literal[True], **arguments: Any
) -> Generator[Document, None, None]: ...
@overload
def completion(
    model: str, messages: Messages, *, stream: bool | None, **arguments: Any
) -> Document | Generator[Document, None, None]: ...
def completion(
    model: str, messages: Messages, **arguments: Any
) -> Document | Generator[Document, None, None]:
    """`acompletion`, for callers that wait. Closing the chunks, or dropping them, closes the connection."""
    call = _call(model, messages, **arguments)
    if not call.request.stream:
        return blocking(_complete)(call)
    chunks = iterating(_stream)(call)
    next(chunks)
    return chunks


@dataclass(frozen=True)
class _Call:
    provider: Provider
    request: ChatRequest
    shows_usage: bool


def _call(
    model: str,
    messages: Messages,
    *,
    api_base: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,
    num_retries: int | None = None,
    max_retries: int | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> _Call:
    retries = max_retries if num_retries is None else num_retries
    connection = connect(
        model,
        base_url=api_base or base_url,
        api_key=api_key,
        timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        retries=DEFAULT_RETRIES if retries is None else retries,
        headers=extra_headers,
    )
    given = {name: plain(value) for name, value in fields.items() if value is not None}
    document = {"messages": plain(messages), **given, **(extra_body or {}), "model": connection.target.model}
    shows_usage = (document.get("stream_options") or {}).get("include_usage") is True
    return _Call(connection.provider, decode_request(document), shows_usage)


async def _complete(call: _Call) -> Document:
    answer = await collect(call.provider.stream(call.request))
    _check_end(answer.finished)
    # A model that is asked to speak may still write.
    request = call.request if answer.audio else replace(call.request, audio=None)
    return Document(encode_completion(answer, request))


async def _stream(call: _Call) -> AsyncGenerator[Document, None]:
    """An empty document when the answer begins, then its chunks.

    Whoever has taken the first has a generator that has begun, which frees the connection when it is dropped.
    """
    encoder = _ChunkEncoder(call)
    async with aclosing(call.provider.stream(call.request)) as events:
        first = await anext(events)
        yield Document({})
        for chunk in encoder.encode(first):
            yield chunk
        async for event in events:
            for chunk in encoder.encode(event):
                yield chunk


class _ChunkEncoder:
    """Turns events into chunks: those that `StreamEncoder` writes, with the ids that the service gave."""

    def __init__(self, call: _Call) -> None:
        self._shows_usage = call.shows_usage
        # The id of the sound is the service's, by which a later message names it. It is known at the end.
        self._encoder = StreamEncoder(
            call.request, id=f"chatcmpl-{os.urandom(12).hex()}", audio_id="", created=int(time.time())
        )
        self._decoder = EventDecoder()

    def encode(self, event: Event) -> Iterator[Document]:
        audio_id = None
        if isinstance(event, Finished):
            _check_end(event)
            audio_id = event.audio_id
            # Code that reads `choices[0]` of every chunk has not asked for one without choices.
            event = event if self._shows_usage else replace(event, usage=None)
        for line in self._encoder.encode(event):
            for payload in self._decoder.feed(line):
                if payload != DONE:
                    yield Document(_with_audio_id(parse(payload), audio_id))


def _with_audio_id(chunk: dict[str, Any], audio_id: str | None) -> dict[str, Any]:
    for choice in chunk["choices"]:
        if audio := choice["delta"].get("audio"):
            audio.pop("id", None)
            if audio_id is not None:
                audio["id"] = audio_id
    return chunk


def _check_end(finished: Finished) -> None:
    if finished.finish_reason in ("tool_calls", "function_call"):
        raise ReplyError("the model called a tool in place of an answer", hint="ask without tools")
