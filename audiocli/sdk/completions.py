"""`completion` and `acompletion`, as OpenAI and LiteLLM have them."""

import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

from audiocli.chat import ChatRequest, Event, Finished, collect
from audiocli.errors import UsageError
from audiocli.library.blocking import blocking, iterating
from audiocli.library.connection import connect
from audiocli.providers.base import Provider
from audiocli.providers.registry import OPENAI
from audiocli.sdk.document import Document, plain
from audiocli.wire.openai import StreamEncoder, decode_request, encode_completion

Messages = Sequence[Mapping[str, Any]]

UNSENT = frozenset({"additional_drop_params", "allowed_openai_params", "caching", "drop_params", "verbose"})
"""What LiteLLM shall do with a request. Here all goes on as it is, and nothing is kept."""


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

    `api_base` (or `base_url`), `api_key`, Azure's `api_version`, `timeout` in seconds, `num_retries` (or
    `max_retries`), `custom_llm_provider`, `organization`, `headers` (or `extra_headers`) and `extra_body` are
    for the call; every other argument is a field of the request, but for LiteLLM's own in `UNSENT`. A
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
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    organization: str | None = None,
    timeout: float | str | None = None,
    num_retries: int | None = None,
    max_retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> _Call:
    server = api_base or base_url
    retries = max_retries if num_retries is None else num_retries
    account = {"OpenAI-Organization": organization} if organization else {}
    connection = connect(
        _named(model, custom_llm_provider, server),
        base_url=server,
        api_key=api_key,
        timeout=None if timeout is None else _seconds(timeout),
        retries=retries,
        headers={**account, **(headers or {}), **(extra_headers or {})},
        api_version=api_version,
        force=True,  # as LiteLLM does: the service has the last word on a name
    )
    given = {name: value for name, value in fields.items() if value is not None and name not in UNSENT}
    document = plain({"messages": messages, **given, **(extra_body or {}), "model": connection.target.model})
    request = decode_request(document)
    shows_usage = (document.get("stream_options") or {}).get("include_usage") is True
    return _Call(connection.provider, request, shows_usage)


def _named(model: str, provider: str | None, server: str | None) -> str:
    """`model` as `connect` takes it. A server is asked for the name alone, whatever it is said to be."""
    if not provider:
        return model
    return f"{OPENAI if server else provider}/{model.removeprefix(f'{provider}/')}"


def _seconds(timeout: float | str) -> float:
    try:
        return float(timeout)  # LiteLLM takes text as well.
    except (TypeError, ValueError):
        raise UsageError("timeout must be a number of seconds") from None


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
