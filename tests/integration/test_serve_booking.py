"""What requests used and cost, as the log, the headers and the counters tell it."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from audiocli.audio.containers.wav import wav_header
from tests.gateway import (
    CHAT,
    COMPLETION,
    UPSTREAM_KEY,
    answer,
    chunk,
    deployment,
    event,
    gateway,
    refuse,
)
from tests.servers import Exchange, Script, serve

SPEECH, TRANSCRIPTIONS = "/v1/audio/speech", "/v1/audio/transcriptions"
PRICES = {
    "mode": "chat",
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 2e-6,
    "input_cost_per_audio_token": 1e-5,
    "output_cost_per_audio_token": 1e-4,
}
SECOND = wav_header(48_000) + bytes(48_000)
HALF = base64.b64encode(bytes(24_000)).decode()
HEARD = {"prompt_tokens": 30, "prompt_tokens_details": {"audio_tokens": 20}, "completion_tokens": 5}


def priced(url: str) -> dict[str, Any]:
    return deployment(url) | {"model_info": PRICES}


def recording(seconds: float) -> bytes:
    size = int(32_000 * seconds)
    return wav_header(size, 16_000) + bytes(size)


def streams(*events: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.stream(chunk({"audio": {"id": "a", "transcript": "Hello."}}), *events)

    return script


def test_what_a_service_counts_is_what_is_booked(tmp_path: Path) -> None:
    def count(exchange: Exchange) -> None:
        answer(exchange, {**COMPLETION, "usage": HEARD})

    with serve(count) as server:
        row = deployment(server.url) | {"model_info": PRICES}
        with gateway(tmp_path, row, general_settings={"master_key": "sk-master-0123456789"}) as gate:
            headers = {"Authorization": "Bearer sk-master-0123456789"}
            body = {"model": "voice", "messages": []}
            response = httpx.post(gate.url + CHAT, json=body, headers=headers)
            entry = gate.entry
    dollars = 10 * 1e-6 + 20 * 1e-5 + 5 * 2e-6
    assert float(response.headers["x-audiocli-cost"]) == pytest.approx(dollars, abs=1e-6)
    assert response.headers["x-audiocli-model"] == "openai/gpt-4o-audio-preview"
    assert response.headers["x-request-id"] == entry["id"]
    assert (entry["input_tokens"], entry["output_tokens"], entry["audio_seconds_in"]) == (30, 5, 2.0)
    assert entry["cost_usd"] == pytest.approx(dollars)
    assert (entry["model"], entry["status"], entry["key"]) == ("voice", 200, "master")
    assert 0 < entry["first_byte_ms"] <= entry["latency_ms"]
    assert "sk-" not in json.dumps(entry)


@pytest.mark.parametrize(
    ("usage", "booked"),
    [
        (  # Mistral's, which counts sound beside the prompt
            {
                "prompt_audio_seconds": 3,
                "prompt_tokens": 9,
                "completion_tokens": 248,
                "total_tokens": 632,
                "prompt_tokens_details": {"audio_tokens": 375},
            },
            {"input_tokens": 384, "audio_seconds_in": 3, "cost_usd": 9e-6 + 375e-5 + 496e-6},
        ),
        (HEARD | {"cost": 0.25}, {"input_tokens": 30, "audio_seconds_in": 2, "cost_usd": 0.25}),
    ],
)
def test_each_services_way_of_counting_is_booked(
    tmp_path: Path, usage: dict[str, Any], booked: dict[str, float]
) -> None:
    def count(exchange: Exchange) -> None:
        answer(exchange, {**COMPLETION, "usage": usage})

    with serve(count) as server, gateway(tmp_path, priced(server.url)) as gate:
        httpx.post(gate.url + CHAT, json={"model": "voice", "messages": []})
        assert {name: gate.entry[name] for name in booked} == pytest.approx(booked)


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param((b"data: [DONE]\n\n",), id="whole"),
        pytest.param((), id="cut"),
        pytest.param((event({"error": {"message": "no", "type": "server_error"}}),), id="error"),
    ],
)
def test_the_sound_of_a_stream_is_booked_where_the_service_says_nothing(
    tmp_path: Path, ending: tuple[bytes, ...]
) -> None:
    sound = [chunk({"audio": {"data": HALF}})] * 3
    with serve(streams(*sound, *ending)) as server, gateway(tmp_path, priced(server.url)) as gate:
        gate.ask(stream=True)
        entry = gate.entry
    assert (entry["output_tokens"], entry["audio_seconds_out"]) == (30, 1.5)
    assert entry["cost_usd"] == pytest.approx(30 * 1e-4)


def test_the_sound_that_came_before_the_client_left_is_booked(tmp_path: Path) -> None:
    def hang(exchange: Exchange) -> None:
        streams(chunk({"audio": {"data": HALF}}))(exchange)
        exchange.hold()

    with serve(hang) as server, gateway(tmp_path, priced(server.url)) as gate:
        body = {"model": "voice", "stream": True, "messages": []}
        with httpx.stream("POST", gate.url + CHAT, json=body) as response:
            received = b""
            for block in response.iter_bytes():
                received += block
                if b'"data"' in received:
                    break
        entry = gate.entry
    assert (entry["status"], entry["audio_seconds_out"]) == (499, 0.5)
    assert entry["cost_usd"] == pytest.approx(10 * 1e-4)


def test_a_whole_answers_sound_is_booked_where_the_service_says_nothing(tmp_path: Path) -> None:
    message = {"role": "assistant", "audio": {"id": "a", "data": base64.b64encode(SECOND).decode()}}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}

    def speak(exchange: Exchange) -> None:
        answer(exchange, {**COMPLETION, "choices": [choice], "usage": None})

    with serve(speak) as server, gateway(tmp_path, priced(server.url)) as gate:
        gate.ask()
        entry = gate.entry
    assert (entry["output_tokens"], entry["audio_seconds_out"]) == (20, 1.0)


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        ({"text": "hi", "usage": {"type": "duration", "seconds": 3}}, 3.0),
        ({"text": "hi"}, 2.5),
        (None, 2.5),
    ],
    ids=["counted", "uncounted", "subtitles"],
)
def test_a_transcription_is_paid_by_the_second_whether_or_not_its_service_counts_them(
    tmp_path: Path, document: Any, seconds: float
) -> None:
    def transcribe(exchange: Exchange) -> None:
        if document is None:
            exchange.reply(b"1\n00:00:00,000 --> 00:00:02,000\nhi\n", media_type="text/plain")
        else:
            answer(exchange, document)

    with serve(transcribe) as server, gateway(tmp_path, deployment(server.url, model="whisper-1")) as gate:
        files = {"file": ("a.wav", recording(2.5))}
        response = gate.post(TRANSCRIPTIONS, data={"model": "voice"}, files=files)
        entry = gate.entry
    assert entry["audio_seconds_in"] == seconds
    assert entry["cost_usd"] == pytest.approx(seconds * 0.0001)
    assert float(response.headers["x-audiocli-cost"]) == pytest.approx(entry["cost_usd"], abs=1e-6)


def test_speech_is_paid_by_the_character_where_that_is_its_price(tmp_path: Path) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.reply(b"OggS", media_type="audio/ogg")

    with serve(speak) as server, gateway(tmp_path, deployment(server.url, model="openai/tts-1")) as gate:
        response = gate.post(SPEECH, json={"model": "voice", "input": "Ça va? " * 100, "voice": "alloy"})
        entry = gate.entry
    assert entry["cost_usd"] == pytest.approx(700 * 15e-6)
    assert float(response.headers["x-audiocli-cost"]) == pytest.approx(entry["cost_usd"], abs=1e-6)


@pytest.mark.parametrize(
    ("media_type", "sound"), [("audio/wav", SECOND), ("audio/pcm", SECOND[44:])], ids=["wav", "pcm"]
)
def test_speech_is_paid_by_its_sound_where_that_is_its_price(
    tmp_path: Path, media_type: str, sound: bytes
) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.reply(sound, media_type=media_type)

    with serve(speak) as server, gateway(tmp_path, deployment(server.url, model="gpt-4o-mini-tts")) as gate:
        gate.post(SPEECH, json={"model": "voice", "input": "x" * 40, "voice": "alloy"})
        entry = gate.entry
    assert (entry["input_tokens"], entry["output_tokens"], entry["audio_seconds_out"]) == (10, 20, 1.0)
    assert entry["cost_usd"] == pytest.approx(10 * 0.6e-6 + 20 * 12e-6)


def test_a_refused_request_costs_nothing(tmp_path: Path) -> None:
    def no(exchange: Exchange) -> None:
        refuse(exchange, "400 Bad Request")

    with serve(no) as server, gateway(tmp_path, deployment(server.url, model="whisper-1")) as gate:
        gate.post(TRANSCRIPTIONS, data={"model": "voice"}, files={"file": ("a.wav", recording(2.5))})
        entry = gate.entry
    assert (entry["status"], entry["audio_seconds_in"], entry["cost_usd"]) == (400, 0.0, None)


def test_prometheus_reads_the_counters(tmp_path: Path) -> None:
    sound = chunk({"audio": {"data": HALF}})
    with serve(streams(sound, b"data: [DONE]\n\n")) as server:
        row = deployment(server.url, api_key=UPSTREAM_KEY) | {"model_info": {**PRICES, "id": "one"}}
        with gateway(tmp_path, row) as gate:
            gate.ask(stream=True)
            gate.entries()
            text = gate.get("/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    own = ("one", "voice")
    assert samples["audiocli_requests_total", *sorted(("200", "/v1/chat/completions", *own))] == 1
    assert samples["audiocli_tokens_total", *sorted(("out", *own))] == 10
    assert samples["audiocli_audio_seconds_total", *sorted(("out", *own))] == 0.5
    assert math.isclose(samples["audiocli_cost_usd_total", *own], 10 * 1e-4)
    assert samples["audiocli_in_flight", *own] == samples["audiocli_cooling", *own] == 0
    for timed in ("audiocli_request_seconds", "audiocli_first_audio_seconds"):
        assert samples[f"{timed}_count", *own] == 1
