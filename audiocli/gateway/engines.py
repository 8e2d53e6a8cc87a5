"""What answers in this process: built when it is first asked, kept, and asked by one request at a time."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from audiocli.config import Config
from audiocli.errors import RateLimitError
from audiocli.providers.base import Provider, Speaker, Transcriber
from audiocli.providers.registry import build, engine, speaker, transcriber
from audiocli.providers.target import Target

MOST_WAITING = 8
READING_THREADS = 2
RETRY_AFTER = 2.0  # seconds: about what one question takes


@dataclass
class _Queue:
    """Whose turn it is at one engine."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    taken: int = 0  # requests that have a turn, or wait for one


class Engines:
    """What answers for targets whose requests are not passed on. One engine serves all its models.

    Recordings are decoded in the threads of `reading`, which begin when they are needed.
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self.reading = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="reading")

    def provider(self, target: Target, config: Config) -> Provider:
        """Raises what `build` does."""
        return build(target, config, _untold)

    def transcriber(self, target: Target, config: Config) -> Transcriber:
        """Raises what `transcriber` does."""
        return transcriber(target, config, _untold)

    def speaker(self, target: Target, config: Config) -> Speaker:
        """Raises what `speaker` does."""
        return speaker(target, config, _untold)

    @asynccontextmanager
    async def place(self, target: Target) -> AsyncIterator[asyncio.Lock]:
        """A place in the queue for `target`'s engine, whose turn the lock is; nobody waits for a service.

        Raises `RateLimitError` where `MOST_WAITING` wait already.
        """
        if (name := engine(target)) is None:
            yield asyncio.Lock()
            return
        queue = self._queues.setdefault(name, _Queue())
        if queue.taken > MOST_WAITING:
            raise RateLimitError(
                f"{MOST_WAITING} requests wait for {target.provider} already",
                hint="try again later",
                status=429,
                code="engine_busy",
                retry_after=RETRY_AFTER,
            )
        queue.taken += 1
        try:
            yield queue.turn
        finally:
            queue.taken -= 1


def _untold(what: str, done: int, total: int) -> None:
    """Nobody watches how far a fetched model is."""
