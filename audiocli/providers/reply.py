"""What services send, read alike whatever they were asked for: documents, streams of events, errors."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from audiocli.errors import ConnectError, ProviderError, RejectedError, ReplyError
from audiocli.wire.errors import decode_error
from audiocli.wire.sse import EventDecoder

if TYPE_CHECKING:
    from audiocli.http.client import Reply  # A gateway reads errors only, and has no use for httpx.

MAX_ERROR_BYTES = 1024 * 1024
ERROR_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 1e9


async def first_of(pieces: AsyncIterator[bytes]) -> bytes:
    """The first piece with something in it, from there on. Raises `ReplyError` for a web page."""
    async for piece in pieces:
        if first := piece.lstrip(b"\xef\xbb\xbf \t\r\n"):  # a byte order mark, and white space
            if first.startswith(b"<"):
                raise ReplyError(
                    "the service sent a web page in place of an answer", hint="check the base URL"
                )
            return first
    return b""


async def rejoined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The body from `first` on."""
    yield first
    async for piece in pieces:
        yield piece


async def whole(pieces: AsyncIterator[bytes], max_bytes: int) -> bytes:
    """The whole body, of at most `max_bytes`. Raises `ReplyError` beyond that."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > max_bytes:
            raise ReplyError(f"the service sent a document of more than {max_bytes / 1e6:.3g} MB")
    return bytes(body)


async def payloads(lines: EventDecoder, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The payload of each event in a body. `ConnectError` says where it was cut off."""
    try:
        async for piece in pieces:
            for payload in lines.feed(piece):
                yield payload
    except ConnectError as error:
        raise ConnectError(f"the answer was cut off: {error.message}", retryable=error.retryable) from error


async def check_status(reply: "Reply") -> None:
    """Raise what a status other than 200 means, with the service's own reason."""
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
    raise refusal(status, reply.headers, await _read_error(reply))


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What a service means by an error's `status`; `headers` are found by names in lower case."""
    error = decode_error(_error_document(body), status)
    error.retryable = _may_retry(error, headers)
    error.retry_after = _retry_after(headers)
    return error


async def _read_error(reply: "Reply") -> bytes:
    """As much of the body as comes, and as is needed: the status alone says enough."""
    body = bytearray()
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(ERROR_SECONDS), aclosing(reply.pieces()) as pieces:
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


def _may_retry(error: ProviderError, headers: Mapping[str, str]) -> bool:
    wish = headers.get("x-should-retry", "").lower()
    return {"true": True, "false": False}.get(wish, error.retryable)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait that the service asks for: in milliseconds, in seconds or as a date.

    `None` if that is no time at all, or has passed: to come back at once is no advice after a failure.
    """
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000 or None
    text = headers.get("retry-after", "")
    seconds = _seconds(text)
    return (_seconds_until(text) if seconds is None else seconds) or None


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
