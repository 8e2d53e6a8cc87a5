"""What the gateway makes of servers that fail: another is asked, or the client is told what is wrong."""

import gzip
import json
import socket
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway import CHAT, COMPLETION, UPSTREAM_KEY, answer, deployment, gateway, hold, refuse
from tests.servers import Exchange, Script, serve

ONCE: dict[str, Any] = {"router_settings": {"num_retries": 0}}
NOBODY = "http://127.0.0.1:9"  # Discard's port, where nobody listens.


def busy(exchange: Exchange) -> None:
    refuse(exchange, "503 Busy")


def reset(exchange: Exchange) -> None:
    exchange.reset()


def cut_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: appl")


def cut_body(exchange: Exchange) -> None:
    exchange.send(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"choices": ['
    )


def no_http(exchange: Exchange) -> None:
    exchange.send(b"SSH-2.0-OpenSSH_9.6\r\n")


def bad_chunk(exchange: Exchange) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange.send(head + b"zz\r\n{}\r\n")


def large_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n")


def endless_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    exchange.flood(b"X: " + b"x" * 1000 + b"\r\n")


def web_page(exchange: Exchange) -> None:
    exchange.reply(b"<html><b>secret page</b>", media_type="text/html", Connection="close")


def zipped(exchange: Exchange) -> None:
    body = gzip.compress(json.dumps(COMPLETION).encode())
    exchange.reply(body, Content_Encoding="gzip", Connection="close")


def not_json(exchange: Exchange) -> None:
    exchange.reply(b'{"choices": [', Connection="close")


def empty(exchange: Exchange) -> None:
    exchange.reply(b"", Connection="close")


def a_list(exchange: Exchange) -> None:
    exchange.reply(b"[1, 2]", Connection="close")


def no_choices(exchange: Exchange) -> None:
    exchange.reply(b"{}", Connection="close")


def events(exchange: Exchange) -> None:
    exchange.stream(b"data: {}\n\n")


def elsewhere(exchange: Exchange) -> None:
    exchange.reply(b"", status="307 Moved", Location=NOBODY, Connection="close")


def no_content(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def page_502(exchange: Exchange) -> None:
    page = b"<html><h1>502 nginx secret page</h1></html>"
    exchange.reply(page, status="502 Bad Gateway", media_type="text/html", Connection="close")


def large_error(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\n\r\n")
    exchange.flood(b"x" * 100_000)


def odd_status(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


def endless_spaces(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    exchange.flood(b" " * 100_000)


def hanging_error(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
    exchange.hold()


DEAD: dict[str, Script] = {
    script.__name__: script
    for script in (
        busy, reset, cut_head, cut_body, no_http, bad_chunk, large_headers, endless_headers, web_page, zipped,
        not_json, empty, a_list, no_choices, events, elsewhere, no_content, page_502, large_error,
        hanging_error, hold, odd_status, endless_spaces,
    )
}  # fmt: skip
TRANSPORT = {"reset": "upstream_reset", "cut_head": "upstream_reset", "cut_body": "upstream_reset"}


@pytest.mark.parametrize("fault", DEAD)
def test_a_fault_is_a_502_that_tells_nothing_of_the_server(tmp_path: Path, fault: str) -> None:
    with (
        serve(DEAD[fault]) as server,
        gateway(tmp_path, deployment(server.url, timeout=1 if fault == "hold" else 15), **ONCE) as own,
    ):
        response = own.ask()
        entry = own.entry

    own_status = {"busy": 503, "large_error": 500, "hanging_error": 500, "hold": 504}
    assert response.status_code == entry["status"] == own_status.get(fault, 502)
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    if fault in TRANSPORT:
        assert error["code"] == entry["error"] == TRANSPORT[fault]
    assert len(response.content) < 1000
    assert not any(
        text in response.text for text in ("secret", "<", UPSTREAM_KEY, str(server.port), "127.0.0.1")
    )
    assert server.connections == 1


@pytest.mark.parametrize("fault", DEAD)
def test_with_one_of_two_dead_no_client_sees_an_error(tmp_path: Path, fault: str) -> None:
    rows = (deployment("", timeout=1), deployment("", timeout=15))
    with serve(DEAD[fault]) as dead, serve(answer) as alive:
        for row, server in zip(rows, (dead, alive), strict=True):
            row["litellm_params"]["api_base"] = server.url
        with gateway(tmp_path, *rows) as own:
            answers = [own.ask() for _ in range(6)]
            entries = own.entries(6)

    assert [response.json() for response in answers] == [COMPLETION] * 6
    assert len(alive.exchanges) == 6
    assert max(entry["tries"] for entry in entries) <= 2
    assert not any("x-should-retry" in response.headers for response in answers)


def test_with_one_of_two_refusing_no_client_sees_an_error(tmp_path: Path) -> None:
    with serve(answer) as alive, gateway(tmp_path, deployment(NOBODY), deployment(alive.url)) as own:
        assert [own.ask().status_code for _ in range(10)] == [200] * 10


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (NOBODY, "upstream_refused"),
        ("http://does-not-exist.invalid", "upstream_dns_error"),
        ("reset", "upstream_reset"),
        ("no_http", "upstream_protocol_error"),
    ],
)
def test_lost_connections_are_told_apart(tmp_path: Path, url: str, code: str) -> None:
    script = DEAD.get(url, busy)
    with serve(script) as server:
        place = server.url if url in DEAD else url
        with gateway(tmp_path, deployment(place), **ONCE) as own:
            response = own.ask()
            entry = own.entry

    assert response.status_code == 502
    error = response.json()["error"]
    assert error["code"] == entry["error"] == code
    assert "check" not in error["message"]  # It is not the client's address, nor its network.


# What a server says


def test_a_refusal_is_passed_on_once_in_the_servers_words(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        refuse(exchange, "400 Bad Request", "messages[0] is \x1b[31mwrong: " + UPSTREAM_KEY)

    with (
        serve(script) as server,
        serve(answer) as other,
        gateway(tmp_path, deployment(server.url), deployment(other.url, order=2)) as own,
    ):
        response = own.ask()

    error = response.json()["error"]
    assert response.status_code == 400
    assert error == {
        "message": "messages[0] is [31mwrong: ***",
        "type": "some_type",
        "param": "messages",
        "code": "some_code",
    }
    assert "x-should-retry" not in response.headers
    assert (server.connections, other.connections) == (1, 0)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_server_that_does_not_let_us_in_is_not_quoted(tmp_path: Path, status: str) -> None:
    def script(exchange: Exchange) -> None:
        refuse(
            exchange,
            status,
            f"Incorrect API key provided: {UPSTREAM_KEY[:12]}***. See https://secret.example",
        )

    with serve(script) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = own.ask()

    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("upstream_auth_error", "upstream_auth_error")
    assert not any(text in response.text for text in ("Incorrect", "secret", UPSTREAM_KEY[:8], "some_"))
    assert server.connections == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "20"}, [20]),
        ({"Retry_After_Ms": "19400"}, [20]),
        ({"Retry_After": "in 100 s"}, range(60, 101)),
    ],
)
def test_a_servers_retry_after_is_passed_on_in_seconds(
    tmp_path: Path, headers: dict[str, str], seconds: Sequence[int]
) -> None:
    date = formatdate(time.time() + 100, usegmt=True)
    headers = {name: value.replace("in 100 s", date) for name, value in headers.items()}
    with (
        serve(lambda exchange: refuse(exchange, "429 Slow Down", **headers)) as server,
        gateway(tmp_path, deployment(server.url)) as own,
    ):
        response = own.ask()

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) in seconds
    error = response.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("some_type", "some_code", "messages")
    assert server.connections == 1  # Nobody is kept waiting for so long.


