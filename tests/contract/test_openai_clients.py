"""OpenAI's clients, in the versions that people have, get what OpenAI's service says through the gateway."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.replaying_service import (
    NAMES,
    RETRY_AFTER,
    TRANSLATION,
    answer_as_recorded,
    recorded_speech,
    recorded_stream,
)
from tests.contract.sdks import Sdk, node_sdk, python_sdk
from tests.gateway import Gateway, deployment, gateway
from tests.recorded import needs_recordings, recorded, recorded_json
from tests.servers import Server, serve

pytestmark = needs_recordings

KEY = "sk-client-0123456789abcdefghij"
SAMPLE = Path(__file__).parents[2] / "samples" / "hello.wav"
NOBODY = "http://127.0.0.1:9"  # Discard's port, where nobody listens.
SETTINGS: dict[str, Any] = {"general_settings": {"master_key": KEY}, "router_settings": {"num_retries": 1}}

SDKS = {
    "python 3.54.0": lambda: python_sdk("3.54.0"),
    "python 2.24.0": lambda: python_sdk("2.24.0"),
    "python 1.109.1": lambda: python_sdk("1.109.1"),
    "node 6.49.0": lambda: node_sdk("6.49.0"),
}


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with serve(answer_as_recorded) as server:
        yield server


@pytest.fixture(scope="module")
def own(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    rows = [deployment(f"{service.url}/{name}", name) for name in NAMES]
    for row in rows:
        if row["model_name"] == "silent":
            row["litellm_params"]["timeout"] = 0.2
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, *rows, deployment(NOBODY, "unreachable"), **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module", params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return SDKS[request.param]()


@pytest.fixture(scope="module")
def asked(own: Gateway, service: Server, sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a client says that has asked for everything, with how often it had the service asked."""
    target = tmp_path_factory.mktemp("speech") / "speech.wav"
    service.exchanges.clear()
    told = json.loads(sdk.run(own.url, KEY, str(SAMPLE), str(target)))
    flaky = [each for each in service.exchanges if each.head.startswith(b"POST /flaky/")]
    return {**told, "speech": target.read_bytes(), "tries": len(flaky)}


def test_it_is_this_version(asked: Any, sdk: Sdk) -> None:
    assert asked["version"] == sdk.version


def test_a_written_answer_with_v1_in_the_address_and_without(asked: Any) -> None:
    assert asked["written"] == asked["written without /v1"] == ["Hello.", "stop", 30]


def test_a_recording_is_heard(asked: Any) -> None:
    answer = recorded_json("openai-chat-audio/gpt-audio-mini-audio-in.json")["response"]["body"]["json"]
    assert asked["heard"] == answer["choices"][0]["message"]["content"]


def test_a_spoken_answer(asked: Any) -> None:
    answer = json.loads(recorded("openai-chat-audio/current-ChatWithAudio-0.response.json"))
    sound = answer["choices"][0]["message"]["audio"]
    assert asked["spoken"] == [None, sound["id"], sound["transcript"], sound["data"]]


@pytest.mark.parametrize("way", ["streamed", "streamed by the helper"])
def test_a_stream_of_sound_comes_whole_with_its_end_and_its_usage(asked: Any, way: str) -> None:
    """OpenAI's own stream has no end in it, and the clients' helpers fail on it."""
    assert asked[way] == {**told_by(recorded_stream()), "finish_reasons": ["stop"]}


def told_by(stream: bytes) -> dict[str, Any]:
    """What the chunks of a stream say."""
    lines = [line.removeprefix(b"data: ") for line in stream.splitlines() if line.startswith(b"data: {")]
    chunks = [json.loads(line) for line in lines]
    sounds = [choice["delta"].get("audio", {}) for chunk in chunks for choice in chunk.get("choices", [])]
    return {
        "ids": sorted({sound["id"] for sound in sounds if "id" in sound}),
        "transcript": "".join(sound.get("transcript", "") for sound in sounds),
        "data": "".join(sound.get("data", "") for sound in sounds),
        "tokens": [chunk["usage"]["total_tokens"] for chunk in chunks if chunk["usage"]],
    }


def test_transcriptions_in_every_form(asked: Any) -> None:
    folder = "openai-audio-endpoints"
    captions = {
        form: "".join(recorded_json(f"{folder}/transcription-{form}.json")["response"]["body"]["parts"])
        for form in ("srt", "vtt")
    }
    assert asked["transcribed"] == {"json": "Hello.", "text": "Hello.\n", **captions}
    answer = recorded_json(f"{folder}/transcription-verbose-json.json")["response"]["body"]["json"]
    assert asked["timed"] == [answer["text"], len(answer["segments"])]
    assert asked["translated"] == TRANSLATION


def test_speech_is_streamed_to_a_file(asked: Any) -> None:
    assert asked["said"] == "audio/wav"
    assert asked["speech"] == recorded_speech()


def test_the_models_are_listed(asked: Any) -> None:
    assert asked["models"] == asked["models without /v1"] == [*NAMES, "unreachable"]
    assert asked["model"] == "voice"


@pytest.mark.parametrize(
    ("name", "kind", "status", "code"),
    [
        ("unknown", "NotFoundError", 404, "model_not_found"),
        ("invalid", "BadRequestError", 400, "some_code"),
        ("busy", "RateLimitError", 429, "some_code"),
        ("broken", "InternalServerError", 500, "some_code"),
        ("silent", "InternalServerError", 504, "upstream_timeout"),
        ("unreachable", "InternalServerError", 502, "upstream_refused"),
    ],
)
def test_what_goes_wrong_is_the_exception_that_it_should_be(
    asked: Any, name: str, kind: str, status: int, code: str
) -> None:
    error = asked["errors"][name]
    assert (error["class"], error["status"], error["code"]) == (kind, status, code)
    assert error["retry after"] == (RETRY_AFTER if name == "busy" else None)
    assert error["request id"].startswith("req_")


def test_a_wrong_key_is_an_authentication_error(asked: Any) -> None:
    error = asked["wrong key"]
    assert (error["class"], error["status"]) == ("AuthenticationError", 401)
    assert error["code"] == "invalid_api_key"


def test_a_stream_that_is_cut_off_is_an_error(asked: Any) -> None:
    kind, chunks = asked["cut"]
    assert kind == "APIError"
    assert chunks == 2


def test_a_clients_own_retries_do_not_multiply_the_gateways(asked: Any) -> None:
    assert asked["retried"]["status"] == 500
    assert asked["tries"] == 2
