"""OpenAI's chat completions with audio: requests, answers and streams, in both directions.

The published specification does not describe what the service sends: most chunks of a real audio stream
have no `choices`, none has `finish_reason: "stop"`, and usage comes before the last audio chunk. Decoding
accepts that, and the shapes of compatible services; encoding writes the form that every client understands:
`choices` always, the audio's `id` in its first delta, then `expires_at`, `finish_reason`, usage, `[DONE]`.
What has no word in the vocabulary is passed on as it is.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pybase64

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
    Part,
    RawPart,
    TextDelta,
    TextPart,
    TranscriptDelta,
)
from audiocli.errors import InputError, ReplyError
from audiocli.printable import one_line
from audiocli.wire.errors import answer_error, decode_failure
from audiocli.wire.json import Base64Decoder, as_object, decode_base64, member_of, number_of, parse
from audiocli.wire.openai.ending import Ending, index_of
from audiocli.wire.openai.extras import answer_members, choice_members, joined
from audiocli.wire.openai.usage import decode_usage, encode_usage
from audiocli.wire.sse import DONE, Failure, encode_event

OUTPUT_AUDIO_TOKEN_SECONDS = 0.05
"""A token of spoken answer is 50 ms: 2,400 bytes of pcm16. Exact in 18 of 18 recorded answers."""

INPUT_AUDIO_TOKEN_SECONDS = 0.1
"""A token of audio that is sent is 100 ms. From the same recordings."""

STREAM_FORMAT = "pcm16"
"""The one audio format that is streamed; the service refuses others with 400 `unsupported_value`."""


_CALLS = ("tool_calls", "function_call")

MAX_PIECES = 20_000
"""Of what else a service says in one answer: a little more than the most tokens that a model gives."""

AUDIO_BLOCK_BYTES = 6
"""What a piece of streamed sound is a multiple of: 3 bytes for base64 without padding, 2 for whole samples.

Clients join the base64 of all pieces before they decode it, so only the last may be padded.
"""


# Requests

_MODALITIES = ["text", "audio"]
_STREAM_OPTIONS = {"include_usage": True}


def encode_request(request: ChatRequest, max_tokens_field: str = "max_completion_tokens") -> dict[str, Any]:
    """The request's JSON document. Audio stays an `AudioSource` in it, for `json.segments` to write."""
    document: dict[str, Any] = {
        "model": request.model,
        "messages": [_encode_message(message) for message in request.messages],
    }
    if request.audio:
        document["modalities"] = [*_MODALITIES]
        document["audio"] = {"voice": request.audio.voice, "format": request.audio.format}
    if request.stream:
        document["stream"] = True
        document["stream_options"] = {**_STREAM_OPTIONS}
    options = {
        "temperature": request.temperature,
        max_tokens_field: request.max_tokens,
        "seed": request.seed,
    }
    document |= {name: value for name, value in options.items() if value is not None}
    return document | dict(request.extra)


def _encode_message(message: Message) -> dict[str, Any]:
    if message.audio_id is not None:
        return {"role": message.role, "audio": {"id": message.audio_id}, **message.extra}
    return {"role": message.role, "content": _encode_content(message.parts), **message.extra}


def _encode_content(parts: tuple[Part, ...]) -> str | list[dict[str, Any]] | None:
    match parts:
        case ():
            return None
        case (TextPart(text),):
            return text
    return [_encode_part(part) for part in parts]


def _encode_part(part: Part) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case AudioPart(source, format):
            return {"type": "input_audio", "input_audio": {"data": source, "format": format}}
        case RawPart(document):
            return dict(document)


def decode_request(document: dict[str, Any]) -> ChatRequest:
    """The request in a JSON document whose audio is base64. What has no word of ours is kept as it is.

    Raises `InputError` for what no service would understand.
    """
    try:
        return _decode_request(document)
    except ReplyError as error:
        raise InputError(error.message.replace("the service sent", "the request has")) from None


_REQUEST_FIELDS = frozenset(
    {"model", "messages", "modalities", "audio", "stream", "stream_options"}
    | {"temperature", "max_completion_tokens", "max_tokens", "seed"}
)
_MESSAGE_FIELDS = frozenset({"role", "content", "audio"})
_PARTS = "text has the member text, input_audio the members data and format"