def test_a_short_retry_after_is_waited_for(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        refuse(exchange, "429 Slow Down", Retry_After="1")

    with serve(script, answer) as server, gateway(tmp_path, deployment(server.url)) as own:
        began = time.monotonic()
        response = own.ask()

    assert response.status_code == 200
    assert time.monotonic() - began >= 1
    assert server.connections == 2


def test_who_has_tried_again_asks_the_client_not_to(tmp_path: Path) -> None:
    routing: dict[str, Any] = {"router_settings": {"num_retries": 1}}
    with serve(busy) as server, gateway(tmp_path, deployment(server.url), **routing) as own:
        response = own.ask()

    assert response.status_code == 503
    assert response.headers["x-should-retry"] == "false"
    assert server.connections == 2


def test_all_tries_have_one_deadline(tmp_path: Path) -> None:
    routing: dict[str, Any] = {"router_settings": {"num_retries": 5, "timeout": 2}}
    with serve(hold) as server, gateway(tmp_path, deployment(server.url), **routing) as own:
        began = time.monotonic()
        response = own.ask()
        entry = own.entry

    assert response.status_code == 504
    assert response.json()["error"]["type"] == "timeout_error"
    assert 2 <= time.monotonic() - began < 8
    assert server.connections == 1
    assert entry["status"] == 504


def test_an_answer_that_never_ends_has_the_deadline_of_its_try(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{")
        exchange.hold()

    with (
        serve(script) as server,
        serve(answer) as other,
        gateway(tmp_path, deployment(server.url, timeout=1), deployment(other.url, order=2)) as own,
    ):
        response = own.ask()
        entry = own.entry

    assert response.json() == COMPLETION
    assert (server.connections, other.connections, entry["tries"]) == (1, 1, 2)
    assert 0 < entry["first_byte_ms"] <= entry["latency_ms"]


def test_a_server_that_does_not_take_the_body_has_the_deadline_of_its_try(tmp_path: Path) -> None:
    with (
        serve(hold_without_reading, read_body=False) as server,
        serve(answer) as other,
        gateway(tmp_path, deployment(server.url, timeout=1), deployment(other.url, order=2)) as own,
    ):
        response = own.ask(messages=[{"role": "user", "content": "x" * 20_000_000}])

    assert response.json() == COMPLETION
    assert len(json.loads(other.exchanges[0].body)["messages"][0]["content"]) == 20_000_000
    assert server.connections == 1


def hold_without_reading(_exchange: Exchange) -> None:
    time.sleep(3)


def test_a_body_is_repeated_while_it_still_arrives(tmp_path: Path) -> None:
    document = json.dumps({"model": "voice", "messages": [], "pad": "x" * 600_000}).encode()
    with (
        serve(reset, read_body=False) as server,
        serve(answer) as other,
        gateway(tmp_path, deployment(server.url), deployment(other.url, order=2)) as own,
        socket.create_connection(own.address, timeout=20) as client,
    ):
        client.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(document)}\r\n\r\n".encode()
        )
        for start in range(0, len(document), 100_000):
            client.sendall(document[start : start + 100_000])
            time.sleep(0.1)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")

    assert json.loads(other.exchanges[0].body)["pad"] == "x" * 600_000
    assert server.connections == 1


def test_what_was_not_kept_cannot_be_sent_again(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        left = int(exchange.headers["content-length"]) - len(exchange.body)
        while left > 0:
            left -= len(exchange.connection.recv(1 << 20))
        refuse(exchange, "503 Busy")

    kept = {"retry_buffer_mb": 1}
    with (
        serve(script, read_body=False) as server,
        serve(answer) as other,
        gateway(
            tmp_path, deployment(server.url), deployment(other.url, order=2), audiocli_settings=kept
        ) as own,
    ):
        response = own.ask(messages=["x" * 5_000_000])

    assert response.status_code == 503
    assert (server.connections, other.connections) == (1, 0)


def test_an_early_refusal_ends_the_upload(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        refuse(exchange, "400 Bad Request", "not this")
        exchange.hold()

    with serve(script, read_body=False) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = own.ask(messages=["x" * 30_000_000])

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "not this"
    assert server.connections == 1


# Where to


def test_fallbacks_are_asked_after_the_models_own_deployments(tmp_path: Path) -> None:
    routing = {"num_retries": 0, "fallbacks": [{"voice": ["second"]}], "default_fallbacks": ["third"]}
    with serve(busy) as first, serve(answer) as second, serve(answer) as third:
        rows = [
            deployment(server.url, name)
            for name, server in [("voice", first), ("second", second), ("third", third), ("other", first)]
        ]
        with gateway(tmp_path, *rows, router_settings=routing) as own:
            named, default = own.ask(), own.ask("other")
            entries = own.entries(2)

    assert (named.status_code, default.status_code) == (200, 200)
    assert (len(second.exchanges), len(third.exchanges)) == (1, 1)
    assert [entry["model"] for entry in entries] == ["voice", "other"]
    assert [entry["tries"] for entry in entries] == [2, 2]


def test_a_fallback_is_asked_in_place_of_a_long_wait(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        refuse(exchange, "429 Slow Down", Retry_After="30")

    routing = {"fallbacks": [{"voice": ["second"]}]}
    with serve(script) as first, serve(answer) as second:
        rows = (deployment(first.url), deployment(second.url, "second"))
        with gateway(tmp_path, *rows, router_settings=routing) as own:
            assert own.ask().status_code == 200

    assert (first.connections, second.connections) == (1, 1)


@pytest.mark.parametrize("limit", [{"rpm": 2}, {"tpm": 60}])
def test_a_deployments_own_limit_is_kept(tmp_path: Path, limit: dict[str, Any]) -> None:
    with serve(answer) as server, gateway(tmp_path, deployment(server.url, **limit)) as own:
        statuses = [own.ask().status_code for _ in range(2)]
        last = own.ask()

    assert statuses == [200, 200]
    assert last.status_code == 429
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert len(server.exchanges) == 2


def test_each_deployment_gets_its_own_key_only(tmp_path: Path) -> None:
    with serve(busy) as first, serve(answer) as second:
        rows = (
            deployment(first.url, api_key="sk-first-key"),
            deployment(second.url, api_key="sk-second-key", order=2),
        )
        with gateway(tmp_path, *rows) as own:
            own.ask()

    assert [each.headers["authorization"] for each in first.exchanges] == ["Bearer sk-first-key"]
    assert [each.headers["authorization"] for each in second.exchanges] == ["Bearer sk-second-key"]


# Sound and forms


@pytest.mark.parametrize(
    ("path", "send"),
    [
        ("/v1/audio/speech", lambda url: httpx.post(url, json={"model": "voice", "input": "Hi"})),
        (
            "/v1/audio/transcriptions",
            lambda url: httpx.post(url, data={"model": "voice"}, files={"file": b"RIFF"}),
        ),
    ],
)
@pytest.mark.parametrize("fault", ["web_page", "empty", "busy", "reset", "page_502", "zipped"])
def test_other_routes_fail_alike(
    tmp_path: Path, path: str, send: Callable[[str], httpx.Response], fault: str
) -> None:
    with serve(DEAD[fault]) as server, gateway(tmp_path, deployment(server.url), **ONCE) as own:
        response = send(own.url + path)

    assert response.status_code == (503 if fault == "busy" else 502)
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert "secret" not in response.text


def test_cut_speech_looks_cut(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nID3\r\n"
        )

    with serve(script) as server, gateway(tmp_path, deployment(server.url)) as own:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(own.url + "/v1/audio/speech", json={"model": "voice", "input": "Hi"})
        entry = own.entry

    assert (entry["status"], entry["error"]) == (200, "upstream_reset")


def test_nothing_stays_in_flight(tmp_path: Path) -> None:
    scripts: list[Any] = [busy, reset, web_page, answer, hold]
    routing: dict[str, Any] = {"router_settings": {"num_retries": 0, "cooldown_time": 0}}
    with serve(*scripts) as server, gateway(tmp_path, deployment(server.url, timeout=1), **routing) as own:
        for _ in scripts:
            own.ask()
        metrics = httpx.get(own.url + "/metrics").text

    in_flight = [line for line in metrics.splitlines() if line.startswith("audiocli_in_flight{")]
    assert in_flight
    assert all(line.endswith(" 0.0") for line in in_flight)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("padding", [0, 600_000], ids=["whole", "in parts"])
def test_a_redirect_takes_neither_key_nor_body_to_another_host(
    tmp_path: Path, status: str, padding: int
) -> None:
    def redirect(exchange: Exchange) -> None:
        exchange.reply(b"", status=status, Location=f"{another.url}/chat/completions", Connection="close")

    with serve(answer) as another, serve(redirect) as server:
        row = deployment(server.url, extra_headers={"X-Secret": "hush-hush"})
        with gateway(tmp_path, row, **ONCE) as own:
            response = own.ask(pad="x" * padding)

    assert another.connections == 0
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_redirect")
    assert "location" not in response.headers
    assert str(another.port) not in response.text
