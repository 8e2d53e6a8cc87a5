"""An error inside a 200 is retried, and falls back, as the HTTP error that it stands for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import audiocli
from tests.gateway import (
    CHAT,
    COMPLETION,
    UPSTREAM_KEY,
    Gateway,
    answer,
    chunk,
    deployment,
    event,
    gateway,
)
from tests.servers import Exchange, Server, serve

ONCE: dict[str, Any] = {"router_settings": {"num_retries": 0}}
STREAM: dict[str, Any] = {"stream": True}
FORM = {"files": {"file": ("a.wav", b"RIFF" * 100)}}
SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
SOUND = b"\xff\xf3" + bytes(100)

ERROR = {"message": f"over capacity: {UPSTREAM_KEY}", "code": 502}
DOCUMENTS: dict[str, Any] = {
    "error": {"error": ERROR},
    "with choices": {"error": {"message": "m", "code": "502"}, "choices": []},
    "message": {"message": "m", "choices": []},
    "message alone": {"message": "m", "code": 502},
    "type": {"error": {"message": "m", "type": "server_error", "code": None}},
    "limit": {"error": {"message": "m", "code": "rate_limit_exceeded"}},
    "in a choice": {"id": "c", "choices": [{"index": 0, "error": ERROR, "finish_reason": "error"}]},
    "vLLM": {"object": "error", "message": "m", "type": "InternalServerError", "code": 500},
    "no choices": {"id": "c", "choices": []},
}
EVENTS: dict[str, bytes] = {
    **{name: event(document) for name, document in DOCUMENTS.items() if name != "no choices"},
    "event": b'event: error\ndata: {"message": "m", "code": 502}\n\n',
    "event of text": b"event: error\ndata: over capacity\n\n",
    "after a comment": b": OPENROUTER PROCESSING\n\n" + event({"error": ERROR}),
    "after a chunk": chunk({"role": "assistant", "content": ""}) + event({"error": ERROR}),
}


def whole(exchange: Exchange) -> None:
    if b'"stream"' in exchange.body:
        exchange.stream(chunk({"content": "Hello."}), chunk({}, choices=[FINISHED]), b"data: [DONE]\n\n")
    elif b"/audio/speech" in exchange.head:
        exchange.reply(SOUND, media_type="audio/mpeg")
    else:
        answer(exchange, {"text": "Hello."} if b"/audio/" in exchange.head else COMPLETION)


def broken(exchange: Exchange) -> None:
    """The error whose number its path begins with."""
    number = int(exchange.head.split(b" ")[1].split(b"/")[1])
    if b'"stream"' in exchange.body:
        exchange.stream(list(EVENTS.values())[number])
    else:
        answer(exchange, list(DOCUMENTS.values())[number])


FINISHED = {"index": 0, "delta": {}, "finish_reason": "stop"}


STATUSES = {"limit": 429, "vLLM": 500, "type": 500}
OF_CHATS = ("in a choice", "no choices")


def ask(gate: Gateway, path: str, model: str = "voice", **members: Any) -> httpx.Response:
    if path == TRANSCRIPTIONS:
        return gate.post(path, data={"model": model}, **FORM)
    return gate.ask(model, path=path, **members)


@contextmanager
def failing(folder: Path, **sections: Any) -> Iterator[tuple[Gateway, Server]]:
    """A gateway whose models are numbers of errors, and the server that has them."""
    with serve(broken) as server, serve(whole) as well:
        rows = [deployment(f"{server.url}/{number}/v1", str(number)) for number in range(len(EVENTS))]
        with gateway(folder, *rows, deployment(well.url, "spare"), **sections) as running:
            yield running, server


@pytest.fixture(scope="module", params=[True, False], ids=["normal", "as it came"])
def falling_back(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Server]]:
    routing = {"num_retries": 0, "default_fallbacks": ["spare"], "cooldown_time": 0}
    own = {"stream_normalize": request.param}
    with failing(tmp_path_factory.mktemp("g"), router_settings=routing, audiocli_settings=own) as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with failing(tmp_path_factory.mktemp("g"), **ONCE) as (running, _):
        yield running


@pytest.mark.parametrize("path", [CHAT, TRANSCRIPTIONS, SPEECH])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_is_an_error_falls_back(
    falling_back: tuple[Gateway, Server], name: str, path: str
) -> None:
    if path != CHAT and name in OF_CHATS:
        pytest.skip("only chats have choices")
    gate, server = falling_back
    before = len(server.exchanges)
    response = ask(gate, path, str(list(DOCUMENTS).index(name)))

    assert response.status_code == 200
    if path == SPEECH:
        assert response.content == SOUND
    else:
        assert response.json() == (COMPLETION if path == CHAT else {"text": "Hello."})
    assert len(server.exchanges) == before + 1


@pytest.mark.parametrize("name", EVENTS)
def test_a_first_event_that_is_an_error_falls_back(falling_back: tuple[Gateway, Server], name: str) -> None:
    gate, server = falling_back
    before = len(server.exchanges)
    response = gate.ask(str(list(EVENTS).index(name)), **STREAM)

    assert response.status_code == 200
    assert "Hello." in response.text
    assert response.text.endswith("data: [DONE]\n\n")
    assert "error" not in response.text
    assert len(server.exchanges) == before + 1


@pytest.mark.parametrize(
    ("streams", "name"), [*((True, name) for name in EVENTS), *((False, name) for name in DOCUMENTS)]
)
def test_the_client_gets_the_errors_status_and_never_a_200(alone: Gateway, name: str, streams: bool) -> None:
    names = list(EVENTS if streams else DOCUMENTS)
    response = alone.ask(str(names.index(name)), **(STREAM if streams else {}))

    assert response.status_code == STATUSES.get(name, 502)
    assert response.json()["error"]["message"]
    assert UPSTREAM_KEY not in response.text


def test_it_is_tried_again_if_there_is_no_other(tmp_path: Path) -> None:
    def once(exchange: Exchange) -> None:
        answer(exchange, DOCUMENTS["error"])

    with serve(once, whole) as server, gateway(tmp_path, deployment(server.url)) as gate:
        assert gate.ask().status_code == 200
        assert gate.entry["tries"] == 2


def test_an_error_that_says_it_is_text_is_one(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.reply(json.dumps({"error": ERROR}).encode(), media_type="text/plain", Connection="close")

    with serve(script) as server, gateway(tmp_path, deployment(server.url), **ONCE) as gate:
        assert ask(gate, TRANSCRIPTIONS).status_code == 502
        assert ask(gate, SPEECH, input="a").status_code == 502


@pytest.mark.parametrize(
    "text", ['{"a": 1', '{"words": "spoken"}', "{", "  ", '{"text": "a", "message": "b"}']
)
def test_a_transcript_that_begins_as_an_error_does_goes_on_unchanged(tmp_path: Path, text: str) -> None:
    def script(exchange: Exchange) -> None:
        exchange.stream(*(bytes([byte]) for byte in text.encode()), media_type="text/plain")

    with serve(script) as server, gateway(tmp_path, deployment(server.url), **ONCE) as gate:
        assert ask(gate, TRANSCRIPTIONS).text == text


@pytest.mark.parametrize(
    "data", [event({"type": "error", "error": ERROR}), EVENTS["event"], EVENTS["event of text"]]
)
def test_events_of_sound_and_of_transcripts_fail_alike(tmp_path: Path, data: bytes) -> None:
    with (
        serve(lambda exchange: exchange.stream(data)) as server,
        gateway(tmp_path, deployment(server.url), **ONCE) as gate,
    ):
        assert ask(gate, TRANSCRIPTIONS).status_code == 502
        assert ask(gate, SPEECH, input="a", stream_format="sse").status_code == 502


def test_an_error_later_on_ends_the_events_of_a_transcript(tmp_path: Path) -> None:
    delta = event({"type": "transcript.text.delta", "delta": "a"})
    with (
        serve(lambda exchange: exchange.stream(delta, delta, event({"error": ERROR}))) as server,
        gateway(tmp_path, deployment(server.url), **ONCE) as gate,
    ):
        response = ask(gate, TRANSCRIPTIONS)
    assert UPSTREAM_KEY not in response.text
    assert (response.status_code == 502) or response.text.count('"error"') == 1


def test_the_command_line_tries_again_too() -> None:
    def once(exchange: Exchange) -> None:
        answer(exchange, DOCUMENTS["error"])

    with serve(once, whole) as server:
        found = audiocli("ask", "-m", "openai/m", "--base-url", f"{server.url}/v1", "hi")
    assert found.returncode == 0, found.stderr
    assert len(server.exchanges) == 2


def test_a_stream_of_two_choices_that_ends_after_one_is_cut(tmp_path: Path) -> None:
    first = [chunk({}, choices=[{"index": 0, "delta": {"content": "a"}, "finish_reason": None}])]
    ended = chunk({}, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    with (
        serve(lambda exchange: exchange.stream(*first, ended)) as server,
        gateway(tmp_path, deployment(server.url), **ONCE) as gate,
    ):
        assert "[DONE]" in gate.ask(**STREAM).text
        cut = gate.ask(**STREAM, n=2).text
    assert "[DONE]" not in cut
    assert "cut off" in cut
