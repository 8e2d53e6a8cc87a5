"""What is encoded is decoded as it was; whatever else comes, only our own errors are raised."""

import base64
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocli.chat import (
    Answer,
    AudioBytes,
    AudioDelta,
    AudioOutput,
    AudioPart,
    AudioStarted,
    ChatRequest,
    Event,
    Extra,
    Finished,
    Message,
    RawPart,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    CapabilityError,
    ConfigError,
    ConnectError,
    DeadlineError,
    InputError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
    ServerError,
    ServiceUnavailableError,
    UnknownModelError,
    UnprocessableEntityError,
    UsageError,
)
from audiocli.printable import one_line, printable, quoted
from audiocli.secret import Secret, StreamRedactor
from audiocli.wire.errors import decode_error, encode_error
from audiocli.wire.json import Base64Decoder, content_length, parse, segments
from audiocli.wire.openai.chat import (
    STREAM_END,
    StreamDecoder,
    StreamEncoder,
    decode_completion,
    decode_request,
    encode_chunk,
    encode_completion,
    encode_request,
)
from audiocli.wire.openai.extras import joined
from audiocli.wire.sse import EventDecoder

TEXT = st.text(max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)

SENT = frozenset(
    {"model", "messages", "modalities", "audio", "stream", "stream_options"}
    | {"temperature", "max_completion_tokens", "max_tokens", "seed"}
)
EQUAL_JSON = JSON.filter(lambda value: value is not None and "NaN" not in json.dumps(value))
PARTS = (
    st.builds(TextPart, TEXT)
    | st.builds(AudioPart, st.builds(AudioBytes, st.binary(max_size=50)), st.sampled_from(["wav", "mp3"]))
    | st.builds(lambda image: RawPart({"type": "image_url", "image_url": image}), EQUAL_JSON)
    | st.builds(lambda kept: RawPart({"type": "text", "text": "x", "cache_control": kept}), EQUAL_JSON)
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
BESIDE = st.dictionaries(
    st.sampled_from(["name", "tool_call_id", "tool_calls", "refusal"]), EQUAL_JSON, max_size=2
)
MESSAGES = st.builds(
    lambda role, parts, extra: Message(role, tuple(parts), extra=extra),
    ROLES,
    st.lists(PARTS, max_size=3),
    BESIDE,
) | st.builds(lambda audio_id, extra: Message("assistant", audio_id=audio_id, extra=extra), TEXT, BESIDE)
REQUESTS = st.builds(
    ChatRequest,
    model=TEXT,
    messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple),
    audio=st.none() | st.builds(AudioOutput, TEXT, TEXT),
    stream=st.booleans(),
    temperature=st.none() | FINITE,
    max_tokens=st.none() | st.integers(),
    seed=st.none() | st.integers(),
    extra=st.dictionaries(
        TEXT.filter(lambda name: name not in SENT), JSON.filter(lambda value: value == value), max_size=3
    ),
)
AUDIO = AudioOutput("alloy", "pcm16")


def written_out(document: Any) -> bytes:
    """What goes over the network for `document`, its audio as base64."""
    return b"".join(
        segment if isinstance(segment, bytes) else base64.b64encode(segment.open().read())
        for segment in segments(document)
    )


def cut(data: Any, places: Iterable[int]) -> list[Any]:
    """`data` in pieces, cut at `places`; some may be empty."""
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


PLACES = st.lists(st.integers(min_value=0, max_value=10_000), max_size=20)


@settings(deadline=None)
@given(REQUESTS, st.sampled_from(["max_tokens", "max_completion_tokens"]))
def test_a_request_is_decoded_as_it_was(request: ChatRequest, max_tokens_field: str) -> None:
    sent = written_out(encode_request(request, max_tokens_field))
    received = decode_request(json.loads(sent))
    # NaN in `extra` differs from itself; JSON text does not.
    assert encode_json(received) == encode_json(request)
    assert (received.messages, received.audio) == (request.messages, request.audio)
    assert (received.temperature, received.seed) == (request.temperature, request.seed)


def encode_json(request: ChatRequest) -> bytes:
    return written_out(encode_request(request))


@given(
    st.recursive(
        JSON | st.builds(AudioBytes, st.binary(max_size=100)),
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=10,
    )
)
def test_segments_are_what_json_makes_of_it_with_base64_put_in(document: Any) -> None:
    expected = json.dumps(document, default=lambda source: base64.b64encode(source.data).decode())
    pieces = segments(document)
    assert json.dumps(json.loads(written_out(document))) == json.dumps(json.loads(expected))
    assert content_length(pieces) == len(written_out(document))


