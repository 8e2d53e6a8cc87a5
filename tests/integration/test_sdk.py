"""The library against servers on loopback: code written for LiteLLM, and our own functions."""

import asyncio
import base64
import gc
import inspect
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import audiocli
import audiocli as litellm
from audiocli.audio.containers.wav import wav_header
from audiocli.library.asking import Audio
from tests.contract.echo_service import answer_as_echo
from tests.recorded import needs_recordings, recorded, recorded_json
from tests.servers import Exchange, Script, Server, serve

KEY = "sk-test-0123456789abcdefghijklmnop"
WORDS = "a b c"
SOUND_BYTES = 3 * 4800
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": WORDS}]
SPOKEN: dict[str, Any] = {
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "pcm16"},
    "messages": QUESTION,
}
SAMPLES = Path(__file__).parents[2] / "samples"
FOLDER = "openai-chat-audio"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's settings, and a key."""
    for name in (
        "OPENAI_BASE_URL",
        "AUDIOCLI_MODEL",
        "AUDIOCLI_CONFIG",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def echo() -> Iterator[Server]:
    with serve(answer_as_echo) as server:
        yield server


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], None]:
    """Puts a server in the place of OpenAI's, for snippets that name none."""
    return lambda server: monkeypatch.setenv("OPENAI_BASE_URL", server.url)


def body(server: Server, number: int = -1) -> Any:
    return json.loads(server.exchanges[number].body)


def replies(document: object, status: str = "200 OK") -> Script:
    return lambda exchange: exchange.reply(json.dumps(document).encode(), status=status)


def sound_of(chunks: list[audiocli.Document]) -> bytes:
    pieces = (choice.delta.audio for chunk in chunks for choice in chunk.choices if choice.delta.audio)
    return base64.b64decode("".join(piece.data or "" for piece in pieces))


# LiteLLM's documented snippets, as they are written


@needs_recordings
def test_the_documented_snippet_of_a_spoken_answer(openai: Callable[[Server], None]) -> None:
    answer = recorded_json(f"{FOLDER}/current-ChatWithAudio-0.response.json")

    async def snippet() -> tuple[Any, bytes]:
        completion = await litellm.acompletion(
            model="gpt-4o-audio-preview",
            modalities=["text", "audio"],
            audio={"voice": "alloy", "format": "wav"},
            messages=[{"role": "user", "content": "Is a golden retriever a good family dog?"}],
        )
        wav_bytes = base64.b64decode(completion.choices[0].message.audio.data)
        return completion, wav_bytes

    with serve(replies(answer)) as server:
        openai(server)
        completion, wav_bytes = asyncio.run(snippet())
    message = answer["choices"][0]["message"]
    assert wav_bytes == base64.b64decode(message["audio"]["data"])
    assert completion.choices[0].message.content is None
    assert completion.choices[0].message.audio.model_dump() == message["audio"]
    assert completion["choices"][0]["message"]["audio"]["transcript"] == message["audio"]["transcript"]
    assert completion.model_dump()["id"] == completion.id == answer["id"]
    assert completion.usage.total_tokens == answer["usage"]["total_tokens"]
    assert completion.choices[0].finish_reason == "stop"
    assert body(server) == {
        "model": "gpt-4o-audio-preview",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [{"role": "user", "content": "Is a golden retriever a good family dog?"}],
    }


@needs_recordings
def test_the_documented_snippet_of_a_spoken_question(openai: Callable[[Server], None]) -> None:
    recording = recorded_json(f"{FOLDER}/gpt-audio-mini-audio-in.json")
    encoded = base64.b64encode((SAMPLES / "question.wav").read_bytes()).decode("utf-8")
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is in this recording?"},
                {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}},
            ],
        }
    ]
    with serve(replies(recording["response"]["body"]["json"])) as server:
        openai(server)
        completion = litellm.completion(model="gpt-4o-audio-preview", messages=messages)
    said = recording["response"]["body"]["json"]["choices"][0]["message"]["content"]
    assert completion.choices[0].message.content == said
    assert completion.choices[0].message.audio is None
    assert body(server)["messages"] == messages


