"""The endpoint for transcriptions: what is asked for, and what is made of answers and of faults."""

import asyncio
import json
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest

from audiocli.catalog import Capabilities, lookup
from audiocli.chat import AudioBytes, AudioPart, TextDelta
from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    ConnectError,
    DeadlineError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
)
from audiocli.providers.base import Transcriber
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.hosts import HOSTS
from audiocli.providers.openai.transcription import OpenAITranscriptions, limits_of
from audiocli.providers.pace import Pace, reliable
from audiocli.secret import Secret
from audiocli.transcript import Hearing, Transcript, TranscriptionRequest
from tests.recorded import needs_recordings, recorded_json
from tests.servers import Exchange, Script, Server, serve

KEY = "a-key-of-no-known-shape"
REQUEST = TranscriptionRequest(
    model="some-model", audio=AudioPart(AudioBytes(b"RIFF" * 10), "wav"), duration=6.0
)
ANSWER = {"text": "We go now."}
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 6.0,
    "text": "We go now.",
    "segments": [{"id": 0, "start": 0.5, "end": 2.0, "text": " We go now."}],
}


def transcriber(server: Server, known: Capabilities | None = None, **options: Any) -> OpenAITranscriptions:
    return OpenAITranscriptions(Endpoint(f"{server.url}/v1", Secret(KEY)), known, **options)


def heard(provider: Transcriber, request: TranscriptionRequest = REQUEST) -> list[Hearing]:
    async def hear() -> list[Hearing]:
        async with asyncio.timeout(20):
            return [event async for event in provider.stream(request)]

    return asyncio.run(hear())


def transcript(events: list[Hearing]) -> Transcript:
    (last,) = [event for event in events if isinstance(event, Transcript)]
    assert events[-1] is last
    return last


def fields(exchange: Exchange) -> dict[str, list[str]]:
    described = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
    found: dict[str, list[str]] = {}
    for part in message_from_bytes(described + exchange.body).get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr] # a message
        payload = part.get_payload(decode=True)  # type: ignore[union-attr] # a message
        found.setdefault(str(name), []).append(payload.decode())  # type: ignore[union-attr] # bytes
    return found


def replying(document: object, status: str = "200 OK", **headers: str) -> Script:
    return lambda exchange: exchange.reply(json.dumps(document).encode(), status=status, **headers)


# What is asked for


@pytest.mark.parametrize(
    ("name", "request_", "expected"),
    [
        ("whisper-1", REQUEST, "verbose_json"),
        ("gpt-transcribe", REQUEST, "json"),
        ("gpt-4o-transcribe-diarize", replace(REQUEST, speakers=True), "diarized_json"),
        (None, REQUEST, "verbose_json"),
    ],
)
def test_the_richest_format_that_a_model_has_is_asked_for(
    name: str | None, request_: TranscriptionRequest, expected: str
) -> None:
    with serve(replying(VERBOSE)) as server:
        heard(transcriber(server, lookup(name) if name else None), request_)
    exchange = server.exchanges[0]
    assert exchange.head.startswith(b"POST /v1/audio/transcriptions HTTP/1.1\r\n")
    assert fields(exchange)["response_format"] == [expected]
    assert exchange.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("name", "streamed"),
    [
        ("gpt-4o-mini-transcribe", True),
        ("gpt-4o-transcribe-diarize", True),
        ("whisper-1", False),
        (None, False),
    ],
)
def test_a_stream_is_asked_for_where_it_is_known_to_come(name: str | None, streamed: bool) -> None:
    with serve(replying(ANSWER)) as server:
        heard(transcriber(server, lookup(name) if name else None))
    assert ("stream" in fields(server.exchanges[0])) is streamed


def test_what_a_service_has_its_own_words_for_is_asked_in_them() -> None:
    with serve(replying(VERBOSE)) as server:
        endpoint = Endpoint(server.url, dialect=HOSTS["mistral"].dialect)
        provider = OpenAITranscriptions(endpoint, lookup("mistral/voxtral-mini-latest"))
        heard(provider, replace(REQUEST, speakers=True, prompt="Names"))
    asked = fields(server.exchanges[0])
    assert asked["diarize"] == ["true"]
    assert "segment" in asked["timestamp_granularities"]
    assert {"response_format", "prompt", "timestamp_granularities[]"}.isdisjoint(asked)


# A format that is refused

