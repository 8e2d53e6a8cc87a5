"""A client's request body: read once as it arrives, sent as often as there are tries."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from audiocli.errors import InputError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REFUSED = "audiocli.refused"
"""Of a scope: the status that a client was refused with while its request was being read."""


class Watcher(Protocol):
    """Sees a body while it arrives. `close` is called after its last block."""

    def see(self, block: bytes) -> None: ...

    def close(self) -> None: ...


class ClientLeft(Exception):  # noqa: N818 - nothing went wrong
    """The client has closed its connection: nobody waits for an answer."""


@dataclass
class Kept:
    """How many bytes of all requests together are kept."""

    size: int = 0


class TooLargeError(InputError):
    """The body is larger than is allowed."""

    http_status = 413


def release_frames(error: BaseException) -> None:
    """Let go of the frames in the tracebacks of `error` and of what led to it, with all that these hold.

    An error and a frame that hold each other stay until the next garbage collection.
    """
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__context__


class Incoming:
    """The body of one request, of at most `max_bytes`, and the client that it comes from.

    `read` waits for one block. Within the context, a task of its own reads all others, and then waits for the
    client to leave. What ends that early (the client leaves, the body is too large, `watcher` raises) cancels
    whatever the task that entered the context is doing, and leaving the context raises it.

    Up to `kept_bytes` are read ahead of what is sent on, and kept for further tries, unless all requests that
    share `kept` would then keep more than `all_kept_bytes`. What goes beyond that is sent once, as fast as it
    is taken. `close` empties it.
    """

    def __init__(
        self,
        receive: Receive,
        watcher: Watcher,
        *,
        max_bytes: float,
        kept_bytes: float,
        all_kept_bytes: float = math.inf,
        kept: Kept | None = None,
    ) -> None:
        self._receive = receive
        self._watcher = watcher
        self._max_bytes = max_bytes
        self._kept_bytes = kept_bytes
        self._all_kept_bytes = all_kept_bytes
        self._all_kept = kept or Kept()
        self._next = 0  # of the blocks, for the present try
        self._dropped = 0  # blocks at the beginning that are not kept any more
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._failure: Exception | None = None
        self._closed = False
        self.kept: list[bytes] = []
        self.size = 0
        self.complete = False

    @property
    def repeatable(self) -> bool:
        """Whether all that has come is still here."""
        return not self._dropped

    async def read(self) -> None:
        """Wait for the next block. Raises `ClientLeft`, `TooLargeError`, and what the watcher raises."""
        message = await self._receive_block()
        self._take(message.get("body", b""))
        if not message.get("more_body", False):
            self._watcher.close()
            self.complete = True

    async def _receive_block(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        return message

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """All of the body, from its start; what has not come yet is waited for. One try has it at a time."""
        self._next = 0
        while True:
            while self._next < self._dropped + len(self.kept):
                self._next += 1
                yield self.kept[self._next - self._dropped - 1]
                if self.size > self._kept_bytes:
                    self._drop()
            if self._closed:
                raise ClientLeft  # A body must not look complete that is not.
            if self.complete:
                return
            self._arrived.clear()
            await self._arrived.wait()

    def forget(self) -> None:
        """Keep nothing more: there is no further try."""
        self._kept_bytes = -1
        self._drop()

    def close(self) -> None:
        """Release what is kept, whoever still holds this."""
        self._closed = True
        self._all_kept.size -= sum(map(len, self.kept))
        self.kept.clear()

    def _drop(self) -> None:
        sent = self._next - self._dropped
        self._all_kept.size -= sum(map(len, self.kept[:sent]))
        del self.kept[:sent]
        self._dropped += sent
        self._taken.set()

    def _take(self, block: bytes) -> None:
        if not block:
            return
        self.size += len(block)
        if self.size > self._max_bytes:
            raise TooLargeError(
                f"the request is larger than {self._max_bytes / 1e6:g} MB", hint="send less audio"
            )
        self._watcher.see(block)
        self.kept.append(block)
        self._all_kept.size += len(block)
        if self._all_kept.size > self._all_kept_bytes:
            self._kept_bytes = -1

    # The task that reads

    async def __aenter__(self) -> "Incoming":
        running = asyncio.current_task()
        assert running is not None  # noqa: S101 - ASGI applications run in tasks
        self._running = running
        self._cancelling = running.cancelling()
        self._reading = asyncio.create_task(self._read_on())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._reading.cancel()
        if self._failure is None:
            return
        others = self._running.uncancel() > self._cancelling  # The server stops, or the time is up.
        if kind is not None and not (others and issubclass(kind, asyncio.CancelledError)):
            raise self._failure from None

    async def _read_on(self) -> None:
        try:
            while not self.complete:
                await self._until_taken()
                await self.read()
                self._arrived.set()
            while True:
                await self._receive_block()
        except Exception as error:  # Whatever it is belongs to the task that answers the request.
            self._failure = error
            self._running.cancel()

    async def _until_taken(self) -> None:
        while self.kept and self.size > self._kept_bytes:
            self._taken.clear()
            await self._taken.wait()