@given(st.binary(max_size=200), PLACES)
def test_base64_is_decoded_wherever_it_is_cut(data: bytes, places: list[int]) -> None:
    decoder = Base64Decoder()
    decoded = b"".join(map(decoder.decode, cut(base64.b64encode(data).decode(), places)))
    decoder.close()
    assert decoded == data


@given(st.lists(st.binary(max_size=20)))
def test_base64_is_decoded_when_every_piece_is_padded(pieces: list[bytes]) -> None:
    decoder = Base64Decoder()
    for piece in pieces:
        assert decoder.decode(base64.b64encode(piece).decode()) == piece
    decoder.close()


@given(st.text() | st.text("ABab01+/=-_ \n"))
def test_what_is_not_base64_is_refused(text: str) -> None:
    decoder = Base64Decoder()
    try:
        whole: bytes | None = base64.b64decode(text, validate=True) if text.isascii() else None
    except ValueError:
        whole = None
    try:
        decoded = decoder.decode(text)
        decoder.close()
    except ReplyError:
        assert whole is None
    else:
        assert decoded == whole


# Answers

WORDS = TEXT.filter(bool)
SOUND = st.binary(min_size=1, max_size=60)
USAGES = st.none() | st.builds(
    lambda sent, received, heard, said, cached: Usage(
        sent + heard + cached, received + said, heard, said, cached
    ),
    *[st.integers(min_value=0, max_value=10_000)] * 5,
)
FINISHED = st.builds(
    Finished,
    finish_reason=st.sampled_from(["stop", "length", "content_filter", "tool_calls"]),
    refusal=st.none() | WORDS,
    expires_at=st.none() | st.integers(min_value=1),
    usage=USAGES,
)
SPOKEN = st.lists(st.builds(TranscriptDelta, WORDS) | st.builds(AudioDelta, SOUND), max_size=8)
WRITTEN = st.lists(st.builds(TextDelta, WORDS), max_size=8)


def request_for(events: list[Event]) -> ChatRequest:
    spoken = any(not isinstance(event, TextDelta) for event in events)
    message = Message("user", (TextPart("hi"),))
    return ChatRequest(model="m", messages=(message,), audio=AUDIO if spoken else None, stream=True)


def encoded(events: list[Event], finished: Finished) -> bytes:
    return b"".join([*map(encode_chunk, chunks_of(events, finished)), STREAM_END])


def chunks_of(events: list[Event], finished: Finished) -> list[dict[str, Any]]:
    encoder = StreamEncoder(request_for(events), id="chatcmpl-1", audio_id="audio_1", created=1)
    return [chunk for event in [*events, finished] for chunk in encoder.encode(event)]


def decoded(pieces: list[bytes]) -> list[Event]:
    lines, chunks = EventDecoder(), StreamDecoder()
    events = [event for piece in pieces for payload in lines.feed(piece) for event in chunks.feed(payload)]
    return [*events, *chunks.close()]


def summary(events: Iterable[Event]) -> tuple[str, str, bytes]:
    """All that is written, said and heard."""
    events = list(events)
    return (
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, TranscriptDelta)),
        b"".join(event.data for event in events if isinstance(event, AudioDelta)),
    )


@settings(deadline=None)
@given(SPOKEN | WRITTEN, FINISHED, PLACES)
def test_a_stream_is_decoded_as_it_was_wherever_it_is_cut(
    events: list[Event], finished: Finished, places: list[int]
) -> None:
    sent = encoded(events, finished)
    received = decoded(cut(sent, places))
    assert received == decoded([sent])
    assert summary(received) == summary(events)
    *_, last = received
    assert isinstance(last, Finished)
    assert (last.finish_reason, last.refusal, last.usage) == (
        finished.finish_reason,
        finished.refusal,
        finished.usage,
    )
    assert last.expires_at == finished.expires_at
    sounds = any(not isinstance(event, TextDelta) for event in events)
    assert last.audio_id == ("audio_1" if sounds or finished.expires_at else None)
    started = [event for event in received if isinstance(event, AudioStarted)]
    assert started == ([AudioStarted(last.audio_id)] if last.audio_id else [])


