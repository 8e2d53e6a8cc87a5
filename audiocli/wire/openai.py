"""OpenAI's chat completions with audio: requests, answers and streams in both directions, and errors.

The published specification does not describe what the service sends: most chunks of a real audio stream
have no `choices`, none has `finish_reason: "stop"`, and usage comes before the last audio chunk. Decoding
accepts that, and the shapes of compatible services; encoding writes the form that every client understands:
`choices` always, the audio's `id` in its first delta, then `expires_at`, `finish_reason`, usage, `[DONE]`.
"""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import pybase64

from audiocli.chat import (
    Answer,
    AudioBytes,
    AudioDelta,
    AudioOutput,
    AudioPart,
    ChatRequest,
    Event,
    Finished,
    Message,
    Part,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.errors import (
    AuthenticationError,
    DeadlineError,
    InputError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
    ServerError,
)
from audiocli.printable import one_line
from audiocli.wire.json import Base64Decoder, parse
from audiocli.wire.sse import DONE, encode_event

T = TypeVar("T")

OUTPUT_AUDIO_TOKEN_SECONDS = 0.05
"""A token of spoken answer is 50 ms: 2,400 bytes of pcm16. Exact in 18 of 18 recorded answers."""

INPUT_AUDIO_TOKEN_SECONDS = 0.1
"""A token of audio that is sent is 100 ms. From the same recordings."""

STREAM_FORMAT = "pcm16"
"""The one audio format that is streamed; the service refuses others with 400 `unsupported_value`."""


AUDIO_BLOCK_BYTES = 6
"""What a piece of streamed sound is a multiple of: 3 bytes for base64 without padding, 2 for whole samples.

Clients join the base64 of all pieces before they decode it, so only the last may be padded.
"""


# Requests


def encode_request(request: ChatRequest, max_tokens_field: str = "max_completion_tokens") -> dict[str, Any]:
    """The request's JSON document. Audio stays an `AudioSource` in it, for `json.segments` to write."""
    document: dict[str, Any] = {
        "model": request.model,
        "messages": [_encode_message(message) for message in request.messages],
    }
    if request.audio:
        document["modalities"] = ["text", "audio"]
        document["audio"] = {"voice": request.audio.voice, "format": request.audio.format}
    if request.stream:
        document["stream"] = True
        document["stream_options"] = {"include_usage": True}
    options = {
        "temperature": request.temperature,
        max_tokens_field: request.max_tokens,
        "seed": request.seed,
    }
    document |= {name: value for name, value in options.items() if value is not None}
    return document | dict(request.extra)


def _encode_message(message: Message) -> dict[str, Any]:
    if message.audio_id is not None:
        return {"role": message.role, "audio": {"id": message.audio_id}}
    match message.parts:
        case (TextPart(text),):
            return {"role": message.role, "content": text}
        case parts:
            return {"role": message.role, "content": [_encode_part(part) for part in parts]}


def _encode_part(part: Part) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case AudioPart(source, format):
            return {"type": "input_audio", "input_audio": {"data": source, "format": format}}


def decode_request(document: dict[str, Any]) -> ChatRequest:
    """The request in a JSON document whose audio is base64. Raises `InputError` for another shape."""
    try:
        return _decode_request(document)
    except ReplyError as error:
        raise InputError(error.message.replace("the service sent", "the request has")) from None


_REQUEST_FIELDS = frozenset(
    {"model", "messages", "modalities", "audio", "stream", "stream_options"}
    | {"temperature", "max_completion_tokens", "max_tokens", "seed"}
)


def _decode_request(document: dict[str, Any]) -> ChatRequest:
    model = _member(document, "model", str)
    messages = _member(document, "messages", list)
    if model is None or not messages:
        raise InputError(f"the request has no {'messages' if model else 'model'!r}")
    max_tokens = _member(document, "max_completion_tokens", int)
    return ChatRequest(
        model=model,
        messages=tuple(_decode_message(_object(message)) for message in messages),
        audio=_decode_output(document),
        stream=_member(document, "stream", bool) or False,
        temperature=_number(document, "temperature"),
        max_tokens=_member(document, "max_tokens", int) if max_tokens is None else max_tokens,
        seed=_member(document, "seed", int),
        extra={name: value for name, value in document.items() if name not in _REQUEST_FIELDS},
    )


def _decode_output(document: dict[str, Any]) -> AudioOutput | None:
    if "audio" not in (_member(document, "modalities", list) or ()):
        return None
    audio = _member(document, "audio", dict) or {}
    voice, format = _member(audio, "voice", str), _member(audio, "format", str)
    if voice is None or format is None:
        raise InputError(f"the request has no 'audio.{'format' if voice else 'voice'}'")
    return AudioOutput(voice, format)


def _decode_message(message: dict[str, Any]) -> Message:
    role = message.get("role")
    if role not in ("system", "developer", "user", "assistant", "tool"):
        raise InputError(f"the request has a message whose role is {one_line(repr(role), 40)}")
    audio_id = _member(_member(message, "audio", dict) or {}, "id", str)
    content = message.get("content")
    if isinstance(content, str):
        return Message(role, (TextPart(content),), audio_id)
    parts = _member(message, "content", list) or []
    return Message(role, tuple(_decode_part(_object(part)) for part in parts), audio_id)


def _decode_part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(format)}}:
            return AudioPart(AudioBytes(_decode_base64(data)), format)
    raise InputError("the request has a content part that is neither text nor input_audio")


