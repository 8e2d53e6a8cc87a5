"""The speech in the recorded answers, with what is said in it. Where they are not, tests skip."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audiocli.audio.containers.wav import wav_header
from tests.recorded import recorded, recorded_json

_RUBY = "Ruby is a programming language designed for developer happiness."


@dataclass(frozen=True)
class Clip:
    """An audio file, and its words as the service that made it, or a listener, has written them down."""

    name: str
    content: bytes
    text: str


def clips() -> Iterator[Clip]:
    """All that is spoken there, once each: 14 clips, of up to 21 words."""
    yield from _endpoints()
    yield from _chats()
    yield from _others()


def _endpoints() -> Iterator[Clip]:
    folder = "openai-audio-endpoints"
    parts = recorded_json(f"{folder}/speech-sse.json")["response"]["body"]["parts"]
    deltas = [json.loads(part[6:]) for part in parts if "speech.audio.delta" in part]
    streamed = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    yield Clip("streamed speech", streamed, "Hello, world! This is a streaming test.")
    body = recorded_json(f"{folder}/speech-wav.json")["response"]["body"]
    yield Clip("speech", _base64(body.get("base64") or body["text"]), "Hello, world!")
    yield Clip(
        "test", _uploaded(recorded_json(f"{folder}/transcription-srt.json")), "Hello, world! This is a test."
    )
    meeting = recorded_json(f"{folder}/transcription-diarized.json")
    yield Clip("meeting", _uploaded(meeting), meeting["response"]["body"]["json"]["text"])


def _chats() -> Iterator[Clip]:
    folder = "openai-chat-audio"
    for session in ("654b7239", "current"):
        yield _streamed(f"{folder}/{session}-ChatWithBasicAudioOutput-0.response.sse", f"hello {session}")
    said = recorded_json(f"{folder}/chat-wav-2024.json")
    yield Clip("refusal", base64.b64decode(said["data"]), said["transcript"])
    answer = recorded_json(f"{folder}/current-ChatWithAudio-0.response.json")
    said = answer["choices"][0]["message"]["audio"]
    yield Clip("answer", _wav(base64.b64decode(said["data"])), said["transcript"])
    yield _streamed(f"{folder}/current-ChatWithAudio-1.response.sse", "second answer")
    asked = recorded_json(f"{folder}/current-ChatWithAudio-1.request.json")["messages"][-1]["content"][-1]
    # Nobody has written this one down but those who hear it.
    weather = "What's the weather like in San Francisco, California?"
    yield Clip("second question", base64.b64decode(asked["input_audio"]["data"]), weather)
    sent = recorded_json(f"{folder}/gpt-audio-mini-audio-in.json")["request"]["body"]["json"]["messages"]
    (audio,) = [part["input_audio"] for part in sent[0]["content"] if "input_audio" in part]
    yield Clip("ruby", base64.b64decode(audio["data"]), _RUBY)


def _others() -> Iterator[Clip]:
    folder = "other-providers"
    spoken = recorded_json(f"{folder}/gemini-tts.json")["response"]["body"]["json"]
    yield Clip("Gemini's ruby", _wav(b"".join(_inline(spoken))), _RUBY)
    for name in ("gemini-tts-finish-other", "gemini-tts-stream"):
        chunks = recorded_json(f"{folder}/{name}/response-streaming.json")
        yield Clip(name, _wav(b"".join(_inline(chunks))), "Hello.")


def _inline(document: Any) -> Iterator[bytes]:
    if isinstance(document, dict):
        if "inlineData" in document:
            yield base64.b64decode(document["inlineData"]["data"])
        document = list(document.values())
    if isinstance(document, list):
        for member in document:
            yield from _inline(member)


def _streamed(path: str, name: str) -> Clip:
    lines = [line for line in recorded(path).splitlines() if line.startswith(b"data: {")]
    choices = [choice for line in lines for choice in json.loads(line[6:]).get("choices") or ()]
    audio = [choice["delta"].get("audio") or {} for choice in choices]
    sound = b"".join(base64.b64decode(part.get("data", "")) for part in audio)
    return Clip(name, _wav(sound), "".join(part.get("transcript", "") for part in audio))


def _uploaded(exchange: Any) -> bytes:
    (file,) = [part for part in exchange["request"]["body"]["parts"] if part.startswith("b64:")]
    return _base64(file)


def _base64(text: str) -> bytes:
    return base64.b64decode(text.removeprefix("b64:"))


def _wav(pcm: bytes) -> bytes:
    return wav_header(len(pcm), 24_000) + pcm


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """How many words would have to be put in, left out or replaced, and how many there are."""
    reference, found = _plain(said), _plain(heard)
    distances = list(range(len(found) + 1))
    for row, word in enumerate(reference, 1):
        previous, distances = distances, [row]
        for column, other in enumerate(found, 1):
            change = previous[column - 1] + (word != other)
            distances.append(min(previous[column] + 1, distances[-1] + 1, change))
    return distances[-1], len(reference)


def _plain(text: str) -> list[str]:
    """Without case and punctuation; hyphens part words."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