REFUSALS = {
    "OpenAI's": (
        {
            "error": {
                "message": "response_format 'verbose_json' is not compatible",
                "param": "response_format",
            }
        },
        "400 Bad Request",
    ),
    "FastAPI's": (
        {"detail": [{"loc": ["body"], "msg": "Input should be 'json' or 'text'"}]},
        "422 Unprocessable",
    ),
    "vLLM's": (
        {"error": {"message": "Currently do not support verbose_json", "code": 400}},
        "400 Bad Request",
    ),
}


@pytest.mark.parametrize(("document", "status"), REFUSALS.values(), ids=REFUSALS)
def test_a_model_that_refuses_times_is_asked_without_them_from_then_on(document: object, status: str) -> None:
    with serve(replying(document, status), replying(ANSWER)) as server:
        provider = transcriber(server)
        assert transcript(heard(provider, replace(REQUEST, idempotency_key="k"))).text == "We go now."
        assert transcript(heard(provider)).text == "We go now."
    assert [fields(each)["response_format"] for each in server.exchanges] == [
        ["verbose_json"],
        ["json"],
        ["json"],
    ]
    assert [each.headers.get("idempotency-key") for each in server.exchanges] == ["k", "k-plain", None]


def test_times_that_a_service_refuses_are_not_asked_for_again_where_it_has_one_format() -> None:
    refusal = {"detail": "timestamp_granularities cannot be combined with language"}
    with serve(replying(refusal, "400 Bad Request"), replying(ANSWER)) as server:
        endpoint = Endpoint(server.url, dialect=HOSTS["mistral"].dialect)
        provider = OpenAITranscriptions(endpoint, lookup("mistral/voxtral-mini-latest"))
        assert transcript(heard(provider, replace(REQUEST, language="de"))).text == "We go now."
    assert "timestamp_granularities" not in fields(server.exchanges[1])


@pytest.mark.parametrize(
    ("request_", "document", "status"),
    [
        (replace(REQUEST, words=True), *REFUSALS["OpenAI's"]),
        (REQUEST, {"error": {"message": "The audio is corrupted", "param": "file"}}, "400 Bad Request"),
        (REQUEST, {"error": {"message": "verbose_json broke us"}}, "500 Internal Server Error"),
    ],
    ids=["times are wanted", "another reason", "a failure"],
)
def test_what_asking_without_times_does_not_help_is_raised(
    request_: TranscriptionRequest, document: object, status: str
) -> None:
    with serve(replying(document, status)) as server, pytest.raises(ProviderError):
        heard(transcriber(server), request_)
    assert len(server.exchanges) == 1


# What comes back


def test_a_document_in_place_of_a_stream_is_taken() -> None:
    with serve(replying(ANSWER)) as server:
        events = heard(transcriber(server, lookup("gpt-4o-transcribe")))
    assert [type(event) for event in events] == [Transcript]
    assert transcript(events).text == "We go now."


