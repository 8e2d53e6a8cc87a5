"""What real services have sent is understood, byte for byte, by the program as its users start it."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audiocli.audio.containers.wav import wav_header
from tests.command import KEY, audiocli, environment, error_line
from tests.recorded import needs_recordings, recorded, recorded_json
from tests.servers import Exchange, Script, serve

BYTES_PER_AUDIO_TOKEN = 2400
FOLDER = "openai-chat-audio"
STREAMS = [
    "654b7239-ChatWithBasicAudioOutput-0",  # gpt-4o-audio-preview
    "current-ChatWithBasicAudioOutput-0",  # gpt-audio-1.5
    "current-ChatWithAudio-1",  # its second turn
]


@dataclass
class Outcome:
    code: int
    stdout: bytes
    stderr: bytes
    document: dict[str, Any]
    sound: bytes | None


def ask(script: Script, folder: Path, *arguments: str) -> Outcome:
    """`audiocli ask --json -o answer.wav` of a service that plays `script`."""
    with serve(script) as server:
        result = audiocli(
            *("ask", "hi", "--json", "-o", "answer.wav", "--retries", "0", *arguments),
            env=environment(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=server.url),
            cwd=folder,
        )
    sound = folder / "answer.wav"
    return Outcome(
        result.returncode,
        result.stdout,
        result.stderr,
        json.loads(result.stdout) if result.returncode == 0 else {},
        sound.read_bytes() if sound.exists() else None,
    )


def recorded_headers(name: str) -> dict[str, str]:
    headers = recorded_json(f"{FOLDER}/{name}.meta.json")["headers"]
    dropped = ("Transfer-Encoding", "Connection", "Content-Type")
    return {
        field: ", ".join(value) if isinstance(value, list) else value
        for field, value in headers.items()
        if field not in dropped
    }


def as_chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def replay_stream(name: str, piece_bytes: int) -> Script:
    payload = recorded(f"{FOLDER}/{name}.response.sse")
    pieces = [payload[start : start + piece_bytes] for start in range(0, len(payload), piece_bytes)]
    fields = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}
    headers = "".join(f"{field}: {value}\r\n" for field, value in (recorded_headers(name) | fields).items())

    def play(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n" + headers.encode() + b"\r\n" + as_chunked(pieces))

    return play


def recorded_deltas(name: str) -> tuple[str, bytes, dict[str, Any]]:
    """Transcript, sound and usage of a recorded stream, read without any of our code."""
    transcript, sound = "", b""
    usage: dict[str, Any] = {}
    for line in recorded(f"{FOLDER}/{name}.response.sse").splitlines():
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            audio = choice["delta"].get("audio", {})
            transcript += audio.get("transcript", "")
            sound += base64.b64decode(audio.get("data", ""))
    return transcript, sound, usage


@needs_recordings
@pytest.mark.parametrize("piece_bytes", [777, 100_000])
@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_gives_its_words_its_sound_and_its_usage(
    name: str, piece_bytes: int, tmp_path: Path
) -> None:
    transcript, sound, usage = recorded_deltas(name)
    outcome = ask(replay_stream(name, piece_bytes), tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["transcript"] == transcript
    assert outcome.sound == wav_header(len(sound)) + sound
    audio_tokens = usage["completion_tokens_details"]["audio_tokens"]
    assert outcome.document["usage"]["output_audio_tokens"] == audio_tokens
    assert audio_tokens * BYTES_PER_AUDIO_TOKEN == len(sound)
    assert outcome.document["usage"]["input_tokens"] == usage["prompt_tokens"]
    assert outcome.document["usage"]["output_tokens"] == usage["completion_tokens"]
    assert outcome.document["audio"]["duration_s"] == len(sound) / 48_000
    assert outcome.document["audio"]["id"].startswith("audio_")
    assert outcome.document["finish_reason"] == "stop"


@needs_recordings
def test_a_recorded_whole_answer_of_headerless_samples_becomes_a_wav(tmp_path: Path) -> None:
    answer = recorded_json(f"{FOLDER}/current-ChatWithAudio-0.response.json")
    said = answer["choices"][0]["message"]["audio"]
    outcome = ask(lambda exchange: exchange.reply(json.dumps(answer).encode()), tmp_path, "--no-stream")
    sound = base64.b64decode(said["data"])
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["transcript"] == said["transcript"]
    assert outcome.document["audio"]["expires_at"] == said["expires_at"]
    assert outcome.sound == wav_header(len(sound)) + sound
    assert outcome.document["usage"]["output_audio_tokens"] * BYTES_PER_AUDIO_TOKEN == len(sound)


@needs_recordings
def test_a_recorded_wav_keeps_its_samples_and_loses_its_list_chunk(tmp_path: Path) -> None:
    said = recorded_json(f"{FOLDER}/chat-wav-2024.json")
    outcome = ask(whole(message(content=None, audio=said)), tmp_path, "--no-stream")
    wav = base64.b64decode(said["data"])
    assert wav[36:40] == b"LIST"
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["transcript"] == said["transcript"]
    assert outcome.sound == wav_header(len(wav) - 78) + wav[78:]


@needs_recordings
def test_a_recorded_question_by_voice_is_answered_in_writing() -> None:
    exchange_ = recorded_json(f"{FOLDER}/gpt-audio-mini-audio-in.json")
    sent = exchange_["request"]["body"]["json"]
    part = next(part for part in sent["messages"][0]["content"] if part["type"] == "input_audio")
    answer = exchange_["response"]["body"]["json"]
    with serve(lambda exchange: exchange.reply(json.dumps(answer).encode())) as server:
        result = audiocli(
            *(
                "ask",
                "What is being said?",
                "-a",
                "-",
                "-m",
                "openai/gpt-audio-mini",
                "--no-stream",
                "--json",
            ),
            stdin=base64.b64decode(part["input_audio"]["data"]),
            env=environment(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=server.url),
        )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["transcript"] == answer["choices"][0]["message"]["content"]
    assert document["usage"]["input_audio_tokens"] == 37
    content = json.loads(server.exchanges[0].body)["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "input_audio"]


@needs_recordings
@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "text/plain"])
def test_a_recorded_refusal_of_a_key_says_what_the_service_said(media_type: str) -> None:
    response = recorded_json(f"{FOLDER}/auth-failure-401.json")["response"]
    body = json.dumps(response["body"]["json"]).encode()

    def refuse(exchange: Exchange) -> None:
        exchange.reply(body, status="401 Unauthorized", media_type=media_type)

    with serve(refuse) as server:
        result = audiocli("ask", "hi", "--base-url", server.url)
    assert (result.returncode, result.stdout, len(server.exchanges)) == (4, b"", 1)
    assert "Incorrect API key provided: not-a-re*" in error_line(result)
    assert error_line(result).endswith("(HTTP 401); check the API key")


# The shapes of other services (wire-facts 5.4), made by hand

SOUND = bytes(range(1, 241)) * 20  # 4,800 bytes: 0.1 s
TEXT = "Yes, it is."
PLAIN_WAV = wav_header(len(SOUND)) + SOUND


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event(**members: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c1", "model": "m", "created": 1} | members).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **members: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": members, "finish_reason": finish_reason}])


def message(finish_reason: str | None = "stop", **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant"} | members, "finish_reason": finish_reason}
    return {"id": "c1", "model": "m", "created": 1, "choices": [choice]}


def whole(document: object) -> Script:
    return lambda exchange: exchange.reply(json.dumps(document).encode())


def stream(*pieces: bytes) -> Script:
    return lambda exchange: exchange.stream(*pieces)


DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"audio_tokens": 2}}

OPENROUTER = stream(
    b": OPENROUTER PROCESSING\n\n" * 3,
    delta(role="assistant", content="", audio={"id": "audio_1", "transcript": TEXT}),
    b": OPENROUTER PROCESSING\n\n",
    delta(content="", audio={"data": b64(SOUND), "expires_at": 5}),
    delta("stop", content=""),
    event(choices=[], usage=USAGE | {"cost": 0.1}),
    DONE,
)
AZURE = stream(
    event(choices=[], prompt_filter_results=[{"prompt_index": 0, "content_filter_results": {}}]),
    delta(role="assistant", refusal=None),
    delta(content=None, audio={"id": "audio_1", "transcript": TEXT}),
    delta(audio={"data": b64(SOUND)}),
    DONE,
)
SGLANG = stream(
    delta(role="assistant", content=TEXT),
    delta(audio={"id": "audio-1", "data": b64(SOUND[:1200])}),
    delta(audio={"id": "audio-1", "data": b64(SOUND[1200:])}),
    event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=USAGE),
)
VLLM_OMNI = stream(
    event(modality="text", choices=[{"index": 0, "delta": {"content": TEXT}}]),
    *(
        event(
            modality="audio",
            usage=USAGE,
            choices=[{"index": 0, "delta": {"content": b64(wav_header(1600) + SOUND[start : start + 1600])}}],
        )
        for start in range(0, 4800, 1600)
    ),
    DONE,
)
DASHSCOPE = stream(
    delta(audio={"transcript": TEXT}),
    *(delta(audio={"data": b64(SOUND)[start : start + 777]}) for start in range(0, 6400, 777)),
    delta("stop", content=""),
    DONE,
)
SPEAKING_WITHOUT_END = stream(
    delta(audio={"id": "a", "expires_at": 5, "transcript": TEXT, "data": b64(SOUND)}), b"data: [DONE]"
)
TWO_CHOICES: dict[str, Any] = {
    "id": "c1",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"},
        {
            "index": 0,
            "message": {"role": "assistant", "audio": {"id": "a", "data": b64(PLAIN_WAV), "transcript": ""}},
            "finish_reason": "stop",
        },
    ],
}
LITELLM_GEMINI = message(content=None, audio={"id": "a", "data": b64(SOUND), "transcript": TEXT})
MISTRAL_PARTS = message(
    content=[{"type": "text", "text": "Yes, "}, {"type": "text", "text": "it is."}],
    audio={"id": "a", "data": b64(PLAIN_WAV)},
)
UNKNOWN_SIZES = message(audio={"data": b64(wav_header(None) + SOUND), "transcript": TEXT})
WITHOUT_END = message(None, audio={"data": b64(SOUND), "transcript": TEXT})


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(OPENROUTER, id="OpenRouter"),
        pytest.param(AZURE, id="Azure"),
        pytest.param(SGLANG, id="sglang-omni"),
        pytest.param(VLLM_OMNI, id="vLLM-Omni, a WAV in each piece of content"),
        pytest.param(DASHSCOPE, id="DashScope, base64 cut anywhere"),
        pytest.param(SPEAKING_WITHOUT_END, id="no blank line after the last event"),
        pytest.param(whole(TWO_CHOICES), id="vLLM-Omni, two choices"),
        pytest.param(whole(LITELLM_GEMINI), id="PCM in place of WAV, no expires_at"),
        pytest.param(whole(MISTRAL_PARTS), id="content in parts"),
        pytest.param(whole(UNKNOWN_SIZES), id="WAV whose sizes are not known"),
        pytest.param(whole(WITHOUT_END), id="no finish_reason"),
    ],
)
def test_the_shapes_of_other_services_give_the_same_words_and_sound(script: Script, tmp_path: Path) -> None:
    outcome = ask(script, tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["transcript"] == TEXT
    assert outcome.sound == PLAIN_WAV


OPENROUTER_ERROR = {
    "error": {
        "message": "Provider returned error",
        "code": 400,
        "metadata": {
            "raw": json.dumps({"error": {"message": "Invalid 'audio.voice'.", "code": "invalid_value"}}),
            "provider_name": "OpenAI",
        },
    }
}


RETRIED = 3  # requests: an error inside a 200 is retried as the same HTTP error


def refused(status: str, document: object) -> Script:
    return lambda exchange: exchange.reply(json.dumps(document).encode(), status=status)


@pytest.mark.parametrize(
    ("script", "code", "said", "times"),
    [
        (refused("400 Bad Request", OPENROUTER_ERROR), 5, "Invalid 'audio.voice'. (HTTP 400)", 1),
        (
            refused("404 Not Found", {"detail": "Not Found"}),
            5,
            "Not Found (HTTP 404); check the model's name",
            1,
        ),
        (
            refused("422 Unprocessable Entity", {"detail": [{"loc": ["body"], "msg": "Field required"}]}),
            5,
            "Field required (HTTP 422)",
            1,
        ),
        (
            refused("400 Bad Request", {"object": "error", "message": "bad audio", "code": 400}),
            5,
            "bad audio (HTTP 400)",
            1,
        ),
        (refused("400 Bad Request", [{"error": {"message": "bad", "code": 400}}]), 5, "bad (HTTP 400)", 1),
        (refused("400 Bad Request", {"error": "bad"}), 5, "bad (HTTP 400)", 1),
        (
            refused("402 Payment Required", {"error": {"message": "no credit"}}),
            6,
            "check the plan and billing",
            1,
        ),
        (whole(OPENROUTER_ERROR), 5, "Invalid 'audio.voice'.", 1),
        (whole({"error": {"message": "slow down", "code": 429}}), 6, "slow down; try again later", RETRIED),
        (whole({"object": "error", "message": "bad audio"}), 7, "bad audio", RETRIED),
        (stream(event(error={"message": "overloaded", "type": "server_error"})), 7, "overloaded", RETRIED),
        (stream(event(error={"message": "gone", "code": 502}, choices=[])), 7, "gone", RETRIED),
        (stream(event(error={"message": "wrong key", "code": "invalid_api_key"})), 4, "wrong key", 1),
    ],
)
def test_the_errors_of_other_services_are_said_in_their_own_words(
    script: Script, code: int, said: str, times: int, tmp_path: Path
) -> None:
    with serve(script) as server:
        result = audiocli("ask", "hi", "-o", "x.wav", "--base-url", server.url, cwd=tmp_path)
    assert (result.returncode, result.stdout, len(server.exchanges)) == (code, b"", times)
    assert said in error_line(result)
    assert list(tmp_path.iterdir()) == []
