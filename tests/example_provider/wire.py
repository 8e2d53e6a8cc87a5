"""An invented wire: turns go out as JSON, and words come back a line each. Pure, as every wire is."""

from collections.abc import Iterator
from typing import Any

from audiocli.chat import (
    AudioPart,
    ChatRequest,
    Event,
    Finished,
    Message,
    Part,
    RawPart,
    TextDelta,
    TextPart,
    Usage,
)
from audiocli.errors import CapabilityError, ReplyError
from audiocli.wire.json import parse

PATH = "say/{model}"


def encode_request(request: ChatRequest) -> dict[str, Any]:
    """The request's document. Raises `CapabilityError` for what the service has no word for."""
    if request.audio is not None:
        raise CapabilityError("a parrot writes only", hint="ask for text", param="audio")
    if request.extra:
        name = min(request.extra)
        raise CapabilityError(f"a parrot does not know {name}", hint=f"leave out {name}", param=name)
    words = {} if request.max_tokens is None else {"most_words": request.max_tokens}
    return {"turns": [_turn(message) for message in request.messages], **words}


def _turn(message: Message) -> dict[str, Any]:
    return {"who": message.role, "said": [_said(part) for part in message.parts]}


def _said(part: Part) -> Any:
    match part:
        case TextPart(text):
            return text
        case AudioPart(source, format):
            return {"kind": format, "sound": source}
        case RawPart():
            raise CapabilityError("a parrot hears and reads only", param="messages")


class Decoder:
    """Lines become events. `close` yields the last one; raises `ReplyError` where the service never ended."""

    def __init__(self) -> None:
        self._rest = b""
        self._end: Finished | None = None

    def feed(self, piece: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in filter(None, lines):
            match parse(line):
                case {"word": str(word)}:
                    yield TextDelta(word)
                case {"end": {"heard": int(heard), "spoken": int(spoken)}}:
                    self._end = Finished(usage=Usage(heard, spoken))
                case _:
                    raise ReplyError("the service sent a line that is neither a word nor the end")

    def close(self) -> Iterator[Event]:
        if self._end is None:
            raise ReplyError("the answer was cut off")
        yield self._end
