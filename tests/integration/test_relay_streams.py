"""Streams through the gateway: in normal form or as they came, paced, and never whole where they are cut."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.gateway import (
    CHAT,
    UPSTREAM_KEY,
    USAGE,
    Gateway,
    answer,
    chunk,
    deployment,
    event,
    gateway,
    hold,
    refuse,
)
from tests.recorded import needs_recordings, recorded
from tests.servers import Exchange, Script, Server, serve

ONCE: dict[str, Any] = {"router_settings": {"num_retries": 0}}
AS_THEY_COME: dict[str, Any] = {"audiocli_settings": {"stream_normalize": False}}
DONE = b"data: [DONE]\n\n"
HELLO = chunk({"role": "assistant", "content": "Hel"}) + chunk({"content": "lo"})
STOP = event({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
COUNTED = event({"id": "chatcmpl-1", "choices": [], "usage": USAGE})
SECOND = base64.b64encode(bytes(48000)).decode()  # of sound
STREAM: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def streamed(own: Gateway, **members: Any) -> bytes:
    return own.ask(**{**STREAM, **members}).content


def documents(stream: bytes) -> list[Any]:
    """What the events say, but for the last, `[DONE]`."""
    payloads = [part.removeprefix(b"data: ") for part in stream.split(b"\n\n") if part]
    assert payloads.pop() == b"[DONE]"
    return [json.loads(payload) for payload in payloads]


# Whole ones


def test_a_stream_that_tells_its_length_comes_in_its_normal_form(tmp_path: Path) -> None:
    heartbeat = event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "usage": None})
    body = HELLO + heartbeat + COUNTED + STOP + DONE

    def script(exchange: Exchange) -> None:
        exchange.reply(body, media_type="text/event-stream", Connection="close")

    with serve(script) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = own.ask(**STREAM)
        entry = own.entry

    assert response.content == HELLO + STOP + COUNTED + DONE
    assert response.headers["content-type"] == "text/event-stream"
    assert "content-length" not in response.headers
    assert response.headers["x-request-id"] == entry["id"]
    assert (entry["stream"], entry["input_tokens"], entry["output_tokens"]) == (True, 10, 20)


@needs_recordings
def test_the_recorded_stream_is_booked_by_what_the_service_counted(tmp_path: Path) -> None:
    body = recorded("openai-chat-audio/current-ChatWithBasicAudioOutput-0.response.sse")
    with (
        serve(lambda exchange: exchange.stream(body)) as server,
        gateway(tmp_path, deployment(server.url)) as own,
    ):
        told = documents(streamed(own))
        entry = own.entry

    assert [bool(each["choices"]) for each in told] == [True] * (len(told) - 1) + [False]
    assert told[-2]["choices"][0]["finish_reason"] == "stop"
    assert told[-1]["usage"]["total_tokens"] == 42
    assert (entry["input_tokens"], entry["output_tokens"], entry["audio_seconds_out"]) == (18, 24, 0.95)


def test_usage_is_asked_for_and_kept_from_a_client_that_did_not(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        assert json.loads(exchange.body)["stream_options"] == {"include_usage": True}
        exchange.stream(HELLO, STOP, COUNTED, DONE)

    with serve(script) as server, gateway(tmp_path, deployment(server.url)) as own:
        assert own.ask(stream=True).content == HELLO + STOP + DONE
        assert own.entry["output_tokens"] == 20


@pytest.mark.parametrize("sections", [{}, AS_THEY_COME], ids=["normal", "as they come"])
def test_each_event_goes_on_before_the_next_one_comes(tmp_path: Path, sections: dict[str, Any]) -> None:
    received = threading.Semaphore(0)
    words = [chunk({"content": f"{number} "}) for number in range(5)]

    def script(exchange: Exchange) -> None:
        exchange.stream()
        for word in words:
            exchange.send(word)
            assert received.acquire(timeout=10), "it has not come"
        exchange.send(STOP + DONE)

    with (
        serve(script) as server,
        gateway(tmp_path, deployment(server.url), **sections) as own,
        httpx.stream("POST", own.url + CHAT, json={"model": "voice", "stream": True}, timeout=20) as response,
    ):
        pieces = response.iter_raw()
        for word in words:
            assert next(pieces) == word
            received.release()
        assert b"".join(pieces) == STOP + DONE


AS_IT_CAME = (
    b": a comment\r\n\r\nevent: message\r\n"
    + HELLO.replace(b"\n", b"\r\n")
    + b'data: {"id": "chatcmpl-1", "usage": null}\n\n'
    + event({"choices": [], "usage": USAGE})
    + event({"choices": [{"index": 0, "delta": {"audio": {"expires_at": 7}}}]})
    + b"data:[DONE]\n\n"
)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_without_a_normal_form_every_byte_is_as_it_came(tmp_path: Path, size: int) -> None:
    def script(exchange: Exchange) -> None:
        exchange.stream()
        exchange.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(AS_IT_CAME), size):
            exchange.send(AS_IT_CAME[start : start + size])

    with serve(script) as server, gateway(tmp_path, deployment(server.url), **AS_THEY_COME) as own:
        assert streamed(own) == AS_IT_CAME
        entry = own.entry
        request = json.loads(server.exchanges[0].body)

    assert (entry["input_tokens"], entry["output_tokens"], entry["error"]) == (10, 20, None)
    assert request["stream_options"] == STREAM["stream_options"]


# What goes wrong

EARLY: dict[str, tuple[Script, int, str]] = {
    "429": (lambda exchange: refuse(exchange, "429 Slow Down", Retry_After="20"), 429, "some_code"),
    "400": (lambda exchange: refuse(exchange, "400 Bad Request"), 400, "some_code"),
    "event": (lambda exchange: exchange.stream(event({"error": {"message": "no", "code": 429}})), 429, "429"),
    "late event": (
        lambda exchange: exchange.stream(HELLO + event({"error": {"message": "no", "code": 429}})),
        429,
        "429",
    ),
    "document": (lambda exchange: answer(exchange, {"error": {"message": "no", "code": "c"}}), 502, "c"),
    "answer": (answer, 502, "invalid_reply"),
    "nothing": (lambda exchange: exchange.stream(), 502, "invalid_reply"),
    "ping": (lambda exchange: exchange.stream(b": ping\n\n"), 502, "invalid_reply"),
    "done": (lambda exchange: exchange.stream(DONE), 502, "invalid_reply"),
    "page": (lambda exchange: exchange.stream(b"data: <html>\n\n"), 502, "invalid_reply"),
    "reset at once": (lambda exchange: exchange.reset(), 502, "upstream_reset"),
}
"""What happens before the first event has gone on, with the status and the code that tell it."""


def broken(tail: bytes, then: Callable[[Exchange], Any] = lambda exchange: None) -> Script:
    """A stream that begins well, goes on with `tail`, and ends by what `then` does."""

    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        exchange.send(b"Transfer-Encoding: chunked\r\n\r\n")
        exchange.send(b"%x\r\n%b\r\n" % (len(HELLO), HELLO))
        time.sleep(0.2)  # The beginning has gone on.
        if tail:
            exchange.send(b"%x\r\n%b\r\n" % (len(tail), tail))
        then(exchange)

    return script


def end(exchange: Exchange) -> None:
    exchange.send(b"0\r\n\r\n")


MORE = chunk({"content": " there"})
BUSY = {"message": f"no: {UPSTREAM_KEY}", "type": "server_error", "param": None, "code": "busy"}
BROKEN: dict[str, Script] = {
    "cut": broken(b""),
    "cut cleanly": broken(b"", end),
    "cut in an event": broken(MORE + b'data: {"id": "chatcmpl-1", "choi'),
    "cut cleanly in an event": broken(MORE + b'data: {"id": "chatcmpl-1", "choi', end),
    "cut after a line": broken(MORE[:-1], end),
    "reset": broken(b"", lambda exchange: exchange.reset()),
    "silent": broken(b"", hold),
    "error": broken(MORE + event({"error": BUSY}), end),
    "garbage": broken(b"\x00\xff\x00\xff\n\n" * 10, end),
    "bad JSON": broken(MORE + b'data: {"choices": [}\n\n', end),
    "web page": broken(b"data: <html>502</html>\n\n", end),
    "bad chunk": broken(b"", lambda exchange: exchange.send(b"zz\r\n")),
}


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    """Its paths begin with the name of what goes wrong."""

    def script(exchange: Exchange) -> None:
        name = unquote(exchange.head.split(b" ")[1].decode()).split("/")[1]
        (BROKEN[name] if name in BROKEN else EARLY[name][0])(exchange)

    with serve(script) as server:
        yield server


@pytest.fixture(scope="module", params=[True, False], ids=["normal", "as it came"])
def failing(
    request: pytest.FixtureRequest, service: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    rows = [deployment(f"{service.url}/{quote(name)}", name) for name in (*EARLY, *BROKEN)]
    own = {"stream_normalize": request.param, "stream_idle_timeout": 1}
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, *rows, **ONCE, audiocli_settings=own) as running:
        yield running


@pytest.mark.parametrize("name", EARLY)
def test_an_error_before_the_first_event_has_its_status(failing: Gateway, name: str) -> None:
    response = failing.ask(name, **STREAM)

    assert response.headers["content-type"] == "application/json"
    assert (response.status_code, response.json()["error"]["code"]) == EARLY[name][1:]
    assert response.headers.get("retry-after") == ("20" if name == "429" else None)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_ends_in_an_error_and_never_as_if_whole(
    failing: Gateway, service: Server, name: str
) -> None:
    before = service.connections
    stream = broken_off(failing, name)
    assert stream.startswith(HELLO)
    assert b"[DONE]" not in stream
    assert b'"stop"' not in stream
    if b"choi" not in stream[-50:] and not stream.endswith(MORE[:-1]):  # A part of an event cannot be ended.
        *_, last = (part for part in stream.split(b"\n\n") if part)
        assert json.loads(last.removeprefix(b"data: "))["error"].keys() == {
            "message",
            "type",
            "param",
            "code",
        }
        assert stream.count(b'"error"') == 1
    if name == "error":
        assert json.loads(last.removeprefix(b"data: "))["error"] == BUSY | {"message": "no: ***"}
    assert UPSTREAM_KEY.encode() not in stream
    assert service.connections == before + 1
    assert failing.entries()[-1]["error"]


def broken_off(own: Gateway, name: str) -> bytes:
    """What comes of a stream, however it ends."""
    received = b""
    document = {"model": name, "messages": [], **STREAM}
    with (
        suppress(httpx.RemoteProtocolError),
        httpx.stream("POST", own.url + CHAT, json=document, timeout=20) as response,
    ):
        for piece in response.iter_raw():
            received += piece
    return received


def test_what_came_before_a_fault_is_passed_on(failing: Gateway) -> None:
    for name in ("bad JSON", "cut in an event"):
        assert broken_off(failing, name).startswith(HELLO + MORE)


# Signs of life


def thinking(seconds: float, *then: bytes, with_comments: bool = True) -> Script:
    """A service that thinks for `seconds` before its first event."""

    def script(exchange: Exchange) -> None:
        exchange.stream()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if with_comments:
                exchange.send(b": THINKING\n\n")
            time.sleep(0.2)
        for piece in then:
            exchange.send(piece)

    return script


NORMAL = pytest.mark.parametrize("normalise", [True, False], ids=["normal", "as it came"])
WHOLE = (HELLO, MORE, DONE)


@NORMAL
def test_comments_are_signs_of_life_and_go_on_as_such(tmp_path: Path, normalise: bool) -> None:
    own = {"stream_normalize": normalise, "stream_idle_timeout": 1, "keepalive_seconds": 0.5}
    with (
        serve(thinking(2, *WHOLE)) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings=own) as gate,
    ):
        began, arrived = time.monotonic(), []
        body = {"model": "voice", "messages": [], "stream": True}
        with httpx.stream("POST", gate.url + CHAT, json=body, timeout=20) as response:
            received = b""
            for piece in response.iter_raw():
                received += piece
                arrived.append(time.monotonic() - began)
        entry = gate.entry

    assert (server.connections, entry["tries"], entry["error"]) == (1, 1, None)
    assert received.endswith(b"data: [DONE]\n\n")
    assert b": THINKING\n" in received
    assert arrived[0] < 1.5  # before the first event
    assert received.count(b"\n:") + received.startswith(b":") >= 3


@NORMAL
def test_a_silent_service_is_not_felt_on_the_way_to_the_client(tmp_path: Path, normalise: bool) -> None:
    own = {"stream_normalize": normalise, "keepalive_seconds": 0.3}
    with (
        serve(thinking(1.5, *WHOLE, with_comments=False)) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings=own) as gate,
    ):
        received = streamed(gate)

    assert received.startswith(b": keepalive\n\n")
    assert received.count(b": keepalive\n\n") >= 3
    assert received.endswith(b"data: [DONE]\n\n")


def test_without_keepalive_nothing_is_added(tmp_path: Path) -> None:
    with (
        serve(thinking(1, *WHOLE, with_comments=False)) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings={"keepalive_seconds": 0}) as gate,
    ):
        assert streamed(gate).startswith(HELLO)


def test_another_may_still_answer_after_comments_alone(tmp_path: Path) -> None:
    error = event({"error": {"message": "no", "code": 502}})
    own = {"keepalive_seconds": 0.3}
    with serve(thinking(1, error)) as broken_one, serve(thinking(0, *WHOLE)) as well:
        rows = [deployment(broken_one.url), deployment(well.url, "spare")]
        routing = {"num_retries": 0, "fallbacks": [{"voice": ["spare"]}]}
        with gateway(tmp_path, *rows, router_settings=routing, audiocli_settings=own) as gate:
            received = streamed(gate)

    assert received.startswith(b":")
    assert HELLO in received
    assert b"error" not in received
    assert received.endswith(b"data: [DONE]\n\n")


def test_after_comments_alone_an_error_is_the_only_event(tmp_path: Path) -> None:
    error = event({"error": {"message": "no", "code": 429}})
    with (
        serve(thinking(1, error)) as server,
        gateway(
            tmp_path, deployment(server.url), **ONCE, audiocli_settings={"keepalive_seconds": 0.3}
        ) as gate,
    ):
        received = streamed(gate)
        entry = gate.entry

    assert received.count(b"data:") == 1
    assert b'"code": "429"' in received
    assert (entry["status"], entry["error"]) == (200, "RateLimitError")


def late(seconds: float, then: Script) -> Script:
    """A service that says nothing at all for `seconds`."""

    def script(exchange: Exchange) -> None:
        time.sleep(seconds)
        then(exchange)

    return script


BEATS: dict[str, Any] = {"audiocli_settings": {"keepalive_seconds": 0.3}}


@NORMAL
def test_a_service_that_is_late_with_its_headers_is_not_felt_either(tmp_path: Path, normalise: bool) -> None:
    own = {"stream_normalize": normalise, "keepalive_seconds": 0.3}
    with (
        serve(late(1.5, lambda exchange: exchange.stream(*WHOLE))) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings=own) as gate,
    ):
        response = gate.ask(**STREAM)
        entry = gate.entry

    assert response.headers["content-type"].startswith("text/event-stream")
    assert 4 <= response.content.count(b": keepalive\n\n") <= 5
    events = response.content.replace(b": keepalive\n\n", b"")
    assert events.startswith(HELLO)
    assert events.endswith(DONE)
    assert (entry["status"], entry["tries"], entry["error"]) == (200, 1, None)
    assert entry["first_byte_ms"] > 1400  # A comment is no answer.


def test_an_error_after_a_comment_is_told_as_an_event_and_one_before_by_its_status(tmp_path: Path) -> None:
    with (
        serve(
            lambda exchange: refuse(exchange, "400 Bad Request"), late(0.8, lambda e: refuse(e, "400 No"))
        ) as server,
        gateway(tmp_path, deployment(server.url), **ONCE, **BEATS) as gate,
    ):
        early, after = gate.ask(**STREAM), gate.ask(**STREAM)

    assert (early.status_code, after.status_code) == (400, 200)
    assert after.content.startswith(b": keepalive\n\n: keepalive\n\ndata: {")
    assert json.loads(after.content.partition(b"data: ")[2]) == early.json()


def test_a_late_failure_is_tried_elsewhere_and_waits_are_attended(tmp_path: Path) -> None:
    def limited(exchange: Exchange) -> None:
        refuse(exchange, "429 Too Many Requests", Retry_After="1")

    def well(exchange: Exchange) -> None:
        exchange.stream(*WHOLE)

    with serve(late(0.8, lambda e: refuse(e, "503 No")), limited, well) as server:
        routing = {"num_retries": 2, "retry_after": 0, "disable_cooldowns": True}
        with gateway(tmp_path, deployment(server.url), router_settings=routing, **BEATS) as gate:
            received = streamed(gate)
            entry = gate.entry

    assert received.count(b": keepalive\n\n") >= 4  # before a failure, and while it waits to try again
    assert received.replace(b": keepalive\n\n", b"").startswith(HELLO)
    assert (entry["tries"], entry["error"]) == (3, None)


def test_an_answer_that_is_no_stream_waits_in_silence(tmp_path: Path) -> None:
    with (
        serve(late(1, lambda exchange: refuse(exchange, "400 Bad Request"))) as server,
        gateway(tmp_path, deployment(server.url), **ONCE, **BEATS) as gate,
    ):
        assert gate.ask().status_code == 400


def stall(exchange: Exchange) -> None:
    exchange.stream()
    exchange.hold()


def test_a_stall_before_the_first_event_is_asked_for_elsewhere_and_not_again(tmp_path: Path) -> None:
    own = {"stream_idle_timeout": 0.5}
    with (
        serve(stall) as stalled,
        serve(thinking(0, *WHOLE)) as well,
    ):
        rows = [deployment(stalled.url), deployment(well.url, "spare"), deployment(stalled.url, "alone")]
        routing = {"num_retries": 3, "fallbacks": [{"voice": ["spare"]}]}
        with gateway(tmp_path, *rows, router_settings=routing, audiocli_settings=own) as gate:
            assert streamed(gate).endswith(b"data: [DONE]\n\n")
            assert stalled.connections == 1
            response = gate.ask("alone", **STREAM)

    assert (response.status_code, response.json()["error"]["code"]) == (504, "stream_stalled")
    assert stalled.connections == 2
