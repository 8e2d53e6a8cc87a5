"""One HTTP/1.1 request on one connection: an httpx transport on asyncio's streams and h11.

httpx's own transport needs anyio's backend (36 ms of start-up), looks an address up again after it was
checked, and counts its timeouts anew with every read. This one does none of that, and pools nothing.
"""

import asyncio
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import h11
import httpx

from audiocli.http.addresses import Address
from audiocli.http.trust import FOLDER, check_authorities

CONNECT_SECONDS = 10.0
MAX_HEADER_BYTES = 64 * 1024
MAX_INFORMATIONAL = 20
READ_BYTES = 64 * 1024


class DirectTransport(httpx.AsyncBaseTransport):
    """Connects to where the URL's host resolves to, if `check` raises nothing for any of its addresses."""

    def __init__(
        self,
        check: Callable[[Address], None] = lambda address: None,
        ssl_context: Callable[[], ssl.SSLContext] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._check = check
        self._ssl_context = ssl_context or trusting
        self._connect_seconds = connect_seconds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(request, *await self._connect(request.url))
        try:
            head = await exchange.head()
        except BaseException:
            await exchange.aclose()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=exchange)

    async def _connect(self, url: httpx.URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        secure = url.scheme == "https"
        host, port = url.raw_host.decode("ascii"), url.port or (443 if secure else 80)
        context = self._ssl_context() if secure else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                addresses = await _resolve(host, port)
                for address in addresses:
                    self._check(address)
                return await self._connect_any(addresses, host, port, context)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(
                f"{host} cannot be reached within {self._connect_seconds:g} s"
            ) from error

    async def _connect_any(
        self, addresses: list[Address], host: str, port: int, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: OSError | None = None
        for position, address in enumerate(addresses):
            # Each address gets its share of the time, so that one dead address does not use up all of it.
            share = self._connect_seconds / (len(addresses) - position)
            try:
                async with asyncio.timeout(share):
                    return await asyncio.open_connection(
                        str(address), port, ssl=context, server_hostname=host if context else None
                    )
            except OSError as error:
                failure = error
        raise httpx.ConnectError(_connect_failure(host, port, failure)) from failure


def trusting() -> ssl.SSLContext:
    """A context with the authorities that are trusted. Raises `ConfigError` if a variable names none."""
    if os.environ.get(FOLDER):
        check_authorities(os.environ)
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError):
        check_authorities(os.environ)
        raise


def _connect_failure(host: str, port: int, error: OSError | None) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not valid ({error.verify_message})"
        case ssl.SSLError():
            return f"{host} does not speak TLS on port {port}"
        case ConnectionRefusedError():
            return f"{host} refused the connection to port {port}"
        case TimeoutError():
            return f"{host} did not answer in time"
        case None:
            return f"{host} has no address"
    return f"{host} cannot be reached ({error.strerror or error})"


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        return [ipaddress.ip_address(host.strip("[]").partition("%")[0])]
    except ValueError:
        pass
    try:
        found = await _in_daemon_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        )
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} cannot be resolved") from error
    return [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


async def _in_daemon_thread(function: Callable[[], Any]) -> Any:
    """Await `function` without making the program's exit wait for it, as the event loop's own threads do."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(set_outcome: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            set_outcome(outcome)

    def run() -> None:
        try:
            settled = (future.set_result, function())
        except Exception as error:  # whatever it is belongs to the one who waits
            settled = (future.set_exception, error)
        with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(settle, *settled)

    threading.Thread(target=run, daemon=True).start()
    return await future


class _Exchange(httpx.AsyncByteStream):
    """A request on its way and its response; iterating gives the response's body, undecoded.

    The two go on at the same time: a server may answer before it has read everything.
    """

    def __init__(
        self, request: httpx.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._failure: Exception | None = None  # what kept the request from being sent
        self._sending = asyncio.create_task(self._send(request))

    async def head(self) -> h11.Response:
        for _ in range(MAX_INFORMATIONAL):
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
        raise httpx.RemoteProtocolError("the server sent nothing but interim responses")

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        self._sending.cancel()
        self._writer.transport.abort()
        await asyncio.gather(self._sending, self._writer.wait_closed(), return_exceptions=True)

    async def _send(self, request: httpx.Request) -> None:
        try:
            await self._write_request(request)
        except OSError:
            pass  # The server has closed its side; whether it answered first, reading tells.
        except Exception as error:  # raised again by the one who reads
            local = isinstance(error, h11.LocalProtocolError)
            self._failure = httpx.LocalProtocolError(str(error)) if local else error
            self._writer.transport.abort()

    async def _write_request(self, request: httpx.Request) -> None:
        target, headers = request.url.raw_path, request.headers.raw
        await self._write(h11.Request(method=request.method, target=target, headers=headers))
        async with aclosing(blocks_of(request.stream)) as blocks:
            async for block in blocks:
                await self._write(h11.Data(data=block))
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        # A write that fails throws away what has arrived, such as the reason why the server has closed its
        # side. The event loop takes one turn to see what has, and one to read it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _event(self) -> h11.Event:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
        except h11.RemoteProtocolError as error:
            raise self._failure or httpx.RemoteProtocolError(str(error)) from error
        except OSError as error:
            raise self._failure or httpx.ReadError(error.strerror or str(error)) from error
        if isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed):
            return event
        raise self._failure or httpx.RemoteProtocolError("the server closed the connection")


def blocks_of(stream: httpx.AsyncByteStream | httpx.SyncByteStream) -> AsyncGenerator[bytes, None]:
    """What is in a body, to be closed as soon as no more of it is wanted."""
    blocks = aiter(stream) if isinstance(stream, httpx.AsyncByteStream) else None
    assert isinstance(blocks, AsyncGenerator)  # noqa: S101 - httpx's streams are, and ours
    return blocks
