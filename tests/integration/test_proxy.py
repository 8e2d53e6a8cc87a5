"""A command and the gateway reach servers through the same proxies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.command import audiocli, environment
from tests.gateway import COMPLETION, answer, deployment, gateway
from tests.servers import Exchange, Server, serve

FAR = "http://far.example:8000/v1"
CREDENTIALS = "Basic bWU6c2VjcmV0LTAxMjM0NTY3"
DOORS = pytest.mark.parametrize("door", ["ask", "serve"])


def proxied(proxy: Server, user: str = "me:secret-01234567@") -> str:
    return proxy.url.replace("http://", f"http://{user}")


def asked(door: str, folder: Path, url: str, variables: Mapping[str, str], **params: Any) -> str:
    """What is answered, or what is wrong, by one of the doors."""
    row = deployment(url, **params)
    if door == "serve":
        with gateway(folder, row, variables=variables, router_settings={"num_retries": 0}) as gate:
            return gate.ask().text + gate.log.read_text()
    config = folder / "config.yaml"
    config.write_text(json.dumps({"model_list": [row]}))
    result = audiocli(
        "ask",
        "-m",
        "voice",
        "--retries",
        "0",
        "hi",
        env=environment(AUDIOCLI_CONFIG=str(config), **variables),
    )
    return result.stdout.decode() + result.stderr.decode()


@DOORS
@pytest.mark.parametrize("own", [True, False])
def test_a_server_is_reached_through_a_proxy(tmp_path: Path, door: str, own: bool) -> None:
    with serve(answer) as proxy:
        address = proxied(proxy)
        params = {"proxy": address} if own else {}
        found = asked(door, tmp_path, FAR, {} if own else {"HTTP_PROXY": address}, **params)

    (exchange,) = proxy.exchanges
    assert exchange.head.startswith(b"POST http://far.example:8000/v1/chat/completions HTTP/1.1")
    assert exchange.headers["proxy-authorization"] == CREDENTIALS
    assert "Hello." in found
    assert "secret-0123" not in found


def test_every_request_on_a_kept_connection_has_the_proxys_credentials(tmp_path: Path) -> None:
    def twice(exchange: Exchange) -> None:
        for _ in range(2):
            exchange.reply(json.dumps(COMPLETION).encode())
            heads.append(exchange.connection.recv(65536))

    heads: list[bytes] = []
    with serve(twice) as proxy, gateway(tmp_path, deployment(FAR, proxy=proxied(proxy))) as gate:
        assert [gate.ask().status_code for _ in range(2)] == [200, 200]
    assert CREDENTIALS.encode() in heads[0]
    assert proxy.connections == 1


@DOORS
def test_a_server_that_no_proxy_names_is_asked_directly(tmp_path: Path, door: str) -> None:
    with serve(answer) as server, serve(answer) as proxy:
        found = asked(door, tmp_path, server.url, {"HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"})

    assert "Hello." in found
    assert (server.connections, proxy.connections) == (1, 0)


@DOORS
def test_a_secure_server_is_reached_by_a_tunnel(tmp_path: Path, door: str) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with serve(refuse, read_body=False) as proxy:
        found = asked(door, tmp_path, "https://far.example/v1", {"https_proxy": proxied(proxy)})

    assert proxy.exchanges[0].head.startswith(b"CONNECT far.example:443 HTTP/1.1")
    assert proxy.exchanges[0].headers["proxy-authorization"] == CREDENTIALS
    assert "403" in found
    assert "secret-0123" not in found


@pytest.mark.parametrize(
    "variables", [{"HTTP_PROXY": "socks5://me:secret-0123@p:1"}, {"ALL_PROXY": "ftp://p"}]
)
def test_a_proxy_that_cannot_be_used_is_refused_by_both(tmp_path: Path, variables: dict[str, str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"model_list": [deployment(FAR)]}))
    env = environment(AUDIOCLI_CONFIG=str(config), **variables)
    for arguments in (("ask", "-m", "voice", "hi"), ("serve", "--check")):
        result = audiocli(*arguments, env=env)
        assert result.returncode in (2, 3)
        assert b"is not a supported proxy address" in result.stderr
        assert b"secret-0123" not in result.stderr


def test_a_proxy_that_wants_credentials_is_no_servers_refusal(tmp_path: Path) -> None:
    def refuse(exchange: Exchange) -> None:
        answer(exchange, {}, "407 Proxy Authentication Required")

    with (
        serve(refuse) as proxy,
        gateway(tmp_path, deployment(FAR, proxy=proxy.url), router_settings={"num_retries": 0}) as gate,
    ):
        response = gate.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_unreachable")
