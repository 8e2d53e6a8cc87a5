"""The pieces of one recording, several of them being written down at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

from audiocli.audio.reading.pieces import Piece, cut, is_silent, part_of
from audiocli.audio.reading.recorded import Sound
from audiocli.catalog import Prices
from audiocli.chat import TextDelta
from audiocli.client import cost
from audiocli.errors import AudiocliError, ReplyError
from audiocli.providers.base import Transcriber
from audiocli.recordings.content import ChangedError
from audiocli.recordings.faults import is_common, is_out_of_reach, named
from audiocli.recordings.job import Heard, JobOptions, PieceDone
from audiocli.recordings.joining import placed, span_of, text_of
from audiocli.recordings.opening import Opened
from audiocli.recordings.order import PARAGRAPH, InOrder
from audiocli.subtitles.captions import paragraphs
from audiocli.transcript import Limits, TranscriptionRequest

P = ParamSpec("P")
T = TypeVar("T")

SUBTITLE_SECONDS = 30.0  # A piece's length where only pieces have times, and a subtitle needs one.
WAV_BYTES_PER_SECOND = 32_100  # at 16 kHz, of one channel, with room for a header
PROMPT_CHARACTERS = 200
FAILURES_IN_A_ROW = 3  # After as many, with nothing between them that went well, no more pieces are sent.


@dataclass(frozen=True)
class Connection:
    """Who is asked: `model`, as its provider names it, through `transcriber`, for what `prices` say.

    `name` tells it from every other model, wherever that is.
    """

    name: str
    model: str
    transcriber: Transcriber
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True)
class Recording:
    """What is to be heard, from `start` to `end` (seconds)."""

    opened: Opened
    sound: Sound
    start: float
    end: float


@dataclass(frozen=True)
class _Failed:
    piece: Piece
    error: AudiocliError


_News = str | PieceDone | _Failed | Exception | None
"""Of a piece: more text, its end, its failure; what nobody expects; and that there is no further piece."""


class Hearing:
    """Hears a recording piece by piece, as many at once as the transcriber's limits and `gate` allow.

    It is decoded and encoded in the threads of `reading`. Pieces that are in `done` are not asked for, nor
    are silent ones. A piece is cut, and encoded, when its turn comes: what is held in memory is what is
    under way. None waits for the one before it; where that has ended, the end of its text is part of the
    prompt.
    """

    def __init__(
        self,
        recording: Recording,
        options: JobOptions,
        done: Sequence[PieceDone],
        connection: Connection,
        gate: asyncio.Semaphore,
        reading: Executor,
    ) -> None:
        self._recording = recording
        self._options = options
        self._done = {Piece(piece.start, piece.end): piece for piece in done}
        self._connection = connection
        self._limits = connection.transcriber.limits
        self._gate = gate
        self._reading = reading
        self._window = asyncio.Semaphore(self._limits.parallel)
        self._news: asyncio.Queue[tuple[int, _News]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unended = 0  # tasks whose last news has not been taken
        self._order = InOrder()
        self._texts: dict[int, str] = {}
        self._failed: list[_Failed] = []
        self._in_a_row = 0
        self._reached = False  # a piece has been asked for, and heard
        self.pieces: list[PieceDone] = []

    async def events(self) -> AsyncGenerator[Heard | PieceDone, None]:
        """Text in the order of the sound, and pieces in that of their end, which are in `pieces` too.

        Where one fails, the others are heard before its error is raised, unless they would fail alike.
        """
        sending = self._start(self._send_all())
        try:
            while self._unended and not self._is_spoilt():
                for event in self._taken(*await self._news.get()):
                    yield event
                if self._in_a_row >= FAILURES_IN_A_ROW:
                    sending.cancel()
            await self._stop()
            while not self._news.empty():  # What is paid for is told, even where nothing more is asked.
                for event in self._taken(*self._news.get_nowait()):
                    yield event
        finally:
            await self._stop()
        if self._failed:
            raise self._error()

    def _taken(self, index: int, news: _News) -> Iterator[Heard | PieceDone]:
        match news:
            case str():
                yield from _heard(self._order.add(index, news))
                return
            case PieceDone():
                yield from self._ended(index, news)
            case _Failed():
                self._failed.append(news)
                self._in_a_row += 1
                yield from _heard(self._order.end(index, ""))
            case Exception():
                raise news
        self._unended -= 1

    def _ended(self, index: int, piece: PieceDone) -> Iterator[Heard | PieceDone]:
        self.pieces.append(piece)
        self._texts[index] = text_of(piece)
        if Piece(piece.start, piece.end) not in self._done:
            self._in_a_row = 0
            self._reached = True
            yield piece
        yield from _heard(self._order.end(index, PARAGRAPH.join(paragraphs(piece.segments)), span_of(piece)))

    def _is_spoilt(self) -> bool:
        return any(self._concerns_all(failed.error) for failed in self._failed)

    def _concerns_all(self, error: AudiocliError) -> bool:
        """Whether it would be in vain to ask for the other pieces."""
        out_of_reach = is_out_of_reach(error) and not self._reached
        return isinstance(error, ChangedError) or is_common(error) or out_of_reach

    def _error(self) -> AudiocliError:
        for failed in self._failed:
            if self._concerns_all(failed.error):
                return failed.error
        pieces = sorted(self._failed, key=lambda failed: failed.piece.start)
        if pieces[0].piece == Piece(self._recording.start, self._recording.end):
            return pieces[0].error
        return named(pieces[0].error, [(each.piece.start, each.piece.end) for each in pieces])

    def _start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        self._unended += 1
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self) -> None:
        last: Exception | None = None
        try:
            await self._send_each()
        except Exception as error:
            last = error
        finally:
            self._news.put_nowait((-1, last))

    async def _send_each(self) -> None:
        recording = self._recording
        longest = _longest(self._options, self._limits)
        pieces = cut(recording.sound, longest, start=recording.start, end=recording.end)
        index = 0
        while (piece := await self._read(_next_of, pieces)) is not None:
            await self._window.acquire()
            self._start(self._hear(index, piece))
            index += 1

    async def _hear(self, index: int, piece: Piece) -> None:
        news: _News
        try:
            news = self._done.get(piece) or await self._heard(index, piece)
        except AudiocliError as error:
            news = _Failed(piece, error)
        except Exception as error:
            news = error
        finally:
            self._window.release()
        self._news.put_nowait((index, news))

    async def _heard(self, index: int, piece: Piece) -> PieceDone:
        sound, opened = self._recording.sound, self._recording.opened
        try:
            if await self._read(is_silent, sound, piece):
                done = PieceDone(piece.start, piece.end, (), self._limits.timing, dollars=0.0)
            else:
                async with self._gate:
                    done = await self._asked(index, piece)
        except AudiocliError:
            opened.check_unchanged()
            raise
        opened.check_unchanged()
        return done

    async def _asked(self, index: int, piece: Piece) -> PieceDone:
        limits = self._limits
        sound = self._recording.sound
        part = await self._read(part_of, sound, piece, limits.formats, limits.bytes)
        options = self._options
        request = TranscriptionRequest(
            model=self._connection.model,
            audio=part,
            duration=piece.end - piece.start,
            language=options.language,
            prompt=self._prompt(index),
            words=options.words,
            speakers=options.speakers,
            extra={} if options.temperature is None else {"temperature": options.temperature},
        )
        transcript = None
        async with aclosing(self._connection.transcriber.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    self._news.put_nowait((index, event.text))
                else:
                    transcript = event
        if transcript is None:
            raise ReplyError("the answer has no transcript in it")
        dollars = cost(transcript.usage, self._connection.prices, seconds=request.duration)
        return placed(transcript, piece.start, piece.end, dollars)

    async def _read(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, partial(work, *arguments, **options))

    def _prompt(self, index: int) -> str | None:
        """What the user says, then how the piece before ended, if that is known already."""
        before = _tail(self._texts.get(index - 1, "")) if self._limits.prompt else ""
        return " ".join(text for text in (self._options.prompt, before) if text) or None


def _heard(texts: Iterator[str]) -> Iterator[Heard]:
    for text in texts:
        first, *others = text.split(PARAGRAPH)
        if first:
            yield Heard(first)
        yield from (Heard(f" {other}", paragraph=True) for other in others)


def _next_of(pieces: Iterator[Piece]) -> Piece | None:
    return next(pieces, None)


def _longest(options: JobOptions, limits: Limits) -> float:
    longest = limits.seconds
    if "mp3" not in limits.formats:  # of which half an hour and more fits into anything
        longest = min(longest, limits.bytes / WAV_BYTES_PER_SECOND)
    if options.timed and limits.timing == "piece":
        longest = min(longest, SUBTITLE_SECONDS)
    return longest


def _tail(text: str) -> str:
    """The last words of `text`, whole ones where a script has spaces between them."""
    if len(text) <= PROMPT_CHARACTERS:
        return text
    tail = text[-PROMPT_CHARACTERS:]
    return tail.partition(" ")[2] or tail
