"""What goes through the gateway is what was sent: the request as it was written, the answer as it came."""

import base64
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway import (
    CHAT,
    COMPLETION,
    MODEL,
    UPSTREAM_KEY,
    answer,
    chunked,
    deployment,
    event,
    gateway,
    hold,
)
from tests.servers import Exchange, serve

CLIENT_KEY = "sk-client-0123456789abcdefghij"
SOUND = base64.b64encode(os.urandom(300_000)).decode()


def chat(**members: Any) -> dict[str, Any]:
    audio = {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}
    return {"messages": [{"role": "user", "content": [audio]}], **members}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# Requests


def test_only_the_model_becomes_another(tmp_path: Path) -> None:
    # White space, the order of members, escapes and what nobody knows stay as they are.
    body = b'{ "unknown" : {"model": "inner", "n": 1.50},\n"model":"voice", "messages":[ ], "x":"\\u00e9"}'

    with serve(answer) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = httpx.post(own.url + CHAT, content=body)

    assert response.json() == COMPLETION
    (exchange,) = server.exchanges
    assert exchange.body.rstrip(b" ") == body.replace(b'"voice"', json.dumps(MODEL).encode())
    assert int(exchange.headers["content-length"]) == len(exchange.body)
    assert exchange.head.startswith(b"POST /chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("position", ["first", "last"])
def test_sound_goes_on_as_it_is_wherever_the_model_stands(tmp_path: Path, position: str) -> None:
    own_model = {"model": "voice"}
    request = {**own_model, **chat()} if position == "first" else {**chat(), **own_model}

    with serve(answer) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = httpx.post(own.url + CHAT, json=request)

    assert response.status_code == 200
    got = json.loads(server.exchanges[0].body)
    assert got["model"] == MODEL
    sound = got["messages"][0]["content"][0]["input_audio"]["data"]
    assert digest(sound) == digest(SOUND)


def test_a_model_is_found_after_ten_megabytes(tmp_path: Path) -> None:
    sound = base64.b64encode(os.urandom(7_500_000)).decode()
    body = json.dumps({"messages": [{"content": sound}], "model": "voice"})

    with serve(answer) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = httpx.post(own.url + CHAT, content=body, timeout=30)

    assert response.status_code == 200
    got = json.loads(server.exchanges[0].body)
    assert got == {"messages": [{"content": sound}], "model": MODEL}


def test_a_body_without_a_length_goes_on_without_one(tmp_path: Path) -> None:
    document = json.dumps({"model": "voice", **chat()}).encode()
    got = []

    def read(exchange: Exchange) -> None:
        got.append(chunked(exchange))
        answer(exchange)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(document), 50_000):
            yield document[start : start + 50_000]
            time.sleep(0.01)

    with serve(read, read_body=False) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = httpx.post(own.url + CHAT, content=pieces())

    assert response.status_code == 200
    assert json.loads(got[0]) == {"model": MODEL, **chat()}
    assert "content-length" not in server.exchanges[0].headers


def test_a_body_goes_on_while_it_arrives(tmp_path: Path) -> None:
    document = json.dumps({"model": "voice", **chat()}).encode()
    half = len(document) // 2
    heads = []

    def read(exchange: Exchange) -> None:
        heads.append(exchange.head)
        got = len(exchange.body)
        while got < int(exchange.headers["content-length"]):
            got += len(exchange.connection.recv(1 << 20))
        answer(exchange)

    with serve(read, read_body=False) as server, gateway(tmp_path, deployment(server.url)) as own:  # noqa: SIM117 - the client is another one
        with socket.create_connection(own.address, timeout=20) as client:
            client.sendall(
                f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(document)}\r\n\r\n".encode()
            )
            client.sendall(document[:half])
            wait_until(
                lambda: bool(heads)
            )  # the server has got the beginning before the client sends the end
            client.sendall(document[half:])
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def wait_until(so: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.01)