# Answers


def encode_completion(answer: Answer, request: ChatRequest) -> dict[str, Any]:
    """A whole answer as a `chat.completion`, as the service sends it when it does not stream."""
    finished = answer.finished
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": finished.refusal}
    if request.audio:
        message["content"] = None
        message["audio"] = {
            "id": finished.audio_id,
            "data": pybase64.b64encode(answer.audio).decode("ascii"),
            "expires_at": finished.expires_at,
            "transcript": answer.text,
        }
    choice = {"index": 0, "message": message, "finish_reason": finished.finish_reason, "logprobs": None}
    return {
        "id": finished.id,
        "object": "chat.completion",
        "created": finished.created,
        "model": finished.model or request.model,
        "choices": [choice],
        "usage": _encode_usage(finished.usage),
    }


def decode_completion(document: dict[str, Any]) -> Iterator[Event]:
    """The events of a whole answer: its words, its sound, its end.

    Raises `ReplyError` where the document is no answer, the error that it holds where it holds one.
    """
    decoder = StreamDecoder()
    yield from decoder.feed_document(document, "message")
    decoder.done = True
    yield from decoder.close()


class StreamDecoder:
    """Turns the payloads of a stream into events, and knows whether the stream came to its end.

    `feed` raises `ReplyError` for what is no chunk, and the error that a chunk holds. `close` yields
    `Finished`, or raises `ReplyError` where the answer is cut off: neither `[DONE]` nor a finish reason came.
    """

    def __init__(self) -> None:
        self._base64 = Base64Decoder()
        self._known: dict[str, Any] = {}  # fields of `Finished`, as they become known
        self._refusal = ""
        self.done = False

    def feed(self, payload: bytes) -> Iterator[Event]:
        if self.done:
            return
        if payload.strip() == DONE:
            self.done = True
            return
        yield from self.feed_document(parse(payload), "delta")

    def feed_document(self, document: dict[str, Any], member: str) -> Iterator[Event]:
        """Events of one chunk (`member` is `delta`) or of a whole answer (`message`)."""
        if document.get("error") or document.get("object") == "error":
            raise decode_error(document)
        choices = _member(document, "choices", list)
        if member == "message" and not choices:
            raise ReplyError("the service sent an answer without choices")
        self._learn(document, ("id", str), ("model", str), ("created", int))
        if isinstance(usage := document.get("usage"), dict):
            self._known["usage"] = _decode_usage(usage)
        audio_content = document.get("modality") == "audio"
        for choice in map(_object, choices or ()):
            # vLLM-Omni has sent text and audio as two choices, both with index 0.
            if choice.get("index") in (0, None):
                yield from self._message(_member(choice, member, dict) or {}, audio_content)
                self._learn(choice, ("finish_reason", str))

    def close(self) -> Iterator[Event]:
        self._base64.close()
        if not self.done and "finish_reason" not in self._known:
            raise ReplyError("the answer was cut off: the stream ended early")
        self.done = True
        yield Finished(refusal=self._refusal or None, **self._known)

    def _message(self, message: dict[str, Any], audio_content: bool) -> Iterator[Event]:
        self._refusal += _member(message, "refusal", str) or ""
        content = _text_content(message)
        if content and audio_content:
            # vLLM-Omni streams the base64 of its sound as content.
            yield AudioDelta(self._base64.decode(content))
        elif content:
            yield TextDelta(content)
        if audio := _member(message, "audio", dict):
            yield from self._audio(audio)

    def _audio(self, audio: dict[str, Any]) -> Iterator[Event]:
        if audio_id := _member(audio, "id", str):
            self._known["audio_id"] = audio_id
        self._learn(audio, ("expires_at", int))
        if transcript := _member(audio, "transcript", str):
            yield TranscriptDelta(transcript)
        if data := _member(audio, "data", str):
            yield AudioDelta(self._base64.decode(data))

    def _learn(self, document: dict[str, Any], *fields: tuple[str, type]) -> None:
        # What is said about an answer does not decide over the answer: another type is passed over.
        for name, kind in fields:
            if isinstance(value := document.get(name), kind) and value:
                self._known[name] = value