@settings(deadline=None)
@given(SPOKEN, FINISHED)
def test_the_base64_of_a_stream_may_be_joined_before_it_is_decoded(
    events: list[Event], finished: Finished
) -> None:
    chunks = [json.loads(line[6:]) for line in encoded(events, finished).split(b"\n\n") if b"{" in line]
    deltas = [choice["delta"].get("audio", {}) for chunk in chunks for choice in chunk["choices"]]
    data = [delta["data"] for delta in deltas if "data" in delta]
    assert base64.b64decode("".join(data), validate=True) == summary(events)[2]
    assert all(len(base64.b64decode(piece)) % 6 == 0 for piece in data[:-1])


@settings(deadline=None)
@given(SPOKEN | WRITTEN, FINISHED)
def test_every_chunk_has_what_clients_index_without_asking(events: list[Event], finished: Finished) -> None:
    *lines, done, end = encoded(events, finished).split(b"\n\n")
    assert (done, end) == (b"data: [DONE]", b"")
    chunks = [json.loads(line.removeprefix(b"data: ")) for line in lines]
    assert all({"id", "object", "created", "model", "choices"} <= chunk.keys() for chunk in chunks)
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert reasons[-1] == finished.finish_reason
    assert not any(reasons[:-1])
    ids = [choice["delta"].get("audio", {}).get("id") for chunk in chunks for choice in chunk["choices"]]
    named = [audio_id for audio_id in ids if audio_id]
    assert named in ([], ["audio_1"])
    assert (chunks[-1]["choices"] == []) is (finished.usage is not None)


@settings(deadline=None)
@given(TEXT, st.binary(max_size=60), FINISHED, st.booleans())
def test_a_whole_answer_is_decoded_as_it_was(
    text: str, sound: bytes, finished: Finished, spoken: bool
) -> None:
    request = ChatRequest(model="m", messages=())
    finished = replace(finished, audio_id="audio_1" if spoken else None)
    document = json.loads(json.dumps(encode_completion(Answer(text, sound, finished), request)))
    *events, last = decode_completion(document)
    assert summary(events) == (("", text, sound) if sound or spoken else (text, "", b""))
    assert isinstance(last, Finished)
    assert (last.finish_reason, last.refusal, last.usage) == (
        finished.finish_reason,
        finished.refusal,
        finished.usage,
    )


CALLS = st.builds(
    lambda index, pieces: [{"index": index, "function": {"arguments": piece}} for piece in pieces],
    st.integers(min_value=0, max_value=2),
    st.lists(WORDS, min_size=1, max_size=3),
)
EXTRAS = (
    CALLS.map(lambda calls: [Extra(message={"tool_calls": [call]}) for call in calls])
    | EQUAL_JSON.filter(bool).map(lambda value: [Extra(choice={"logprobs": value})])
    | EQUAL_JSON.map(lambda value: [Extra(answer={"service_tier": value})])
    | WORDS.map(lambda text: [Extra(index=1, message={"content": text}, choice={"finish_reason": "stop"})])
)


def extras_of(events: Iterable[Event]) -> tuple[Extra, ...]:
    """What else is said, without what our own chunks say of themselves."""
    own = {"id", "created", "model", "usage"}
    found = [event for event in events if isinstance(event, Extra)]
    found = [
        replace(extra, answer={k: v for k, v in extra.answer.items() if k not in own}) for extra in found
    ]
    return tuple(extra for extra in found if extra != Extra())


@settings(deadline=None)
@given(WRITTEN, EXTRAS, FINISHED)
def test_what_has_no_word_comes_through_a_stream(
    events: list[Event], extras: list[Extra], finished: Finished
) -> None:
    received = decoded([encoded([*events, *extras], finished)])
    assert extras_of(received) == tuple(extras)
    assert summary(received) == summary(events)


@settings(deadline=None)
@given(TEXT, EXTRAS, FINISHED)
def test_what_has_no_word_comes_through_a_whole_answer(
    text: str, extras: list[Extra], finished: Finished
) -> None:
    request = ChatRequest(model="m", messages=())
    document = encode_completion(Answer(text, b"", finished, tuple(extras)), request)
    again = extras_of(decode_completion(json.loads(json.dumps(document))))
    whole = Answer(text, b"", finished, again)
    assert encode_completion(whole, request) == document


