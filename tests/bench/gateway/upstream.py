"""The model's server behind the gateways: it reads a request to its end and answers as the path says.

Usage: python -m tests.bench.gateway.upstream PORT
"""

import asyncio
import sys
import time
from functools import cache
from typing import cast

import uvloop

from tests.bench.gateway.cases import EVENTS, encode_answer, encode_end, encode_event

EVENT_SECONDS = 0.01
SLOW_SECONDS = 1.0
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection. Bodies are counted and thrown away: this must cost less than what is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._head = b""
        self._tail = b""
        self._left: int | None = None  # bytes of the body; without a length its end is looked for
        self._kind = ""

    def data_received(self, data: bytes) -> None:
        if not self._kind:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            head, _, data = self._head.partition(b"\r\n\r\n")
            self._begin(head.lower())
        if self._is_last(data):
            kind, self._kind, self._head, self._tail = self._kind, "", b"", b""
            self._answer(kind)

    def _begin(self, head: bytes) -> None:
        self._kind = head.split(b" ", 2)[1].split(b"/")[1].decode()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        self._left = int(length) if length else None
        if self._kind == "slow":
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.resume_reading)

    def _is_last(self, data: bytes) -> bool:
        if self._left is not None:
            self._left -= len(data)
            return self._left <= 0
        self._tail = (self._tail + data)[-len(LAST_CHUNK) :]
        return self._tail == LAST_CHUNK

    def _answer(self, kind: str) -> None:
        if kind == "burst":
            self._transport.write(_burst())
        elif kind == "paced":
            self._task = asyncio.create_task(self._stream())
        elif kind == "slow":
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.write, _whole(kind))
        else:
            self._transport.write(_whole(kind))

    async def _stream(self) -> None:
        self._transport.write(STREAM)
        for _ in range(EVENTS):
            self._transport.write(_chunk(encode_event(time.monotonic_ns())))
            await asyncio.sleep(EVENT_SECONDS)
        self._transport.write(_chunk(encode_end()) + LAST_CHUNK)


@cache
def _whole(kind: str) -> bytes:
    body = encode_answer(kind)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


@cache
def _burst() -> bytes:
    return STREAM + _chunk(encode_event()) * EVENTS + _chunk(encode_end()) + LAST_CHUNK


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