# Streams


@needs_recordings
def test_a_recorded_stream_comes_in_the_form_that_every_client_reads(
    openai: Callable[[Server], None],
) -> None:
    payload = recorded(f"{FOLDER}/current-ChatWithBasicAudioOutput-0.response.sse")
    with serve(lambda exchange: exchange.stream(payload)) as server:
        openai(server)
        stream = litellm.completion(model="gpt-audio-1.5", stream=True, **SPOKEN)
        chunks = list(stream)
    lines = [json.loads(line[6:]) for line in payload.splitlines() if line.startswith(b"data: {")]
    choices = [choice["delta"].get("audio", {}) for line in lines for choice in line.get("choices", ())]
    assert sound_of(chunks) == base64.b64decode("".join(audio.get("data", "") for audio in choices))
    assert all(len(chunk.choices) == 1 for chunk in chunks)
    audio = [chunk.choices[0].delta.audio for chunk in chunks if chunk.choices[0].delta.audio]
    assert "".join(each.transcript or "" for each in audio) == "".join(
        each.get("transcript", "") for each in choices
    )
    assert {each.id for each in audio if each.id} == {each["id"] for each in choices if "id" in each}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


def test_an_asynchronous_stream(echo: Server) -> None:
    async def take() -> list[audiocli.Document]:
        response = await litellm.acompletion(model="echo-1", api_base=echo.url, stream=True, **SPOKEN)
        return [chunk async for chunk in response]

    chunks = asyncio.run(take())
    assert len(sound_of(chunks)) == SOUND_BYTES
    assert body(echo)["stream"] is True


def test_usage_is_streamed_to_those_who_ask_for_it(echo: Server) -> None:
    asked: dict[str, Any] = {"model": "echo-1", "api_base": echo.url, "messages": QUESTION}
    without = list(litellm.completion(**asked, stream=True))
    with_usage = list(litellm.completion(**asked, stream=True, stream_options={"include_usage": True}))
    assert all(chunk.choices and chunk.usage is None for chunk in without)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in without) == WORDS
    assert with_usage[-1].choices == []
    assert with_usage[-1].usage.total_tokens == 6


@pytest.mark.parametrize("leave", ["close", "drop", "never begun"])
def test_a_stream_that_is_left_early_closes_its_connection(leave: str) -> None:
    left: list[float] = []

    def play(exchange: Exchange) -> None:
        chunk = {"choices": [{"index": 0, "delta": {"content": "word "}}]}
        exchange.stream(b"data: %b\n\n" % json.dumps(chunk).encode())
        left.append(exchange.hold())

    with serve(play) as server:
        stream = litellm.completion(model="m", api_base=server.url, messages=QUESTION, stream=True)
        if leave != "never begun":
            assert next(iter(stream)).choices[0].delta.content == "word "
        if leave == "close":
            stream.close()
        del stream
        gc.collect()
    assert left[0] < 5


def test_an_asynchronous_stream_that_is_left_early_closes_its_connection() -> None:
    left: list[float] = []

    def play(exchange: Exchange) -> None:
        exchange.stream(b'data: {"choices": [{"index": 0, "delta": {"content": "word "}}]}\n\n')
        left.append(exchange.hold())

    async def take(url: str) -> None:
        stream = await litellm.acompletion(model="m", api_base=url, messages=QUESTION, stream=True)
        async for _ in stream:
            break
        await stream.aclose()

    with serve(play) as server:
        asyncio.run(take(server.url))
    assert left[0] < 5


