"""One pace for a whole run: a service that says "too fast" to one request slows all of them."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from audiocli.errors import ProviderError, RateLimitError
from audiocli.providers.base import Transcriber
from audiocli.providers.retry import Notify, Retrying
from audiocli.transcript import Hearing, Limits, TranscriptionRequest

FIRST_WAIT_SECONDS = 1.0  # 1 s, 8 s, 60 s, 60 s, … where the service does not say how long
GROWTH = 8
LONGEST_WAIT_SECONDS = 60.0
MOST_HASTY = 3  # limits in a row of which a shorter wait is believed


def is_limit(error: ProviderError) -> bool:
    """Whether the service asks to come later. A quota that is used up is not: waiting does not help."""
    overloaded = error.status == 503 and error.retry_after is not None
    return error.retryable and (isinstance(error, RateLimitError) or overloaded)


@dataclass(frozen=True)
class Turn:
    """Leave to send one request, given when `limits` times the service had said "too fast"."""

    limits: int


class Pace:
    """How many requests go at once, and when the next one may.

    It begins with `most` at once. A limit halves that, never below 1. Requests that were under way already do
    not halve it again. As many successes as go at once let one more go. First come, first served.
    """

    def __init__(
        self,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        self._most = most
        self._width = most
        self._sleep = sleep
        self._jitter = jitter
        self._running = 0
        self._opens_at = 0.0
        self._limits = 0
        self._in_a_row = 0  # limits since something went through
        self._successes = 0  # since the width changed
        self._line = asyncio.Lock()
        self._room = asyncio.Event()

    @property
    def width(self) -> int:
        """How many may go at once now."""
        return self._width

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Waits until a request may be sent. It is under way until the context is left."""
        async with self._line:
            await self._wait()
            self._running += 1
        try:
            yield Turn(self._limits)
        finally:
            self._running -= 1
            self._room.set()

    async def _wait(self) -> None:
        while True:
            if (seconds := self._opens_at - self.clock()) > 0:
                await self._sleep(seconds)
            elif self._running >= self._width:
                self._room.clear()
                await self._room.wait()
            else:
                return

    def succeeded(self) -> None:
        """A request went through."""
        self._in_a_row = 0
        self._successes += 1
        if self._successes >= self._width < self._most:
            self._width += 1
            self._successes = 0

    def limited(self, turn: Turn) -> int:
        """The service said "too fast"; returns how often in a row, while nothing went through."""
        if turn.limits == self._limits:
            self._limits += 1
            self._in_a_row += 1
            self._width = max(1, self._width // 2)
            self._successes = 0
        return self._in_a_row

    def put_off(self, retry_after: float | None) -> float:
        """Keep all later requests waiting, as long as the service asks, else longer each time.

        Returns for how many seconds.
        """
        self._opens_at = max(self._opens_at, self.clock() + self._wait_after(retry_after))
        return self._opens_at - self.clock()

    def _wait_after(self, retry_after: float | None) -> float:
        """What the service asks for; where it asks for no time, but again and again, a growing one."""
        if retry_after is not None and (retry_after >= FIRST_WAIT_SECONDS or self._in_a_row <= MOST_HASTY):
            return retry_after
        exponent = min(self._in_a_row - 1, 10)
        longest = min(FIRST_WAIT_SECONDS * GROWTH**exponent, LONGEST_WAIT_SECONDS)
        return float(longest * (1 - 0.25 * self._jitter()))


class Paced:
    """A `Transcriber` around another, which goes at the pace of the whole run.

    A request that meets a limit is sent again, unless it is the run's last straw: more than `retries` limits
    in a row, with nothing that went through between them, or more than `patience` seconds of this request,
    not counting those in which others had their turn. Then the limit is raised as an error that is not to be
    tried again. `notify` is told of each limit that is waited for.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        pace: Pace,
        *,
        retries: int = 2,
        patience: float = 600.0,
        notify: Notify = lambda note: None,
    ) -> None:
        self._transcriber = transcriber
        self._pace = pace
        self._retries = retries
        self._patience = patience
        self._notify = notify

    @property
    def limits(self) -> Limits:
        return self._transcriber.limits

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        spent = 0.0
        while True:
            async with self._pace.turn() as turn:
                started = self._pace.clock()
                try:
                    async with aclosing(self._transcriber.stream(request)) as events:
                        async for event in events:
                            yield event
                except ProviderError as error:
                    if not is_limit(error):
                        raise
                    spent += self._pace.clock() - started
                    spent += self._put_off(error, turn, spent)
                else:
                    self._pace.succeeded()
                    return

    def _put_off(self, error: ProviderError, turn: Turn, spent: float) -> float:
        """Seconds for which the run waits. Raises `error` where that would be in vain, or too long."""
        in_a_row = self._pace.limited(turn)
        asked = error.retry_after or 0.0
        if in_a_row <= self._retries and spent + asked <= self._patience:
            wait = self._pace.put_off(error.retry_after)
            if spent + wait <= self._patience:
                self._notify(f"{error.message}; waiting {wait:.1f} s, then {self._pace.width} at once")
                return wait
        error.retryable = False
        error.hint = f"try again in {asked:.0f} s, as the service asks" if asked else "try again later"
        raise error


def reliable(
    transcriber: Transcriber,
    pace: Pace,
    *,
    retries: int = 2,
    timeout: float = 600.0,
    notify: Notify = lambda note: None,
) -> Transcriber:
    """`transcriber` at the run's `pace`, tried again where it fails.

    A limit costs none of a request's `retries`: as many are the run's, until something goes through again.
    `timeout` seconds are for one request with its tries, and again for the limits that it meets.
    """
    trying = Retrying(
        transcriber, retries=retries, timeout=timeout, notify=notify, provisional=True, left=is_limit
    )
    return Paced(trying, pace, retries=retries, patience=timeout, notify=notify)
