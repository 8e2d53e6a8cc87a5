"""OpenAI's transcriptions: requests, answers and streams in both directions.

Answers are understood in the shapes of other services as well: Mistral, Groq, OpenRouter, Together, xAI,
ElevenLabs, vLLM, SGLang, llama.cpp. What is encoded is what OpenAI sends.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audiocli.chat import AudioPart, AudioSource, TextDelta
from audiocli.errors import InputError, ReplyError
from audiocli.printable import one_line, quoted
from audiocli.subtitles.captions import decode_srt, decode_vtt, encode_srt, encode_vtt
from audiocli.subtitles.cues import Cue
from audiocli.subtitles.prose import whole_characters
from audiocli.subtitles.timeline import clean, timeline
from audiocli.transcript import Hearing, Transcript, TranscriptionRequest
from audiocli.wire.errors import decode_error, decode_failure, is_error
from audiocli.wire.json import parse
from audiocli.wire.openai.transcripts import counted_usage, diarized_segments, encode_document, encode_usage
from audiocli.wire.sse import DONE, Failure, encode_event

RESPONSE_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
GRANULARITIES = ("word", "segment")

WHOLE_SECONDS = 30.0
"""Longer recordings have to be cut by the service before it can tell speakers apart; it refuses otherwise."""

MAX_STREAM_BYTES = 64 * 1024 * 1024

_UNTIMED = "`response_format` must be `verbose_json` if `timestamp_granularities[]` is provided"  # as OpenAI
_RICHEST = ("verbose_json", "diarized_json", "vtt", "srt", "json", "text")


@dataclass(frozen=True)
class Form:
    """A multipart form: text `fields`, in order, some of them repeated, and one file.

    Services tell the file's container by the extension of `file_name`.
    """

    fields: tuple[tuple[str, str], ...]
    source: AudioSource = field(repr=False)
    file_name: str
    media_type: str
    file_field: str = "file"


@dataclass(frozen=True)
class Shape:
    """What the answer to a request shall look like."""

    response_format: str = "json"
    stream: bool = False
    granularities: tuple[str, ...] = ()


# Requests


def response_format_for(known: Sequence[str], *, words: bool = False, speakers: bool = False) -> str:
    """The richest of the `known` response formats for what is wanted; `json` where none is known."""
    if speakers and not words and "diarized_json" in known:
        return "diarized_json"
    return next((format for format in _RICHEST if format in known), "json")


def encode_request(
    request: TranscriptionRequest,
    response_format: str,
    *,
    stream: bool = False,
    granularities: Sequence[str] | None = None,
) -> Form:
    """The request as a form. `granularities` are those that the request needs, where none are given.

    `extra` fields are in place of what would be sent under their names; a sequence is a field for each item,
    its name followed by `[]`.
    """
    diarized = response_format == "diarized_json"
    if granularities is None:
        granularities = (*(("word",) if request.words else ()), "segment")
    fields = {
        "model": request.model,
        "response_format": response_format,
        "language": request.language,
        "prompt": None if diarized else request.prompt,  # which a model that tells speakers apart refuses
        "timestamp_granularities[]": tuple(granularities) if response_format == "verbose_json" else None,
        "chunking_strategy": "auto" if diarized and request.duration > WHOLE_SECONDS else None,
        "stream": True if stream else None,
    }
    extension, media_type = _CONTAINERS.get(request.audio.format, (request.audio.format, _BYTES))
    given = {_field_name(name, value): value for name, value in request.extra.items()}
    return Form(tuple(_fields(fields | given)), request.audio.source, f"audio.{extension}", media_type)


def completed(form: Form, added: Mapping[str, Any], left_out: Collection[str]) -> Form:
    """`form` with the fields of `added` that it does not have, and without those of `left_out`."""
    taken = {name for name, _ in form.fields}
    given = {_field_name(name, value): value for name, value in added.items()}
    more = _fields({name: value for name, value in given.items() if name not in taken})
    fields = tuple(each for each in (*form.fields, *more) if each[0].removesuffix("[]") not in left_out)
    return replace(form, fields=fields)


_BYTES = "application/octet-stream"
_CONTAINERS = {
    "wav": ("wav", "audio/wav"),
    "mp3": ("mp3", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "ogg": ("ogg", "audio/ogg"),
    "opus": ("ogg", "audio/ogg"),  # Opus in Ogg; `.opus` is refused
    "m4a": ("m4a", "audio/mp4"),
    "mp4": ("mp4", "audio/mp4"),
    "webm": ("webm", "audio/webm"),
}


def _field_name(name: str, value: Any) -> str:
    return f"{name}[]" if isinstance(value, list | tuple) and not name.endswith("[]") else name


def _fields(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                yield name, item if isinstance(item, str) else json.dumps(item)


def decode_request(form: Form, duration: float) -> tuple[TranscriptionRequest, Shape]:
    """What a form with a sound of `duration` seconds asks for. Raises `InputError`."""
    extra = dict[str, Any]()
    for name, value in form.fields:
        if name.endswith("[]"):
            extra[name] = (*extra.get(name, ()), value)
        else:
            extra[name] = value
    model = extra.pop("model", "")
    if not model:
        raise InputError("the request has no 'model'")
    shape = _decode_shape(extra)
    request = TranscriptionRequest(
        model=model,
        audio=AudioPart(form.source, _container(form.file_name)),
        duration=duration,
        language=extra.pop("language", None) or None,
        prompt=extra.pop("prompt", None) or None,
        words="word" in shape.granularities,
        speakers=shape.response_format == "diarized_json",
        extra=extra,
    )
    return request, shape


def _decode_shape(fields: dict[str, Any]) -> Shape:
    """Takes from `fields` what is of the answer's shape."""
    response_format = _one_of(RESPONSE_FORMATS, fields.pop("response_format", "json"), "response_format")
    stream = _one_of(("true", "false", "1", "0"), fields.pop("stream", "false").lower(), "stream")
    named = (
        *fields.pop("timestamp_granularities[]", ()),
        *fields.pop("timestamp_granularities", "").split(","),
    )
    granularities = tuple(_one_of(GRANULARITIES, name, "timestamp_granularities") for name in named if name)
    if granularities and response_format != "verbose_json":
        raise InputError(_UNTIMED, param="response_format")
    return Shape(response_format, stream in ("true", "1"), granularities)