def test_nothing_of_a_clients_headers_goes_upstream(tmp_path: Path) -> None:
    headers = {
        "Authorization": f"Bearer {CLIENT_KEY}",
        "Cookie": "session=1",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=10.0.0.1",
        "OpenAI-Organization": "org-client",
        "Proxy-Authorization": "Basic eDp5",
        "TE": "trailers",
        "X-Own": "client",
        "Accept-Encoding": "gzip",
    }
    with (
        serve(answer) as server,
        gateway(tmp_path, deployment(server.url, extra_headers={"X-Config": "1"})) as own,
    ):
        httpx.post(own.url + CHAT, json={"model": "voice", **chat()}, headers=headers)

    got = server.exchanges[0].headers
    names = {
        "host",
        "content-type",
        "accept",
        "accept-encoding",
        "user-agent",
        "authorization",
        "content-length",
    }
    assert got.keys() == {*names, "x-config"}
    assert got["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert got["accept-encoding"] == "identity"
    assert got["host"] == server.url.removeprefix("http://")


def test_what_the_config_adds_does_not_replace_what_a_client_says(tmp_path: Path) -> None:
    row: dict[str, Any] = {"store": False, "temperature": 0.5}
    with serve(answer) as server, gateway(tmp_path, deployment(server.url, **row)) as own:
        own.ask(temperature=1)

    got = json.loads(server.exchanges[0].body)
    assert (got["temperature"], got["store"]) == (1, False)


@pytest.mark.parametrize(
    "field",
    [
        "api_base", "base_url", "api_key", "api_version", "organization", "extra_headers", "extra_body",
        "fallbacks", "num_retries", "max_retries", "timeout", "mock_response", "user_config",
        "custom_llm_provider", "model_list", "litellm_params",
    ],
)  # fmt: skip
def test_a_request_cannot_steer(shared: Any, field: str) -> None:
    own, server, named = shared

    response = own.ask(**{field: named.url})
    form = httpx.post(
        own.url + "/v1/audio/transcriptions",
        data={"model": "voice", field: named.url},
        files={"file": b"RIFF"},
    )

    assert response.status_code == form.status_code == 400
    assert response.json()["error"]["param"] == form.json()["error"]["param"] == field
    assert not server.exchanges
    assert not named.connections


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("shared")
    with serve(answer) as server, serve(answer) as named, gateway(folder, deployment(server.url)) as own:
        yield own, server, named


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"", 400, None),
        (b"[]", 400, None),
        (b"{", 400, None),
        (b'{"messages": []}', 400, "model"),
        (b'{"model": 1}', 400, "model"),
        (b'{"model": "voice", "model": "voice"}', 400, "model"),
        (b'{"model": "voice", "\\u006dodel": "voice"}', 400, "model"),
        (b'{"model": "nobody"}', 404, "model"),
        (b'{"model": "\\u0000\\r\\nX: y"}', 404, "model"),
        (b'{"model": "voice"} {"model": "other"}', 400, "model"),
        (b'{"model": "voice", "a": "\xff"}', 400, None),
        (b'{"model": "voice", "a": ' + b"[" * 200_000, 400, "a"),
        (b'{"model": "voice", "a": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", 400, "a"),
        (b'{"model": "voice", "a": [' + (b"[" * 60 + b"]" * 60 + b",") * 10_000 + b"1]}", 400, "a"),
        (b'{"model": "voice", ' + b"".join(b'"%d": 1, ' % number for number in range(200_000)), 400, None),
        (b'{"model": "' + b"x" * 1_000_000 + b'"}', 400, "model"),
        (b'{"model": "voice", "a": NaN}', 400, None),
        (b"{'model': 'voice'}", 400, None),
        (b'\xef\xbb\xbf{"model": "voice"}', 400, None),
        ('{"model": "voice"}'.encode("utf-16"), 400, None),
        (b'{"model": "\\ud800"}', 404, "model"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_told_in_openais_shape(
    shared: Any, body: bytes, status: int, param: str | None
) -> None:
    own, server, _ = shared

    response = httpx.post(own.url + CHAT, content=body)

    assert response.status_code == status
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert not server.exchanges


def test_a_fault_at_the_end_of_a_long_request_stops_it(tmp_path: Path) -> None:
    body = b'{"model": "voice", "sound": "' + SOUND.encode() * 20 + b'", "api_key": "mine"}'

    with serve(hold, read_body=False) as server, gateway(tmp_path, deployment(server.url)) as own:
        response = httpx.post(own.url + CHAT, content=body, timeout=20)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "api_key"
    assert server.connections == 1


# Bounds and keys


def test_a_body_that_says_it_is_too_large_is_not_read(tmp_path: Path) -> None:
    bounds = {"max_body_mb": 1}
    with serve(answer) as server, gateway(tmp_path, deployment(server.url), audiocli_settings=bounds) as own:
        with socket.create_connection(own.address, timeout=10) as client:
            client.sendall(
                f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000001\r\n\r\n".encode()
            )
            head = client.recv(65536)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head
        assert own.entry["status"] == 413
    assert not server.connections


def test_a_chunked_body_is_cut_at_the_limit(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"model": "voice", "a": "'
        for _ in range(40):
            yield b"x" * 100_000
            time.sleep(0.005)

    bounds = {"max_body_mb": 1}
    with (
        serve(hold, read_body=False) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings=bounds) as own,
    ):
        response = httpx.post(own.url + CHAT, content=endless())
        entry = own.entry

    assert response.status_code == entry["status"] == 413
    assert entry["error"] == "TooLargeError"


def test_a_body_is_nested_as_deep_as_the_config_says(tmp_path: Path) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 2000, "format": "wav"}}
    message = {"role": "user", "content": [sound]}
    with serve(answer) as server:
        for depth, status in ((6, 200), (5, 400)):
            folder = tmp_path / str(depth)
            folder.mkdir()
            bounds = {"max_json_depth": depth}
            with gateway(folder, deployment(server.url), audiocli_settings=bounds) as own:
                assert own.ask(messages=[message]).status_code == status
    assert len(server.exchanges) == 1


