"""What the gateway says itself, to clients that would try again by themselves."""

import asyncio
from typing import Any

import pytest

from audiocli.errors import AudiocliError, DependencyError, RateLimitError, ServerError
from audiocli.gateway.replies import send_error

BUSY = RateLimitError("slow down", status=429, retryable=True, retry_after=1.2)


@pytest.mark.parametrize(
    ("error", "tried_again", "status", "told"),
    [
        (BUSY, False, 429, {b"retry-after": b"2"}),
        (BUSY, True, 429, {b"retry-after": b"2", b"x-should-retry": b"false"}),
        (ServerError("no", status=500, retryable=True), False, 500, {}),
        (DependencyError("it is not installed"), False, 501, {b"x-should-retry": b"false"}),
    ],
)
def test_a_client_is_told_whether_and_when_to_come_again(
    error: AudiocliError, tried_again: bool, status: int, told: dict[bytes, bytes]
) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    assert asyncio.run(send_error(send, error, tried_again=tried_again)) == status
    headers = dict(sent[0]["headers"])
    assert {name: headers[name] for name in (b"retry-after", b"x-should-retry") if name in headers} == told
