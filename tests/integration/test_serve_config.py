"""What a config in LiteLLM's form makes of a request on its way, and how often that is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import UPSTREAM_KEY, answer, deployment, gateway, refuse
from tests.servers import Exchange, Server, serve

SPEECH_MODEL = {"supports_audio_output": True}
TEXT_MODEL = {"supports_audio_output": False, "mode": "chat"}


def sent(server: Server) -> Any:
    """The document of the only request."""
    (exchange,) = server.exchanges
    return json.loads(exchange.body)


def test_azure_is_asked_at_its_own_address_with_its_own_header(tmp_path: Path) -> None:
    with serve(answer) as azure:
        row = deployment(azure.url, model="azure/my-audio", api_version="2025-04-01-preview")
        with gateway(tmp_path, row) as gate:
            assert gate.ask().status_code == 200
    (exchange,) = azure.exchanges
    target = "/openai/deployments/my-audio/chat/completions?api-version=2025-04-01-preview"
    assert exchange.head.startswith(f"POST {target} HTTP/1.1".encode())
    assert exchange.headers["api-key"] == UPSTREAM_KEY
    assert "authorization" not in exchange.headers


def test_what_a_row_adds_is_sent(tmp_path: Path) -> None:
    with serve(answer) as server:
        row = deployment(
            server.url,
            organization="org-1",
            extra_headers={"X-Team": "red"},
            seed=7,
            temperature=0.2,
            extra_body={"vendor": {"deep": [1]}},
            max_retries=1,
            drop_params=True,
        )
        with gateway(tmp_path, row) as gate:
            gate.ask(temperature=0.9)
    (exchange,) = server.exchanges
    assert (exchange.headers["openai-organization"], exchange.headers["x-team"]) == ("org-1", "red")
    added = {name: value for name, value in sent(server).items() if name not in ("model", "messages")}
    assert added == {"seed": 7, "temperature": 0.9, "vendor": {"deep": [1]}}


@pytest.mark.parametrize("padding", [0, 2_000_000], ids=["short", "long"])
def test_what_a_row_leaves_out_is_not_sent(tmp_path: Path, padding: int) -> None:
    with serve(answer) as server:
        row = deployment(server.url, additional_drop_params=["logit_bias", "user"])
        with gateway(tmp_path, row) as gate:
            body: dict[str, Any] = {
                "user": "me",
                "logit_bias": {"1": [{"2": "}"}]},
                "seed": 7,
                "padding": "x" * padding,
            }
            assert gate.ask(**body).status_code == 200
    assert sent(server).keys() == {"model", "messages", "seed", "padding"}


@pytest.mark.parametrize(
    ("info", "settings", "kept"),
    [
        (TEXT_MODEL, {"drop_params": True}, False),
        (TEXT_MODEL, {}, True),
        (SPEECH_MODEL, {"drop_params": True}, True),
    ],
)
def test_what_a_model_is_known_not_to_take_is_left_out_where_that_is_wanted(
    tmp_path: Path, info: dict[str, Any], settings: dict[str, Any], kept: bool
) -> None:
    with serve(answer) as server:
        row = deployment(server.url, model="openai/mine") | {"model_info": info}
        with gateway(tmp_path, row, litellm_settings=settings) as gate:
            gate.ask(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
    assert ("audio" in sent(server), "modalities" in sent(server)) == (kept, kept)


def test_a_form_loses_what_its_model_does_not_take(tmp_path: Path) -> None:
    def transcribe(exchange: Exchange) -> None:
        answer(exchange, {"text": "hello"})

    with serve(transcribe) as server:
        row = deployment(server.url, model="openai/gpt-4o-transcribe", drop_params=True)
        with gateway(tmp_path, row) as gate:
            fields = {"model": "voice", "timestamp_granularities[]": "word", "language": "en"}
            path, files = "/v1/audio/transcriptions", {"file": ("a.wav", b"RIFF" * 9)}
            assert gate.post(path, data=fields, files=files).status_code == 200
    (exchange,) = server.exchanges
    assert b"timestamp_granularities" not in exchange.body
    assert b'name="language"\r\n\r\nen\r\n' in exchange.body
    assert b"RIFF" * 9 in exchange.body


@pytest.mark.parametrize("key", ["max_retries", "num_retries"])
def test_a_deployments_own_retries_are_kept(tmp_path: Path, key: str) -> None:
    def busy(exchange: Exchange) -> None:
        refuse(exchange, "503 Service Unavailable", Retry_After="0")

    for retries in (0, 1, 4):
        own: dict[str, Any] = {key: retries}
        with serve(busy) as server, gateway(tmp_path, deployment(server.url, **own)) as gate:
            assert gate.ask().status_code == 503
        assert len(server.exchanges) == 1 + retries


OF_LITELLM: dict[str, Any] = {
    "metadata": {"trace_id": "secret"},
    "cache": {"no-store": True},
    "tags": ["secret"],
    "deployment_id": "secret",
    "no-log": True,
    "drop_params": True,
    "caching": False,
}


@pytest.mark.parametrize("padding", [0, 2_000_000], ids=["short", "long"])
def test_what_is_litellms_own_never_goes_to_a_service(tmp_path: Path, padding: int) -> None:
    with serve(answer) as server, gateway(tmp_path, deployment(server.url, tags=["x"], cache=True)) as gate:
        assert gate.ask(**OF_LITELLM, seed=7, padding="x" * padding).status_code == 200
    assert sent(server).keys() == {"model", "messages", "seed", "padding"}


@pytest.mark.parametrize("size", [9, 400_000], ids=["short", "long"])
def test_what_is_litellms_own_never_goes_to_a_service_in_a_form(tmp_path: Path, size: int) -> None:
    def transcribe(exchange: Exchange) -> None:
        answer(exchange, {"text": "hello"})

    row = deployment("", model="openai/whisper-1")
    with serve(transcribe) as server:
        row["litellm_params"]["api_base"] = server.url
        with gateway(tmp_path, row) as gate:
            fields = {"model": "voice", "metadata": "secret", "tags": "secret", "language": "en"}
            files = {"file": ("a.wav", b"R" * size)}
            assert gate.post("/v1/audio/transcriptions", data=fields, files=files).status_code == 200
    (exchange,) = server.exchanges
    assert b"secret" not in exchange.body
    assert b'name="language"' in exchange.body
    assert int(exchange.headers["content-length"]) == len(exchange.body)
    assert exchange.body.count(b"R") >= size


def test_a_mock_response_is_the_answer_and_nobody_is_asked(tmp_path: Path) -> None:
    with serve(answer) as server, gateway(tmp_path, deployment(server.url, mock_response="Mocked.")) as gate:
        assert gate.ask().json()["choices"][0]["message"]["content"] == "Mocked."
        stream = gate.ask(stream=True).text
        assert gate.post("/v1/audio/speech", json={"model": "voice", "input": "Hi"}).status_code == 400
    assert "Mocked." in stream
    assert not server.connections


def test_a_row_has_fallbacks_of_its_own(tmp_path: Path) -> None:
    def down(exchange: Exchange) -> None:
        refuse(exchange, "500 Internal Server Error")

    with serve(down) as broken, serve(answer) as sound:
        rows = (deployment(broken.url, fallbacks=["other"], num_retries=0), deployment(sound.url, "other"))
        with gateway(tmp_path, *rows) as gate:
            assert gate.ask().status_code == 200
    assert (len(broken.exchanges), len(sound.exchanges)) == (1, 1)