@needs_recordings
def test_the_first_piece_of_sound_and_words_says_what_the_answer_is_called(
    openai: Callable[[Server], None],
) -> None:
    payload = recorded(f"{FOLDER}/current-ChatWithBasicAudioOutput-0.response.sse")
    with serve(lambda exchange: exchange.stream(payload)) as server:
        openai(server)
        chunks = list(litellm.completion(model="gpt-audio-1.5", stream=True, **SPOKEN))
    first = json.loads(payload.splitlines()[0][6:])
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {
        (first["id"], first["created"], first["model"])
    }
    audio = [chunk.choices[0].delta.audio for chunk in chunks if chunk.choices[0].delta.audio]
    assert audio[0].id.startswith("audio_")
    assert [each.id for each in audio[1:]] == [None] * (len(audio) - 1)
    assert audio[0]["id"] == audio[0].id


# What we have no word for

TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}}
RICH: dict[str, Any] = {
    "id": "chatcmpl-rich",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [TOOL_CALL],
                "annotations": [],
                "reasoning_content": "I think.",
            },
            "finish_reason": "tool_calls",
            "logprobs": {"content": [{"token": "a", "logprob": -0.5}]},
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": "Or so.", "audio": {"id": "audio_2", "data": "QUI="}},
            "finish_reason": "stop",
            "logprobs": None,
        },
    ],
    "usage": {
        "prompt_tokens": 5,
        "completion_tokens": 6,
        "total_tokens": 11,
        "prompt_tokens_details": {"audio_tokens": 0, "text_tokens": 5, "cached_tokens": 0, "image_tokens": 2},
        "completion_tokens_details": {"audio_tokens": 0, "text_tokens": 2, "reasoning_tokens": 4},
        "cost": 0.5,
    },
    "service_tier": "default",
    "x_vendor": {"deep": [1, {"er": None}]},
}


def test_a_stream_without_an_answer_that_was_asked_for_is_cut_off() -> None:
    def script(exchange: Exchange) -> None:
        choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
        exchange.stream(b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n")

    asked: dict[str, Any] = {"model": "m", "messages": QUESTION, "stream": True, "num_retries": 0}
    with serve(script) as server:
        asked["api_base"] = server.url
        assert [*litellm.completion(**asked)]
        with pytest.raises(litellm.ReplyError, match="cut off"):
            list(litellm.completion(n=2, **asked))


def test_an_answer_has_all_that_the_service_says() -> None:
    with serve(replies(RICH)) as server:
        completion = litellm.completion(model="m", api_base=server.url, messages=QUESTION, n=2)
    expected = json.loads(json.dumps(RICH))
    del expected["choices"][1]["logprobs"]  # It is null, and reads as None.
    assert completion.model_dump() == expected
    assert completion.choices[0].message.tool_calls[0].function.name == "weather"
    assert completion.choices[1].message.content == "Or so."
    assert completion["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    assert completion.service_tier == "default"


@needs_recordings
def test_a_recorded_answer_comes_as_the_service_sent_it(openai: Callable[[Server], None]) -> None:
    answer = recorded_json(f"{FOLDER}/current-ChatWithAudio-0.response.json")
    with serve(replies(answer)) as server:
        openai(server)
        completion = litellm.completion(model="gpt-audio-1.5", **SPOKEN)
    dumped = completion.model_dump()
    assert dumped["choices"][0].pop("logprobs") is None  # The specification has it, the service does not.
    assert dumped == answer


def test_the_calls_of_tools_are_streamed_with_all_that_belongs_to_them() -> None:
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    deltas = [
        {"role": "assistant", "content": None, "tool_calls": [head]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
    ]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 1, "delta": {"content": "Or so."}, "finish_reason": "length"})
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls", "logprobs": {"content": [1]}})
    chunks = [{"id": "x", "service_tier": "flex", "choices": [choice]} for choice in choices]
    events = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    with serve(lambda exchange: exchange.stream(events + b"data: [DONE]\n\n")) as server:
        received = list(litellm.completion(model="m", api_base=server.url, messages=QUESTION, stream=True))
    first = [choice for chunk in received for choice in chunk.choices if choice.index == 0]
    calls = [choice.delta.tool_calls[0] for choice in first if choice.delta.tool_calls]
    assert calls[0].model_dump() == head
    assert "".join(call.function.arguments for call in calls) == '{"a": 1}'
    assert first[-1].finish_reason == "tool_calls"
    assert [choice.logprobs.model_dump() for choice in first if choice.logprobs] == [{"content": [1]}]
    second = [choice.model_dump() for chunk in received for choice in chunk.choices if choice.index == 1]
    assert second == [{"index": 1, "delta": {"content": "Or so."}, "finish_reason": "length"}]
    assert [chunk["service_tier"] for chunk in received if "service_tier" in chunk] == ["flex"]


def test_pieces_that_are_streamed_in_place_of_a_whole_answer_are_put_together() -> None:
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{"}}
    deltas: list[dict[str, Any]] = [
        {"tool_calls": [head]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
    ]
    events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]} for delta in deltas]
    payload = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    with serve(lambda exchange: exchange.stream(payload)) as server:
        message = litellm.completion(model="m", api_base=server.url, messages=QUESTION).choices[0].message
    assert message.content is None
    assert [call.function.arguments for call in message.tool_calls] == ["{}"]


