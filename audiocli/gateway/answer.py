"""What one client gets: headers, a body, and an error in the form that it still can have."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from audiocli.errors import AudiocliError, ReplyError
from audiocli.gateway.booking import Entry
from audiocli.gateway.incoming import Incoming, Send
from audiocli.gateway.replies import EVENT_HEADERS, Header, header_value, send_error
from audiocli.wire.errors import encode_error
from audiocli.wire.sse import encode_comment, encode_event

KEEP_ALIVE = encode_comment(b"keepalive")


class Answer:
    """The answer to one request, as it is sent. Once it has `begun`, its status stands and no other is tried.

    One that is `opened` has sent the headers of a stream and comments, but no event: another deployment may
    still answer. `incoming` is the request's body, as soon as it is read; `limit` the time within which the
    present try has to begin the answer. The client of a stream should hear something every `patience`
    seconds, and did so when it `heard`.
    """

    def __init__(self, send: Send, entry: Entry) -> None:
        self.entry = entry
        self.incoming: Incoming | None = None
        self.limit: asyncio.Timeout | None = None
        self.patience = math.inf
        self.heard = entry.started
        self.opened = False
        self.begun = False
        self.ended = False
        self._send = send
        self._events = False  # an error can be told within it
        self._timer: asyncio.TimerHandle | None = None  # until the first comment is due
        self._beating: asyncio.Task[None] | None = None

    async def begin(self, status: int, headers: Iterable[Header], *, events: bool = False) -> None:
        """Send the headers. A stream of `events` can tell an error later on.

        Raises `ReplyError` for anything but events if a stream of them is open.
        """
        if self.opened and not events:
            raise ReplyError("the service sent its answer in one piece, where a stream was asked for")
        await self._rest()
        self.entry.answered()
        self.entry.status, self.begun, self._events = status, True, events
        if self.limit is not None:
            self.limit.reschedule(None)
        if self.incoming is not None:
            self.incoming.forget()
        if not self.opened:
            await self._start(status, [*headers, *self._own_headers(costs=not events)])

    async def keep_open(self, comment: bytes) -> None:
        """Send a comment between events, so that nobody on the way takes the connection for idle."""
        if not self.opened and not self.begun:
            await self._start(200, [*EVENT_HEADERS, *self._own_headers(names=False)])
            self.opened = self._events = True
            self.entry.status = 200
        await self.write(comment)

    @property
    def due(self) -> float:
        """Seconds until the client of a stream should hear something again."""
        return self.heard + self.patience - time.monotonic()

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """While something is waited for here, and until the answer begins, comments are sent as they are due.

        There are none before the request is complete: its own bytes keep the connection open.
        """
        if self.patience < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(self.due, 0), self._begin_to_beat)
        try:
            yield
        finally:
            await self._rest()

    def _begin_to_beat(self) -> None:
        self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            if self.incoming is None or self.incoming.complete:
                await self.keep_open(KEEP_ALIVE)
            await asyncio.sleep(self.patience)

    async def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        self._timer = self._beating = None

    async def _start(self, status: int, headers: list[Header]) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        """More of the body. Waits while the client is slower than what is sent."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self.heard = time.monotonic()

    async def end(self, data: bytes = b"") -> None:
        """The last of the body."""
        self.ended = True
        await self._send({"type": "http.response.body", "body": data})

    def break_off(self) -> None:
        """Nothing can be told within the stream any more: the part of an event has been sent."""
        self._events = False

    async def fail(self, error: AudiocliError) -> None:
        """Tell the client of `error`: by its status, or by a last event.

        Where neither is possible any more the answer stays without its end: the server breaks the connection
        off, and it looks as cut off as it is.
        """
        self.entry.failed(error)
        if not self.begun and not self.opened:
            self.begun = True
            self.entry.status = await send_error(
                self._send, error, self._own_headers(), tried_again=self.entry.tries > 1
            )
        elif self._events and not self.ended:
            await self.end(encode_event(json.dumps(encode_error(error)).encode()))

    def _own_headers(self, *, costs: bool = False, names: bool = True) -> list[Header]:
        entry = self.entry
        own = [(b"x-request-id", entry.id.encode())]
        if names and entry.deployment is not None:
            own.append((b"x-audiocli-model", header_value(entry.deployment.target.name)))
        if costs and (cost := entry.cost) is not None:
            own.append((b"x-audiocli-cost", f"{cost:.6f}".encode()))
        if self.incoming is None or not self.incoming.complete:
            own.append((b"connection", b"close"))  # The rest of the body is not read to its end.
        return own
