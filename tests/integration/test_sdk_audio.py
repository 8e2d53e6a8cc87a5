"""LiteLLM's `speech`, `transcription` and questions about prices, against a real server."""

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest

import audiocli as litellm
from audiocli import exceptions
from tests.servers import Exchange, Script, serve

KEY = "sk-test-0123456789"
SAMPLE = Path(__file__).parents[2] / "samples" / "hello.wav"
MP3 = b"ID3" + bytes(500)
QUESTION = [{"role": "user", "content": "Hi"}]
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "XDG_CONFIG_HOME", "AUDIOCLI_MODEL", "AUDIOCLI_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def replies(content: bytes, media_type: str = "application/json") -> Script:
    def script(exchange: Exchange) -> None:
        exchange.reply(content, content_type=media_type)

    return script


def refuses(status: str, document: Any = None) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.reply(json.dumps(document or {"error": {"message": "no"}}).encode(), status=status)

    return script


def test_speech_is_sound_that_can_be_read_and_written(tmp_path: Path) -> None:
    with serve(replies(MP3, "audio/mpeg")) as server:
        spoken = litellm.speech("tts-1", "Hello.", "nova", api_base=server.url, api_key=KEY)
        (exchange,) = server.exchanges
    assert json.loads(exchange.body) == {
        "model": "tts-1",
        "input": "Hello.",
        "voice": "nova",
        "response_format": "mp3",
    }
    assert spoken.content == spoken.read() == b"".join(spoken.iter_bytes(100)) == MP3
    spoken.stream_to_file(tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3").read_bytes() == MP3
    assert spoken._hidden_params["response_cost"] == pytest.approx(6 * 15 / 1e6)


def test_a_document_of_speech_is_decoded() -> None:
    """Mistral's form."""
    body = json.dumps({"audio_data": base64.b64encode(MP3).decode()}).encode()
    with serve(replies(body)) as server:
        spoken = litellm.speech("mistral/m", "Hi.", "jane", api_base=server.url, api_key=KEY)
    assert spoken.content == MP3
    assert json.loads(server.exchanges[0].body) == {
        "model": "m",
        "input": "Hi.",
        "voice_id": "jane",
        "response_format": "mp3",
    }


def test_samples_of_mistral_are_made_openais() -> None:
    body = json.dumps({"audio_data": base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()}).encode()
    with serve(replies(body)) as server:
        asked: dict[str, Any] = {"response_format": "pcm", "api_base": server.url, "api_key": KEY}
        spoken = litellm.speech("mistral/m", "Hi.", **asked)
    assert struct.unpack("<2h", spoken.content) == (16384, -32768)


@pytest.mark.parametrize("body", [b'{"audio_data": ""}', b'{"audio_data": 3}', b"{}", b""])
def test_speech_without_sound_is_an_error(body: bytes) -> None:
    with serve(replies(body)) as server, pytest.raises(litellm.ReplyError):
        litellm.speech("m", "Hi.", api_base=server.url, api_key=KEY, num_retries=0)


@pytest.mark.parametrize("as_given", ["path", "bytes", "file", "named"])
def test_a_file_is_transcribed_however_it_is_given(as_given: str) -> None:
    content = SAMPLE.read_bytes()
    given: dict[str, Any] = {
        "path": SAMPLE,
        "bytes": content,
        "file": io.BytesIO(content),
        "named": ("hello.wav", io.BytesIO(content)),
    }
    with serve(replies(b'{"text": "Hello there."}')) as server:
        heard = litellm.transcription("gpt-transcribe", given[as_given], api_base=server.url, api_key=KEY)
    assert heard.text == "Hello there."


@pytest.mark.parametrize("format", ["verbose_json", "json", None])
def test_a_transcription_asks_for_what_its_format_needs(format: Any) -> None:
    words = [{"word": "Hello", "start": 0.1, "end": 0.5}, {"word": "there", "start": 0.5, "end": 0.9}]
    document = {"text": "Hello there", "duration": 2.0, "language": "english", "words": words}
    with serve(replies(json.dumps(document).encode())) as server:
        heard = litellm.transcription(
            "whisper-1",
            SAMPLE,
            response_format=format,
            timestamp_granularities=["word"],
            temperature=0.2,
            api_base=server.url,
            api_key=KEY,
        )
        (exchange,) = server.exchanges
    assert b'name="timestamp_granularities[]"' in exchange.body
    assert b"0.2" in exchange.body
    assert [word.word for word in heard.words] == ["Hello", "there"]


@pytest.mark.parametrize(("format", "begins"), [("srt", "1\n00:00:00"), ("vtt", "WEBVTT")])
def test_subtitles_come_as_text(format: Any, begins: str) -> None:
    document = {"text": "Hello", "duration": 2.0, "segments": [{"text": "Hello", "start": 0.1, "end": 1.5}]}
    with serve(replies(json.dumps(document).encode())) as server:
        heard = litellm.transcription(
            "whisper-1", SAMPLE, response_format=format, api_base=server.url, api_key=KEY
        )
        whole = litellm.transcribe(SAMPLE, model="whisper-1", base_url=server.url, api_key=KEY)
    assert heard.text.startswith(begins)
    assert (whole.srt() if format == "srt" else whole.vtt()) == heard.text


def test_an_answer_knows_its_cost() -> None:
    with serve(replies(json.dumps(ANSWER).encode())) as server:
        answer = litellm.completion("gpt-audio-1.5", QUESTION, api_base=server.url, api_key=KEY)
    dollars = (10 * 2.5 + 5 * 10) / 1e6
    assert answer._hidden_params["response_cost"] == pytest.approx(dollars)
    assert litellm.completion_cost(answer) == pytest.approx(dollars)
    assert litellm.completion_cost(ANSWER, model="gpt-audio-1.5") == pytest.approx(dollars)
    with pytest.raises(litellm.UsageError, match="price"):
        litellm.completion_cost(ANSWER, model="nobody/knows")


def test_what_is_known_of_a_model_has_litellms_names() -> None:
    info = litellm.get_model_info("gpt-audio-1.5")
    assert info["input_cost_per_audio_token"] == pytest.approx(32e-6)
    assert (info["mode"], info["supports_audio_output"]) == ("chat", True)
    with pytest.raises(litellm.UsageError):
        litellm.get_model_info("nobody/knows")


def test_litellms_own_arguments_are_not_sent() -> None:
    with serve(replies(json.dumps(ANSWER).encode())) as server:
        litellm.completion(  # type: ignore[call-arg] # LiteLLM's
            "m",
            QUESTION,
            api_base=server.url,
            metadata={"user": "u"},
            tags=["a"],
            cache={"no-cache": True},
            input_cost_per_token=1e-6,
            deployment_id="d",
            callbacks=[],
        )
        (exchange,) = server.exchanges
    assert set(json.loads(exchange.body)) == {"model", "messages"}


def test_what_would_change_how_it_is_sent_is_refused() -> None:
    with serve(replies(b"{}")) as server:
        with pytest.raises(litellm.UsageError, match="vertex_project is not supported"):
            litellm.completion("m", QUESTION, api_base=server.url, vertex_project="p")  # type: ignore[call-arg] # LiteLLM's
        assert server.exchanges == []


def test_a_mock_response_asks_nobody() -> None:
    answer = litellm.completion("gpt-audio-1.5", QUESTION, mock_response="Fine.")
    assert answer.choices[0].message.content == "Fine."


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_answers_and_is_not_shown_the_key_of_the_other(stream: bool) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]}
    event = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    good = replies(event, "text/event-stream") if stream else replies(json.dumps(ANSWER).encode())
    with serve(refuses("500 No")) as bad, serve(good) as second:
        answer = litellm.completion(
            "m",
            QUESTION,
            stream=stream,
            api_base=bad.url,
            api_key=KEY,
            num_retries=0,
            fallbacks=[{"model": "openai/n", "api_base": second.url}],
        )
        text = "".join(each.choices[0].delta.content or "" for each in answer) if stream else None
        (asked,) = second.exchanges
    assert (text or answer.choices[0].message.content) == "Hello."
    assert KEY not in str(asked.headers)


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        ("404 Not Found", None, exceptions.NotFoundError),
        ("403 Forbidden", None, exceptions.PermissionDeniedError),
        ("422 Unprocessable Content", None, exceptions.UnprocessableEntityError),
        ("503 Service Unavailable", None, exceptions.ServiceUnavailableError),
        ("429 Too Many", None, exceptions.RateLimitError),
        (
            "400 Bad Request",
            {"error": {"message": "m", "code": "context_length_exceeded"}},
            exceptions.ContextWindowExceededError,
        ),
        (
            "400 Bad Request",
            {"error": {"message": "m", "code": "content_policy_violation"}},
            exceptions.ContentPolicyViolationError,
        ),
        ("400 Bad Request", None, exceptions.BadRequestError),
    ],
)
def test_an_error_is_caught_by_litellms_name(status: str, document: Any, kind: type[Exception]) -> None:
    with serve(refuses(status, document)) as server, pytest.raises(kind):
        litellm.completion("m", QUESTION, api_base=server.url, api_key=KEY, num_retries=0)


def test_our_own_refusals_are_bad_requests() -> None:
    with pytest.raises(exceptions.BadRequestError):
        litellm.completion("no-such-model-anywhere", QUESTION)
