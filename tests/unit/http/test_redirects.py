"""A key goes to the origin that the user named, and to no other, wherever that redirects to.

All hosts are behind a proxy on loopback, which sees each request with its headers.
"""

import asyncio

import pytest

from audiocli.http.client import fetch
from tests.servers import Exchange, Server, serve

NAMED = "http://named.example/a.wav"
KEY = {"Authorization": "Bearer sk-test-0123456789", "X-Api-Key": "sk-test-0123456789"}


def redirecting(*locations: str) -> list[object]:
    """Scripts of a proxy: each location in turn, then what is there."""
    scripts: list[object] = [
        lambda exchange, to=location: exchange.reply(b"", status="302 Found", Location=to)
        for location in locations
    ]
    return [*scripts, lambda exchange: exchange.reply(b"sound")]


def fetched(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert asyncio.run(fetch(NAMED, max_bytes=1000, seconds=20, headers=KEY)) == b"sound"
    return proxy.exchanges


def carries_key(exchange: Exchange) -> bool:
    assert ("authorization" in exchange.headers) == ("x-api-key" in exchange.headers)
    return b"sk-test" in exchange.head


@pytest.mark.parametrize(
    "location",
    [
        "http://other.example/b.wav",
        "//other.example/b.wav",
        "http://named.example:8080/b.wav",
        "http://sub.named.example/b.wav",
        "http://named.example.other.example/b.wav",
    ],
)
def test_another_origin_gets_no_key(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(*redirecting(location)) as proxy:  # type: ignore[arg-type] # they are scripts
        first, second = fetched(proxy, monkeypatch)
    assert carries_key(first)
    assert b"b.wav" in second.head
    assert not carries_key(second)


def test_the_same_origin_gets_it_again_whatever_came_between(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(*redirecting("/b.wav", "http://other.example/", NAMED)) as proxy:  # type: ignore[arg-type] # they are scripts
        exchanges = fetched(proxy, monkeypatch)
    assert [carries_key(exchange) for exchange in exchanges] == [True, True, False, True]
