"""The embedded model through the library, as code that was written for a hosted one uses it."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

import audiocli as litellm
from audiocli.audio.containers.wav import wav_header
from audiocli.errors import CapabilityError

pytestmark = [pytest.mark.embedded, pytest.mark.usefixtures("embedded_model")]

QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "What is the capital of France?"}]
SPOKEN: dict[str, Any] = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's settings but where the weights are."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("AUDIOCLI_CONFIG", "AUDIOCLI_LOCAL_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("whole", [True, False], ids=["the message as it came", "only its id"])
def test_a_conversation_goes_on_from_what_was_said(whole: bool) -> None:
    asked: dict[str, Any] = {"model": "local", "max_tokens": 12}

    async def in_a_notebook() -> tuple[Any, Any]:
        first = litellm.completion(messages=QUESTION, **SPOKEN, **asked).choices[0].message
        said = first if whole else {"role": "assistant", "audio": {"id": first.audio.id}}
        follow_up = {"role": "user", "content": "And of Spain?"}
        second = await litellm.acompletion(messages=[*QUESTION, said, follow_up], **asked)
        return first, second

    first, second = asyncio.run(in_a_notebook())
    sound = base64.b64decode(first.audio.data)
    assert sound[:44] == wav_header(len(sound) - 44)
    assert first.content is None
    assert first.audio.transcript
    assert second.choices[0].message.content
    assert second.usage.prompt_tokens > 20


def test_every_chunk_of_sound_is_of_the_answer_that_the_first_one_names() -> None:
    pcm = {**SPOKEN, "audio": {"voice": "alloy", "format": "pcm16"}}
    chunks = list(litellm.completion(model="local", messages=QUESTION, max_tokens=12, stream=True, **pcm))
    audio = [chunk.choices[0].delta.audio for chunk in chunks if chunk.choices[0].delta.audio]
    assert audio[0].id.startswith("audio_")
    assert not any(each.id for each in audio[1:])
    assert audio[-1].expires_at > chunks[0].created
    assert len(base64.b64decode("".join(each.data or "" for each in audio))) > 10_000


def test_what_it_does_not_understand_it_says() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(CapabilityError, match=r"the embedded model does not understand .*'image_url'"):
        litellm.completion(model="local", messages=[{"role": "user", "content": [part]}])
