"""Trying again: how often, after how long, and when not."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable

import pytest

from audiocli.chat import ChatRequest, Event, Finished, Message, TextDelta, TextPart, collect
from audiocli.errors import DeadlineError, InputError, ProviderError, RateLimitError, ServerError
from audiocli.providers.retry import LONGEST_OBEYED_SECONDS, Retrying

REQUEST = ChatRequest(model="m", messages=(Message("user", (TextPart("hi"),)),))


class Scripted:
    """Raises or answers in turn as it is told, after `words` words; notes the requests."""

    def __init__(self, outcomes: Iterable[Exception | None], words: int = 0) -> None:
        self._outcomes = iter(outcomes)
        self._words = words
        self.requests: list[ChatRequest] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        for _ in range(self._words):
            yield TextDelta("word")
        if (error := next(self._outcomes)) is not None:
            raise error
        yield Finished()


def soon(message: str = "no luck") -> ServerError:
    return ServerError(message, retryable=True, retry_after=0.001)


def answer(provider: Scripted, *, retries: int = 2, timeout: float = 5) -> list[str]:
    notes: list[str] = []
    retrying = Retrying(provider, retries=retries, timeout=timeout, notify=notes.append)
    asyncio.run(collect(retrying.stream(REQUEST)))
    return notes


def test_a_failure_that_may_pass_is_tried_again_and_said() -> None:
    provider = Scripted([soon("one"), soon("two"), None])
    assert answer(provider) == ["one; trying again in 0.0 s (1 of 2)", "two; trying again in 0.0 s (2 of 2)"]
    assert len({request.idempotency_key for request in provider.requests}) == 1


def test_the_last_failure_is_raised_as_it_is() -> None:
    last = soon("three")
    with pytest.raises(ServerError) as caught:
        answer(Scripted([soon(), soon(), last]))
    assert caught.value is last


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ServerError("it has begun", retryable=True), 1),
        (ServerError("it will not pass"), 0),
        (InputError("the user's"), 0),
        (RateLimitError("an hour", retryable=True, retry_after=LONGEST_OBEYED_SECONDS + 1), 0),
        (RateLimitError("not in time", retryable=True, retry_after=50), 0),
    ],
)
def test_what_is_not_tried_again(error: Exception, words: int) -> None:
    provider = Scripted([error, None], words)
    with pytest.raises(type(error)) as caught:
        answer(provider)
    assert caught.value is error
    assert len(provider.requests) == 1


def test_the_callers_own_idempotency_key_is_kept() -> None:
    provider = Scripted([None])
    request = ChatRequest(model="m", messages=REQUEST.messages, idempotency_key="mine")
    asyncio.run(collect(Retrying(provider).stream(request)))
    assert provider.requests[0].idempotency_key == "mine"


@pytest.mark.parametrize(
    ("attempt", "jitter", "delay"), [(0, 0, 0.5), (0, 1, 0.375), (1, 0, 1), (3, 0, 4), (4, 0, 8), (9, 0, 8)]
)
def test_the_wait_doubles_up_to_8_s_less_up_to_a_quarter(attempt: int, jitter: float, delay: float) -> None:
    async def waited() -> float | None:
        retrying = Retrying(Scripted([]), retries=20, jitter=lambda: jitter)
        error = ProviderError("x", retryable=True)
        return retrying._delay(attempt, error, asyncio.get_running_loop().time() + 60)

    assert asyncio.run(waited()) == delay


class Hanging:
    """Never answers; notes that it was let go."""

    released = False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        try:
            yield TextDelta("word")
            await asyncio.sleep(60)
        finally:
            self.released = True


def test_the_deadline_is_over_everything_and_releases_what_hangs() -> None:
    provider = Hanging()
    started = time.monotonic()
    with pytest.raises(DeadlineError, match=r"no whole answer within 0\.1 s; raise the timeout"):
        asyncio.run(collect(Retrying(provider, timeout=0.1).stream(REQUEST)))
    assert time.monotonic() - started < 1
    assert provider.released


def test_closing_early_releases_what_is_behind() -> None:
    async def leave() -> None:
        events = Retrying(provider).stream(REQUEST)
        await anext(events)
        await events.aclose()

    provider = Hanging()
    asyncio.run(leave())
    assert provider.released


@pytest.mark.parametrize("asked", [0, None])
def test_a_service_that_asks_for_no_pause_gets_one(asked: float | None) -> None:
    provider = Scripted([ServerError("busy", retryable=True, retry_after=asked), None])

    assert answer(provider, retries=1)[0] in {f"busy; trying again in 0.{n} s (1 of 1)" for n in (4, 5)}
