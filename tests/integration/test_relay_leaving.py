"""A client that leaves takes its request with it: the server is left at once, and no other is asked."""

import json
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bare_gateway import eventually
from tests.gateway import CHAT, Gateway, chunk, deployment, gateway
from tests.servers import Exchange, serve

HELD_SECONDS = 20.0
SOON = 5.0  # seconds; a server that is not left is there four times as long

Way = Callable[[socket.socket], None]


def close(client: socket.socket) -> None:
    client.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


BEGINNINGS: dict[str, bytes] = {
    "silent": b"",
    "a stream": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + chunk({"content": "Hel"}),
    "a document": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
    "sound": b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nID3",
    "an error": b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
}


def ask(own: Gateway, *, path: str = CHAT, length: int | None = None, **members: Any) -> socket.socket:
    """Begin to ask: a body that says it is longer than it is still arrives."""
    client = socket.create_connection(own.address, timeout=20)
    body = json.dumps({"model": "voice", "messages": [], **members}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length or len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


@pytest.mark.parametrize("leave", [close, reset])
@pytest.mark.parametrize(
    ("beginning", "path", "members"),
    [
        ("silent", CHAT, {}),
        ("silent", CHAT, {"stream": True}),
        ("silent", CHAT, {"pad": "x" * 600_000, "length": 900_000}),
        ("a stream", CHAT, {"stream": True}),
        ("a document", CHAT, {}),
        ("an error", CHAT, {}),
        ("sound", "/v1/audio/speech", {}),
    ],
)
def test_the_server_is_left_at_once_and_no_other_is_asked(
    tmp_path: Path, beginning: str, path: str, members: dict[str, Any], leave: Way
) -> None:
    held: list[float] = []

    def script(exchange: Exchange) -> None:
        exchange.send(BEGINNINGS[beginning])
        held.append(exchange.hold(HELD_SECONDS))

    with (
        serve(script, read_body=False) as server,
        gateway(tmp_path, deployment(server.url), deployment(server.url, order=2)) as own,
    ):
        client = ask(own, path=path, **members)
        eventually(lambda: bool(server.exchanges), "it was not asked")
        if beginning in ("a stream", "sound"):
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        leave(client)
        eventually(lambda: bool(held), "it was not left", SOON)
        entry = own.entry

    assert (entry["status"], entry["tries"]) == (499, 1)
    assert server.connections == 1


def test_a_hundred_clients_that_leave_at_once_leave_nothing_behind(tmp_path: Path) -> None:
    held: list[float] = []
    with (
        serve(lambda exchange: held.append(exchange.hold(HELD_SECONDS))) as server,
        gateway(tmp_path, deployment(server.url)) as own,
    ):
        with ExitStack() as clients:
            for _ in range(100):
                clients.enter_context(ask(own))
            eventually(lambda: len(server.exchanges) == 100, "not all were asked")
        eventually(lambda: len(held) == 100, "not all were left", SOON)
        entries = own.entries(100)

    assert {entry["status"] for entry in entries} == {499}


def test_what_came_before_a_client_left_is_booked(tmp_path: Path) -> None:
    second = "A" * 64_000  # of sound, as base64
    said = chunk({"audio": {"id": "audio_1", "data": second}})

    def script(exchange: Exchange) -> None:
        exchange.stream(said)
        exchange.hold(HELD_SECONDS)

    with serve(script) as server, gateway(tmp_path, deployment(server.url)) as own:
        with ask(own, stream=True) as client:
            received = b""
            while second.encode() not in received:
                received += client.recv(1 << 20)
        entry = own.entry

    assert (entry["status"], entry["audio_seconds_out"], entry["output_tokens"]) == (499, 1.0, 20)