def _one_of(known: Sequence[str], value: str, name: str) -> str:
    if value not in known:
        hint = f"use one of {', '.join(known)}"
        raise InputError(f"the request's {name!r} is {quoted(value)}", hint=hint, param=name)
    return value


def _container(file_name: str) -> str:
    """The container that a file's name tells: `wav` where it tells none."""
    extension = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    return extension if re.fullmatch("[a-z0-9]{1,8}", extension) else "wav"


# Answers


def media_type(response_format: str) -> str:
    """The content type of an answer in `response_format`."""
    return "application/json" if response_format.endswith("json") else "text/plain; charset=utf-8"


def encode_transcript(transcript: Transcript, shape: Shape) -> bytes:
    """The body of a whole answer in `shape`."""
    match shape.response_format:
        case "text":
            text = f"{transcript.text}\n"
        case "srt":
            text = encode_srt(transcript) + "\n"
        case "vtt":
            text = encode_vtt(transcript)
        case kind:
            text = json.dumps(encode_document(transcript, kind, shape.granularities))
    return text.encode("utf-8", "replace")


def decode_answer(body: bytes | bytearray, duration: float) -> Transcript:
    """The transcript in a whole answer's body, which is JSON, WebVTT, SubRip or plain text.

    It says itself what it is: services do not keep to what they were asked for, nor to their content type.
    Raises `ReplyError` for what is none of them, and the error that it holds where it holds one.
    """
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    if not text:
        raise ReplyError("the service sent nothing")
    if text.lstrip().startswith("{"):
        return decode_transcript(parse(text), duration)
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        raise ReplyError("the service sent a page in place of a transcript", hint="check the base URL")
    if text.startswith("WEBVTT"):
        return _of_cues(decode_vtt(text), duration)
    if re.match(r"\s*[0-9]+[ \t]*\r?\n[0-9:,. \t]+-->", text):
        return _of_cues(decode_srt(text), duration)
    return decode_transcript({"text": _unquoted(text)}, duration)


def _unquoted(text: str) -> str:
    """Some servers send plain text as a string of JSON."""
    if not (text.startswith('"') and text.rstrip().endswith('"')):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _of_cues(cues: Iterable[Cue], duration: float) -> Transcript:
    segments = [
        {"text": " ".join(cue.lines), "start": cue.start, "end": cue.end, "speaker": cue.speaker}
        for cue in cues
    ]
    return decode_transcript({"segments": segments}, duration)


def decode_transcript(document: dict[str, Any], duration: float) -> Transcript:
    """The transcript in a JSON document about a sound of `duration` seconds.

    Raises `ReplyError` for what is no transcript, and the error that the document holds where it holds one.
    Times that make no sense are mended; see `timeline`.
    """
    _check(document)
    # Together tells speakers apart in a list of its own.
    segments = document.get("speaker_segments") or document.get("segments")
    text, words = document.get("text"), document.get("words")
    if not isinstance(text, str) and not isinstance(segments, list) and not isinstance(words, list):
        raise ReplyError("the service sent JSON that holds no transcript")
    heard, timing = timeline(clean(text), segments, words, duration)
    return Transcript(
        segments=heard,
        duration=duration,
        timing=timing,
        language=_language(document),
        usage=counted_usage(document.get("usage")),
    )