def test_a_compressed_body_is_not_taken(shared: Any) -> None:
    own, server, _ = shared

    response = httpx.post(own.url + CHAT, content=b"x", headers={"Content-Encoding": "gzip"})

    assert response.status_code == 415
    assert not server.exchanges


WRONG_KEYS: list[list[tuple[str, str]]] = [
    [],
    [("Authorization", "")],
    [("Authorization", "Bearer")],
    [("Authorization", "Bearer ")],
    [("Authorization", "Bearer wrong")],
    [("Authorization", f"Bearer {CLIENT_KEY}x")],
    [("Authorization", f"Bearer {CLIENT_KEY[:-1]}")],
    [("Authorization", f"Bearer {CLIENT_KEY.upper()}")],
    [("Authorization", CLIENT_KEY)],
    [("Authorization", f"Basic {CLIENT_KEY}")],
    [("Authorization", f"Token {CLIENT_KEY}")],
    [("Authorization", f"Bearer Bearer {CLIENT_KEY}")],
    [("Authorization", f"Bearer {CLIENT_KEY}, Bearer {CLIENT_KEY}")],
    [("Authorization", f"Bearer {CLIENT_KEY}"), ("x-api-key", "wrong")],
    [("x-api-key", "wrong")],
    [("api-key", f"Bearer {CLIENT_KEY}")],
    [("Cookie", f"api_key={CLIENT_KEY}")],
    [("X-Forwarded-Authorization", f"Bearer {CLIENT_KEY}")],
    [("Authorization", "Bearer \u00e9\u00e9\u00e9\u00e9")],
]  # fmt: skip


