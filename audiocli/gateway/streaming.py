"""Streams of events on their way from a server to a client, in their normal form or as they come."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from audiocli.chat import Usage
from audiocli.errors import DeadlineError, ProviderError, ReplyError
from audiocli.gateway.answer import KEEP_ALIVE, Answer
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.replies import Header
from audiocli.gateway.requests import Request
from audiocli.gateway.upstream import Reply
from audiocli.wire.errors import decode_error, decode_failure, is_error
from audiocli.wire.json import parse
from audiocli.wire.openai.normalise import AnswerScanner, StreamNormaliser
from audiocli.wire.sse import EventDecoder, Failure

MB = 1_000_000


async def pass_stream(
    reply: Reply, headers: Sequence[Header], request: Request, answer: Answer, settings: Settings
) -> None:
    """Send the client a stream of events. The headers go with the first, so that an error before it keeps
    its status. Raises `ProviderError` as `pass_on` does.
    """
    entry, stream = answer.entry, _stream(request, settings)
    entry.streamed = True
    head = (reply.status, [*headers, (b"cache-control", b"no-cache")])
    client = _Client(answer, stream, head)
    answer.patience = settings.bounds.keepalive_seconds or math.inf
    patience = Patience(settings.bounds.stream_idle_timeout, client)
    try:
        while not stream.done and (block := await patience.block(reply)):
            await client.pass_on(block)
            stream.check()
        await client.send(stream.close())
        await reply.linger()
        await answer.end()
    except ProviderError:
        if stream.within_event:
            answer.break_off()
        raise
    finally:
        entry.usage = stream.usage
        if stream.failure is not None:
            entry.failed(stream.failure)


class _Stream(Protocol):
    """Takes a stream of events in blocks, and says what to send.

    Until something has been sent `feed` raises what is wrong with an event; afterwards `failure` is there,
    which `check` raises once what came before it has been sent. Where a part of an event has been sent,
    `within_event` says so: another would become a part of it.
    """

    failure: ProviderError | None
    within_event: bool

    @property
    def done(self) -> bool:
        """Whether the client has got all there is to say, though the connection may stay open."""
        ...

    @property
    def sound_bytes(self) -> int: ...

    @property
    def usage(self) -> Usage | None: ...

    def feed(self, block: bytes) -> bytes:
        """What to send now."""
        ...

    def comments(self) -> bytes:
        """What has come between events and is not in what `feed` gives out, since the last call."""
        ...

    def check(self) -> None: ...

    def close(self) -> bytes:
        """What is left to send when the stream has ended. Raises `ReplyError` where it was cut off."""
        ...


def _stream(request: Request, settings: Settings) -> _Stream:
    most = int(settings.bounds.stream_buffer_mb * MB)
    if request.chats and settings.normalise:
        return _Normal(most, usage=request.asks_usage, choices=request.choices)
    return _AsItCame(most, choices=request.choices if request.chats else None)


class _Normal:
    """The events of a chat in the form that every client understands. See `_Stream`."""

    within_event = False

    def __init__(self, max_event_bytes: int, *, usage: bool, choices: int) -> None:
        self.failure: ProviderError | None = None
        self._events = EventDecoder(max_event_bytes=max_event_bytes)
        self._chat = StreamNormaliser(usage=usage, choices=choices)
        self._begun = False

    @property
    def done(self) -> bool:
        return self._chat.done

    @property
    def sound_bytes(self) -> int:
        return self._chat.sound_bytes

    @property
    def usage(self) -> Usage | None:
        return self._chat.usage

    def feed(self, block: bytes) -> bytes:
        return self._read(list(self._events.feed(block)))

    def comments(self) -> bytes:
        if not self._events.comments:
            return b""
        lines, self._events.comments = self._events.comments, []
        return b"".join(line + b"\n\n" for line in lines)

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def close(self) -> bytes:
        rest = self._read(list(self._events.close()))
        self.check()
        return rest + b"".join(self._chat.close())

    def _read(self, payloads: Sequence[bytes]) -> bytes:
        normal, fault = _read(self._chat.feed, payloads)
        if fault is not None and not self._begun:
            raise fault
        self.failure = self.failure or fault
        self._begun = self._begun or bool(normal)
        return b"".join(normal)


class _AsItCame:
    """All that a server sends, from its first whole event on. What it used is read as it passes by.

    What the service itself says of a fault may quote a key, and does not go on as it came. `choices` are
    those that a chat asks for, None for what is no chat. See `_Stream`.
    """

    def __init__(self, max_event_bytes: int, *, choices: int | None) -> None:
        self.failure: ProviderError | None = None
        self.within_event = False
        self._most = max_event_bytes
        self._events = EventDecoder(max_event_bytes=max_event_bytes)
        self._chat = StreamNormaliser(choices=choices) if choices is not None else None
        self._usage: Usage | None = None
        self._held = b""  # before the first event
        self._begun = False

    @property
    def done(self) -> bool:
        return self._chat is not None and self._chat.done

    @property
    def sound_bytes(self) -> int:
        return self._chat.sound_bytes if self._chat else 0

    @property
    def usage(self) -> Usage | None:
        return self._chat.usage if self._chat else self._usage

    def feed(self, block: bytes) -> bytes:
        payloads = list(self._events.feed(block))
        self._look(payloads)
        data = b"" if self._is_told else self._released(block, len(payloads))
        if data:
            self._begun = True
            self.within_event = self._events.within_event
        return data

    def comments(self) -> bytes:
        return b""  # They are where they came.

    def check(self) -> None:
        if self.failure is not None and self._is_told:
            raise self.failure

    @property
    def _is_told(self) -> bool:
        """Whether the service says itself what is wrong."""
        return self.failure is not None and not isinstance(self.failure, ReplyError)

    def close(self) -> bytes:
        self._look(list(self._events.close()))
        self.check()
        if self._chat:
            self._chat.close()
        return self._held

    def _look(self, payloads: Sequence[bytes]) -> None:
        _, fault = _read(self._chat.feed if self._chat else self._count, payloads)
        if fault is not None and not self._begun:
            raise fault
        self.failure = self.failure or fault

    def _count(self, payload: bytes) -> list[bytes]:
        if isinstance(payload, Failure):
            raise decode_failure(payload)
        if not self._begun or b'"error"' in payload:
            _check_event(payload)
        if b'"usage"' in payload:
            scanner = AnswerScanner()
            scanner.feed(payload)
            self._usage = scanner.usage or self._usage
        return []

    def _released(self, block: bytes, events: int) -> bytes:
        if self._begun:
            return block
        self._held += block
        if not events and len(self._held) <= self._most:
            return b""
        held, self._held = self._held, b""
        return held


def _check_event(payload: bytes) -> None:
    """Raise the error that an event of sound or of a transcript holds. What is no JSON is for its reader."""
    try:
        document = parse(payload)
    except ReplyError:
        return
    if is_error(document):
        raise decode_error(document)


def _read(
    feed: Callable[[bytes], list[bytes]], payloads: Sequence[bytes]
) -> tuple[list[bytes], ProviderError | None]:
    """What `feed` makes of `payloads`, up to the first that is wrong."""
    made: list[bytes] = []
    try:
        for payload in payloads:
            made += feed(payload)
    except ProviderError as error:
        return made, error
    return made, None


class _Client:
    """Who gets a stream, and hears something whenever that is due.

    Something may stand between it and us that ends a connection on which nothing goes by. Comments of the
    service wait for that too until the first event, which may still become an error with a status. `head` is
    what goes before that event.
    """

    def __init__(self, answer: Answer, stream: _Stream, head: tuple[int, Sequence[Header]]) -> None:
        self._answer = answer
        self._stream = stream
        self._head = head

    async def pass_on(self, block: bytes) -> None:
        entry = self._answer.entry
        data = self._stream.feed(block)
        if self._stream.sound_bytes and entry.first_audio is None:
            entry.first_audio = time.monotonic()
        if data or self._answer.begun:
            data = self._stream.comments() + data
        if data:
            await self.send(data)
        else:
            await self.beat_if_due()

    async def send(self, data: bytes) -> None:
        if not data:
            return
        if not self._answer.begun:
            await self._answer.begin(*self._head, events=True)
        await self._answer.write(data)

    @property
    def due(self) -> float:
        """Seconds until it should hear something again."""
        return self._answer.due

    async def beat_if_due(self) -> None:
        if self.due > 0:
            return
        if self._stream.within_event:
            self._answer.heard = time.monotonic()  # Nothing can be said there.
        else:
            await self._answer.keep_open(self._stream.comments() or KEEP_ALIVE)


class Patience:
    """How many `seconds` a body may be silent, in which the client is not waited for. Any byte is a sign of
    life. Meanwhile the `client` of a stream hears something.
    """

    def __init__(self, seconds: float, client: _Client | None = None) -> None:
        self._seconds = seconds
        self._client = client
        self._clock = asyncio.get_running_loop().time

    async def block(self, reply: Reply) -> bytes:
        """The next block of the body. Raises `DeadlineError` if it has been silent for too long.

        That is not retryable: the server may still be at work on it, and would be paid twice.
        """
        end = self._clock() + self._seconds
        while True:
            left = end - self._clock()
            try:
                async with asyncio.timeout(min(left, self._client.due) if self._client else left):
                    return await reply.block()
            except TimeoutError:
                if self._clock() >= end:
                    message = f"the service was silent for {self._seconds:g} s"
                    raise DeadlineError(message, code="stream_stalled") from None
            if self._client:
                await self._client.beat_if_due()
