"""Streams come out in the form that every client understands, and otherwise as they came."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest

from audiocli.chat import Usage
from audiocli.errors import RateLimitError, ReplyError
from audiocli.wire.openai.normalise import (
    AnswerScanner,
    StreamNormaliser,
    decode_unstreamed,
)
from audiocli.wire.sse import EventDecoder
from tests.recorded import FOLDER, needs_recordings, recorded
from tests.servers import Exchange, serve

openai = pytest.importorskip("openai", reason="the dev extra is not installed")

STREAMS = sorted(path.name for path in FOLDER.glob("openai-chat-audio/*.sse"))
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "completion_tokens_details": {"audio_tokens": 2}}


def chunk(*choices: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"id": "c", "created": 1, "model": "m", "choices": list(choices)} | members).encode()


def choice(reason: str | None = None, /, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": reason}


def sound(data: bytes, **audio: Any) -> dict[str, Any]:
    return choice(audio={"data": base64.b64encode(data).decode()} | audio)


def normalised(payloads: Iterable[bytes], *, usage: bool = False) -> list[bytes]:
    normaliser = StreamNormaliser(usage=usage)
    return [event for payload in payloads for event in normaliser.feed(payload)] + normaliser.close()


def documents(events: list[bytes]) -> list[Any]:
    assert events[-1] == DONE
    return [json.loads(event[6:]) for event in events[:-1]]


def event(payload: bytes) -> bytes:
    return b"data: " + payload + b"\n\n"


@needs_recordings
@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_has_the_form_that_clients_understand(name: str) -> None:
    raw = recorded(f"openai-chat-audio/{name}")
    payloads = list(EventDecoder().feed(raw))
    events = normalised(payloads, usage=True)
    *chunks, finish, usage = documents(events)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    audios = [delta["audio"] for delta in deltas if "audio" in delta]
    assert "id" in audios[0]
    assert not any("id" in audio for audio in audios[1:])
    assert "expires_at" in audios[-1]
    assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
    assert finish["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert (usage["choices"], usage["usage"]["completion_tokens"] > 0) == ([], True)
    assert sum(event[6:-2] in payloads for event in events) >= len(events) - 3  # the others as they came


@needs_recordings
@pytest.mark.parametrize("name", STREAMS)
def test_the_helper_of_openais_client_reads_a_recorded_stream(name: str) -> None:
    payloads = list(EventDecoder().feed(recorded(f"openai-chat-audio/{name}")))
    events = normalised(payloads, usage=True)
    raw = [json.loads(payload) for payload in payloads[:-1]]
    audios = [choice["delta"].get("audio", {}) for chunk in raw for choice in chunk.get("choices", ())]

    def answer(exchange: Exchange) -> None:
        exchange.stream(*events)

    question = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with (
        serve(answer) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
        client.chat.completions.stream(**question, stream_options={"include_usage": True}) as stream,
    ):
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    message = completion.choices[0].message
    assert message.role == "assistant"
    assert message.audio.id == next(audio["id"] for audio in audios if "id" in audio)
    assert message.audio.expires_at == next(audio["expires_at"] for audio in audios if "expires_at" in audio)
    assert message.audio.transcript == "".join(audio.get("transcript", "") for audio in audios)
    assert message.audio.data == "".join(audio.get("data", "") for audio in audios)
    assert completion.choices[0].finish_reason == "stop"
    tokens = completion.usage.completion_tokens_details.audio_tokens
    assert len(base64.b64decode(message.audio.data)) == 2400 * tokens


@needs_recordings
@pytest.mark.parametrize("name", STREAMS)
def test_without_the_services_count_the_sound_is_counted(name: str) -> None:
    counted, estimated = StreamNormaliser(), StreamNormaliser()
    for payload in EventDecoder().feed(recorded(f"openai-chat-audio/{name}")):
        counted.feed(payload)
        if b'"usage":{' not in payload:
            estimated.feed(payload)
    assert estimated.usage.output_audio_tokens == counted.usage.output_audio_tokens
    assert estimated.sound_seconds == counted.usage.output_audio_tokens / 20


def test_a_written_stream_is_passed_on_byte_for_byte() -> None:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"data":"x"}'},
    }
    payloads = [
        chunk(choice(role="assistant", content=""), vendor={"a": 1.0}),
        chunk(choice(content='a "data":"b" \\ é')),
        chunk(choice(tool_calls=[call])),
        chunk(choice(content="b", index=1)),
        chunk(choice("tool_calls")),
        chunk(choice("length", index=1)),
    ]
    assert normalised([*payloads, b"[DONE]"]) == [*map(event, payloads), DONE]


def test_an_event_of_several_lines_goes_on_as_one() -> None:
    payload = json.dumps(json.loads(chunk(choice("stop", content="a"))), indent=1).encode()
    assert documents(normalised([payload])) == [json.loads(payload)]


def test_a_role_that_is_repeated_comes_once() -> None:
    payloads = [chunk(choice(role="assistant", content=letter)) for letter in "ab"]
    first, second, _ = documents(normalised([*payloads, b"[DONE]"]))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "a"}
    assert second["choices"][0]["delta"] == {"content": "b"}


def test_what_keeps_the_connection_busy_is_dropped_and_what_says_something_is_not() -> None:
    filtered = chunk(prompt_filter_results=[])
    payloads = [
        b'{"id":"c","usage":null,"obfuscation":"x"}',
        chunk(),
        filtered,
        chunk(choice("stop", content="a")),
    ]
    assert normalised(payloads) == [event(filtered), event(payloads[-1]), DONE]
    [first, *_] = documents(normalised([b'{"vendor":1}', payloads[-1]]))
    assert first == {"vendor": 1, "choices": []}


def test_usage_comes_last_where_the_client_asked_for_it_and_nowhere_else() -> None:
    payloads = [chunk(choice("stop", content="a")), chunk(usage=USAGE), chunk(choice(content="")), b"[DONE]"]
    assert documents(normalised(payloads, usage=True))[-1]["usage"] == USAGE
    assert all("usage" not in document for document in documents(normalised(payloads)))
    normaliser = StreamNormaliser()
    for payload in payloads:
        normaliser.feed(payload)
    assert normaliser.usage == Usage(input_tokens=3, output_tokens=5, output_audio_tokens=2)


def test_sound_in_pieces_that_cannot_be_joined_is_cut_anew() -> None:
    pieces = [b"12345678", b"1234", b"", b"123456", b"1"]
    chunks = documents(normalised([*(chunk(sound(piece)) for piece in pieces), b"[DONE]"]))
    written = [data["audio"]["data"] for c in chunks if (data := c["choices"][0]["delta"])]
    assert base64.b64decode("".join(written), validate=True) == b"".join(pieces)
    assert not any("=" in data for data in written[:-1])
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_what_surrounds_sound_that_is_cut_anew_is_kept() -> None:
    payload = chunk(sound(b"12345678", transcript="é", vendor=[1.5]), obfuscation="x")
    [first, *_] = documents(normalised([payload, b"[DONE]"]))
    expected = json.loads(payload)
    expected["choices"][0]["delta"]["audio"]["data"] = base64.b64encode(b"123456").decode()
    assert first == expected


def test_what_a_service_says_again_and_again_comes_once_and_in_order() -> None:
    payloads = [
        chunk(sound(b"123456", id="audio_1", expires_at=9, transcript="a")),
        chunk(sound(b"abcdef", id="audio_1", expires_at=9)),
        chunk(choice("stop", audio={"expires_at": 9})),
        chunk(usage=USAGE),
        b"[DONE]",
    ]
    chunks = documents(normalised(payloads, usage=True))
    audios = [c["choices"][0]["delta"].get("audio") for c in chunks[:-1]]
    assert audios[0] == {"data": "MTIzNDU2", "id": "audio_1", "transcript": "a"}
    assert audios[1:] == [{"data": "YWJjZGVm"}, {"expires_at": 9}, None]
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None, None, None, "stop"]


def test_a_finish_reason_that_comes_with_sound_follows_it() -> None:
    last = sound(b"123456") | {"finish_reason": "length", "stop_reason": "x"}
    first, finish = documents(normalised([chunk(last)]))
    assert first["choices"][0]["finish_reason"] is None
    assert first["choices"][0]["delta"]["audio"]["data"] == "MTIzNDU2"
    assert finish["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length", "stop_reason": "x"}]


def test_several_spoken_choices_each_come_to_their_end() -> None:
    both = chunk(sound(b"123456"), sound(b"abc") | {"index": 1})
    chunks = documents(normalised([both, b"[DONE]"]))
    choices = [choice for c in chunks for choice in c["choices"]]
    for index, data in [(0, b"123456"), (1, b"abc")]:
        mine = [choice for choice in choices if choice["index"] == index]
        written = "".join(choice["delta"].get("audio", {}).get("data", "") for choice in mine)
        assert base64.b64decode(written) == data
        assert mine[-1]["finish_reason"] == "stop"


def test_sound_as_content_is_passed_on_as_it_came() -> None:
    payloads = [chunk(choice(content="UklGRg=="), modality="audio"), chunk(choice("stop"))]
    assert normalised(payloads) == [*map(event, payloads), DONE]


def test_a_missing_end_is_added_where_the_answer_is_whole() -> None:
    assert normalised([chunk(choice("stop", content="a"))])[-1] == DONE


def test_nothing_is_passed_on_after_the_end() -> None:
    normaliser = StreamNormaliser()
    normaliser.feed(chunk(choice(content="a")))
    assert normaliser.feed(b" [DONE] ")[-1] == DONE
    assert (normaliser.feed(chunk(choice(content="b"))), normaliser.close(), normaliser.done) == (
        [],
        [],
        True,
    )


@pytest.mark.parametrize(
    "payloads", [[], [chunk(choice(content="a"))], [chunk(sound(b"123456")), chunk(usage=USAGE)]]
)
def test_a_stream_that_is_cut_off_never_looks_whole(payloads: list[bytes]) -> None:
    normaliser = StreamNormaliser(usage=True)
    events = [event for payload in payloads for event in normaliser.feed(payload)]
    assert not any(b"[DONE]" in event or b'"stop"' in event for event in events)
    with pytest.raises(ReplyError, match="cut off"):
        normaliser.close()
    assert not normaliser.done


@pytest.mark.parametrize(
    "payload",
    [b"hello", b"[1]", b"{", b'{"choices":1}', b'{"choices":[1]}', b'{"choices":[{"delta":[1]}]}', b"[DONE]"],
)
def test_what_is_no_answer_is_an_error(payload: bytes) -> None:
    with pytest.raises(ReplyError):
        StreamNormaliser().feed(payload)


def test_base64_that_is_none_is_an_error() -> None:
    with pytest.raises(ReplyError, match="base64"):
        StreamNormaliser().feed(chunk(choice(audio={"data": "!!!!"})))
    with pytest.raises(ReplyError, match="base64"):
        normalised([chunk(choice(audio={"data": "AAAAA"})), b"[DONE]"])


def test_an_error_in_a_stream_is_raised_as_what_it_is() -> None:
    normaliser = StreamNormaliser()
    normaliser.feed(chunk(choice(content="a")))
    with pytest.raises(RateLimitError, match="slow down"):
        normaliser.feed(b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}')


def test_an_answer_in_one_piece_is_no_stream() -> None:
    assert "in one piece" in str(decode_unstreamed(b'{"choices":[]}'))
    assert isinstance(
        decode_unstreamed(b'{"error":{"message":"m","code":"rate_limit_exceeded"}}'), RateLimitError
    )


USAGES = [
    ({"prompt_tokens": 3, "completion_tokens": 5}, Usage(input_tokens=3, output_tokens=5)),
    (
        {"type": "tokens", "input_tokens": 9, "output_tokens": 2, "input_token_details": {"audio_tokens": 8}},
        Usage(input_tokens=9, output_tokens=2, input_audio_tokens=8),
    ),
    ({"type": "duration", "seconds": 7}, Usage(input_seconds=7.0)),
]


@pytest.mark.parametrize(("written", "usage"), USAGES)
def test_what_an_answer_used_is_found_behind_its_sound(written: dict[str, Any], usage: Usage) -> None:
    body = json.dumps({"a": {"usage": 1, "data": "QUFB" * 100_000}, "usage": written}).encode()
    scanner = AnswerScanner()
    for start in range(0, len(body), 65536):
        scanner.feed(body[start : start + 65536])
    assert scanner.usage == usage


@pytest.mark.parametrize("body", [b"", b"WEBVTT", b'{"usage":3}', b'{"usage":null}', b'{"a":1}', b"\xff" * 9])
def test_an_answer_may_say_nothing_of_what_it_used(body: bytes) -> None:
    scanner = AnswerScanner()
    scanner.feed(body)
    scanner.feed(body)
    assert scanner.usage is None