def test_what_is_nested_without_end_is_left_out_and_the_answer_stays() -> None:
    deep: Any = "end"
    for _ in range(200):
        deep = [deep]
    choice = {"index": 0, "message": {"content": "Yes.", "odd": deep}, "finish_reason": "stop", "more": deep}
    with serve(replies({"choices": [choice], "deep": deep})) as server:
        completion = litellm.completion(model="m", api_base=server.url, messages=QUESTION)
    assert completion.choices[0].message.content == "Yes."
    assert not {"deep", "odd", "more"} & {*completion, *completion.choices[0], *completion.choices[0].message}


def test_the_key_is_masked_in_all_that_a_service_says() -> None:
    call = {"id": KEY, "function": {"arguments": f'"{KEY}"'}}
    message = {"content": None, "tool_calls": [call], KEY: KEY}
    document = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "note": KEY}
    for answer in (json.dumps(document).encode(), b"data: %b\n\n" % json.dumps(document).encode()):
        answer = answer.replace(b'"message"', b'"delta"') if answer.startswith(b"data") else answer
        with serve(lambda exchange, answer=answer: exchange.reply(answer)) as server:  # type: ignore[misc]
            asked: dict[str, Any] = {"model": "m", "api_base": server.url, "messages": QUESTION}
            completion = litellm.completion(**asked)
        assert completion.choices[0].message.tool_calls
        assert KEY not in completion.model_dump_json()


