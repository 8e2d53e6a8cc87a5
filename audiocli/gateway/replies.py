"""What the gateway says itself, in OpenAI's shape."""

import json
import math
from collections.abc import Iterable

from audiocli.errors import AudiocliError, DeadlineError, DependencyError, ProviderError, UsageError
from audiocli.gateway.incoming import Send
from audiocli.printable import one_line
from audiocli.wire.errors import encode_error

Header = tuple[bytes, bytes]

EVENT_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
)


class MethodError(UsageError):
    """The path exists, but not for this method. `allowed` is the answer's Allow header."""

    http_status = 405

    def __init__(self, method: str, *, allowed: str, hint: str | None = None) -> None:
        super().__init__(f"method {method} not allowed", hint=hint or f"use {allowed}")
        self.allowed = allowed


async def send_json(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """One whole answer."""
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_error(
    send: Send,
    error: AudiocliError,
    headers: Iterable[Header] = (),
    *,
    tried_again: bool = False,
) -> int:
    """`error` as OpenAI tells errors; returns the status that was sent."""
    status = status_of(error)
    more = list(headers)
    if isinstance(error, ProviderError) and error.retry_after is not None:
        more.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    if tried_again or isinstance(error, DependencyError):
        # The client's own retries would multiply ours, and packages do not install themselves.
        more.append((b"x-should-retry", b"false"))
    await send_json(send, status, json.dumps(encode_error(error)).encode(), more)
    return status


def status_of(error: AudiocliError) -> int:
    """The HTTP status that tells a client of `error`: a service's own, but for its word for a timeout."""
    if isinstance(error, ProviderError) and not isinstance(error, DeadlineError):
        return error.status_code
    return error.http_status


def header_value(text: str) -> bytes:
    """`text` as a header can hold it."""
    return one_line(text).encode("ascii", "replace")
