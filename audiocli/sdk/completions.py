"""`completion` and `acompletion`, as OpenAI and LiteLLM have them."""

import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from audiocli.catalog.dates import today
from audiocli.chat import ChatRequest, Event, Finished, collect
from audiocli.client import cost
from audiocli.errors import ProviderError
from audiocli.library.blocking import blocking, iterating
from audiocli.library.connection import connected
from audiocli.providers.base import Provider
from audiocli.providers.target import Target
from audiocli.sdk.calls import hidden_params, open_ended, reached, seconds
from audiocli.sdk.document import Document, plain
from audiocli.wire.openai.chat import StreamEncoder, decode_request, encode_completion

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
Messages = Sequence[Mapping[str, Any]]
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class _Call:
    """A request, and who answers it; after them, those who do where they fail."""

    target: Target
    provider: Provider
    request: ChatRequest
    shows_usage: bool
    fallback: "Callable[[], _Call] | None" = None


@open_ended
def _call(
    model: str,
    messages: Messages,
    *,
    stream: bool | None = None,
    stream_options: Fields | None = None,
    modalities: Sequence[str] | None = None,
    audio: Fields | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    n: int | None = None,
    max_tokens: int | None = None,
    max_completion_tokens: int | None = None,
    stop: str | Sequence[str] | None = None,
    seed: int | None = None,
    presence_penalty: float | None = None,
    frequency_penalty: float | None = None,
    logit_bias: Mapping[str, float] | None = None,
    logprobs: bool | None = None,
    top_logprobs: int | None = None,
    response_format: Fields | None = None,
    tools: Sequence[Fields] | None = None,
    tool_choice: str | Fields | None = None,
    parallel_tool_calls: bool | None = None,
    functions: Sequence[Fields] | None = None,
    function_call: str | Fields | None = None,
    prediction: Fields | None = None,
    reasoning_effort: str | None = None,
    verbosity: str | None = None,
    service_tier: str | None = None,
    store: bool | None = None,
    safety_identifier: str | None = None,
    prompt_cache_key: str | None = None,
    web_search_options: Fields | None = None,
    user: str | None = None,
    api_base: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    organization: str | None = None,
    timeout: float | str | None = None,
    request_timeout: float | str | None = None,
    num_retries: int | None = None,
    max_retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_body: Fields | None = None,
    fallbacks: Sequence[str | Fields] | None = None,
    mock_response: str | None = None,
    drop_params: bool | None = None,
    additional_drop_params: Sequence[str] | None = None,
) -> _Call:
    """The model's answer as a `chat.completion`; if `stream` is true, its chunks.

    Up to `user` the arguments are fields of OpenAI's request. `api_base` (or `base_url`), `api_key`, Azure's
    `api_version`, `timeout` in seconds for all tries, `num_retries` (or `max_retries`),
    `custom_llm_provider`, `organization`, `headers` (or `extra_headers`) and `extra_body` are for the call.
    Models of `fallbacks` are asked in turn if it fails before its answer has begun; `mock_response` is
    answered without asking anybody. With `drop_params` what the model is known not to take is left out, and
    so is `additional_drop_params`. A streamed answer that cannot be had is an error here, not where the
    chunks are read. Raises `AudiocliError`.
    """
    arguments = dict(locals())
    fields = {name: arguments[name] for name in _FIELDS if arguments[name] is not None}
    server = api_base or base_url
    limit = seconds(timeout if request_timeout is None else request_timeout)
    retries = max_retries if num_retries is None else num_retries
    target, settings = reached(
        model,
        api_base=server,
        api_key=api_key,
        api_version=api_version,
        custom_llm_provider=custom_llm_provider,
        organization=organization,
        timeout=limit,
        retries=retries,
        headers={**(headers or {}), **(extra_headers or {})},
    )
    if mock_response is not None:
        target = target.answering(str(mock_response))
    dropped = {*(additional_drop_params or ()), *(_untaken(target) if drop_params else ())}
    given = {name: value for name, value in {**fields, **(extra_body or {})}.items() if name not in dropped}
    document = plain({"messages": messages, **given, "model": target.model})
    return _Call(
        target=target,
        provider=connected(target, settings, timeout=limit, retries=retries).provider,
        request=decode_request(document),
        shows_usage=(document.get("stream_options") or {}).get("include_usage") is True,
        fallback=_fallback(fallbacks, arguments),
    )


