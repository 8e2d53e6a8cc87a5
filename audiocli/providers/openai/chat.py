"""OpenAI, and every server that speaks its chat completions."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from audiocli.chat import (
    AudioDelta,
    AudioStarted,
    ChatRequest,
    Event,
    Extra,
    Finished,
    TextDelta,
    TranscriptDelta,
)
from audiocli.errors import ConnectError, DeadlineError, ProviderError, ReplyError
from audiocli.http.client import Reply, post
from audiocli.printable import printable
from audiocli.providers.endpoint import Endpoint, common_headers, masked, texts, without_key
from audiocli.providers.reply import check_status, first_of, payloads, rejoined, whole
from audiocli.secret import Secret, StreamRedactor
from audiocli.wire import json as wire_json
from audiocli.wire.openai import chat as wire
from audiocli.wire.sse import EventDecoder

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024  # the longest answer that a model gives, 16 minutes, is 52 MB of base64
IDLE_SECONDS = 60.0
DEEPEST = 100  # levels of what a service says beside its words


class OpenAICompatible:
    """A `Provider` that posts to an `Endpoint`. `idle_seconds` bounds the silence between two events."""

    def __init__(self, endpoint: Endpoint, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._endpoint = endpoint
        self._idle_seconds = idle_seconds

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        words = _Words(self._endpoint.secret)
        try:
            async with aclosing(self._answer(request)) as events:
                async for event in events:
                    for shown in words.redacted(event):
                        yield shown
        except ProviderError as error:
            # Not from its cause, which holds what the service sent, and would be shown with it.
            raise without_key(error, self._endpoint.secret) from None

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        asked = document(self._endpoint, request)
        body = wire_json.segments(asked)
        headers = request_headers(self._endpoint, request)
        begun = False
        try:
            async with post(
                self._endpoint.url,
                headers,
                body,
                idle_seconds=self._idle_seconds,
                proxy=self._endpoint.own_proxy,
            ) as reply:
                await check_status(reply)
                begun = True
                async with aclosing(_decode(reply, _choices(asked))) as events:
                    async for event in events:
                        yield event
        except (ConnectError, DeadlineError, ReplyError) as error:
            # An answer that has begun is paid for: it would be paid for again. An error in its place is not.
            error.retryable = error.retryable and not begun
            raise


def document(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """The request's JSON document, as `wire.openai` has it, with what `endpoint` changes in it."""
    return endpoint.completed(wire.encode_request(request, endpoint.max_tokens_field))


def request_headers(endpoint: Endpoint, request: ChatRequest) -> dict[str, str]:
    """The headers of a request, the key among them."""
    accept = "text/event-stream" if request.stream else "application/json"
    return {
        "Content-Type": "application/json",
        **common_headers(endpoint, accept, request.idempotency_key),
    }


class _Words:
    """Masks the key wherever an answer holds it, over the pieces of its words too."""

    def __init__(self, key: Secret | None) -> None:
        self._key = key
        self._redactor = StreamRedactor(key)
        self._kind: type[TextDelta | TranscriptDelta] = TextDelta

    def redacted(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta(text) | TranscriptDelta(text):
                self._kind = type(event)
                yield from self._shown(self._redactor.feed(printable(text)))
            case AudioDelta():
                yield event
            case AudioStarted(id):
                yield AudioStarted(masked(id, self._key))
            case Extra():
                members = ("answer", "choice", "message")
                yield replace(
                    event, **{name: self._masked_document(getattr(event, name)) for name in members}
                )
            case Finished():
                yield from self._shown(self._redactor.close())
                said: dict[str, Any] = {name: masked(text, self._key) for name, text in texts(event)}
                yield replace(event, **said)

    def _masked_document(self, value: Any, depth: int = DEEPEST) -> Any:
        """`value`, of JSON, with the key masked in its texts, and without what is nested too deep."""
        match value:
            case str():
                return masked(value, self._key)
            case dict() if depth:
                return {
                    masked(name, self._key): self._masked_document(member, depth - 1)
                    for name, member in value.items()
                }
            case list() if depth:
                return [self._masked_document(member, depth - 1) for member in value]
            case dict() | list():
                return None
        return value

    def _shown(self, text: str) -> Iterator[Event]:
        if text:
            yield self._kind(text)


def _choices(asked: dict[str, Any]) -> int:
    """How many answers a request asks for."""
    count = asked.get("n")
    return count if type(count) is int and count > 0 else 1


async def _decode(reply: Reply, choices: int) -> AsyncGenerator[Event, None]:
    """The events of a reply, which is a stream or a document: its first character tells.

    What was asked for does not, nor does the media type: services send one in place of the other, and label
    JSON as text.
    """
    async with aclosing(reply.pieces()) as pieces:
        first = await first_of(pieces)
        is_document = first.startswith((b"{", b"["))
        async with (
            aclosing(rejoined(first, pieces)) as body,
            aclosing(_decode_whole(body) if is_document else _decode_stream(body, choices)) as events,
        ):
            async for event in events:
                yield event


async def _decode_whole(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    for event in wire.decode_completion(wire_json.parse(await whole(pieces, MAX_DOCUMENT_BYTES))):
        yield event


async def _decode_stream(pieces: AsyncIterator[bytes], choices: int) -> AsyncGenerator[Event, None]:
    lines, chunks = EventDecoder(), wire.StreamDecoder(choices)
    async with aclosing(payloads(lines, pieces)) as events:
        async for payload in events:
            for event in chunks.feed(payload):
                yield event
            if chunks.done:
                break
    for payload in lines.close():
        with suppress(ReplyError):  # It may be half of an event. If the answer lacks it, that is said below.
            for event in chunks.feed(payload):
                yield event
    for event in chunks.close():
        yield event
