"""OpenAI's speech: requests understood, and the events of a stream of sound."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pybase64

from audiocli.chat import Usage
from audiocli.errors import InputError, RejectedError, ReplyError
from audiocli.printable import quoted
from audiocli.wire.errors import decode_error, is_error
from audiocli.wire.json import decode_base64, parse
from audiocli.wire.sse import DONE, encode_event

MAX_CHARACTERS = 4096
SLOWEST, FASTEST = 0.25, 4.0

MEDIA_TYPES: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",  # in Ogg
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",  # 24 kHz, mono, signed 16-bit little-endian
}
"""The response formats, and the content type of each."""


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """A text to be read aloud. With `events` the sound comes as a stream of events, otherwise as it is."""

    model: str
    text: str
    voice: str
    format: str = "mp3"
    speed: float = 1.0
    events: bool = False
    instructions: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    idempotency_key: str | None = field(default=None, compare=False)


def encode_request(request: SpeechRequest) -> dict[str, Any]:
    """The request as a JSON document; `extra` members stand in place of others of their names."""
    return {
        "model": request.model,
        "input": request.text,
        "voice": request.voice,
        "response_format": request.format,
        **({"speed": request.speed} if request.speed != 1 else {}),
        **({"instructions": request.instructions} if request.instructions else {}),
        **({"stream_format": "sse"} if request.events else {}),
        **request.extra,
    }


def decode_document(body: bytes) -> bytes:
    """The sound in Mistral's answer, which is JSON. Raises `ProviderError` for an error in its place."""
    document = parse(body)
    if is_error(document):
        raise decode_error(document)
    data = document.get("audio_data")
    sound = decode_base64(data) if isinstance(data, str) else b""
    if not sound:
        raise ReplyError("the service sent a document without sound in place of speech")
    return sound


def media_type_of(sound: bytes, otherwise: str) -> str:
    """The content type of `sound` by its first bytes; `otherwise` if they say nothing."""
    return next((type for magic, type in _MAGIC if sound.startswith(magic)), otherwise)


_MAGIC = (
    (b"RIFF", "audio/wav"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/opus"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xfa", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
)


def decode_request(document: Mapping[str, Any]) -> SpeechRequest:
    """The request in a JSON document. Raises `InputError`, and `RejectedError` for too long a text."""
    text = _text(document, "input")
    if len(text) > MAX_CHARACTERS:
        raise RejectedError(
            f"the input has {len(text):,} characters, of which {MAX_CHARACTERS:,} can be taken",
            hint="send it in parts",
            param="input",
            code="string_too_long",
        )
    return SpeechRequest(
        model=_text(document, "model"),
        text=text,
        voice=_voice(document),
        format=_one_of(tuple(MEDIA_TYPES), document, "response_format"),
        speed=_speed(document),
        events=_one_of(("audio", "sse"), document, "stream_format") == "sse",
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"the request has no {name!r}", hint="it is text", param=name)
    return value


def _voice(document: Mapping[str, Any]) -> str:
    match document.get("voice"):
        case {"id": str(id)} if id:  # a voice of the user's own
            return id
    return _text(document, "voice")


def _one_of(known: tuple[str, ...], document: Mapping[str, Any], name: str) -> str:
    """One of the `known`, of which the first is what is meant where nothing is said."""
    value = document.get(name)
    if value is None:
        return known[0]
    if value not in known:
        hint = f"use one of {', '.join(known)}"
        raise InputError(f"the request's {name!r} is {quoted(str(value))}", hint=hint, param=name)
    return str(value)


def _speed(document: Mapping[str, Any]) -> float:
    value = document.get("speed")
    if value is None:
        return 1.0
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not SLOWEST <= value <= FASTEST:
        raise InputError(
            f"the request's 'speed' is not a number from {SLOWEST:g} to {FASTEST:g}", param="speed"
        )
    return float(value)


def encode_delta(sound: bytes) -> bytes:
    """More of the sound, as an event."""
    return _event({"type": "speech.audio.delta", "audio": pybase64.b64encode(sound).decode("ascii")})


def encode_done(usage: Usage) -> bytes:
    """The end of the sound, and what it has used, as events."""
    counted = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    return _event({"type": "speech.audio.done", "usage": counted}) + encode_event(DONE)


def _event(document: dict[str, Any]) -> bytes:
    return encode_event(json.dumps(document, separators=(",", ":")).encode())