BODIES = {
    "srt": b"1\n00:00:00,500 --> 00:00:02,000\nWe go now.\n\n",
    "vtt": b"WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nWe go now.\n\n",
    "text": b"We go now.\n",
    "json as text": json.dumps(ANSWER).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_another_kind_of_document_than_was_asked_for_is_taken(body: bytes) -> None:
    with serve(lambda exchange: exchange.reply(body, media_type="text/plain; charset=utf-8")) as server:
        assert transcript(heard(transcriber(server))).text == "We go now."


def sse(*documents: object, end: str = "\r\n\r\n") -> bytes:
    return b"".join(f"data: {json.dumps(each)}{end}".encode() for each in documents)


DELTAS = [{"type": "transcript.text.delta", "delta": word} for word in ("We", " go", " now.")]
DONE = {"type": "transcript.text.done", "text": "We go now."}


@pytest.mark.parametrize("end", ["\r\n\r\n", "\n\n"])
def test_a_stream_is_told_word_by_word(end: str) -> None:
    body = sse(*DELTAS, DONE, end=end) + f"data: [DONE]{end}".encode()
    with serve(lambda exchange: exchange.stream(body)) as server:
        events = heard(transcriber(server, lookup("gpt-4o-transcribe")))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["We", " go", " now."]
    assert transcript(events).text == "We go now."


def test_nothing_is_waited_for_after_the_end_of_a_stream() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream(sse(*DELTAS, DONE) + b"data: [DONE]\n\n")
        assert exchange.hold() < 10

    with serve(answer) as server:
        assert transcript(heard(transcriber(server, lookup("gpt-4o-transcribe")))).text == "We go now."


RECORDED = [
    "openai-audio-endpoints/transcription-diarized.json",
    "openai-audio-endpoints/transcription-srt.json",
    "openai-audio-endpoints/transcription-stream.json",
    "openai-audio-endpoints/transcription-verbose-json.json",
    "openai-audio-endpoints/transcription-vtt.json",
    "openai-audio-endpoints/transcription-words-segments.json",
    "other-providers/mistral-transcription.json",
    "other-providers/openrouter-transcription.json",
]


def replayed(name: str) -> Script:
    response = recorded_json(name)["response"]
    body = response["body"]
    content = json.dumps(body["json"]) if "json" in body else "".join(body["parts"])
    media_type = response["headers"]["content-type"]
    return lambda exchange: exchange.reply(content.encode(), media_type=media_type)


@needs_recordings
@pytest.mark.parametrize("name", RECORDED)
def test_what_real_services_answered_is_understood(name: str) -> None:
    with serve(replayed(name)) as server:
        result = transcript(heard(transcriber(server)))
    assert any(said in result.text for said in ("Hello", "Ruby is a programming", "Thanks for calling"))
    assert all(0 <= segment.start <= segment.end <= result.duration for segment in result.segments)
    timed = {
        "transcription-words-segments": "word",
        "stream": "piece",
        "mistral": "piece",
        "openrouter": "piece",
    }
    assert result.timing == next((timing for part, timing in timed.items() if part in name), "segment")


@needs_recordings
def test_a_real_refusal_is_understood() -> None:
    response = recorded_json("openai-audio-endpoints/transcription-bad-request-400.json")["response"]
    with (
        serve(replying(response["body"]["json"], "400 Bad Request")) as server,
        pytest.raises(RejectedError, match="Invalid language") as caught,
    ):
        heard(transcriber(server))
    assert caught.value.code == "invalid_language_format"
    assert len(server.exchanges) == 1


# What goes wrong


def unauthorized(exchange: Exchange) -> None:
    document = {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}}
    exchange.reply(json.dumps(document).encode(), status="401 Unauthorized", media_type="text/plain")


def flooding(exchange: Exchange) -> None:
    exchange.stream(b'{"text": "', media_type="application/json")
    exchange.flood(b"a" * 65536)


FAULTS: dict[str, tuple[Script, type[AudiocliError]]] = {
    "a key that is refused, as text": (unauthorized, AuthenticationError),
    "a rate limit": (replying({"error": {}}, "429 Too Many Requests", retry_after="7"), RateLimitError),
    "a web page": (lambda e: e.reply(b"<html>Login</html>", media_type="text/html"), ReplyError),
    "a web page as an error": (lambda e: e.reply(b"<html>", status="404 Not Found"), RejectedError),
    "nothing": (lambda e: e.reply(b""), ReplyError),
    "no content": (lambda e: e.reply(b"", status="204 No Content"), ReplyError),
    "a list": (replying([1, 2]), ReplyError),
    "a text that is a number": (replying({"text": 5}), ReplyError),
    "half a document": (lambda e: e.reply(b'{"text": "We'), ReplyError),
    "a redirect": (lambda e: e.reply(b"", status="307 x", location="http://x.invalid/"), RejectedError),
    "a body without end": (flooding, ReplyError),
    "a cut document": (
        lambda e: e.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"text": "We'),
        ConnectError,
    ),
    "a reset": (lambda e: e.reset(), ConnectError),
    "an error within": (replying({"error": {"message": "no luck"}}), ProviderError),
}


