"""What bodies take of the gateway's memory: a bounded part, and nothing once their clients have gone."""

import json
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.bare_gateway import eventually
from tests.gateway import CHAT, COMPLETION, Gateway, answer, deployment, gateway, refuse
from tests.servers import Exchange, serve

CLIENTS, MB_EACH, BURSTS = 20, 20, 3
SOUND = b"A" * (MB_EACH * 1_000_000)
BEGINNINGS: dict[str, tuple[str, str, bytes]] = {
    "chat": (CHAT, "application/json", b'{"model": "voice", "messages": [{"role": "user", "content": "'),
    "model last": (CHAT, "application/json", b'{"messages": [{"role": "user", "content": "'),
    "form": (
        "/v1/audio/transcriptions",
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nvoice\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n',
    ),
}


def swallow(exchange: Exchange) -> None:
    """Take all that comes, and say nothing."""
    while exchange.connection.recv(1 << 20):
        pass


def leave_midway(own: Gateway, kind: str) -> None:
    path, media_type, beginning = BEGINNINGS[kind]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
    length = len(beginning) + len(SOUND) + 1000
    with socket.create_connection(own.address, timeout=60) as client, suppress(ConnectionError):
        client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + beginning)
        client.sendall(SOUND)
        time.sleep(0.2)


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_what_clients_send_that_leave_midway_is_released(tmp_path: Path, kind: str) -> None:
    """Each burst is 400 MB. Until a garbage collection it was all still there, 1.2 GB after four."""
    with (
        serve(swallow, read_body=False) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings={"body_timeout": 300}) as own,
    ):
        before = own.megabytes
        for _ in range(BURSTS):
            clients = [threading.Thread(target=leave_midway, args=(own, kind)) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        entries = own.entries(CLIENTS * BURSTS)
        eventually(lambda: own.megabytes < before + 150, "the bodies are still there")
    assert {entry["status"] for entry in entries} == {499}


def ask(own: Gateway, megabytes: float, **more: Any) -> Any:
    content = {
        "model": "voice",
        "messages": [{"role": "user", "content": "x" * int(megabytes * 1e6)}],
        **more,
    }
    return own.post(CHAT, content=json.dumps(content))


def busy(exchange: Exchange) -> None:
    refuse(exchange, "503 Service Unavailable", "too busy")


def test_beyond_what_all_may_keep_the_first_error_is_the_clients(tmp_path: Path) -> None:
    with serve(busy) as first, serve(answer) as second:
        rows = deployment(first.url, max_retries=0), deployment(second.url, order=2)
        own = {"retry_buffer_total_mb": 2}
        with gateway(tmp_path, *rows, audiocli_settings=own, router_settings={"allowed_fails": 99}) as gate:
            large = ask(gate, 4)
            asked = len(second.exchanges)
            small = [ask(gate, 1.5) for _ in range(4)]  # What one has kept, the next may keep.
            entries = gate.entries(5)
    assert (large.status_code, large.json()["error"]["message"]) == (503, "too busy")
    assert "x-should-retry" not in large.headers
    assert asked == 0
    assert [each.json() for each in small] == [COMPLETION] * 4
    assert [entry["tries"] for entry in entries] == [1, 2, 2, 2, 2]


def test_what_others_keep_counts(tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def wait(exchange: Exchange) -> None:
        asked.set()
        go_on.wait(30)
        busy(exchange)

    with serve(wait, busy) as first, serve(answer) as second:
        rows = deployment(first.url, max_retries=0), deployment(second.url, order=2)
        own = {"retry_buffer_total_mb": 2}
        with gateway(tmp_path, *rows, audiocli_settings=own, router_settings={"allowed_fails": 99}) as gate:
            answers: list[Any] = []
            one = threading.Thread(target=lambda: answers.append(ask(gate, 1.5)))
            one.start()
            assert asked.wait(20)
            beyond = ask(gate, 1.5)
            go_on.set()
            one.join()
    assert beyond.status_code == 503
    assert answers[0].json() == COMPLETION


def test_what_a_client_has_left_counts_no_more(tmp_path: Path) -> None:
    with serve(swallow, busy, read_body=False) as first, serve(answer) as second:
        rows = deployment(first.url, max_retries=0), deployment(second.url, order=2)
        own = {"retry_buffer_total_mb": 2}
        with gateway(tmp_path, *rows, audiocli_settings=own, router_settings={"allowed_fails": 99}) as gate:
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n".encode()
            with socket.create_connection(gate.address, timeout=60) as client:
                client.sendall(head + b'{"model": "voice", "messages": ["' + b"x" * 1_500_000)
                eventually(lambda: bool(first.exchanges), "it was not asked")
                time.sleep(0.5)
            assert gate.entry["status"] == 499
            assert ask(gate, 0.8).json() == COMPLETION
