"""JSON that holds audio, written without holding the audio; JSON from strangers, read without trust."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import pybase64

from audiocli.chat import AudioSource
from audiocli.errors import ReplyError
from audiocli.prompts import check_utf8

Segment = bytes | AudioSource
T = TypeVar("T")


def segments(document: Any) -> list[Segment]:
    """`document` as JSON in pieces. An `AudioSource` in it is left for the sender to write as base64.

    The pieces that are bytes, with each source's base64 between them, are one JSON document in UTF-8. Raises
    `InputError` for a text that cannot be.
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
        case str():
            check_utf8(value, "a text in the request")
            yield json.dumps(value)
        case int() | float() | None:
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


def as_object(value: Any) -> dict[str, Any]:
    """`value`, which must be an object. Raises `ReplyError`."""
    if not isinstance(value, dict):
        raise ReplyError(f"the service sent {type(value).__name__} where an object belongs")
    return value


def member_of(document: dict[str, Any], name: str, kind: type[T]) -> T | None:
    """The member `name`, None where it is absent or null. Raises `ReplyError` where it is of another type."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ReplyError(f"the service sent {type(value).__name__} for {name!r}, which is {kind.__name__}")
    return value


def number_of(document: dict[str, Any], name: str) -> float | None:
    """The member `name` as a float; otherwise as `member_of`."""
    value = document.get(name)
    try:
        return float(value) if isinstance(value, int) else member_of(document, name, float)
    except OverflowError:
        raise ReplyError(f"the service sent too large a number for {name!r}") from None


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


def decode_base64(text: str) -> bytes:
    """The bytes in a whole base64 text. Raises `ReplyError`, as `Base64Decoder`."""
    decoder = Base64Decoder()
    data = decoder.decode(text)
    decoder.close()
    return data