def test_every_wrong_key_has_the_same_answer_before_the_body_is_read(tmp_path: Path) -> None:
    keyed: dict[str, Any] = {"general_settings": {"master_key": CLIENT_KEY}}
    with serve(answer) as server, gateway(tmp_path, deployment(server.url), **keyed) as own:
        answers = {unkeyed_answer(own.address, headers) for headers in WRONG_KEYS}
        right = [
            httpx.post(own.url + CHAT, json={"model": "voice"}, headers=dict([header])).status_code
            for header in [
                ("Authorization", f"bearer {CLIENT_KEY}"), ("x-api-key", CLIENT_KEY), ("api-key", CLIENT_KEY)
            ]
        ]  # fmt: skip
        entries = own.entries(len(WRONG_KEYS) + 3)

    assert len(answers) == 1
    head, body = answers.pop()
    assert head.startswith("HTTP/1.1 401 ")
    assert json.loads(body)["error"]["code"] == "invalid_api_key"
    assert right == [200, 200, 200]
    assert len(server.exchanges) == 3
    assert [entry["status"] for entry in entries] == [401] * len(WRONG_KEYS) + [200] * 3
    assert {entry["key"] for entry in entries[-3:]} == {"master"}
    assert CLIENT_KEY not in own.log.read_text()


def test_two_authorizations_are_none(tmp_path: Path) -> None:
    keyed: dict[str, Any] = {"general_settings": {"master_key": CLIENT_KEY}}
    right = ("Authorization", f"Bearer {CLIENT_KEY}")
    with serve(answer) as server, gateway(tmp_path, deployment(server.url), **keyed) as own:
        heads = [
            unkeyed_answer(own.address, [right, other])[0] for other in (right, (right[0], "Bearer wrong"))
        ]

    assert all(re.match(r"HTTP/1.1 40[01] ", head) for head in heads)
    assert not server.connections


