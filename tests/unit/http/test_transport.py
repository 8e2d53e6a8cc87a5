"""One request on one connection: early answers, deadlines, and connections that are closed at once."""

import asyncio
import gc
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import httpx
import pytest

from audiocli.chat import AudioBytes
from audiocli.errors import ConnectError, InputError
from audiocli.http.client import post
from audiocli.http.transport import DirectTransport
from tests.servers import Exchange, serve

LARGE = AudioBytes(bytes(8_000_000))  # more than the buffers of a loopback connection hold
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def posted(url: str, audio: AudioBytes = LARGE, idle_seconds: float = 5) -> tuple[int, bytes]:
    async with post(url, {}, [b'"', audio, b'"'], idle_seconds=idle_seconds) as reply:
        return reply.status, await reply.read()


def test_a_body_is_sent_whole_as_base64() -> None:
    with serve(lambda exchange: exchange.send(OK)) as server:
        assert asyncio.run(posted(server.url)) == (200, b"ok")
    exchange = server.exchanges[0]
    assert len(exchange.body) == int(exchange.headers["content-length"]) == 2 + (8_000_000 + 2) // 3 * 4
    assert exchange.body[:5] == b'"AAAA'
    assert exchange.headers["host"] == server.url.removeprefix("http://")


TOO_LARGE = b"HTTP/1.1 413 x\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"


def test_an_answer_that_comes_before_the_body_is_read_is_heard() -> None:
    """Nearly always: the reset that follows it may overtake it between two system calls of ours."""
    heard = 0
    with serve(lambda exchange: exchange.send(TOO_LARGE), read_body=False) as server:
        for _ in range(40):
            with suppress(ConnectError):
                assert asyncio.run(posted(server.url)) == (413, b"too large")
                heard += 1
    assert heard >= 34


def test_an_early_answer_on_a_connection_that_stays_open_is_heard() -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send(TOO_LARGE.replace(b"Connection: close\r\n", b""))
        exchange.hold()

    with serve(refuse, read_body=False) as server:
        assert asyncio.run(posted(server.url)) == (413, b"too large")


def test_the_body_goes_on_being_sent_while_the_answer_comes() -> None:
    def answer_and_read(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        wanted = int(exchange.headers["content-length"]) - len(exchange.body)
        while wanted > 0 and (piece := exchange.connection.recv(1 << 20)):
            wanted -= len(piece)
        exchange.send(b"4\r\nread\r\n0\r\n\r\n")

    with serve(answer_and_read, read_body=False) as server:
        assert asyncio.run(posted(server.url)) == (200, b"read")


@dataclass(frozen=True)
class Shrinking:
    """Audio that says it is larger than it is."""

    size: int = 1_000_000

    def open(self) -> BinaryIO:
        return io.BytesIO(b"RIFF")


def test_audio_that_has_become_shorter_ends_the_request() -> None:
    async def send(url: str) -> None:
        async with post(url, {}, [Shrinking()], idle_seconds=5):
            pass

    with serve(lambda exchange: exchange.send(OK)) as server, pytest.raises(InputError, match="shorter"):
        asyncio.run(send(server.url))
    assert server.exchanges == []


class Watched(AudioBytes):
    """Audio that knows whether it has been closed."""

    def open(self) -> BinaryIO:
        files.append(io.BytesIO(self.data))
        return files[-1]


files: list[io.BytesIO] = []


def test_cancelling_while_the_body_is_sent_closes_its_file_and_the_connection_at_once() -> None:
    gone = threading.Event()

    def refuse_to_read(_exchange: Exchange) -> None:
        assert gone.wait(5)

    async def leave(url: str) -> None:
        task = asyncio.create_task(posted(url, Watched(LARGE.data)))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert time.monotonic() - started < 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert [file.closed for file in files] == [True]
        gone.set()

    files.clear()
    with serve(refuse_to_read, read_body=False) as server:
        asyncio.run(leave(server.url))
    gc.collect()  # so that what is still open is warned of here


@contextmanager
def silent() -> Iterator[tuple[int, list[float]]]:
    """A port that takes connections and says nothing; notes how long each one lasted."""
    lasted: list[float] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        started = time.monotonic()
        with connection:
            connection.settimeout(10)
            try:
                while connection.recv(1 << 16):
                    pass
            except OSError:
                pass
        lasted.append(time.monotonic() - started)

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()[1], lasted
    thread.join()
    listener.close()


def get(url: str) -> httpx.Request:
    return httpx.Request("GET", url)


def test_a_silent_handshake_is_given_up_and_its_connection_closed() -> None:
    async def connect(port: int) -> None:
        transport = DirectTransport(connect_seconds=0.3)
        with pytest.raises((httpx.ConnectTimeout, httpx.ConnectError), match=r"127\.0\.0\.1"):
            await transport.handle_async_request(get(f"https://127.0.0.1:{port}/"))
        await asyncio.sleep(0.05)

    with silent() as (port, lasted):
        asyncio.run(connect(port))
    assert lasted[0] < 1
    gc.collect()  # so that what is still open is warned of here


def test_cancelling_a_handshake_closes_its_connection() -> None:
    async def connect(port: int) -> None:
        request = DirectTransport().handle_async_request(get(f"https://127.0.0.1:{port}/"))
        task = asyncio.create_task(request)
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.sleep(0.05)

    with silent() as (port, lasted):
        asyncio.run(connect(port))
    assert lasted[0] < 1
    gc.collect()  # so that what is still open is warned of here


def test_cancelling_at_any_moment_leaves_nothing_behind() -> None:
    async def leave(url: str, turns: int) -> None:
        task = asyncio.create_task(posted(url, AudioBytes(bytes(300_000))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with serve(lambda exchange: exchange.send(OK)) as server:
        for turns in range(40):
            asyncio.run(leave(server.url, turns))
    gc.collect()  # so that what is still open is warned of here


def test_a_name_that_takes_long_to_look_up_does_not_keep_the_program() -> None:
    """A lookup cannot be cancelled, so its thread must not be waited for, and may find the loop closed."""

    async def look_up() -> None:
        request = DirectTransport(connect_seconds=0.001).handle_async_request(get("http://nobody.invalid/"))
        with pytest.raises((httpx.ConnectTimeout, httpx.ConnectError)):
            await request

    started = time.monotonic()
    asyncio.run(look_up())
    assert time.monotonic() - started < 2


def test_every_address_is_checked_before_anything_is_connected_to() -> None:
    seen = []

    def refuse(address: object) -> None:
        seen.append(str(address))
        raise InputError("not there")

    with serve(lambda exchange: exchange.send(OK)) as server:
        with pytest.raises(InputError, match="not there"):
            asyncio.run(DirectTransport(refuse).handle_async_request(get(server.url)))
        assert server.connections == 0
    assert seen == ["127.0.0.1"]


@pytest.mark.parametrize("fill", [b"x" * 70_000, b"X: y\r\n" * 12_000])
def test_headers_are_read_within_a_limit(fill: bytes) -> None:
    def flood(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        exchange.flood(fill)

    with serve(flood) as server, pytest.raises(ConnectError):
        asyncio.run(posted(server.url, AudioBytes(b"")))


def test_a_few_interim_responses_are_passed_over() -> None:
    with serve(lambda exchange: exchange.send(b"HTTP/1.1 102 x\r\n\r\n" * 5 + OK)) as server:
        assert asyncio.run(posted(server.url, AudioBytes(b""))) == (200, b"ok")