def _check(document: dict[str, Any]) -> None:
    """Raises the error that the service tells of."""
    if is_error(document):
        raise decode_error(document)


def _language(document: dict[str, Any]) -> str | None:
    match document:
        case (
            {"language": str(language)}
            | {"language_code": str(language)}
            | {"languages": [{"code": str(language)}, *_]}
        ):
            return one_line(language, 40) or None
    return None


# Streams


class StreamDecoder:
    """Turns the payloads of a stream into words, and knows whether it came to its end.

    `feed` raises `ReplyError` for what is no event, and the error that an event holds. `close` yields the
    `Transcript`, or raises `ReplyError` where the stream was cut off.
    """

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._document: dict[str, Any] = {}  # what is known of the transcript as a whole
        self._text = list[str]()
        self._segments = list[dict[str, Any]]()
        self._by_segment = False  # words come with segments, not before them
        self._size = 0
        self._ended = False

    def feed(self, payload: bytes) -> Iterator[TextDelta]:
        self._size += len(payload)
        if self._size > MAX_STREAM_BYTES:
            raise ReplyError(f"the service sent more than {MAX_STREAM_BYTES / 1e6:.0f} MB of events")
        if payload.strip() == DONE:
            self._ended = True
            return
        if isinstance(payload, Failure):
            raise decode_failure(payload)
        document = parse(payload)
        _check(document)
        if text := self._words(document):
            self._text.append(text)
            yield TextDelta(text)

    def close(self) -> Iterator[Transcript]:
        if not self._ended:
            raise ReplyError("the transcript was cut off: the stream ended early")
        known = {"text": "".join(self._text), "segments": self._segments}
        told = {name: value for name, value in self._document.items() if value}
        yield decode_transcript(known | told, self._duration)

    def _words(self, document: dict[str, Any]) -> str:
        """The words that an event adds; what else it tells is kept."""
        match document:
            case {"type": "transcript.text.delta", "delta": str(text)} | {
                "type": "transcription.text.delta",
                "text": str(text),
            }:
                return "" if self._by_segment else whole_characters(text)
            case {"type": "transcript.text.segment" | "transcription.segment"}:
                return self._segment(document)
            case {"type": "transcription.language", "audio_language": str(language)}:
                self._document["language"] = language
            case {"choices": list(choices)}:
                return self._chunk(document, choices)
            case {"type": "transcript.text.done" | "transcription.done"}:
                self._done(document)
            case {"text": str()} if "type" not in document:
                self._done(document)
        return ""

    def _segment(self, document: dict[str, Any]) -> str:
        self._by_segment |= not self._text
        self._segments.append(document)
        text = clean(document.get("text")) if self._by_segment else ""
        return f" {text}" if text and self._text else text

    def _chunk(self, document: dict[str, Any], choices: list[Any]) -> str:
        """vLLM and SGLang stream transcripts as if they were chats."""
        if document.get("usage"):
            self._document["usage"] = document["usage"]
        match choices:
            case [{"delta": {"content": str(text)}}, *_] if text:
                return whole_characters(text)
            case [{"finish_reason": str()}, *_]:
                self._ended = True
        return ""

    def _done(self, document: dict[str, Any]) -> None:
        self._ended = True
        self._document |= {name: value for name, value in document.items() if value and name != "type"}


class StreamEncoder:
    """Turns words, and the transcript at their end, into the events of a stream, as bytes."""

    def __init__(self, shape: Shape) -> None:
        self._diarized = shape.response_format == "diarized_json"
        self._told = False

    def encode(self, event: Hearing) -> Iterator[bytes]:
        match event:
            case TextDelta(text):
                self._told = True
                yield _encode_event("transcript.text.delta", delta=text)
            case Transcript():
                if event.text and not self._told:
                    yield from self.encode(TextDelta(event.text))
                yield from self._end(event)

    def _end(self, transcript: Transcript) -> Iterator[bytes]:
        if self._diarized:
            for segment in diarized_segments(transcript):
                yield _encode_event(**segment)
        yield _encode_event("transcript.text.done", text=transcript.text, **encode_usage(transcript.usage))
        yield encode_event(DONE)


def _encode_event(type: str, **members: Any) -> bytes:
    return encode_event(json.dumps({"type": type, **members}, separators=(",", ":")).encode())
