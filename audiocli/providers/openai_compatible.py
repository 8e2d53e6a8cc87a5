"""OpenAI, and every server that speaks its chat completions."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

from audiocli.chat import AudioDelta, ChatRequest, Event, Finished, TextDelta, TranscriptDelta
from audiocli.errors import ConnectError, ProviderError, RejectedError, ReplyError
from audiocli.http import Reply, post
from audiocli.printable import printable
from audiocli.secret import Secret, StreamRedactor, redact_key_shapes, without_secrets
from audiocli.wire import json as wire_json
from audiocli.wire import openai as wire
from audiocli.wire.sse import EventDecoder

MAX_ERROR_BYTES = 1024 * 1024
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024  # the longest answer that a model gives, 16 minutes, is 52 MB of base64
IDLE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 1e9


@dataclass(frozen=True)
class Endpoint:
    """A server: where it is, the key it wants, and how it differs from OpenAI's own."""

    base_url: str
    api_key: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    max_tokens_field: str = "max_completion_tokens"

    @property
    def url(self) -> str:
        path, mark, query = self.base_url.partition("?")
        return f"{path.rstrip('/')}/chat/completions{mark}{query}"

    @property
    def shown_url(self) -> str:
        """`url` as it may be shown."""
        return without_secrets(self.url)


class OpenAICompatible:
    """A `Provider` that posts to an `Endpoint`. `idle_seconds` bounds the silence between two events."""

    def __init__(self, endpoint: Endpoint, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._endpoint = endpoint
        self._idle_seconds = idle_seconds

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        words = _Words(self._endpoint.api_key)
        try:
            async with aclosing(self._answer(request)) as events:
                async for event in events:
                    for shown in words.redacted(event):
                        yield shown
        except ProviderError as error:
            # Not from its cause, which holds what the service sent, and would be shown with it.
            raise self._without_key(error) from None

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        body = wire_json.segments(wire.encode_request(request, self._endpoint.max_tokens_field))
        headers = request_headers(self._endpoint, request)
        begun = False
        try:
            async with post(self._endpoint.url, headers, body, idle_seconds=self._idle_seconds) as reply:
                await _check_status(reply)
                begun = True
                async with aclosing(_decode(reply)) as events:
                    async for event in events:
                        yield event
        except ProviderError as error:
            # An answer that has begun is paid for: it would be paid for again.
            error.retryable = error.retryable and not begun
            raise

    def _without_key(self, error: ProviderError) -> ProviderError:
        for name, text in _texts(error):
            setattr(error, name, redact_key_shapes(_masked(text, self._endpoint.api_key)))
        error.args = (error.message,)
        return error


def request_headers(endpoint: Endpoint, request: ChatRequest) -> dict[str, str]:
    """The headers of a request, the key among them."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "text/event-stream" if request.stream else "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "audiocli",
        **endpoint.headers,
    }
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key.value}"
    if request.idempotency_key:
        headers["Idempotency-Key"] = request.idempotency_key
    return headers


def _texts(value: ProviderError | Finished) -> list[tuple[str, str]]:
    return [(name, member) for name, member in vars(value).items() if isinstance(member, str)]


def _masked(text: str, key: Secret | None) -> str:
    """`text` without the key, and without the control characters that could hide it."""
    return key.redact(printable(text)) if key else printable(text)


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
            case Finished():
                yield from self._shown(self._redactor.close())
                masked: dict[str, Any] = {name: _masked(text, self._key) for name, text in _texts(event)}
                yield replace(event, **masked)

    def _shown(self, text: str) -> Iterator[Event]:
        if text:
            yield self._kind(text)


async def _decode(reply: Reply) -> AsyncGenerator[Event, None]:
    """The events of a reply, which is a stream or a document: its first character tells.

    What was asked for does not, nor does the media type: services send one in place of the other, and label
    JSON as text.
    """
    async with aclosing(reply.pieces()) as pieces:
        first = await _first_of(reply, pieces)
        if first.startswith(b"<"):
            raise ReplyError("the service sent a web page in place of an answer", hint="check the base URL")
        decode = _decode_whole if first.startswith((b"{", b"[")) else _decode_stream
        async with (
            aclosing(_rejoined(first, pieces)) as rejoined,
            aclosing(decode(reply, rejoined)) as events,
        ):
            async for event in events:
                yield event


async def _first_of(reply: Reply, pieces: AsyncIterator[bytes]) -> bytes:
    """The first piece with something in it, from there on."""
    async for piece in pieces:
        if first := piece.lstrip(b"\xef\xbb\xbf \t\r\n"):  # a byte order mark, and white space
            return first
        if reply.media_type != "text/event-stream":
            reply.touch()  # Until a whole answer is there, a service may send white space to stay connected.
    return b""


async def _rejoined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in pieces:
        yield piece


async def _decode_whole(reply: Reply, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    body = bytearray()
    async for piece in pieces:
        reply.touch()
        body += piece
        if len(body) > MAX_DOCUMENT_BYTES:
            raise ReplyError(f"the service sent a document of more than {MAX_DOCUMENT_BYTES / 1e6:.3g} MB")
    for event in wire.decode_completion(wire_json.parse(body)):
        yield event


async def _decode_stream(reply: Reply, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    lines, chunks = EventDecoder(), wire.StreamDecoder()
    async with aclosing(_payloads(reply, lines, pieces)) as payloads:
        async for payload in payloads:
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


async def _payloads(
    reply: Reply, lines: EventDecoder, pieces: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in pieces:
            for payload in lines.feed(piece):
                reply.touch()
                yield payload
    except ConnectError as error:
        raise ConnectError(f"the answer was cut off: {error.message}") from error


async def _check_status(reply: Reply) -> None:
    status = reply.status
    if status == 200:
        return
    if 300 <= status < 400:
        raise RejectedError(
            f"the service redirects elsewhere (HTTP {status}), which is not followed with a key",
            hint="check the base URL",
        )
    if status < 300:
        raise ReplyError(f"the service sent no answer (HTTP {status})")
    error = wire.decode_error(_error_document(await _read_error(reply)), status)
    error.retryable = _may_retry(error, reply)
    error.retry_after = _retry_after(reply)
    raise error


async def _read_error(reply: Reply) -> bytes:
    """As much of the body as comes, and as is needed: the status alone says enough."""
    body = bytearray()
    with suppress(ProviderError):
        async with aclosing(reply.pieces()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ERROR_BYTES:
                    break
    return bytes(body)


def _error_document(body: bytes) -> object:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"message": "the service sent a web page" if text.lstrip().startswith("<") else text}


def _may_retry(error: ProviderError, reply: Reply) -> bool:
    wish = reply.headers.get("x-should-retry", "").lower()
    return {"true": True, "false": False}.get(wish, error.retryable)


def _retry_after(reply: Reply) -> float | None:
    """Seconds to wait that the service asks for: in milliseconds, in seconds or as a date."""
    milliseconds = _seconds(reply.headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = reply.headers.get("retry-after", "")
    seconds = _seconds(text)
    return _seconds_until(text) if seconds is None else seconds


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < LONGEST_WAIT_SECONDS else None  # not NaN either


def _seconds_until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
