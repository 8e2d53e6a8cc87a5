"""Requests over connections that stay open, whose answers are checked."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.bench.gateway.cases import (
    EVENT_BYTES,
    EVENTS,
    SOUND_OUT,
    STAMP,
    Case,
    encode_request,
    sound,
)

KEY = "sk-bench-0123456789abcdef"
LIMIT = 1 << 24  # bytes that a connection reads ahead
_STAMPED = re.compile(rb'"data": ?"(\d{%d})' % STAMP)

OnBlock = Callable[[bytes], None]


@dataclass(frozen=True)
class Way:
    """Where requests go: `path` and `headers` are those that lead to a kind's answer."""

    port: int
    path: Callable[[str], str]
    headers: Callable[[str], dict[str, str]] = lambda kind: {}

    def encode(self, case: Case) -> bytes:
        body = encode_request(case)
        lines = [f"POST {self.path(case.kind)} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        headers = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/json",
            **self.headers(case.kind),
        }
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body


class Line:
    """One connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes, on_block: OnBlock = lambda block: None) -> bytes:
        """The body of the answer; `on_block` is told each part of it as it comes.

        Raises `RuntimeError` for any other status than 200.
        """
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await self._measured(int(length)) if length else await self._chunked(on_block)
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{head[:40]!r}: {body[:500]!r}")
        return body

    async def _measured(self, length: int) -> bytes:
        return await self._reader.readexactly(length)

    async def _chunked(self, on_block: OnBlock) -> bytes:
        blocks = []
        while length := int(await self._reader.readline(), 16):
            blocks.append((await self._reader.readexactly(length + 2))[:-2])
            on_block(blocks[-1])
        await self._reader.readexactly(2)
        return b"".join(blocks)

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def lines(way: Way, count: int) -> AsyncIterator[list[Line]]:
    opened = [Line(*await asyncio.open_connection("127.0.0.1", way.port, limit=LIMIT)) for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()


async def send(way: Way, case: Case, *, count: int, connections: int) -> None:
    """`count` requests in all, the next on each connection once it is answered."""
    request = way.encode(case)
    waiting = iter(range(count))

    async def work(line: Line) -> None:
        for _ in waiting:
            check(case, await line.ask(request))

    async with lines(way, connections) as opened:
        await asyncio.gather(*map(work, opened))


def check(case: Case, body: bytes) -> None:
    """Raise `RuntimeError` where not all of the sound has come, or the end is missing."""
    if case.streams:
        piece = sound(EVENT_BYTES)[STAMP:].encode()
        whole = body.count(piece) == EVENTS and body.endswith(b"data: [DONE]\n\n")
    else:
        whole = sound(SOUND_OUT[case.kind]).encode() in body and body.rstrip().endswith(b"}")
    if not whole:
        raise RuntimeError(f"{case.name}: the answer is not whole: {body[:300]!r}")


async def latency(line: Line, request: bytes) -> float:
    """Seconds from a request to the end of its answer."""
    started = time.perf_counter()
    await line.ask(request)
    return time.perf_counter() - started


async def delays(line: Line, request: bytes) -> tuple[float, list[float]]:
    """Of a paced stream: seconds from the request to the first event, and of each from when it was sent."""
    found: list[float] = []
    arrived: list[int] = []

    def take(block: bytes) -> None:
        now = time.monotonic_ns()
        stamps = _STAMPED.findall(block)
        found.extend((now - int(stamp)) / 1e9 for stamp in stamps)
        arrived.extend(now for _ in stamps)

    started = time.monotonic_ns()
    await line.ask(request, take)
    return (arrived[0] - started) / 1e9, found
