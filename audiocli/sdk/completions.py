"""`completion` and `acompletion`, as OpenAI and LiteLLM have them."""

import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

from audiocli.chat import ChatRequest, Event, Finished, collect
from audiocli.library.blocking import blocking, iterating
from audiocli.library.connection import DEFAULT_RETRIES, DEFAULT_TIMEOUT, connect
from audiocli.providers.base import Provider
from audiocli.sdk.document import Document, plain
from audiocli.wire.openai import StreamEncoder, decode_request, encode_completion

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
    finished = answer.finished
    named = replace(finished, id=finished.id or _new_id(), created=finished.created or int(time.time()))
    return Document(encode_completion(replace(answer, finished=named), call.request))


async def _stream(call: _Call) -> AsyncGenerator[Document, None]:
    """An empty document when the answer begins, then its chunks.

    Whoever has taken the first has a generator that has begun, which frees the connection when it is dropped.
    """
    encoder = StreamEncoder(call.request, id=_new_id(), created=int(time.time()))
    async with aclosing(call.provider.stream(call.request)) as events:
        first = await anext(events)
        yield Document({})
        for chunk in encoder.encode(_shown(first, call)):
            yield Document(chunk)
        async for event in events:
            for chunk in encoder.encode(_shown(event, call)):
                yield Document(chunk)


def _shown(event: Event, call: _Call) -> Event:
    """`event`; code that reads `choices[0]` of every chunk has not asked for one without choices."""
    if isinstance(event, Finished) and not call.shows_usage:
        return replace(event, usage=None)
    return event


def _new_id() -> str:
    return f"chatcmpl-{os.urandom(12).hex()}"
