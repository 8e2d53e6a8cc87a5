"""A request that is refused before anyone is asked about it has its line in the log, without its bytes."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from tests.bare_gateway import eventually, listen
from tests.gateway import CHAT, Gateway, answer, deployment, gateway
from tests.servers import serve

SHORT = {"body_timeout": 1, "body_timeout_per_mb": 0, "max_connections": 10}
SECRET = b"a-secret-text"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with serve(answer) as server, gateway(folder, deployment(server.url), audiocli_settings=SHORT) as running:
        yield running


def say(own: Gateway, data: bytes) -> tuple[bytes, Any]:
    """The head and the document of the answer to `data`."""
    with socket.create_connection(own.address, timeout=20) as connection:
        with suppress(ConnectionError):
            connection.sendall(data)
        head, _, body = listen(connection).partition(b"\r\n\r\n")
    return head.lower(), json.loads(body)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + SECRET + b" : x\r\n\r\n",
        b"POST /"
        + SECRET
        + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        SECRET + b"\r\n\r\n",
    ],
)
def test_a_malformed_request_has_a_line(own: Gateway, data: bytes) -> None:
    before = len(own.entries(0))
    head, document = say(own, data)
    entry = own.entries(before + 1)[-1]

    assert head.startswith(b"http/1.1 400 ")
    assert (entry["route"], entry["status"]) == ("refused", 400)
    assert entry["error"] == document["error"]["message"]
    assert f"x-request-id: {entry['id']}".encode() in head
    assert SECRET.decode() not in own.log.read_text()


def test_a_late_body_has_one_line(own: Gateway) -> None:
    before = len(own.entries(0))
    head, _ = say(own, f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{{".encode())
    with closing(socket.create_connection(own.address)):  # Another line would be there by now.
        (entry,) = own.entries(before + 1)[before:]

    assert head.startswith(b"http/1.1 408 ")
    assert (entry["route"], entry["status"]) == (CHAT, 408)


def test_beyond_its_connections_it_says_503_and_recovers(own: Gateway) -> None:
    before = len(own.entries(0))
    others = [socket.create_connection(own.address, timeout=20) for _ in range(10)]
    for other in others:  # Each is there once it has its answer.
        other.sendall(b"GET /health/liveness HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.recv(1000).startswith(b"HTTP/1.1 200 ")
    head, document = say(own, b"")
    for other in others:
        other.close()

    assert head.startswith(b"http/1.1 503 ")
    assert document["error"]["type"] == "server_error"
    assert own.entries(before + 1)[-1]["status"] == 503
    eventually(lambda: own.ask().status_code == 200, "it has not recovered")