def test_messages_and_parts_that_we_have_no_word_for_are_sent_as_they_are(echo: Server) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief.", "name": "owner"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
                {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav", "x": 1}},
                {"type": "file", "file": {"file_id": "file_1"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        *QUESTION,
    ]
    litellm.completion(model="m", api_base=echo.url, messages=messages)
    assert body(echo)["messages"] == messages


def test_a_tool_is_called_and_its_result_is_sent_back(echo: Server) -> None:
    with serve(replies(RICH)) as server:
        message = litellm.completion(model="m", api_base=server.url, messages=QUESTION).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    litellm.completion(model="m", api_base=echo.url, messages=[*QUESTION, message, result, *QUESTION])
    _, called, told, _ = body(echo)["messages"]
    assert (called["content"], called["tool_calls"]) == (None, [TOOL_CALL])
    assert told == result


def test_wishes_that_we_have_no_word_for_are_sent_as_they_are(echo: Server) -> None:
    wishes: dict[str, Any] = {
        "modalities": ["audio", "text"],
        "audio": {"voice": {"id": "voice_1"}, "format": "pcm16", "speed": 2},
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    }
    litellm.completion(model="m", api_base=echo.url, messages=QUESTION, **wishes)
    assert {name: body(echo)[name] for name in wishes} == wishes
    litellm.completion(model="m", api_base=echo.url, messages=QUESTION, modalities=["text"])
    assert body(echo)["modalities"] == ["text"]
    options = {"include_obfuscation": False}
    list(
        litellm.completion(
            model="m", api_base=echo.url, messages=QUESTION, stream=True, stream_options=options
        )
    )
    assert body(echo)["stream_options"] == {"include_obfuscation": False, "include_usage": True}


@pytest.mark.parametrize("part", [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "odd"}])
def test_a_model_in_this_process_says_what_it_does_not_understand(part: dict[str, Any]) -> None:
    with pytest.raises(
        litellm.CapabilityError, match=f"echo does not understand .*'{part['type']}'"
    ) as caught:
        litellm.completion(model="echo", messages=[{"role": "user", "content": [part]}])
    assert caught.value.status_code == 400


# What goes out


def test_what_is_no_argument_of_ours_is_a_field_of_the_body(echo: Server) -> None:
    litellm.completion(
        "openai/m",
        QUESTION,
        base_url=echo.url,
        temperature=0.5,
        max_tokens=7,
        top_p=None,
        user="somebody",
        provider={"a": [1, 2]},  # type: ignore[call-arg] # a field of one service alone
        extra_body={"store": False},
        extra_headers={"X-Title": "tests"},
    )
    assert body(echo) == {
        "model": "m",
        "messages": QUESTION,
        "temperature": 0.5,
        "max_tokens": 7,
        "user": "somebody",
        "provider": {"a": [1, 2]},
        "store": False,
    }
    assert echo.exchanges[0].headers["x-title"] == "tests"


def test_litellms_own_arguments_do_what_they_say_and_are_not_sent(echo: Server) -> None:
    litellm.completion(
        "gpt-audio",
        QUESTION,
        api_base=echo.url,
        timeout="5",
        headers={"X-Title": "tests"},
        organization="org-1",
        custom_llm_provider="openai",
        drop_params=True,
        num_retries=0,
    )
    assert body(echo) == {"model": "gpt-audio", "messages": QUESTION}
    sent = echo.exchanges[0].headers
    assert (sent["x-title"], sent["openai-organization"]) == ("tests", "org-1")


@pytest.mark.parametrize(
    ("named", "sent"),
    [
        ({"model": "openai/m"}, "m"),
        ({"model": "hosted_vllm/Qwen/Qwen2.5-Omni-7B"}, "Qwen/Qwen2.5-Omni-7B"),
        ({"model": "Qwen/Qwen2.5-Omni-7B"}, "Qwen/Qwen2.5-Omni-7B"),
        ({"model": "x", "custom_llm_provider": "mistral"}, "x"),
        ({"model": "mistral/x", "custom_llm_provider": "mistral"}, "x"),
    ],
)
def test_a_server_is_told_the_models_name_and_not_that_of_its_provider(
    named: dict[str, Any], sent: str, echo: Server
) -> None:
    litellm.completion(**named, messages=QUESTION, api_base=echo.url)
    assert body(echo)["model"] == sent


def test_azure_is_asked_as_litellm_asks_it(echo: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    call: dict[str, Any] = {"messages": QUESTION, "api_base": echo.url, "api_version": "2025-01-01-preview"}
    litellm.completion("azure/mine", **call, api_key="sk-of-this-call")
    monkeypatch.setenv("AZURE_API_KEY", "sk-of-azure-0123")
    litellm.completion("azure/mine", **call)
    assert [exchange.headers["api-key"] for exchange in echo.exchanges] == [
        "sk-of-this-call",
        "sk-of-azure-0123",
    ]
    path = b"POST /openai/deployments/mine/chat/completions?api-version=2025-01-01-preview "
    assert all(exchange.head.startswith(path) for exchange in echo.exchanges)
    assert all("authorization" not in exchange.headers for exchange in echo.exchanges)


def test_a_provider_may_be_named_apart() -> None:
    completion = litellm.completion("echo", QUESTION, custom_llm_provider="echo")
    assert completion.choices[0].message.content == WORDS


def test_an_answer_can_stand_among_the_messages_of_the_next_question(echo: Server) -> None:
    first = litellm.completion(model="m", api_base=echo.url, **SPOKEN)
    answered = first.choices[0].message
    for message in (answered, answered.model_dump()):
        litellm.completion(model="m", api_base=echo.url, messages=[*QUESTION, message, *QUESTION])
        assert body(echo)["messages"] == [
            *QUESTION,
            {"role": "assistant", "audio": {"id": "audio_echo"}},
            *QUESTION,
        ]


def test_the_key_of_a_call_goes_where_the_call_goes(echo: Server) -> None:
    litellm.completion(model="m", api_base=echo.url, api_key="sk-of-this-call", messages=QUESTION)
    assert echo.exchanges[-1].headers["authorization"] == "Bearer sk-of-this-call"
    litellm.completion(model="m", api_base=echo.url, messages=QUESTION)
    assert echo.exchanges[-1].headers["authorization"] == f"Bearer {KEY}"


def test_the_keys_of_the_config_stay_with_their_servers(
    echo: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    with serve(answer_as_echo) as elsewhere:
        params = {"model": "openai/theirs", "api_base": elsewhere.url, "api_key": "sk-of-elsewhere"}
        config.write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
        monkeypatch.setenv("AUDIOCLI_CONFIG", str(config))
        litellm.completion(model="m", messages=QUESTION)
        litellm.completion(model="m", messages=QUESTION, api_key="sk-of-this-call")
        litellm.completion(model="m", messages=QUESTION, api_base=echo.url)
        keys = [exchange.headers["authorization"] for exchange in elsewhere.exchanges]
    assert keys == ["Bearer sk-of-elsewhere", "Bearer sk-of-this-call"]
    assert body(elsewhere)["model"] == "theirs"
    assert body(echo)["model"] == "m"
    assert echo.exchanges[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_model_in_this_process_needs_no_server() -> None:
    completion = litellm.completion(model="echo", **SPOKEN)
    assert completion.choices[0].message.audio.transcript == WORDS


# Errors


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", litellm.RejectedError),
        ("401 Unauthorized", litellm.AuthenticationError),
        ("404 Not Found", litellm.RejectedError),
        ("429 Too Many Requests", litellm.RateLimitError),
        ("500 Internal Server Error", litellm.ServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_raised_by_the_call_with_its_status(
    status: str, error: type[litellm.ProviderError], stream: bool
) -> None:
    document = {"error": {"message": "no", "type": "invalid_request_error", "code": "a_code"}}
    with serve(replies(document, status)) as server, pytest.raises(error, match="no") as caught:
        litellm.completion("m", QUESTION, api_base=server.url, max_retries=0, stream=stream)
    assert caught.value.status_code == int(status[:3])
    assert caught.value.code == "a_code"


@needs_recordings
def test_a_recorded_refusal_of_a_key() -> None:
    recording = recorded_json(f"{FOLDER}/auth-failure-401.json")["response"]["body"]["json"]
    with (
        serve(replies(recording, "401 Unauthorized")) as server,
        pytest.raises(litellm.AuthenticationError) as caught,
    ):
        asyncio.run(litellm.acompletion(model="gpt-4o-mini", messages=QUESTION, api_base=server.url))
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert len(server.exchanges) == 1


@pytest.mark.parametrize("name", ["num_retries", "max_retries"])
def test_as_many_tries_are_made_as_are_asked_for(name: str) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.reply(b"{}", status="503 Service Unavailable", Retry_After="0")

    with serve(refuse) as server, pytest.raises(litellm.ServerError):
        litellm.completion("m", QUESTION, stream=None, api_base=server.url, **{name: 2})  # type: ignore[arg-type] # one of two
    assert len(server.exchanges) == 3


def test_a_timeout_ends_the_call() -> None:
    started = time.monotonic()
    with serve(assert_left) as silent, pytest.raises(litellm.DeadlineError):
        litellm.completion(model="m", messages=QUESTION, api_base=silent.url, timeout=0.3)
    assert time.monotonic() - started < 5


def assert_left(exchange: Exchange) -> None:
    assert exchange.hold() < 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": "soon"},
        {"timeout": object()},
        {"num_retries": -1},
        {"messages": []},
        {"messages": "hi"},
        {"model": "what-is-it"},
        {"stream_options": "all"},
        {"seed": b"1"},
        {"extra_body": {"a": {"b": object()}}},
    ],
)
def test_a_call_that_cannot_be_is_refused_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(litellm.AudiocliError) as caught:
        litellm.completion(**({"model": "gpt-audio-1.5", "messages": QUESTION} | wrong))
    assert caught.value.status_code == 400


def test_a_written_answer_to_the_wish_for_a_spoken_one_is_content() -> None:
    choice = {"index": 0, "message": {"content": "in writing"}, "finish_reason": "stop"}
    with serve(replies({"choices": [choice]})) as server:
        message = litellm.completion(model="m", api_base=server.url, **SPOKEN).choices[0].message
    assert (message.content, message.audio) == ("in writing", None)


# Our own functions


def test_ask_writes_what_is_said(echo: Server, tmp_path: Path) -> None:
    events: list[audiocli.Event] = []
    path = tmp_path / "answer.wav"
    answer = audiocli.ask(WORDS, model="m", base_url=echo.url, output=path, voice="sage", show=events.append)
    assert answer.text == WORDS
    assert path.read_bytes()[:44] == wav_header(SOUND_BYTES)
    assert answer.recording is not None
    assert answer.recording.path == str(path)
    assert isinstance(events[-1], audiocli.Finished)
    assert body(echo)["audio"]["voice"] == "sage"


def test_aask_sends_audio_from_files_and_from_memory(echo: Server) -> None:
    path = SAMPLES / "question.wav"
    given: list[Audio] = [path, str(path), path.read_bytes()]
    asyncio.run(audiocli.aask("What is said?", audio=given, model="m", base_url=echo.url, system="Be brief."))
    system, user = body(echo)["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    sent = [part["input_audio"]["data"] for part in user["content"] if part["type"] == "input_audio"]
    assert [base64.b64decode(data) for data in sent] == [path.read_bytes()] * 3


def test_what_is_no_audio_is_refused() -> None:
    with pytest.raises(audiocli.InputError, match="not audio"):
        audiocli.ask("hi", audio=b"words, many words", model="echo")


def test_stream_yields_events(echo: Server) -> None:
    *deltas, finished = audiocli.stream(WORDS, model="m", base_url=echo.url, spoken=True)
    sound = b"".join(event.data for event in deltas if isinstance(event, audiocli.AudioDelta))
    words = "".join(event.text for event in deltas if isinstance(event, audiocli.TranscriptDelta))
    assert (words, len(sound)) == (WORDS, SOUND_BYTES)
    assert isinstance(finished, audiocli.Finished)


def test_what_may_surprise_in_the_audio_is_noted(echo: Server, tmp_path: Path) -> None:
    path = tmp_path / "question.mp3"
    path.write_bytes((SAMPLES / "question.wav").read_bytes())
    answer = audiocli.ask("What is said?", audio=path, model="m", base_url=echo.url)
    assert [note.rpartition("/")[2] for note in answer.notes] == ["question.mp3' is WAV by its content"]
    assert audiocli.ask(WORDS, model="m", base_url=echo.url).notes == ()


def test_our_own_functions_yield_only_what_there_is_a_word_for() -> None:
    answer = {**RICH, "choices": [{"index": 0, "message": {"content": "Yes.", "x": 1}, "logprobs": [1]}]}
    shown: list[audiocli.Event] = []
    with serve(replies(answer)) as server:
        streamed = list(audiocli.stream("hi", model="m", base_url=server.url))
        assert audiocli.ask("hi", model="m", base_url=server.url, show=shown.append).text == "Yes."
    for events in (streamed, shown):
        assert [type(event).__name__ for event in events] == ["TextDelta", "Finished"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: audiocli.ask("", model="echo"),
        lambda: audiocli.ask("hi", model="gpt-4o", audio=SAMPLES / "question.wav", api_key="sk-x"),
        lambda: audiocli.ask("hi", model="what-is-it"),
        lambda: audiocli.ask("hi", model="gpt-4o", output="x.wav", api_key="sk-x"),
        lambda: audiocli.ask("hi", model="whisper-1", api_key="sk-x"),
        lambda: audiocli.ask("hi", model="echo", output="x"),
        lambda: audiocli.transcribe(
            SAMPLES / "question.wav", model="gpt-transcribe", words=True, api_key=KEY
        ),
        lambda: audiocli.transcribe(SAMPLES / "question.wav", model="gpt-audio", speakers=True, api_key=KEY),
        lambda: audiocli.transcribe(SAMPLES / "question.wav", model="tts-1", api_key=KEY),
    ],
)
def test_what_to_do_is_not_said_in_words_of_the_command_line(call: Callable[[], object]) -> None:
    with pytest.raises(audiocli.AudiocliError) as caught:
        call()
    assert caught.value.hint
    assert "--" not in str(caught.value)


def test_astream_yields_events(echo: Server) -> None:
    async def take() -> str:
        events = audiocli.astream(WORDS, model="m", base_url=echo.url)
        return "".join([event.text async for event in events if isinstance(event, audiocli.TextDelta)])

    assert asyncio.run(take()) == WORDS


def test_the_synchronous_functions_work_where_a_loop_is_running(echo: Server) -> None:
    async def in_a_notebook() -> tuple[str, str, int]:
        answer = audiocli.ask(WORDS, model="m", base_url=echo.url)
        completion = litellm.completion(model="m", api_base=echo.url, messages=QUESTION)
        events = list(audiocli.stream(WORDS, model="m", base_url=echo.url))
        return answer.text, completion.choices[0].message.content, len(events)

    assert asyncio.run(in_a_notebook()) == (WORDS, WORDS, 4)


def test_ctrl_c_ends_a_synchronous_call_and_its_connection() -> None:
    left: list[float] = []

    def play(exchange: Exchange) -> None:
        exchange.stream(b'data: {"choices": [{"index": 0, "delta": {"content": "word "}}]}\n\n')
        left.append(exchange.hold())

    script = """if True:
        import sys, audiocli
        for event in audiocli.stream("hi", model="m", base_url=sys.argv[1]):
            print(event, flush=True)
    """
    command = [sys.executable, "-c", script]
    with (
        serve(play) as server,
        subprocess.Popen([*command, server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        assert process.stdout
        assert b"word" in process.stdout.readline()
        time.sleep(0.2)  # until it waits for more, which cannot be seen from here
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert left[0] < 10
    assert stderr.rstrip().endswith(b"KeyboardInterrupt")
    assert b"asynchronous generator" not in stderr


def test_a_stream_that_nobody_closes_does_not_keep_the_program_from_its_end() -> None:
    script = "import sys, audiocli; s = audiocli.stream('hi', model='m', base_url=sys.argv[1]); next(s)"
    word = b'data: {"choices": [{"index": 0, "delta": {"content": "word "}}]}\n\n'

    def play(exchange: Exchange) -> None:
        exchange.stream(word)
        assert_left(exchange)

    with serve(play) as server:
        result = subprocess.run([sys.executable, "-c", script, server.url], capture_output=True, timeout=20)
    assert (result.returncode, result.stderr) == (0, b"")


def test_the_two_kinds_of_function_take_the_same_arguments() -> None:
    assert inspect.signature(audiocli.ask).parameters == inspect.signature(audiocli.aask).parameters
    assert inspect.signature(audiocli.stream).parameters == inspect.signature(audiocli.astream).parameters
    assert not inspect.iscoroutinefunction(audiocli.ask)
