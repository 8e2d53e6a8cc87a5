"""Where a request's head and body end, decided so that no other server could decide otherwise (RFC 9112)."""

import re
from collections.abc import Sequence
from typing import Protocol

MAX_FIELDS = 100
MAX_TARGET_BYTES = 8192
MAX_CHUNK_LINE_BYTES = 1024  # a chunk's size, with what else its line says
MAX_TRAILER_BYTES = 8192

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD = re.compile(
    rb"[A-Z]+ [\x21-\x7e]+ HTTP/1\.[01]\r\n(?:" + _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n)*+\r\n"
)
_OTHER_VERSION = re.compile(rb"[A-Z]+ [\x21-\x7e]+ HTTP/[0-9.]+\r\n")
_UPGRADE = re.compile(rb"\r\nUpgrade:([^\r]*)", re.IGNORECASE)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_ONCE = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization"))


class RefusedError(Exception):
    """A request that is not taken, with the status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Framing(Protocol):
    """Follows a body. Raises `RefusedError`."""

    def take(self, data: bytes) -> int:
        """How many bytes at the beginning of `data` are the body's next part."""
        ...


class Counted:
    """A body of `length` bytes."""

    def __init__(self, length: int) -> None:
        self._left = length

    def take(self, data: bytes) -> int:
        size = min(self._left, len(data))
        self._left -= size
        return size


class Chunked:
    """A body in chunks, each after a line with its size."""

    def __init__(self) -> None:
        self._line = b""
        self._left = 0  # of the chunk, with the line's end behind it
        self._trailer_bytes: int | None = None  # once the last chunk has come

    def take(self, data: bytes) -> int:
        if self._left:
            size = min(self._left, len(data))
            self._left -= size
            return size
        size = data.find(b"\n") + 1 or len(data)
        self._line += data[:size]
        if len(self._line) > MAX_CHUNK_LINE_BYTES:
            raise RefusedError(400, "a line of the body's chunks is too long")
        if self._line.endswith(b"\n"):
            line, self._line = self._line, b""
            self._begin(line)
        return size

    def _begin(self, line: bytes) -> None:
        if self._trailer_bytes is not None:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > MAX_TRAILER_BYTES:
                raise RefusedError(431, "the headers behind the body are too large")
            return
        if (match := _CHUNK_LINE.fullmatch(line)) is None:
            raise RefusedError(400, "the size of a chunk is no number")
        length = int(match[1], 16)
        if length:
            self._left = length + len(b"\r\n")
        else:
            self._trailer_bytes = 0


def check_beginning(head: bytes, max_bytes: float) -> None:
    """Refuse what is too large, or cannot become a head, before its end has come."""
    line, ended, _ = head.lstrip(b"\r\n").partition(b"\r\n")
    if len(line) > MAX_TARGET_BYTES:
        raise RefusedError(414, "the address is too long")
    if ended:
        check_head(line + b"\r\n\r\n")
    if len(head) > max_bytes:
        raise RefusedError(431, "the headers are too large")


def check_head(head: bytes) -> None:
    """Refuse a head, from its first line to the empty one, that is not exactly what it should be."""
    if _HEAD.fullmatch(head):
        return
    if _OTHER_VERSION.match(head) and not re.match(rb"[^\r]* HTTP/1\.[01]\r\n", head):
        raise RefusedError(505, "only HTTP/1.1 is spoken here")
    raise RefusedError(400, "this is not an HTTP request")


def without_upgrade(head: bytes) -> bytes:
    """The same request without its wish for another protocol, which a server may ignore (RFC 9110, 7.8).

    Where that is HTTP/2, the client goes on in HTTP/1.1. Behind any other the connection ends: a balancer may
    have let pass there what it has not checked.
    """
    return _UPGRADE.sub(_without_wish, head)


def _without_wish(header: re.Match[bytes]) -> bytes:
    return b"" if header[1].strip(b" \t").lower() == b"h2c" else b"\r\nConnection: close"


def framing_of(version: str, headers: Sequence[tuple[bytes, bytes]], target: bytes = b"/") -> Framing:
    """How the body of a request is framed. Refuses headers that may be read in two ways.

    A `target` that is a whole URL names the host again.
    """
    if len(headers) > MAX_FIELDS:
        raise RefusedError(431, "there are too many headers")
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE and name in found:
            raise RefusedError(400, f"the header {name.decode()} stands there twice")
        found[name] = value
    _check_host(version, found)
    if not target.startswith(b"/"):
        _check_authority(target, found.get(b"host", b""))
    if found.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise RefusedError(417, "of what a client may expect, only 100-continue is done")
    return _framing(version, found.get(b"transfer-encoding"), found.get(b"content-length"))


def _check_host(version: str, found: dict[bytes, bytes]) -> None:
    if b"host" not in found and version == "1.1":
        raise RefusedError(400, "there is no Host header")
    if not _HOST.fullmatch(found.get(b"host", b"-")):
        raise RefusedError(400, "the Host header is no host")


def _check_authority(target: bytes, host: bytes) -> None:
    _, absolute, rest = target.partition(b"://")
    if absolute and re.split(rb"[/?#]", rest, maxsplit=1)[0].lower() != host.lower():
        raise RefusedError(400, "the Host header and the request target name different hosts")


def _framing(version: str, coding: bytes | None, length: bytes | None) -> Framing:
    if coding is not None:
        if coding.lower() != b"chunked" or length is not None or version != "1.1":
            raise RefusedError(400, "the request's length is ambiguous")
        return Chunked()
    if length is not None and not (length.isdigit() and len(length) <= 15):
        raise RefusedError(400, "the Content-Length is no number")
    return Counted(int(length or 0))
