"""A connection that was kept open may be closed as the next request is sent: a fresh one is used at once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway import CHAT, COMPLETION, deployment, gateway
from tests.servers import Exchange, serve

WHOLE = json.dumps(COMPLETION).encode()


def then(end: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Answers once, waits for the head of the next request on the connection, and does `end`."""

    def script(exchange: Exchange) -> None:
        exchange.reply(WHOLE)
        if exchange.connection.recv(1 << 16):
            end(exchange)

    return script


CLOSED = then(lambda exchange: exchange.connection.close())
RESET = then(lambda exchange: exchange.reset())
BEGUN = then(lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nConte"))


@pytest.mark.parametrize("script", [CLOSED, RESET], ids=["closed", "reset"])
@pytest.mark.parametrize("size", [0, 1_000_000])
def test_no_client_notices(tmp_path: Path, script: Callable[[Exchange], None], size: int) -> None:
    with (
        serve(script) as server,
        gateway(tmp_path, deployment(server.url), router_settings={"num_retries": 0}) as gate,
    ):
        body = {"model": "voice", "messages": [{"role": "user", "content": "x" * size}]}
        assert [gate.post(CHAT, json=body).status_code for _ in range(8)] == [200] * 8
        entries = gate.entries(8)

    assert {(entry["tries"], entry["error"]) for entry in entries} == {(1, None)}


def test_a_fresh_connection_that_breaks_is_a_failure(tmp_path: Path) -> None:
    with (
        serve(lambda exchange: exchange.reset()) as server,
        gateway(tmp_path, deployment(server.url), router_settings={"num_retries": 0}) as gate,
    ):
        assert gate.ask().status_code == 502
        assert gate.entry["error"] == "upstream_reset"
    assert server.connections == 1


def test_a_server_that_answers_the_first_request_alone_is_asked_once_more_and_not_again(
    tmp_path: Path,
) -> None:
    with (
        serve(CLOSED, lambda exchange: exchange.reset()) as server,
        gateway(tmp_path, deployment(server.url), router_settings={"num_retries": 0}) as gate,
    ):
        assert [gate.ask().status_code for _ in range(2)] == [200, 502]
    assert server.connections == 2


def test_an_answer_that_had_begun_is_not_asked_for_again(tmp_path: Path) -> None:
    with (
        serve(BEGUN, lambda exchange: exchange.reply(WHOLE)) as server,
        gateway(tmp_path, deployment(server.url), router_settings={"num_retries": 0}) as gate,
    ):
        assert [gate.ask().status_code for _ in range(2)] == [200, 502]
    assert server.connections == 1
