"""OpenAI's own client understands what we encode, streamed and whole."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.echo_service import CREATED, answer_as_echo
from tests.servers import serve

openai = pytest.importorskip("openai", reason="the dev extra is not installed")

WORDS = "a b c"
SOUND_BYTES = 3 * 4800
SPOKEN = {
    "model": "echo",
    "messages": [{"role": "user", "content": WORDS}],
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "pcm16"},
}
WRITTEN = {"model": "echo", "messages": [{"role": "user", "content": WORDS}]}
USAGE = {"include_usage": True}


@pytest.fixture
def client() -> Iterator[Any]:
    with (
        serve(answer_as_echo) as server,
        openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=0, timeout=10) as opened,
    ):
        yield opened


def test_a_whole_spoken_answer(client: Any) -> None:
    completion = client.chat.completions.create(**SPOKEN)
    message = completion.choices[0].message
    assert (message.content, message.audio.id, message.audio.transcript) == (None, "audio_echo", WORDS)
    assert len(base64.b64decode(message.audio.data)) == SOUND_BYTES
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.completion_tokens_details.audio_tokens == 6


def test_a_whole_written_answer(client: Any) -> None:
    completion = client.chat.completions.create(**WRITTEN)
    assert (completion.choices[0].message.content, completion.choices[0].message.audio) == (WORDS, None)
    assert completion.usage.total_tokens == 6


def test_a_stream_of_a_spoken_answer(client: Any) -> None:
    chunks = list(client.chat.completions.create(**SPOKEN, stream=True, stream_options=USAGE))
    sounds = [choice.delta.audio for chunk in chunks for choice in chunk.choices if choice.delta.audio]
    assert "".join(sound.transcript or "" for sound in sounds) == WORDS
    assert len(base64.b64decode("".join(sound.data or "" for sound in sounds))) == SOUND_BYTES
    assert [sound.id for sound in sounds if sound.id] == ["audio_echo"]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {
        ("chatcmpl-echo", CREATED, "echo")
    }
    assert [choice.finish_reason for choice in chunks[-2].choices] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens_details.audio_tokens == 6


@pytest.mark.parametrize("question", [SPOKEN, WRITTEN], ids=["spoken", "written"])
def test_the_stream_helper_puts_the_whole_together(client: Any, question: dict[str, object]) -> None:
    with client.chat.completions.stream(**question, stream_options=USAGE) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.completion_tokens == (9 if question is SPOKEN else 3)
    if question is SPOKEN:
        assert (message.audio.id, message.audio.transcript) == ("audio_echo", WORDS)
        assert len(base64.b64decode(message.audio.data)) == SOUND_BYTES
    else:
        assert message.content == WORDS


def test_a_request_that_is_none_is_refused_with_its_reason(client: Any) -> None:
    with pytest.raises(openai.BadRequestError, match=r"audio\.voice"):
        client.chat.completions.create(**(SPOKEN | {"audio": {"format": "wav"}}))
