"""Servers on loopback that answer as a test scripts them, byte for byte."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Script = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One connection: the request that came, and the socket to answer on."""

    connection: socket.socket
    head: bytes
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, seconds: float) -> None:
        """Send `data` byte by byte, `seconds` apart."""
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(seconds)

    def flood(self, data: bytes) -> None:
        """Send `data` again and again until the client leaves."""
        while True:
            self.send(data)

    def hold(self, seconds: float = 20.0) -> float:
        """Say nothing more until the client leaves; returns the seconds that it took to."""
        started = time.monotonic()
        deadline = started + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.connection], [], [], left)[0] and not self._received():
                return time.monotonic() - started
        raise AssertionError(f"the client has stayed for {seconds:g} s")

    def _received(self) -> bytes:
        try:
            return self.connection.recv(1 << 20)
        except OSError:
            return b""

    def reset(self) -> None:
        """End the connection as a process does that dies with unread data."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def reply(
        self, body: bytes, *, status: str = "200 OK", media_type: str = "application/json", **headers: str
    ) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def stream(self, *pieces: bytes, media_type: str = "text/event-stream") -> None:
        """Begin a body that ends with the connection, and send `pieces` of it."""
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n\r\n".encode())
        for piece in pieces:
            self.send(piece)


@dataclass
class Server:
    url: str
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0  # whether or not a request came
    failures: list[BaseException] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def serve(
    *scripts: Script, read_body: bool = True, certificate: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server that plays `scripts` one connection after the other, and the last one for ever.

    Without `read_body` a script begins when the head of a request is there. What a script raises, other than
    that the client has gone, is raised at the end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if certificate else "http"
    server = Server(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            script = scripts[min(len(threads), len(scripts) - 1)]
            arguments = (connection, script, server, read_body, certificate)
            threads.append(threading.Thread(target=_play, args=arguments, daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join(timeout=5)
    for failure in server.failures:
        raise failure


def _play(
    connection: socket.socket,
    script: Script,
    server: Server,
    read_body: bool,
    certificate: ssl.SSLContext | None,
) -> None:
    try:
        connection = certificate.wrap_socket(connection, server_side=True) if certificate else connection
        with connection:
            exchange = _receive(connection, read_body)
            server.exchanges.append(exchange)
            script(exchange)
    except OSError:
        connection.close()  # The client has gone, which is its right.
    except BaseException as error:
        server.failures.append(error)


def _receive(connection: socket.socket, read_body: bool) -> Exchange:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("no request came")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    exchange = Exchange(connection, head, body)
    length = int(exchange.headers.get("content-length", "0")) if read_body else 0
    while len(exchange.body) < length:
        piece = connection.recv(1 << 20)
        if not piece:
            raise ConnectionError("the request was cut off")
        exchange.body += piece
    return exchange