def _text_content(message: dict[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, list):  # Mistral's form for answers in parts
        texts = (_member(_object(part), "text", str) for part in content)
        return "".join(text for text in texts if text)
    return _member(message, "content", str)


class StreamEncoder:
    """Turns events into the chunks of a stream, as bytes, in the form that every client understands."""

    def __init__(self, request: ChatRequest, *, id: str, audio_id: str, created: int) -> None:
        self._audio_id = audio_id
        self._base = {"id": id, "object": "chat.completion.chunk", "created": created, "model": request.model}
        self._spoken = request.audio is not None
        self._opened = False
        self._named = False  # the audio's id has been sent
        self._held = b""  # sound that does not fill a whole block yet

    def encode(self, event: Event) -> Iterator[bytes]:
        match event:
            case TextDelta(text):
                yield self._delta({"content": text})
            case TranscriptDelta(text):
                yield self._delta({"audio": {"transcript": text}})
            case AudioDelta(data):
                data = self._held + data
                whole = len(data) - len(data) % AUDIO_BLOCK_BYTES
                self._held = data[whole:]
                yield from self._sound(data[:whole])
            case Finished():
                yield from self._sound(self._held)
                yield from self._finish(event)

    def _sound(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield self._delta({"audio": {"data": pybase64.b64encode(data).decode("ascii")}})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        if not self._opened:
            self._opened = True
            delta = {"role": "assistant", "content": None, "refusal": None} | delta
        if "audio" in delta and not self._named:
            self._named = True
            delta["audio"] = {"id": self._audio_id} | delta["audio"]
        return self._chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])

    def _finish(self, finished: Finished) -> Iterator[bytes]:
        if finished.refusal:
            yield self._delta({"refusal": finished.refusal})
        if self._spoken and finished.expires_at is not None:
            yield self._delta({"audio": {"expires_at": finished.expires_at}})
        yield self._chunk(choices=[{"index": 0, "delta": {}, "finish_reason": finished.finish_reason}])
        if finished.usage:
            yield self._chunk(choices=[], usage=_encode_usage(finished.usage))
        yield encode_event(DONE)

    def _chunk(self, **members: Any) -> bytes:
        return encode_event(json.dumps(self._base | members, separators=(",", ":")).encode())


# Usage


def _encode_usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "audio_tokens": usage.input_audio_tokens,
            "text_tokens": usage.input_tokens - usage.input_audio_tokens,
            "cached_tokens": usage.cached_tokens,
        },
        "completion_tokens_details": {
            "audio_tokens": usage.output_audio_tokens,
            "text_tokens": usage.output_tokens - usage.output_audio_tokens,
        },
    }