def unkeyed_answer(address: tuple[str, int], headers: list[tuple[str, str]]) -> tuple[str, str]:
    """The answer to a request whose body never comes, without what is of each request alone."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    target = f"{CHAT}?key={CLIENT_KEY}"
    with socket.create_connection(address, timeout=10) as client:
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n{lines}\r\n"
        client.sendall(head.encode("latin-1"))
        got = b""
        while piece := client.recv(65536):
            got += piece
    head, _, body = got.decode().partition("\r\n\r\n")
    return re.sub(r"req_\w+|date: .*", "", head), body


# Answers


def test_an_answer_has_the_headers_that_are_the_clients_business(tmp_path: Path) -> None:
    def reply(exchange: Exchange) -> None:
        answer(
            exchange,
            Set_Cookie="a=b",
            X_RateLimit_Remaining_Requests="7",
            OpenAI_Processing_Ms="12",
            Server="x",
        )

    prices: dict[str, Any] = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    with serve(reply) as server, gateway(tmp_path, deployment(server.url, **prices)) as own:
        headers = own.ask().headers
        entry = own.entry

    assert headers["x-ratelimit-remaining-requests"] == "7"
    assert headers["openai-processing-ms"] == "12"
    assert headers["x-request-id"] == entry["id"]
    assert headers["x-audiocli-model"] == f"openai/{MODEL}"
    assert headers["x-audiocli-cost"] == "0.000050"
    assert not headers.keys() & {"set-cookie", "server"}


def test_a_request_has_one_line_in_the_log_that_tells_nothing_of_what_was_said(tmp_path: Path) -> None:
    prices: dict[str, Any] = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    with serve(answer) as server, gateway(tmp_path, deployment(server.url, **prices)) as own:
        own.ask(messages=[{"role": "user", "content": "a secret question"}])
        entry = own.entry

    assert entry.keys() == {
        "time", "id", "route", "model", "deployment", "status", "error", "tries", "stream", "latency_ms",
        "first_byte_ms", "input_tokens", "output_tokens", "audio_seconds_in", "audio_seconds_out", "cost_usd",
        "key",
    }  # fmt: skip
    assert (entry["route"], entry["model"], entry["status"], entry["tries"]) == (CHAT, "voice", 200, 1)
    assert (entry["input_tokens"], entry["output_tokens"], entry["cost_usd"]) == (10, 20, 0.00005)
    assert 0 <= entry["first_byte_ms"] <= entry["latency_ms"]
    log = own.log.read_text()
    assert not any(said in log for said in ("secret question", "Hello.", UPSTREAM_KEY, server.url))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/health/liveness", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/models", 405),
        ("GET", CHAT, 405),
        ("POST", CHAT, 400),
    ],
)
def test_every_answer_has_an_id(shared: Any, method: str, path: str, status: int) -> None:
    own, _, _ = shared
    before = len(own.entries(0))
    response = httpx.request(method, own.url + path)

    assert response.status_code == status
    assert re.fullmatch(r"req_[0-9a-f]{24}", response.headers["x-request-id"])
    if status >= 400:
        assert own.entries(before + 1)[-1]["id"] == response.headers["x-request-id"]


def test_a_document_larger_than_the_buffer_goes_on_all_the_same(tmp_path: Path) -> None:
    message = {"role": "assistant", "content": None, "audio": {"id": "a", "data": SOUND * 4}}
    document = {"choices": [{"index": 0, "message": message}], "usage": {"prompt_tokens": 3}}

    bounds = {"stream_buffer_mb": 0.5}
    with (
        serve(lambda exchange: answer(exchange, document)) as server,
        gateway(tmp_path, deployment(server.url), audiocli_settings=bounds) as own,
    ):
        response = own.ask()
        entry = own.entry

    assert response.json() == document
    assert entry["input_tokens"] == 3


def test_a_model_may_stand_in_the_path(tmp_path: Path) -> None:
    wild = deployment("", "openai/*", model="openai/*")
    with serve(answer) as server:
        wild["litellm_params"]["api_base"] = server.url
        with gateway(tmp_path, deployment(server.url), wild) as own:
            engine = httpx.post(own.url + "/engines/voice/chat/completions", json={"messages": []})
            azure = httpx.post(
                own.url + "/openai/deployments/openai/gpt-x/chat/completions?api-version=1",
                json={"messages": []},
            )
            glued = httpx.post(own.url + "/v1chat/completions", json={"model": "voice"})

    assert (engine.status_code, azure.status_code, glued.status_code) == (200, 200, 404)
    assert [json.loads(each.body)["model"] for each in server.exchanges] == [MODEL, "gpt-x"]


def test_a_path_may_end_in_a_slash(tmp_path: Path) -> None:
    with (
        serve(answer) as server,
        gateway(tmp_path, deployment(server.url), general_settings={"master_key": CLIENT_KEY}) as own,
    ):
        paths = [f"{CHAT}/", "/chat/completions/", "/engines/voice/chat/completions/"]
        keyed = {"Authorization": f"Bearer {CLIENT_KEY}"}
        posted = [httpx.post(own.url + path, json={"model": "voice"}, headers=keyed) for path in paths]
        got = [own.get(path, **keyed).status_code for path in ("/v1/models/", "/v1/models/voice/")]
        without = [own.get(path).status_code for path in ("/health/liveness/", "/v1/models/", "/nothing/")]

    assert [response.json() for response in posted] == [COMPLETION] * 3
    assert [json.loads(each.body)["model"] for each in server.exchanges] == [MODEL] * 3
    assert (got, without) == ([200, 200], [200, 401, 401])


def test_names_that_clients_invent_do_not_become_labels(tmp_path: Path) -> None:
    wild = deployment("http://127.0.0.1:9", "openai/*", model="openai/*")
    with gateway(tmp_path, wild, router_settings={"num_retries": 0}) as own:
        for number in range(5):
            own.ask(f"openai/invented-{number}")
            own.ask(f"unknown-{number}")
            httpx.post(own.url + f"/engines/openai/path-{number}/chat/completions", json={})
        metrics = httpx.get(own.url + "/metrics").text

    assert 'model="openai/*"' in metrics
    assert not re.search(r"(invented|unknown|path)-\d", metrics)


# Forms and sound

FORM = "/v1/audio/transcriptions"


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'{"text":"Hello.","usage":{"type":"duration","seconds":7}}'),
        ("text/plain; charset=utf-8", b"Hello.\n"),
        ("text/vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello.\n"),
        (
            "text/event-stream",
            b'data: {"type":"transcript.text.done","text":"Hello.",'
            b'"usage":{"type":"duration","seconds":7}}\n\n',
        ),
    ],
)  # fmt: skip
def test_a_transcription_comes_back_as_it_is(tmp_path: Path, media_type: str, body: bytes) -> None:
    def reply(exchange: Exchange) -> None:
        assert b"whisper-1" in exchange.body
        exchange.reply(body, media_type=media_type, Connection="close")

    row = deployment("", model="openai/whisper-1")
    sound = os.urandom(200_000)
    with serve(reply) as server:
        row["litellm_params"]["api_base"] = server.url
        with gateway(tmp_path, row) as own:
            response = httpx.post(
                own.url + FORM,
                data={"model": "voice", "language": "de", "unknown": "kept"},
                files={"file": ("a.wav", sound, "audio/wav")},
            )
            entry = own.entry

    assert response.content == body
    assert response.headers["content-type"] == media_type
    sent = server.exchanges[0]
    assert sound in sent.body
    assert b"kept" in sent.body
    assert b"voice" not in sent.body
    assert int(sent.headers["content-length"]) == len(sent.body)
    if b"seconds" in body:
        assert entry["audio_seconds_in"] == 7
        assert entry["cost_usd"] == pytest.approx(0.0007)  # of whisper-1, $0.006 a minute


def test_a_large_form_takes_no_memory(tmp_path: Path) -> None:
    seen = []

    def read(exchange: Exchange) -> None:
        left = int(exchange.headers["content-length"]) - len(exchange.body)
        while left > 0:
            left -= len(exchange.connection.recv(1 << 20))
            seen.append(own.megabytes)
        exchange.reply(b'{"text": ""}', Connection="close")

    kept = {"retry_buffer_mb": 1}
    with serve(read, read_body=False) as server:  # noqa: SIM117 - the gateway goes first
        with gateway(tmp_path, deployment(server.url), audiocli_settings=kept) as own:
            before = own.megabytes
            response = httpx.post(
                own.url + FORM, data={"model": "voice"}, files={"file": b"\0" * 50_000_000}, timeout=60
            )

    assert response.status_code == 200
    assert max(seen) - before < 20


def test_speech_goes_on_while_it_is_made(tmp_path: Path) -> None:
    begun: list[bool] = []
    first = b"ID3" + os.urandom(3000)

    def speak(exchange: Exchange) -> None:
        exchange.stream(first, media_type="audio/mpeg")
        wait_until(lambda: bool(begun))  # The client has got the beginning before the end is sent.
        exchange.send(b"end")

    with (
        serve(speak) as server,
        gateway(tmp_path, deployment(server.url)) as own,
        httpx.stream(
            "POST", own.url + "/v1/audio/speech", json={"model": "voice", "input": "Hi"}
        ) as response,
    ):
        pieces = response.iter_raw()
        got = next(pieces)
        begun.append(True)
        got += b"".join(pieces)

    assert got == first + b"end"
    assert response.headers["content-type"] == "audio/mpeg"
    assert json.loads(server.exchanges[0].body) == {"model": MODEL, "input": "Hi"}


def test_speech_as_events_is_booked(tmp_path: Path) -> None:
    usage = {"input_tokens": 4, "output_tokens": 40, "total_tokens": 44}
    body = event({"type": "speech.audio.delta", "audio": "AAAA"}) + event(
        {"type": "speech.audio.done", "usage": usage}
    )

    def speak(exchange: Exchange) -> None:
        exchange.reply(body, media_type="text/event-stream", Connection="close")

    with serve(speak) as server, gateway(tmp_path, deployment(server.url)) as own:
        request = {"model": "voice", "input": "Hi", "stream_format": "sse"}
        response = httpx.post(own.url + "/v1/audio/speech", json=request)
        entry = own.entry

    assert response.content == body
    assert (entry["input_tokens"], entry["output_tokens"], entry["stream"]) == (4, 40, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused(shared: Any, method: str) -> None:
    response = httpx.request(method, shared[0].url + CHAT)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["type"] == "invalid_request_error"
