"""HTTP/1.1 on uvicorn's parser, with limits in time and size that are absolute, and nothing ambiguous taken.

uvicorn waits for ever for headers and for bodies, and lets requests through that two servers may read in two
ways. Here both are refused before the application is asked, and requests that come one behind the other are
looked at one after the other.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from audiocli.gateway.config.settings import Bounds
from audiocli.gateway.incoming import REFUSED
from audiocli.gateway.server.framing import (
    Framing,
    RefusedError,
    check_beginning,
    check_head,
    framing_of,
    without_upgrade,
)

HEAD_END = b"\r\n\r\n"
MAX_BYTES_BEHIND = 64 * 1024  # of further requests, while one is answered
LINGER_SECONDS = 2.0  # for a client to hear an answer that came before it had finished speaking
SLOWEST_BYTES_PER_SECOND = 1000.0  # that a client may read at

_NO_LINGERING = struct.pack("ii", 1, 0)  # on, for 0 s: see socket(7)


Refused = Callable[[RefusedError], str]


def bounded_protocol(bounds: Bounds, refused: Refused) -> type[HttpToolsProtocol]:
    """A protocol for uvicorn that holds clients to `bounds`.

    `refused` is told of each request that is refused before the application is asked, and names it.
    """
    made = partial(_BoundedProtocol, bounds, refused)
    return cast("type[HttpToolsProtocol]", made)  # uvicorn does no more with it than call it.


class _BoundedProtocol(HttpToolsProtocol):
    def __init__(self, limits: Bounds, refused: Refused, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.refused = refused
        self._head = b""
        self._body: Framing | None = None  # while one arrives
        self._behind = b""  # what has come of further requests
        self._body_bytes = 0
        self._body_began = 0.0
        self._last = False  # nothing more is looked at
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._connection = _Connection(transport, self.loop, self._part, self.limits.send_timeout)
        self.transport = self._connection  # type: ignore[assignment] # what uvicorn uses of one
        if len(self.connections) > self.limits.max_connections:
            self._refuse(RefusedError(503, "there are too many connections: try again later"))
        else:
            self._within(self.limits.keep_alive_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self.resume_writing()
        super().connection_lost(exc)

    def _part(self) -> bool:
        """What still comes is not looked at. Whether anything may."""
        speaking = self._refused or self._body is not None or bool(self._head)
        self._last = True
        self._in_time()
        self.flow.resume_reading()
        return speaking

    # Deadlines

    def _within(self, seconds: float) -> None:
        """What is being waited for must be there in `seconds`, however it trickles in."""
        self._in_time()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._body is not None and (left := self._body_seconds_left()) > 0:
            self._within(left)
        elif self._body is None and not self._head:
            self.transport.close()
        else:
            self._refuse(RefusedError(408, "the request did not arrive in time"))

    def _body_seconds_left(self) -> float:
        if self.flow.read_paused:
            return self.limits.body_timeout  # It is we who keep the client waiting.
        allowed = self.limits.body_timeout + self.limits.body_timeout_per_mb * self._body_bytes / 1e6
        return self._body_began + allowed - self.loop.time()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _watch_reader(self, unread: int) -> None:
        seconds = self.limits.send_timeout

        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if unread - left < SLOWEST_BYTES_PER_SECOND * seconds:
                _reset(self.transport)
            else:
                self._watch_reader(left)

        self._stalled = self.loop.call_later(seconds, look)

    # What arrives

    def data_received(self, data: bytes) -> None:
        try:
            while data and not self._last:
                if self._body is None and self._is_answering():
                    self._keep_for_later(data)
                    return
                size = self._next_part(data)
                self._parse(data[:size])
                data = data[size:]
        except RefusedError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            cause = error.__context__  # what one of the methods below has raised
            malformed = RefusedError(400, "this is not an HTTP request")
            self._refuse(cause if isinstance(cause, RefusedError) else malformed)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # It has taken the head for the whole of the request.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            self.parser.feed_data(without_upgrade(self._head))

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _keep_for_later(self, data: bytes) -> None:
        self._behind += data
        if len(self._behind) > MAX_BYTES_BEHIND:
            self.flow.pause_reading()

    def _next_part(self, data: bytes) -> int:
        """How much of `data` the parser gets at once: never more than to the end of a head or a body."""
        if self._body is not None:
            return self._body.take(data)
        if not self._head:
            self._within(self.limits.header_timeout)
        known = len(self._head)
        self._head += data
        end = self._head.find(HEAD_END, max(0, known - len(HEAD_END) + 1))
        if end < 0:
            check_beginning(self._head, self.limits.max_header_kb * 1000)
            return len(data)
        self._head = self._head[: end + len(HEAD_END)]
        check_beginning(self._head, self.limits.max_header_kb * 1000)
        return len(self._head) - known

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is None:  # What stands behind a body could only contradict what stands before it.
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        check_head(self._head.lstrip(b"\r\n"))
        if self.parser.get_method() == b"CONNECT":
            raise RefusedError(405, "this is no proxy for connections")
        if self.parser.should_upgrade():
            return  # `_parse` has it read again.
        self._body = framing_of(self.parser.get_http_version(), self.headers, self.url)
        self._body_bytes, self._body_began = 0, self.loop.time()
        self._within(self.limits.body_timeout)
        self._connection.hold_next()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_time()
        self._head, self._body = b"", None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._body is not None:
            self.transport.close()  # Nobody wants the rest of the request.
            return
        self.flow.resume_reading()
        self._within(self.limits.keep_alive_timeout)
        behind, self._behind = self._behind, b""
        self.data_received(behind)

    def _refuse(self, error: RefusedError) -> None:
        """Answer in OpenAI's shape, and end the connection: what comes behind is not looked at."""
        if self.transport.is_closing():
            return
        if self._is_answering():
            self._abandon(error)
            if self.cycle.response_started:
                self.transport.abort()
                return
            named = b""
        elif self._body is not None:
            self.transport.close()  # It has been answered.
            return
        else:
            named = b"x-request-id: %b\r\n" % self.refused(error).encode()
        self._refused = True
        self.transport.write(_refusal(error, named))
        self.transport.close()

    def _abandon(self, error: RefusedError) -> None:
        """The application, which is waiting for more of the request, finds the client gone, and why."""
        self.cycle.scope[REFUSED] = error.status  # type: ignore[literal-required] # servers add members of their own
        self.cycle.disconnected = True
        self.cycle.message_event.set()