@given(st.lists(st.integers(min_value=0, max_value=3).flatmap(lambda n: WORDS.map(lambda t: (n, t)))))
def test_the_pieces_of_tool_calls_are_put_together_by_their_index(pieces: list[tuple[int, str]]) -> None:
    whole: Any = {}
    for index, text in pieces:
        call = {"index": index, "id": f"call_{index}", "function": {"name": "f", "arguments": text}}
        whole = joined(whole, {"tool_calls": [call]})
    calls = {call["index"]: call for call in whole.get("tool_calls", [])}
    assert len(calls) == len(whole.get("tool_calls", []))
    for index, call in calls.items():
        said = "".join(text for each, text in pieces if each == index)
        assert call == {
            "index": index,
            "id": f"call_{index}",
            "function": {"name": "f", "arguments": said},
        }


# Errors

SAID = st.none() | st.text("abc_", min_size=1, max_size=9)


def provider_errors(kind: type[ProviderError], *statuses: int | None) -> st.SearchStrategy[ProviderError]:
    return st.builds(
        kind, WORDS, status=st.sampled_from(statuses), type=SAID, code=SAID, param=SAID, hint=SAID
    )


WITH_A_STATUS = (
    provider_errors(AuthenticationError, 401)
    | provider_errors(PermissionDeniedError, 403)
    | provider_errors(RejectedError, 400, 413)
    | provider_errors(NotFoundError, 404)
    | provider_errors(UnprocessableEntityError, 422)
    | provider_errors(RateLimitError, 402, 429)
    | provider_errors(DeadlineError, 408, 504)
    | provider_errors(ServerError, 500, 502)
    | provider_errors(ServiceUnavailableError, 503)
)
OF_OUR_OWN = st.sampled_from(
    [AuthenticationError, RejectedError, RateLimitError, DeadlineError, ServerError, ConnectError, ReplyError]
).flatmap(lambda kind: st.builds(kind, WORDS))


@settings(deadline=None)
@given(WITH_A_STATUS | OF_OUR_OWN)
def test_an_error_is_decoded_as_what_it_was(error: ProviderError) -> None:
    document = json.loads(json.dumps(encode_error(error)))
    received = decode_error(document, error.status_code)
    assert (type(received), received.status_code) == (type(error), error.status_code)
    if error.status is not None:
        assert (received.code, received.param) == (error.code, error.param)


@settings(deadline=None)
@given(OF_OUR_OWN)
def test_an_error_in_a_stream_is_decoded_as_what_it_was(error: ProviderError) -> None:
    assert type(decode_error(encode_error(error))) is type(error)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param"),
    [
        (UnknownModelError("no"), 404, "invalid_request_error", "model_not_found", "model"),
        (InputError("no", param="messages"), 400, "invalid_request_error", None, "messages"),
        (UsageError("no"), 400, "invalid_request_error", None, None),
        (CapabilityError("no"), 400, "invalid_request_error", "unsupported_value", None),
        (ConfigError("no"), 500, "server_error", None, None),
        (OutputError("no"), 500, "server_error", None, None),
        (AudiocliError("no"), 500, "server_error", None, None),
        (AuthenticationError("no"), 401, "authentication_error", "invalid_api_key", None),
        (RateLimitError("no"), 429, "rate_limit_error", "rate_limit_exceeded", None),
        (RateLimitError("no", status=429, type="tokens"), 429, "tokens", None, None),
        (DeadlineError("no"), 504, "timeout_error", "timeout", None),
        (ConnectError("no"), 502, "server_error", "connection_error", None),
        (
            RejectedError("no", status=404, type="x", code="y", param="z"),
            *(404, "x", "y", "z"),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_has_openais_form(
    error: AudiocliError, status: int, kind: str, code: str | None, param: str | None
) -> None:
    assert error.status_code == status
    assert encode_error(error) == {
        "error": {"message": str(error), "type": kind, "param": param, "code": code}
    }


# Strangers

NAMES = (
    *("tool_calls", "arguments", "function", "logprobs", "service_tier", "annotations", "name", "image_url"),
    *("choices", "delta", "message", "audio", "data", "id", "transcript", "expires_at", "content", "index"),
    *(
        "finish_reason",
        "usage",
        "error",
        "detail",
        "msg",
        "metadata",
        "raw",
        "code",
        "type",
        "param",
        "object",
    ),
    *("prompt_tokens", "prompt_tokens_details", "audio_tokens", "modality", "refusal", "model", "created"),
    *("messages", "role", "modalities", "voice", "format", "input_audio", "text", "temperature", "stream"),
)
TELLING = TEXT | st.sampled_from(
    ["audio", "error", "text", "user", "input_audio", "QUJD", "[DONE]", '{"error":1}']
)
NEARLY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TELLING | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), NEARLY, max_size=6)