def _decode_usage(usage: dict[str, Any]) -> Usage:
    sent, received = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        input_audio_tokens=_count(sent, "audio_tokens"),
        output_audio_tokens=_count(received, "audio_tokens"),
        cached_tokens=_count(sent, "cached_tokens"),
    )


def _count(details: Any, name: str) -> int:
    value = details.get(name) if isinstance(details, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


# Errors

_RETRYABLE_STATUSES = frozenset({408, 409, 429})
_QUOTA = "insufficient_quota"

_HINTS = {
    402: "check the plan and billing of the account",
    404: "check the model's name and the base URL",
    413: "send less audio",
    429: "try again later",
}


def decode_error(document: Any, status: int | None = None) -> ProviderError:
    """The error in an answer's JSON document, whatever shape the service gives it.

    `status` is the answer's HTTP status; None for an error inside an answer, which is not retried.
    """
    body = _error_body(document)
    code, kind = body.get("code"), body.get("type")
    quota = _QUOTA in (code, kind)
    meant = 402 if quota else _meant_status(status, code)
    error = _error_class(meant)
    message = _shown(body.get("message")) or "the service gave no reason"
    return error(
        message if status is None else f"{message} (HTTP {status})",
        hint="check the API key" if error is AuthenticationError else _HINTS.get(meant),
        status=status,
        type=_shown(kind),
        code=_shown(code),
        param=_shown(body.get("param")),
        retryable=status is not None and (status in _RETRYABLE_STATUSES or status >= 500) and not quota,
    )


def _error_body(document: Any) -> dict[str, Any]:
    match document:
        case {"error": dict(body)} | {"detail": dict(body)}:
            return _upstream_body(body)
        case {"error": str(message)} | {"message": str(message)} | {"detail": str(message)}:
            return {**document, "message": message}
        case {"detail": [{"msg": str(message)}, *_]}:  # FastAPI's validation
            return {"message": message}
        case [dict(first), *_]:  # Gemini's compatible endpoint
            return _error_body(first)
    return {}


def _upstream_body(body: dict[str, Any]) -> dict[str, Any]:
    """OpenRouter wraps what the model's own service said, which tells more than "Provider returned error"."""
    match body:
        case {"metadata": {"raw": str(raw)}} if raw:
            return {**body, "message": _raw_message(raw)}
    return body


def _raw_message(raw: str) -> Any:
    try:
        return _error_body(parse(raw)).get("message") or raw
    except ReplyError:
        return raw


def _meant_status(status: int | None, code: Any) -> int:
    """The HTTP status, or what comes nearest to it in an error inside an answer."""
    if code == "invalid_api_key":
        return 401
    if code == "rate_limit_exceeded":
        return 429
    if status is None:
        return code if isinstance(code, int) and 400 <= code < 600 else 500
    return status


def _error_class(status: int) -> type[ProviderError]:
    match status:
        case 401 | 403:
            return AuthenticationError
        case 402 | 429:
            return RateLimitError
        case 408:
            return DeadlineError
    return RejectedError if status < 500 else ServerError


def _shown(value: Any) -> str | None:
    """A value as a line of text; None for what is none and for what no line can tell."""
    return one_line(str(value)) or None if isinstance(value, str | int | float) else None


# Reading documents from strangers


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ReplyError(f"the service sent {type(value).__name__} where an object belongs")
    return value


def _member(document: dict[str, Any], name: str, kind: type[T]) -> T | None:
    """The member `name`, None where it is absent or null. Raises `ReplyError` where it is of another type."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ReplyError(f"the service sent {type(value).__name__} for {name!r}, which is {kind.__name__}")
    return value


def _number(document: dict[str, Any], name: str) -> float | None:
    value = document.get(name)
    try:
        return float(value) if isinstance(value, int) else _member(document, name, float)
    except OverflowError:
        raise ReplyError(f"the service sent too large a number for {name!r}") from None


def _decode_base64(text: str) -> bytes:
    decoder = Base64Decoder()
    data = decoder.decode(text)
    decoder.close()
    return data
