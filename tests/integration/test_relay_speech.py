"""Speech that a service sends within JSON, as Mistral does, reaches the client as sound."""

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import MODEL, Gateway, deployment, gateway
from tests.servers import Exchange, Script, Server, serve

SPEECH = "/v1/audio/speech"
MP3 = b"ID3" + bytes(range(256)) * 800
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(range(256)) * 8
JSON = "application/json"


def document(sound: bytes, **members: Any) -> bytes:
    return json.dumps({"audio_data": base64.b64encode(sound).decode(), **members}).encode()


def whole(body: bytes, status: str = "200 OK", media_type: str = JSON) -> Script:
    return lambda exchange: exchange.reply(body, status=status, media_type=media_type, Connection="close")


def in_pieces(body: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n")
        exchange.send(b"Transfer-Encoding: chunked\r\nx-ratelimit-remaining: 3\r\n\r\n")
        for start in range(0, len(body), 70_001):
            piece = body[start : start + 70_001]
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.send(b"0\r\n\r\n")

    return script


def cut_off(exchange: Exchange) -> None:
    body = document(MP3)
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    exchange.send(b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:-1000]))


SCRIPTS: dict[str, Script] = {
    "mp3": whole(document(MP3)),
    "wav": whole(document(WAV, model="voxtral-tts", usage=None)),
    "chunks": in_pieces(document(MP3)),
    "problem": whole(document(MP3), media_type="application/problem+json"),
    "error": whole(
        b'{"object": "error", "message": "no such voice", "type": "invalid_voice", "code": "3051"}'
    ),
    "refused": whole(
        b'{"detail": [{"loc": ["body", "input"], "msg": "too long"}]}', "422 Unprocessable Entity"
    ),
    "no base64": whole(b'{"audio_data": "!!!!"}'),
    "cut base64": whole(b'{"audio_data": "SUQzA"}'),
    "nothing in it": whole(b'{"audio_data": ""}'),
    "a number": whole(b'{"audio_data": 3}'),
    "another document": whole(b'{"object": "list"}'),
    "a list": whole(b"[]"),
    "cut JSON": whole(document(MP3)[:-2]),
    "a page": whole(b"<!doctype html><p>Sign in", media_type="text/html"),
    "a page that is no JSON": whole(b"<!doctype html><p>Sign in"),
    "cut off": cut_off,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Server]]:
    """A gateway whose every model is one of `SCRIPTS`, by its name."""

    def script(exchange: Exchange) -> None:
        SCRIPTS[json.loads(exchange.body)["model"]](exchange)

    with serve(script) as server:
        rows = [deployment(server.url, name, model=f"mistral/{name}") for name in SCRIPTS]
        settings: Any = {"num_retries": 0, "disable_cooldowns": True}
        folder = tmp_path_factory.mktemp("gateway")
        with gateway(folder, *rows, router_settings=settings) as own:
            yield own, server


def speak(own: Gateway, name: str) -> Any:
    return own.post(SPEECH, json={"model": name, "input": "Hello.", "voice": "jane"})


@pytest.mark.parametrize(
    ("name", "sound", "media_type"),
    [
        ("mp3", MP3, "audio/mpeg"),
        ("wav", WAV, "audio/wav"),
        ("chunks", MP3, "audio/mpeg"),
        ("problem", MP3, "audio/mpeg"),
    ],
)
def test_the_sound_in_a_document_is_what_the_client_gets(
    shared: tuple[Gateway, Server], name: str, sound: bytes, media_type: str
) -> None:
    own, _ = shared
    before = len(own.entries(0))
    response = speak(own, name)
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    assert response.content == sound
    assert response.headers["content-length"] == str(len(sound))
    entry = own.entries(before + 1)[-1]
    assert (entry["status"], entry["tries"]) == (200, 1)


@pytest.mark.parametrize("asked", [True, False], ids=["by the client", "by the row"])
def test_samples_are_of_16_bits_as_openais_are(tmp_path: Path, asked: bool) -> None:
    """Mistral's are 32-bit floats."""
    floats = struct.pack("<5f", 0.0, 0.5, -0.5, 2.0, -1.0) + b"\0"
    row = {} if asked else {"response_format": "pcm"}
    with (
        serve(whole(document(floats))) as server,
        gateway(
            tmp_path,
            deployment(server.url, model="mistral/tts", **row),
            deployment(server.url, "another", **row),
        ) as own,
    ):
        spoken = {"input": "Hello.", **({"response_format": "pcm"} if asked else {})}
        response, as_it_came = (
            own.post(SPEECH, json={"model": name, **spoken}) for name in ("voice", "another")
        )

    assert struct.unpack("<5h", response.content) == (0, 16384, -16384, 32767, -32768)
    assert response.headers["content-type"] == "audio/pcm"
    assert as_it_came.content == floats


@pytest.mark.parametrize("padding", [0, 400_000], ids=["short", "long"])
def test_a_voice_has_the_name_that_the_service_gives_it(tmp_path: Path, padding: int) -> None:
    """Mistral's requests have `voice_id`, and neither `speed` nor `instructions`."""
    spoken = {"model": "voice", "input": "Hello.", "voice": "jane", "speed": 2, "instructions": "Whisper."}
    with serve(whole(document(MP3))) as server:
        rows = [
            deployment(server.url, model="mistral/tts", drop_params=True, response_format="wav"),
            deployment(server.url, "kept", model="mistral/tts", voice="paul"),
            deployment(server.url, "openai"),
        ]
        with gateway(tmp_path, *rows) as own:
            body = json.dumps({"ref_audio": "x" * padding, **spoken}).encode()
            assert own.post(SPEECH, content=body).content == MP3
            for name in ("kept", "openai"):
                own.post(SPEECH, json={**spoken, "model": name})
            own.post(SPEECH, json={"model": "kept", "input": "Hi."})
    first, kept, openai, added = (json.loads(each.body) for each in server.exchanges)

    assert first.pop("ref_audio") == "x" * padding
    assert first == {"model": "tts", "input": "Hello.", "voice_id": "jane", "response_format": "wav"}
    assert kept == {
        "model": "tts",
        "input": "Hello.",
        "voice_id": "jane",
        "speed": 2,
        "instructions": "Whisper.",
    }
    assert openai == {**spoken, "model": MODEL}
    assert added == {"model": "tts", "input": "Hi.", "voice_id": "paul"}


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("error", 502, "no such voice"),
        ("refused", 422, "too long"),
        ("no base64", 502, "base64"),
        ("cut base64", 502, "base64"),
        ("nothing in it", 502, "without sound"),
        ("a number", 502, "without sound"),
        ("another document", 502, "without sound"),
        ("a list", 502, "JSON"),
        ("cut JSON", 502, "JSON"),
        ("a page", 502, "page"),
        ("a page that is no JSON", 502, "JSON"),
        ("cut off", 502, "broke"),
    ],
)
def test_what_is_no_sound_is_an_error(
    shared: tuple[Gateway, Server], name: str, status: int, said: str
) -> None:
    own, _ = shared
    response = speak(own, name)
    assert response.headers["content-type"] == JSON
    assert said in response.json()["error"]["message"]
    assert response.status_code == status
