"""Server-sent events, as the WHATWG HTML standard describes them: bytes in, payloads out.

Of the fields only `data` is kept, and whether `event` is `error`: chat services use no others. Lines end in
LF, CRLF or CR; an event may arrive in any number of pieces.
"""

from collections.abc import Iterator

from audiocli.errors import ReplyError

DONE = b"[DONE]"
"""The payload that ends a stream of chat completion chunks."""

MAX_EVENT_BYTES = 8 * 1024 * 1024
MAX_COMMENT_BYTES = 1024  # of a comment that is kept
MAX_COMMENTS = 16  # that are kept until they are taken


class Failure(bytes):
    """The payload of an event whose name is `error`."""


class EventDecoder:
    """Puts events together from the pieces in which they arrive, and yields the payload of each.

    Raises `ReplyError` when one event is larger than `max_event_bytes`. `comments` are the lines between
    events that only keep the connection busy, until somebody takes them out.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.comments: list[bytes] = []
        self._max_event_bytes = max_event_bytes
        self._line: list[bytes] = []  # pieces of the line that has not ended yet
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._failed = False  # the event that has not ended yet is called an error
        self._size = 0
        self._skip_line_feed = False
        self._first = True

    @property
    def within_event(self) -> bool:
        """Whether a line, or an event, has begun and not ended."""
        return bool(self._line or self._data)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the payload of every event that `piece` completes."""
        if not piece:
            return
        skip, self._skip_line_feed = self._skip_line_feed, piece.endswith(b"\r")
        for line in _lines(piece.removeprefix(b"\n") if skip else piece):
            content = line.rstrip(b"\r\n")
            self._count(len(content))
            self._line.append(content)
            if len(content) < len(line):
                yield from self._end_line()

    def close(self) -> Iterator[bytes]:
        """Yield the payload of an event that the end of the stream left without its blank line.

        The standard drops it; it is for the reader to say whether it is whole.
        """
        yield from self._end_line()
        yield from self._end_event()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._max_event_bytes:
            raise ReplyError(f"the service sent an event of more than {self._max_event_bytes / 1e6:.3g} MB")

    def _end_line(self) -> Iterator[bytes]:
        line = b"".join(self._line)
        self._line.clear()
        if self._first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        if not line:
            yield from self._end_event()
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            self._failed = line[6:].strip() == b"error"
        elif not self._data:
            self._size = 0  # comments between events keep a connection alive and add up to nothing
            if line.startswith(b":"):
                self.comments = [*self.comments, line[:MAX_COMMENT_BYTES]][-MAX_COMMENTS:]

    def _end_event(self) -> Iterator[bytes]:
        self._size = 0
        payload = b"\n".join(self._data)
        self._data.clear()
        failed, self._failed = self._failed, False
        if payload:  # one without data is none
            yield Failure(payload) if failed else payload


def _lines(piece: bytes) -> Iterator[bytes]:
    """`splitlines` with the ends kept. That looks at every byte, which takes long where lines are long."""
    if b"\r" in piece:
        yield from piece.splitlines(keepends=True)
        return
    start = 0
    while start < len(piece):
        end = piece.find(b"\n", start) + 1 or len(piece)
        yield piece[start:end]
        start = end


def encode_event(payload: bytes) -> bytes:
    """One event with `payload`, a single line, as its data."""
    return b"data: " + payload + b"\n\n"


def encode_comment(text: bytes) -> bytes:
    """A line that keeps the connection busy, and that no reader of events takes for one."""
    return b": " + text + b"\n\n"
