"""A service's stream of chat completion chunks, passed on in the form that every client understands.

Clients join what the chunks of an answer hold: strings are appended, numbers added. So `role`, the sound's
`id` and its `expires_at` come once, and the base64 of the sound in pieces that can be joined. At the end come
`expires_at`, `finish_reason`, usage and `[DONE]`, in this order, which is not the services'. Chunks without
choices, which only keep the connection busy, are dropped. All else is passed on byte for byte: of an ordinary
chunk of sound only what stands around the base64 is read.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pybase64

from audiocli.chat import PCM_BYTES_PER_SECOND, Usage
from audiocli.errors import InputError, ProviderError, ReplyError
from audiocli.wire.errors import answer_error, decode_error, decode_failure, is_error
from audiocli.wire.json import Base64Decoder, parse
from audiocli.wire.openai.chat import (
    AUDIO_BLOCK_BYTES,
    OUTPUT_AUDIO_TOKEN_SECONDS,
    STREAM_END,
    encode_chunk,
)
from audiocli.wire.openai.ending import Ending, index_of
from audiocli.wire.openai.usage import decode_usage
from audiocli.wire.splicing.json_scan import JsonScanner
from audiocli.wire.sse import DONE, Failure, encode_event

_BLOCK_CHARACTERS = AUDIO_BLOCK_BYTES // 3 * 4
_MAX_CHOICES = 128
_DATA = re.compile(rb'"data"[ \t]*:[ \t]*"')
_BASE = ("id", "object", "created", "model", "service_tier", "system_fingerprint")
_BUSY = frozenset({*_BASE, "choices", "usage", "obfuscation"})
"""Members of a chunk that only keeps the connection busy."""

_SOUND = "\0sound"
"""Stands for the base64 in a document without it. No service writes a NUL."""

_encoded = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` makes one for each call
_ENCODED_SOUND = _encoded(_SOUND)[1:-1].encode()


@dataclass
class _Choice:
    """What has been sent of one choice, and what waits for its end."""

    index: int
    spoken: bool = False
    opened: bool = False  # its role has been sent
    named: bool = False  # the sound's id has been sent
    finished: bool = False
    expires_at: Any = None
    ending: dict[str, Any] | None = None  # the chunk with its finish reason
    decoder: Base64Decoder | None = None  # there once the service's pieces cannot be joined as they are
    rest: bytes = b""  # sound that does not fill a whole block yet


class StreamNormaliser:
    """Takes the payloads of a service's events, and gives out the events to send.

    `feed` raises `ReplyError` for what is no chunk, and the error that an event holds. It and `close` raise
    `ReplyError` if the stream was cut off: see `Ending`. What has been given out before stands, and the error
    is told behind it. Without `usage` the service's count is not passed on. `choices` are asked for.
    """

    def __init__(self, *, usage: bool = False, choices: int = 1) -> None:
        self.done = False
        self.finish_reason: str | None = None
        self.sound_bytes = 0
        self._counted: Usage | None = None
        self._passes_usage = usage
        self._usage_event = b""
        self._base: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._whole = Ending(choices)

    @property
    def sound_seconds(self) -> float:
        """Seconds of sound that have come, as pcm16."""
        return self.sound_bytes / PCM_BYTES_PER_SECOND

    @property
    def usage(self) -> Usage:
        """What the service has counted, or where it has not, what the sound comes to."""
        tokens = math.ceil(self.sound_seconds / OUTPUT_AUDIO_TOKEN_SECONDS)
        return self._counted or Usage(output_tokens=tokens, output_audio_tokens=tokens)

    def feed(self, payload: bytes) -> list[bytes]:
        """The events to send for the payload of one."""
        if self.done:
            return []
        if payload.strip() == DONE:
            return self._end(done=True)
        if isinstance(payload, Failure):
            raise decode_failure(payload)
        payload = payload.replace(b"\n", b" ")  # An event of several lines goes on as one.
        document, span = _read(payload)
        if isinstance(usage := document.get("usage"), dict):
            self._counted = decode_usage(usage)
        choices = document.get("choices") or []
        if not choices:
            return self._without_choices(payload, document)
        if not isinstance(choices, list):
            raise ReplyError("the service sent a chunk whose choices are no list")
        if not self._base:
            self._base = {name: document[name] for name in _BASE if name in document}
        edited = [self._edit(document, choice, payload, span) for choice in choices]
        if not any(edited):
            return [encode_event(payload)]
        if not any(map(_says_something, choices)):
            return []
        return [_encode(document, payload[slice(*span)] if span else b"")]

    def close(self) -> list[bytes]:
        """The events to send when the stream has ended."""
        return [] if self.done else self._end(done=False)

    def _without_choices(self, payload: bytes, document: dict[str, Any]) -> list[bytes]:
        """A chunk about the whole: usage waits for the end."""
        whole = document.get("choices") == []
        event = encode_event(payload) if whole else encode_chunk(document | {"choices": []})
        if isinstance(document.get("usage"), dict):
            self._usage_event = event
            return []
        return [] if document.keys() <= _BUSY else [event]

    def _edit(
        self, document: dict[str, Any], choice: Any, payload: bytes, span: tuple[int, int] | None
    ) -> bool:
        """Bring a choice into its form; says whether that has changed it."""
        state = self._state(choice)
        delta = _object(choice, "delta")
        edited = self._edit_role(state, delta)
        if audio := _object(delta, "audio"):
            state.spoken = True
            edited |= self._edit_facts(state, audio)
            edited |= self._edit_sound(state, audio, payload[slice(*span)] if span else None)
        return self._edit_finish(state, document, choice) or edited

    def _state(self, choice: Any) -> _Choice:
        if not isinstance(choice, dict):
            raise ReplyError("the service sent a chunk with a choice that is no object")
        index = index_of(choice)
        if index not in self._choices:
            if len(self._choices) == _MAX_CHOICES:
                raise ReplyError(f"the service sent more than {_MAX_CHOICES} choices")
            self._choices[index] = _Choice(index)
        return self._choices[index]

    # Each edit changes the document, and says whether it has.

    def _edit_role(self, state: _Choice, delta: dict[str, Any]) -> bool:
        if delta.get("role") and state.opened:
            del delta["role"]
            return True
        state.opened = state.opened or bool(delta.get("role"))
        return False

    def _edit_facts(self, state: _Choice, audio: dict[str, Any]) -> bool:
        edited = False
        if audio.get("id"):
            edited = state.named
            state.named = True
            if edited:
                del audio["id"]
        if audio.get("expires_at"):
            state.expires_at = audio.pop("expires_at")
            edited = True
        return edited

    def _edit_finish(self, state: _Choice, document: dict[str, Any], choice: dict[str, Any]) -> bool:
        reason = choice.get("finish_reason")
        if (choice.get("error") or reason == "error") and (error := answer_error({"choices": [choice]})):
            raise error
        self._whole.see(state.index, reason)
        if not isinstance(reason, str) or not reason:
            return False
        self.finish_reason = reason
        state.finished = True
        if not state.spoken:
            return False
        ending = {**choice, "delta": {}}
        state.ending = {**document, "choices": [ending]}
        choice["finish_reason"] = None
        return True

    def _edit_sound(self, state: _Choice, audio: dict[str, Any], written: bytes | None) -> bool:
        """Base64 that can be joined stays where it is, and `written` is what `_SOUND` stands for."""
        if written is None:
            written = str(audio.get("data") or "").encode("latin-1", "replace")
        if not written:
            return False
        if state.decoder is None:
            if len(written) % _BLOCK_CHARACTERS == 0 and not written.endswith(b"="):
                self.sound_bytes += len(written) // 4 * 3
                return False
            state.decoder = Base64Decoder()
        data = state.decoder.decode(written.decode("latin-1"))
        self.sound_bytes += len(data)
        data = state.rest + data
        whole = len(data) - len(data) % AUDIO_BLOCK_BYTES
        state.rest = data[whole:]
        audio["data"] = pybase64.b64encode(data[:whole]).decode()
        return True

    def _end(self, *, done: bool) -> list[bytes]:
        if done and not self._choices:
            raise ReplyError("the service ended its stream without an answer")
        self._whole.check(done=done)
        self.finish_reason = self.finish_reason or "stop"
        events = [encode_chunk(chunk) for state in self._choices.values() for chunk in self._ending(state)]
        self.done = True
        if self._passes_usage and self._usage_event:
            events.append(self._usage_event)
        return [*events, STREAM_END]

    def _ending(self, state: _Choice) -> Iterator[dict[str, Any]]:
        if state.decoder:
            state.decoder.close()
        if state.rest:
            yield self._delta(state, {"audio": {"data": pybase64.b64encode(state.rest).decode()}})
        if state.expires_at is not None:
            yield self._delta(state, {"audio": {"expires_at": state.expires_at}})
        if state.ending:
            yield state.ending
        elif not state.finished:
            yield self._delta(state, {}, "stop")

    def _delta(self, state: _Choice, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": state.index, "delta": delta, "finish_reason": reason}
        return {**self._base, "choices": [choice]}


def _read(payload: bytes) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """A chunk without the base64 of its sound, and where in `payload` that is: None where it is in the chunk.

    An unescaped quote before `data` begins a string, so that what follows is a member's name. Raises the
    error that the chunk is.
    """
    data = _DATA.search(payload)
    if data and payload[data.start() - 1 : data.start()] != b"\\":
        start, end = data.end(), payload.find(b'"', data.end())
        if payload.find(b"\\", start, end) < 0 <= end:
            document = parse(payload[:start] + payload[end:])
            match document.get("choices"):
                case [{"delta": {"audio": {"data": ""} as audio}}] if not document.get("error"):
                    audio["data"] = _SOUND
                    return document, (start, end)
    document = parse(payload)
    if is_error(document):
        raise decode_error(document)
    return document, None


def _encode(document: dict[str, Any], sound: bytes) -> bytes:
    return encode_event(_encoded(document).encode().replace(_ENCODED_SOUND, sound, 1))


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    member = value.get(name) or {}
    if not isinstance(member, dict):
        raise ReplyError(f"the service sent a chunk whose {name!r} is no object")
    return member


def _says_something(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta") or {}
    return any(delta[name] for name in delta if name != "audio") or any((delta.get("audio") or {}).values())


# What goes wrong


def decode_unstreamed(body: bytes) -> ProviderError:
    """What is wrong with an answer in one piece to a request for a stream: the error in it, or just that."""
    document = parse(body)
    if error := answer_error(document):
        return error
    return ReplyError("the service sent its answer in one piece, where a stream was asked for")


# Answers in one piece


class AnswerScanner:
    """Finds what an answer says that it used, while its blocks are passed on. It raises nothing."""

    def __init__(self) -> None:
        self._scanner = JsonScanner({"usage": dict | None})
        self._readable = True
        self.usage: Usage | None = None

    @property
    def names(self) -> set[str]:
        """Those of its members, once it is a whole object; none where it is not seen to be one."""
        return self.begun if self._scanner.complete else set()

    @property
    def begun(self) -> set[str]:
        """Those that have come so far; none where it is no object."""
        return self._scanner.names if self._readable else set()

    def feed(self, block: bytes) -> None:
        if not self._readable:
            return
        try:
            self._scanner.feed(block)
        except InputError:
            self._readable = False  # What it is then is for its reader to judge.
        if self.usage is None and (usage := self._scanner.value("usage")):
            self.usage = decode_usage(usage)