def only(raises: type[Exception], function: Callable[[], object]) -> None:
    said = "nothing"
    try:
        function()
    except raises as error:
        said = str(error)
    assert said
    assert said.isprintable()


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS)
def test_any_document_is_an_answer_or_an_error_of_ours(document: dict[str, Any]) -> None:
    only(ProviderError, lambda: list(decode_completion(document)))


@settings(deadline=None, max_examples=300)
@given(st.lists(DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(), max_size=4))
def test_any_chunks_are_a_stream_or_an_error_of_ours(payloads: list[bytes]) -> None:
    decoder = StreamDecoder()
    only(ProviderError, lambda: [list(decoder.feed(payload)) for payload in payloads] and [*decoder.close()])


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS)
def test_any_document_is_a_request_or_an_input_error(document: dict[str, Any]) -> None:
    only(InputError, lambda: decode_request(document))


@settings(deadline=None, max_examples=300)
@given(NEARLY, st.none() | st.integers(min_value=400, max_value=599))
def test_any_document_becomes_one_tidy_error(document: Any, status: int | None) -> None:
    error = decode_error(document, status)
    assert error.message
    assert str(error).isprintable()
    assert len(str(error)) < 300
    for text in (error.code, error.type, error.param):
        assert text is None or (text.isprintable() and len(text) <= 200)
    assert not error.retryable or error.status in (408, 409, 429, None) or (error.status or 0) >= 500


@given(st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_are_an_object_or_a_reply_error(payload: bytes) -> None:
    only(ReplyError, lambda: parse(payload))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":' * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"n":' + b"1" * 200_000 + b"}",
        b'"\xff"',
        b"\xff\xfe{",
        b"",
    ],
    ids=["deep", "deep list", "digits", "not UTF-8", "half of UTF-16", "empty"],
)
def test_json_made_to_break_a_parser_is_refused(payload: bytes) -> None:
    with pytest.raises(ReplyError):
        parse(payload)


# What is shown

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60) | st.text(
    "ab", min_size=8, max_size=60
)


@st.composite
def texts_with_keys(draw: st.DrawFn) -> tuple[str, str]:
    key = draw(KEYS)
    part = st.integers(min_value=0, max_value=len(key)).map(lambda length: key[:length])
    pieces = st.just(key) | part | st.text("ab \"'", max_size=5) | TEXT
    return key, "".join(draw(st.lists(pieces, max_size=6)))


@settings(deadline=None, max_examples=300)
@given(texts_with_keys(), PLACES)
def test_a_key_never_gets_through_however_the_text_is_cut(given_: tuple[str, str], places: list[int]) -> None:
    key, text = given_
    redactor = StreamRedactor(Secret(key))
    shown = "".join([*map(redactor.feed, cut(text, places)), redactor.close()])
    assert key[:24] not in shown
    assert shown == Secret(key).redact(text)


@given(KEYS, st.text("xyz ", max_size=30))
def test_what_holds_no_key_is_shown_as_it_is(key: str, text: str) -> None:
    if key[:8] not in text:
        assert Secret(key).redact(text) == text


@given(st.text(max_size=7), TEXT)
def test_what_is_too_short_to_be_a_key_is_not_masked(key: str, text: str) -> None:
    assert Secret(key).redact(text + key) == text + key


def test_only_what_may_be_a_key_is_held_back() -> None:
    redactor = StreamRedactor(Secret("sk-test-0123456789"))
    assert redactor.feed("Dogs") == "Dog"
    assert redactor.feed(" and sk-test") == "s and "
    assert redactor.feed("ing") == "sk-testing"
    assert redactor.close() == ""


ODD = st.text(st.characters() | st.sampled_from("\x00\x1b\x7f\x85\u202e\u2066\u200e\u2028\ud800\n\t "))


@given(ODD)
def test_no_control_character_is_printed(text: str) -> None:
    assert not any(ord(character) < 32 and character not in "\n\t" for character in printable(text))
    assert not any(127 <= ord(character) < 160 for character in printable(text))


@given(ODD, st.integers(min_value=1, max_value=300))
def test_one_line_is_one_line_that_can_be_seen_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
    assert line == line.strip()
    io.StringIO().write(line.encode("utf-8").decode())


@given(ODD)
def test_a_quoted_name_can_be_seen(name: str) -> None:
    assert quoted(name).isprintable()
    assert len(quoted(name)) <= 120