@pytest.mark.parametrize(("script", "error"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_one_of_our_errors_and_shows_no_key(
    script: Script, error: type[AudiocliError]
) -> None:
    with serve(script) as server, pytest.raises(error) as caught:
        heard(transcriber(server))
    assert KEY not in repr(vars(caught.value)) + str(caught.value)
    assert caught.value.__cause__ is None


def test_a_rate_limit_says_when_to_come_back() -> None:
    with serve(FAULTS["a rate limit"][0]) as server, pytest.raises(RateLimitError) as caught:
        heard(transcriber(server))
    assert (caught.value.retry_after, caught.value.retryable) == (7.0, True)


def test_limits_are_waited_for_and_a_quota_is_not() -> None:
    limited = replying({"error": {"code": "rate_limit_exceeded"}}, "429 x", retry_after="0.01")
    with serve(limited, limited, limited, replying(ANSWER)) as server:
        careful = reliable(transcriber(server), Pace(4), retries=3)
        assert transcript(heard(careful)).text == "We go now."
        assert server.connections == 4
    spent = replying({"error": {"code": "insufficient_quota"}}, "429 x", retry_after="0.01")
    with serve(spent) as server, pytest.raises(RateLimitError):
        heard(reliable(transcriber(server), Pace(4)))
    assert server.connections == 1


def test_a_file_that_is_too_large_is_said_while_it_is_sent() -> None:
    def refuse(exchange: Exchange) -> None:
        document = {"error": {"message": "413: Maximum content size limit (26214400) exceeded"}}
        exchange.reply(json.dumps(document).encode(), status="413 Content Too Large")
        exchange.hold()

    large = replace(REQUEST, audio=AudioPart(AudioBytes(bytes(30_000_000)), "wav"))
    with serve(refuse, read_body=False) as server, pytest.raises(RejectedError, match="Maximum content size"):
        heard(transcriber(server), large)


def test_a_stream_that_was_cut_is_asked_for_again() -> None:
    whole = sse(*DELTAS, DONE)
    with serve(lambda e: e.stream(sse(*DELTAS)), lambda e: e.stream(whole)) as server:
        events = heard(reliable(transcriber(server, lookup("gpt-4o-transcribe")), Pace(4)))
    assert [event.text for event in events] == ["We", " go", " now.", "We go now."]


@pytest.mark.parametrize(
    "body",
    [
        sse(*DELTAS),
        sse(*DELTAS) + b'data: {"type": "transcript.text.do',
        sse(*DELTAS, {"error": {"message": "overloaded"}}),
        sse({"type": "transcript.text.delta", "delta": 5}),
        b"data: nonsense\n\n",
        b": ping\n\n",
    ],
    ids=["no end", "half an end", "an error", "a wrong type", "no JSON", "pings only"],
)
def test_a_stream_without_its_end_is_no_transcript(body: bytes) -> None:
    with serve(lambda exchange: exchange.stream(body)) as server, pytest.raises(ProviderError):
        heard(transcriber(server, lookup("gpt-4o-transcribe")))


def test_a_silent_service_is_left() -> None:
    def silent(exchange: Exchange) -> None:
        exchange.stream(media_type="application/json")
        exchange.hold()

    with serve(silent) as server, pytest.raises(DeadlineError, match=r"silent for 0\.2 s"):
        heard(transcriber(server, idle_seconds=0.2))


@pytest.mark.parametrize("where", ["text", "language"])
def test_a_key_that_is_echoed_is_masked(where: str) -> None:
    with serve(replying(VERBOSE | {where: f"it is {KEY}", "segments": []})) as server:
        events = heard(transcriber(server))
    assert KEY not in repr(events)
    assert "***" in repr(events)


def test_a_key_in_pieces_of_a_stream_is_masked() -> None:
    deltas = [{"type": "transcript.text.delta", "delta": part} for part in (KEY[:5], KEY[5:], " and")]
    body = sse(*deltas, DONE | {"text": f"{KEY} and"}) + b"data: [DONE]\n\n"
    with serve(lambda exchange: exchange.stream(body)) as server:
        events = heard(transcriber(server, lookup("gpt-4o-transcribe")))
    assert KEY not in "".join(event.text for event in events)


# Limits


@pytest.mark.parametrize(
    ("name", "seconds", "formats", "timing", "prompt"),
    [
        ("whisper-1", 1799.0, ("flac", "mp3", "wav"), "word", True),
        ("gpt-transcribe", 1799.0, ("flac", "mp3", "wav"), "piece", True),
        ("gpt-4o-transcribe", 500.0, ("flac", "mp3", "wav"), "piece", True),
        ("gpt-4o-transcribe-diarize", 1399.0, ("flac", "mp3", "wav"), "segment", False),
        ("groq/whisper-large-v3", 600.0, ("flac", "mp3", "wav"), "word", True),
        ("mistral/voxtral-mini-latest", 600.0, ("wav", "mp3"), "segment", False),
    ],
)
def test_what_is_known_of_a_model_bounds_a_request(
    name: str, seconds: float, formats: tuple[str, ...], timing: str, prompt: bool
) -> None:
    known = lookup(name)
    assert known is not None
    limits = limits_of(known)
    assert (limits.seconds, limits.formats, limits.timing, limits.prompt) == (
        seconds,
        formats,
        timing,
        prompt,
    )
    assert limits.bytes < (known.max_file_bytes or 25 * 2**20)


def test_of_an_unknown_model_little_is_asked() -> None:
    limits = limits_of(Capabilities(id="m"))
    assert (limits.seconds, limits.formats, limits.parallel) == (600.0, ("wav", "mp3"), 4)
