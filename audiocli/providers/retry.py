"""A provider around a provider: tries again where that may help, and keeps one deadline over all of it."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Generic, Protocol, TypeVar, cast

from audiocli.chat import ChatRequest, TextDelta
from audiocli.errors import DeadlineError, ProviderError
from audiocli.providers.base import Transcriber
from audiocli.transcript import Hearing, Limits, TranscriptionRequest
from audiocli.wire.openai.speech import SpeechRequest

FIRST_DELAY_SECONDS = 0.5  # 0.5 s, 1 s, 2 s, 4 s, 8 s, 8 s, …
LONGEST_DELAY_SECONDS = 8.0
LONGEST_OBEYED_SECONDS = 60.0

Notify = Callable[[str], None]
R = TypeVar("R", ChatRequest, TranscriptionRequest, SpeechRequest)
R_contra = TypeVar("R_contra", contravariant=True)
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Answering(Protocol[R_contra, E_co]):
    """What a `Provider` and a `Transcriber` have in common."""

    def stream(self, request: R_contra) -> AsyncGenerator[E_co, None]: ...


class Retrying(Generic[R, E]):
    """Tries a request up to `retries` times more, until `timeout` seconds have passed since the first try.

    Around a `Provider` it is one, around a `Transcriber` another. Only errors that say `retryable` are tried
    again, and none once an event has come: that answer is paid for. Where words are only `provisional`, the
    next try is for the whole, and its words are not told again. All tries share one idempotency key. A
    service that asks to wait for more than 60 s is not waited for. Errors that are `left` to the caller are
    raised at once, as they are. Raises `DeadlineError` when the time is over; `notify` is told of each
    further try.
    """

    def __init__(
        self,
        provider: Answering[R, E],
        *,
        retries: int = 2,
        timeout: float = 600.0,
        notify: Notify = lambda note: None,
        jitter: Callable[[], float] = random.random,
        provisional: bool = False,
        left: Callable[[ProviderError], bool] = lambda error: False,
    ) -> None:
        self._provider: Answering[R, E] = provider
        self._retries = retries
        self._timeout = timeout
        self._notify = notify
        self._jitter = jitter
        self._provisional = provisional
        self._left = left

    @property
    def limits(self: "Retrying[TranscriptionRequest, Hearing]") -> Limits:
        """The transcriber's; a provider has none."""
        return cast(Transcriber, self._provider).limits

    async def stream(self, request: R) -> AsyncGenerator[E, None]:
        request = replace(
            request, idempotency_key=request.idempotency_key or f"audiocli-{os.urandom(16).hex()}"
        )
        deadline = asyncio.get_running_loop().time() + self._timeout
        told = False
        for attempt in range(self._retries + 1):
            again = told
            try:
                async with aclosing(self._until(deadline, request)) as events:
                    async for event in events:
                        if not (again and isinstance(event, TextDelta)):
                            told = True
                            yield event
            except ProviderError as error:
                delay = self._delay(attempt, error, deadline)
                if delay is None:
                    raise
                self._notify(
                    f"{error.message}; trying again in {delay:.1f} s ({attempt + 1} of {self._retries})"
                )
            else:
                return
            await asyncio.sleep(delay)

    async def _until(self, deadline: float, request: R) -> AsyncGenerator[E, None]:
        begun = False
        async with aclosing(self._provider.stream(request)) as events:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                except TimeoutError:
                    raise DeadlineError(
                        f"no whole answer within {self._timeout:g} s", hint="raise the timeout"
                    ) from None
                except ProviderError as error:
                    error.retryable = error.retryable and not begun
                    raise
                if event is None:
                    return
                begun = not self._provisional
                yield event

    def _delay(self, attempt: int, error: ProviderError, deadline: float) -> float | None:
        """Seconds to wait before the next try; None where there shall be none."""
        if not error.retryable or attempt == self._retries or self._left(error):
            return None
        delay = error.retry_after
        if not delay:  # Nothing changes at once.
            longest = min(FIRST_DELAY_SECONDS * 2**attempt, LONGEST_DELAY_SECONDS)
            delay = longest * (1 - 0.25 * self._jitter())
        if delay > LONGEST_OBEYED_SECONDS:
            error.hint = f"try again in {delay:.0f} s, as the service asks"
            return None
        left = deadline - asyncio.get_running_loop().time()
        return delay if delay < left else None