def _decode_request(document: dict[str, Any]) -> ChatRequest:
    model = member_of(document, "model", str)
    messages = member_of(document, "messages", list)
    if model is None or not messages:
        missing = "messages" if model else "model"
        raise InputError(f"the request has no {missing!r}", param=missing)
    max_tokens = member_of(document, "max_completion_tokens", int)
    return ChatRequest(
        model=model,
        messages=tuple(_decode_message(as_object(message)) for message in messages),
        audio=_decode_output(document),
        stream=member_of(document, "stream", bool) or False,
        temperature=number_of(document, "temperature"),
        max_tokens=member_of(document, "max_tokens", int) if max_tokens is None else max_tokens,
        seed=member_of(document, "seed", int),
        extra={
            **{name: value for name, value in document.items() if name not in _REQUEST_FIELDS},
            **_beyond_words(document),
        },
    )


def _decode_output(document: dict[str, Any]) -> AudioOutput | None:
    if "audio" not in (member_of(document, "modalities", list) or ()):
        return None
    audio = member_of(document, "audio", dict) or {}
    voice, format = _voice(audio), member_of(audio, "format", str)
    if voice is None or format is None:
        missing = "audio.format" if voice else "audio.voice"
        raise InputError(f"the request has no {missing!r}", param=missing)
    return AudioOutput(voice, format)


def _voice(audio: dict[str, Any]) -> str | None:
    match audio.get("voice"):
        case {"id": str(id)}:  # a voice of the user's own
            return id
    return member_of(audio, "voice", str)


def _beyond_words(document: dict[str, Any]) -> dict[str, Any]:
    """The members, among those that a `ChatRequest` has words for, that say more than these can."""
    kept: dict[str, Any] = {}
    modalities, audio = document.get("modalities"), document.get("audio")
    options = member_of(document, "stream_options", dict) or {}
    if modalities is not None and modalities != _MODALITIES:
        kept["modalities"] = modalities
    if audio is not None and not ("audio" in (modalities or ()) and _is_plain(audio)):
        kept["audio"] = audio
    if document.get("stream") and options.keys() - {"include_usage"}:
        kept["stream_options"] = {**options, **_STREAM_OPTIONS}
    return kept


def _is_plain(audio: dict[str, Any]) -> bool:
    return audio.keys() == {"voice", "format"} and isinstance(audio["voice"], str)


def _decode_message(message: dict[str, Any]) -> Message:
    role = message.get("role")
    if role not in ("system", "developer", "user", "assistant", "tool"):
        shown = one_line(repr(role), 40)
        raise InputError(f"the request has a message whose role is {shown}", param="messages")
    audio_id = member_of(member_of(message, "audio", dict) or {}, "id", str)
    # An answer that is sent back has members that are null, which say nothing.
    extra = {name: value for name, value in message.items() if name not in _MESSAGE_FIELDS}
    extra = {name: value for name, value in extra.items() if value is not None}
    content = message.get("content")
    if isinstance(content, str):
        return Message(role, (TextPart(content),), audio_id, extra)
    parts = member_of(message, "content", list) or []
    return Message(role, tuple(_decode_part(as_object(part)) for part in parts), audio_id, extra)


def _decode_part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text", "text": str(text), **rest} if not rest:
            return TextPart(text)
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(format)}}:
            sound = AudioPart(AudioBytes(decode_base64(data)), format)
            return sound if _has_no_more(part) else RawPart(part)
        case {"type": "text", "text": str()}:
            return RawPart(part)
        case {"type": ("text" | "input_audio") as kind}:
            message = f"the request has a content part that is no {kind}"
            raise InputError(message, hint=_PARTS, param="messages")
        case {"type": str()}:
            return RawPart(part)
    raise InputError("the request has a content part without a type", hint=_PARTS, param="messages")


def _has_no_more(part: dict[str, Any]) -> bool:
    return part.keys() == {"type", "input_audio"} and part["input_audio"].keys() == {"data", "format"}


# Answers


