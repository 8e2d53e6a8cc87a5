"""The vocabulary: a chat request is made of messages made of parts; the answer is a stream of events.

All of it is values. Audio is the exception that proves the rule: a part holds an `AudioSource`, which
says how many bytes there are and can be read from its start as often as needed, so that a large file
goes from disk to the network without being held in memory.
"""

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO, Literal, Protocol

Role = Literal["system", "developer", "user", "assistant", "tool"]

PCM_RATE = 24_000
"""Hz of the pcm16 that chat models stream: mono, signed 16-bit little-endian, no header."""

PCM_BYTES_PER_SECOND = PCM_RATE * 2


class AudioSource(Protocol):
    """The bytes of one audio file: `size` of them, readable from the start any number of times."""

    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO: ...


@dataclass(frozen=True)
class AudioBytes:
    """An `AudioSource` in memory."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class TextPart:
    text: str


@dataclass(frozen=True)
class AudioPart:
    """Audio in a container that the model takes; `format` is the wire's word for it, such as `wav`."""

    source: AudioSource
    format: str


@dataclass(frozen=True)
class RawPart:
    """A part that has no word here, such as an image: the object that stands for it in OpenAI's API.

    Only a provider that speaks this API can send it.
    """

    document: Mapping[str, Any] = field(hash=False)


Part = TextPart | AudioPart | RawPart


@dataclass(frozen=True)
class Message:
    """One turn. `audio_id` names an earlier spoken answer, in place of its parts (assistant only).

    `extra` members, such as the calls of tools and a result's `tool_call_id`, are sent as they are.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    audio_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class AudioOutput:
    """Asks for a spoken answer: a voice, and the format its bytes shall have."""

    voice: str
    format: str


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """What is asked of a model. Without `audio` the answer is text.

    `extra` fields are sent as they are, in place of what would be sent under their names.
    """

    model: str
    messages: tuple[Message, ...]
    audio: AudioOutput | None = None
    stream: bool = False
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Usage:
    """Tokens as the service counted them; the totals include the audio tokens, and the cached ones.

    `cached_tokens` were read from the service's cache, `cached_audio_tokens` of them are of sound.
    `input_seconds` is the sound's length, if the service counts that. `cost` is what it says that it charges,
    in US dollars.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cached_tokens: int = 0
    cached_audio_tokens: int = 0
    input_seconds: float = 0.0
    cost: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Both together; the cost is known if that of both is."""
        if self == Usage():
            return other
        costs = (self.cost, other.cost)
        counted = {name: getattr(self, name) + getattr(other, name) for name in _COUNTED}
        return Usage(**counted, cost=None if None in costs else sum(filter(None, costs)))


_COUNTED = tuple(field.name for field in fields(Usage) if field.name != "cost")


@dataclass(frozen=True)
class TextDelta:
    """More of a written answer."""

    text: str


@dataclass(frozen=True)
class TranscriptDelta:
    """More of the words that are being spoken."""

    text: str


@dataclass(frozen=True)
class AudioStarted:
    """The answer is spoken. A later message names it by `id`; services without such names leave this out."""

    id: str


@dataclass(frozen=True)
class AudioDelta:
    """More bytes of the sound, in the format that was asked for, or that the service sends instead."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of an answer, and what is known of it as a whole.

    `finish_reason` is the service's: `stop`, `length`, `content_filter`, `tool_calls`. `refusal` is what the
    model said in place of an answer. `expires_at` (Unix seconds) is when `audio_id` stops being known.
    """

    finish_reason: str = "stop"
    id: str | None = None
    model: str | None = None
    created: int | None = None
    audio_id: str | None = None
    expires_at: int | None = None
    refusal: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, kw_only=True)
class Extra:
    """What else a service says, by OpenAI's names: calls of tools, log probabilities, further choices.

    `answer` has members of the answer as a whole, `choice` of its choice `index`, `message` of that one's
    message. Of the first choice it is what the other events do not tell, of further ones all.
    """

    index: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict, hash=False)
    choice: Mapping[str, Any] = field(default_factory=dict, hash=False)
    message: Mapping[str, Any] = field(default_factory=dict, hash=False)


Event = TextDelta | TranscriptDelta | AudioStarted | AudioDelta | Extra | Finished


@dataclass(frozen=True)
class Answer:
    """A whole answer, put together: `text` is what was written or said, `audio` its bytes."""

    text: str
    audio: bytes = field(repr=False)
    finished: Finished
    extras: tuple[Extra, ...] = ()


async def collect(events: AsyncIterator[Event]) -> Answer:
    """Put a stream of events together. The stream ends with one `Finished`, as `Provider` promises."""
    words: list[str] = []
    sound: list[bytes] = []
    extras: list[Extra] = []
    finished = Finished()
    async for event in events:
        match event:
            case TextDelta(text) | TranscriptDelta(text):
                words.append(text)
            case AudioDelta(data):
                sound.append(data)
            case Extra():
                extras.append(event)
            case Finished():
                finished = event
    return Answer("".join(words), b"".join(sound), finished, tuple(extras))