_FIELDS = (
    *("stream", "stream_options", "modalities", "audio", "temperature", "top_p", "n", "max_tokens"),
    *("max_completion_tokens", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias"),
    *("logprobs", "top_logprobs", "response_format", "tools", "tool_choice", "parallel_tool_calls"),
    *("functions", "function_call", "prediction", "reasoning_effort", "verbosity", "service_tier", "store"),
    *("safety_identifier", "prompt_cache_key", "web_search_options", "user"),
)
"""The arguments that are fields of the request."""

_PLACE = ("api_base", "base_url", "api_key", "api_version", "custom_llm_provider", "organization")
_HEADERS = ("headers", "extra_headers")


def _untaken(target: Target) -> tuple[str, ...]:
    known = target.capabilities
    return ("audio", "modalities") if known is not None and known.audio_output is False else ()


def _fallback(models: Sequence[str | Fields] | None, arguments: Fields) -> Callable[[], _Call] | None:
    """The call to the first of `models`; the address and the key of the failed one are not for another."""
    if not models:
        return None
    first, *rest = models
    own = {"model": first} if isinstance(first, str) else dict(first)
    elsewhere = {name: value for name, value in arguments.items() if name not in (*_PLACE, *_HEADERS)}
    return lambda: _call(**{**elsewhere, **own, "fallbacks": rest, "mock_response": None})


def _awaited(call: Callable[P, _Call]) -> Callable[P, Coroutine[Any, Any, Any]]:
    @wraps(call)
    async def acompletion(*args: P.args, **kwargs: P.kwargs) -> Any:
        return await _asked(call(*args, **kwargs))

    return _as_named(acompletion, "acompletion")


def _waited_for(call: Callable[P, _Call]) -> Callable[P, Any]:
    @wraps(call)
    def completion(*args: P.args, **kwargs: P.kwargs) -> Any:
        called = call(*args, **kwargs)
        if not called.request.stream:
            return blocking(_complete)(called)
        chunks = iterating(_stream)(called)
        next(chunks)
        return chunks

    return _as_named(completion, "completion")


def _as_named(function: F, name: str) -> F:
    function.__name__ = function.__qualname__ = name
    return function


acompletion = _awaited(_call)
completion = _waited_for(_call)


async def _asked(call: _Call) -> Document | AsyncGenerator[Document, None]:
    if not call.request.stream:
        return await _complete(call)
    chunks = _stream(call)
    await anext(chunks)
    return chunks


async def _complete(call: _Call) -> Document:
    try:
        answer = await collect(call.provider.stream(call.request))
    except ProviderError:
        if call.fallback is None:
            raise
        return await _complete(call.fallback())
    finished = answer.finished
    named = replace(finished, id=finished.id or _new_id(), created=finished.created or int(time.time()))
    document = encode_completion(replace(answer, finished=named), call.request)
    return Document(document, _hidden(call, finished))


async def _stream(call: _Call) -> AsyncGenerator[Document, None]:
    """An empty document when the answer begins, then its chunks.

    Whoever has taken the first has a generator that has begun, which frees the connection when it is dropped.
    """
    encoder = StreamEncoder(call.request, id=_new_id(), created=int(time.time()))
    async with aclosing(call.provider.stream(call.request)) as events:
        try:
            first = await anext(events)
        except ProviderError:
            if call.fallback is None:
                raise
        else:
            yield Document({})
            for document in _chunks(encoder, first, call):
                yield document
            async for event in events:
                for document in _chunks(encoder, event, call):
                    yield document
            return
    async with aclosing(_stream(call.fallback())) as chunks:
        async for document in chunks:
            yield document


def _chunks(encoder: StreamEncoder, event: Event, call: _Call) -> Iterator[Document]:
    """The chunks of `event`; the last ones know the cost."""
    hidden = _hidden(call, event) if isinstance(event, Finished) else hidden_params(call.target)
    for chunk in encoder.encode(_shown(event, call)):
        yield Document(chunk, hidden)


def _hidden(call: _Call, finished: Finished) -> dict[str, Any]:
    return hidden_params(call.target, cost(finished.usage, call.target.prices_on(today())))


def _shown(event: Event, call: _Call) -> Event:
    """`event`; code that reads `choices[0]` of every chunk has not asked for one without choices."""
    if isinstance(event, Finished) and not call.shows_usage:
        return replace(event, usage=None)
    return event


def _new_id() -> str:
    return f"chatcmpl-{os.urandom(12).hex()}"