def encode_completion(answer: Answer, request: ChatRequest) -> dict[str, Any]:
    """A whole answer as a `chat.completion`, as the service sends it when it does not stream.

    A spoken one has no `content`, and the words in its `audio`. Raises `ReplyError` for an answer in more
    pieces than any model gives.
    """
    if len(answer.extras) > MAX_PIECES:
        raise ReplyError("the service sent the answer in too many pieces")
    finished = answer.finished
    first = {"index": 0, "message": _encode_answer(answer), "finish_reason": finished.finish_reason}
    document: dict[str, Any] = {
        "id": finished.id,
        "object": "chat.completion",
        "created": finished.created,
        "model": finished.model or request.model,
        "choices": _choices(first | {"logprobs": None}, answer.extras),
        "usage": encode_usage(finished.usage),
    }
    for extra in answer.extras:
        document |= {
            name: joined(document[name], value) if name == "usage" else value
            for name, value in extra.answer.items()
        }
    return document


def _encode_answer(answer: Answer) -> dict[str, Any]:
    finished = answer.finished
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": finished.refusal}
    if not answer.text and (finished.refusal or finished.finish_reason in _CALLS):
        message["content"] = None
    if answer.audio or finished.audio_id is not None:
        message["content"] = None
        message["audio"] = {
            "id": finished.audio_id,
            "data": pybase64.b64encode(answer.audio).decode("ascii"),
            "expires_at": finished.expires_at,
            "transcript": answer.text,
        }
    return message