def _reset(transport: asyncio.Transport) -> None:
    """End a connection at once, and give up what the system still holds to be sent."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
    transport.abort()


def _refusal(error: RefusedError, headers: bytes) -> bytes:
    kind = "server_error" if error.status == 503 else "invalid_request_error"
    document = {"error": {"message": error.message, "type": kind, "param": None, "code": None}}
    body = json.dumps(document).encode()
    head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
    return STATUS_LINE[error.status] + head + headers + b"\r\n" + body


class _Connection:
    """A transport that is closed by saying so and, where the client still speaks, listening on for a moment.

    A system that is told to close one with data that nobody has read resets it, and with it goes the answer
    (RFC 9112, section 9.6). `parting` is told, and says whether the client still speaks.

    uvloop sends each write at once, so that the head of an answer is held until its body follows: one call of
    the system in place of two, and one packet for the client.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        parting: Callable[[], bool],
        send_timeout: float,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._parting = parting
        self._send_timeout = send_timeout
        self._parted = False
        self._holds = False  # what is written next
        self._held = b""
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size

    def hold_next(self) -> None:
        """Let what is written next wait for what follows it, at the most until the loop's next turn."""
        self._holds = True

    def write(self, data: bytes) -> None:
        if self._holds:
            self._holds, self._held = False, data
            self._loop.call_soon(self._flush)
        elif self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def is_closing(self) -> bool:
        return self._parted or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._flush()
        self._parted = True
        if self._parting():
            self._transport.write_eof()
        else:
            self._transport.close()
        self._linger(self.get_write_buffer_size(), 0.0)

    def _linger(self, unread: int, waited: float) -> None:
        """Give the client time to close its side, and to read what has been written while it does."""

        def look() -> None:
            left = self.get_write_buffer_size()
            if not left or waited > self._send_timeout:
                self.abort()
            else:
                self._linger(left, 0.0 if left < unread else waited + LINGER_SECONDS)

        self._loop.call_later(LINGER_SECONDS, look)
