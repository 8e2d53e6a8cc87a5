"""JSON that holds audio, written without holding the audio; JSON from strangers, read without trust."""

import json
from collections.abc import Iterator
from typing import Any

import pybase64

from audiocli.chat import AudioSource
from audiocli.errors import ReplyError

Segment = bytes | AudioSource


def segments(document: Any) -> list[Segment]:
    """`document` as JSON in pieces. An `AudioSource` in it is left for the sender to write as base64.

    The pieces that are bytes, with each source's base64 between them, are one JSON document in UTF-8.
    """
    pieces: list[Segment] = []
    text: list[str] = []
    for token in _tokens(document):
        if isinstance(token, str):
            text.append(token)
        else:
            pieces += ["".join(text).encode(), token]
            text.clear()
    return [*pieces, "".join(text).encode()]


def _tokens(value: Any) -> Iterator[str | AudioSource]:
    match value:
        case dict():
            yield "{"
            for position, (key, member) in enumerate(value.items()):
                yield f"{',' if position else ''}{json.dumps(key)}:"
                yield from _tokens(member)
            yield "}"
        case list() | tuple():
            yield "["
            for position, member in enumerate(value):
                yield "," if position else ""
                yield from _tokens(member)
            yield "]"
        case str() | int() | float() | None:
            yield json.dumps(value)
        case _:
            yield '"'
            yield value
            yield '"'


def base64_length(size: int) -> int:
    """Characters that `size` bytes take as base64, with padding."""
    return (size + 2) // 3 * 4


def content_length(pieces: list[Segment]) -> int:
    """Bytes that `pieces` take when they are written out."""
    return sum(len(piece) if isinstance(piece, bytes) else base64_length(piece.size) for piece in pieces)


def parse(payload: bytes | bytearray | str) -> dict[str, Any]:
    """The JSON object in `payload`. Raises `ReplyError` for anything else, however it is broken."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        # RecursionError: 200,000 brackets; ValueError also covers bad UTF-8 and integers of 200,000 digits.
        raise ReplyError("the service sent something that is not JSON") from None
    if not isinstance(document, dict):
        raise ReplyError(f"the service sent a JSON {type(document).__name__} in place of an object")
    return document


class Base64Decoder:
    """Decodes base64 that arrives in pieces, whether each piece is complete or cut anywhere.

    Raises `ReplyError` for what is not in the standard alphabet (RFC 4648 §4) or lacks its padding.
    """

    def __init__(self) -> None:
        self._rest = ""

    def decode(self, piece: str) -> bytes:
        text = self._rest + piece
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        try:
            return pybase64.b64decode(text[:whole], validate=True)
        except ValueError:
            raise ReplyError("the service sent audio that is not valid base64") from None

    def close(self) -> None:
        if self._rest:
            raise ReplyError("the service sent audio whose base64 is cut off")