def _choices(first: dict[str, Any], extras: tuple[Extra, ...]) -> list[dict[str, Any]]:
    choices = {0: first}
    for extra in extras:
        choice = choices.get(extra.index, {"index": extra.index, "message": {}, "finish_reason": None})
        if extra.choice or extra.message:
            choices[extra.index] = joined(choice, {**extra.choice, "message": dict(extra.message)})
    return [choices[index] for index in sorted(choices)]


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
    `Finished`, or raises `ReplyError` if the answer, of so many `choices`, is cut off: see `Ending`.
    """

    def __init__(self, choices: int = 1) -> None:
        self._base64 = Base64Decoder()
        self._known: dict[str, Any] = {}  # fields of `Finished`, as they become known
        self._told: dict[str, Any] = {}  # members of the answer as a whole
        self._refusal = ""
        self._whole = Ending(choices)
        self.done = False

    def feed(self, payload: bytes) -> Iterator[Event]:
        if self.done:
            return
        if payload.strip() == DONE:
            self.done = True
            return
        if isinstance(payload, Failure):
            raise decode_failure(payload)
        yield from self.feed_document(parse(payload), "delta")

    def feed_document(self, document: dict[str, Any], member: str) -> Iterator[Event]:
        """Events of one chunk (`member` is `delta`) or of a whole answer (`message`)."""
        if error := answer_error(document):
            raise error
        choices = member_of(document, "choices", list)
        if member == "message" and not choices:
            raise ReplyError("the service sent an answer without choices")
        self._learn(document, ("id", str), ("model", str), ("created", int))
        if isinstance(usage := document.get("usage"), dict):
            self._known["usage"] = decode_usage(usage)
        yield from self._news(document)
        audio_content = document.get("modality") == "audio"
        for choice in map(as_object, choices or ()):
            # vLLM-Omni has sent text and audio as two choices, both with index 0.
            if member == "delta":
                self._whole.see(index_of(choice), choice.get("finish_reason"))
            if choice.get("index") in (0, None):
                yield from self._message(member_of(choice, member, dict) or {}, audio_content)
                self._learn(choice, ("finish_reason", str))
            if extra := choice_members(choice, member):
                yield extra

    def close(self) -> Iterator[Event]:
        self._base64.close()
        self._whole.check(done=self.done)
        self.done = True
        yield Finished(refusal=self._refusal or None, **self._known)

    def _news(self, document: dict[str, Any]) -> Iterator[Event]:
        """What every chunk says of the whole answer, where it has not been said before."""
        told = answer_members(document)
        news = {name: value for name, value in told.items() if self._told.get(name) != value}
        if news:
            self._told |= news
            yield Extra(answer=news)

    def _message(self, message: dict[str, Any], audio_content: bool) -> Iterator[Event]:
        self._refusal += member_of(message, "refusal", str) or ""
        content = _text_content(message)
        if content and audio_content:
            # vLLM-Omni streams the base64 of its sound as content.
            yield AudioDelta(self._base64.decode(content))
        elif content:
            yield TextDelta(content)
        if audio := member_of(message, "audio", dict):
            yield from self._audio(audio)

    def _audio(self, audio: dict[str, Any]) -> Iterator[Event]:
        if (audio_id := member_of(audio, "id", str)) and audio_id != self._known.get("audio_id"):
            self._known["audio_id"] = audio_id
            yield AudioStarted(audio_id)
        self._learn(audio, ("expires_at", int))
        if transcript := member_of(audio, "transcript", str):
            yield TranscriptDelta(transcript)
        if data := member_of(audio, "data", str):
            yield AudioDelta(self._base64.decode(data))

    def _learn(self, document: dict[str, Any], *fields: tuple[str, type]) -> None:
        # What is said about an answer does not decide over the answer: another type is passed over.
        for name, kind in fields:
            if isinstance(value := document.get(name), kind) and value:
                self._known[name] = value


def _text_content(message: dict[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, list):  # Mistral's form for answers in parts
        texts = (member_of(as_object(part), "text", str) for part in content)
        return "".join(text for text in texts if text)
    return member_of(message, "content", str)


class StreamEncoder:
    """Turns events into the chunks of a stream, as documents, in the form that every client understands.

    `id` and `created` (Unix seconds) stand for what the service does not say of itself. The sound has the
    service's own id, or `audio_id` where it has none.
    """

    def __init__(self, request: ChatRequest, *, id: str, created: int, audio_id: str | None = None) -> None:
        self._base = {"id": id, "object": "chat.completion.chunk", "created": created, "model": request.model}
        self._audio_id = audio_id
        self._usage: Mapping[str, Any] = {}  # as the service sent it
        self._news: dict[str, Any] = {}  # members for the next chunk
        self._opened = False
        self._named = False  # the audio's id has been sent
        self._held = b""  # sound that does not fill a whole block yet

    def encode(self, event: Event) -> Iterator[dict[str, Any]]:
        match event:
            case TextDelta(text):
                yield self._delta({"content": text})
            case TranscriptDelta(text):
                yield self._delta({"audio": {"transcript": text}})
            case AudioStarted(id):
                self._audio_id = id
            case AudioDelta(data):
                data = self._held + data
                whole = len(data) - len(data) % AUDIO_BLOCK_BYTES
                self._held = data[whole:]
                yield from self._sound(data[:whole])
            case Extra():
                yield from self._extra(event)
            case Finished():
                yield from self._sound(self._held)
                yield from self._finish(event)

    def _sound(self, data: bytes) -> Iterator[dict[str, Any]]:
        if data:
            yield self._delta({"audio": {"data": pybase64.b64encode(data).decode("ascii")}})

    def _delta(self, delta: dict[str, Any], choice: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if not self._opened:
            self._opened = True
            delta = {"role": "assistant", "content": None, "refusal": None} | delta
        if "audio" in delta and self._audio_id is not None and not self._named:
            self._named = True
            delta["audio"] = {"id": self._audio_id} | delta["audio"]
        return self._chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None} | dict(choice or {})])

    def _extra(self, extra: Extra) -> Iterator[dict[str, Any]]:
        for name, value in extra.answer.items():
            if name == "usage":
                self._usage = value
            elif name in self._base:
                self._base[name] = value
            else:
                self._news[name] = value
        if extra.index == 0 and (extra.choice or extra.message):
            yield self._delta(dict(extra.message), extra.choice)
        elif extra.index:
            choice = {"index": extra.index, "delta": dict(extra.message), "finish_reason": None}
            yield self._chunk(choices=[choice | dict(extra.choice)])

    def _finish(self, finished: Finished) -> Iterator[dict[str, Any]]:
        if finished.refusal:
            yield self._delta({"refusal": finished.refusal})
        unnamed = finished.audio_id is not None and not self._named
        if finished.expires_at is not None or unnamed:
            self._audio_id = finished.audio_id or self._audio_id
            yield self._delta({"audio": _without_none(expires_at=finished.expires_at)})
        yield self._chunk(choices=[{"index": 0, "delta": {}, "finish_reason": finished.finish_reason}])
        if finished.usage:
            yield self._chunk(choices=[], usage=joined(encode_usage(finished.usage), self._usage))

    def _chunk(self, **members: Any) -> dict[str, Any]:
        news, self._news = self._news, {}
        return self._base | news | members


def encode_chunk(chunk: dict[str, Any]) -> bytes:
    """A chunk as it goes over the network. `STREAM_END` follows the last."""
    return encode_event(json.dumps(chunk, separators=(",", ":")).encode())


STREAM_END = encode_event(DONE)


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
