"""Runs jobs on this machine."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache

from audiocli.audio.reading.recorded import Sound, examine
from audiocli.errors import InputError, UsageError
from audiocli.printable import quoted
from audiocli.prompts import check_prompt
from audiocli.recordings.faults import clock
from audiocli.recordings.hearing import Connection, Hearing, Recording
from audiocli.recordings.job import Begun, Job, JobEvent, JobOptions
from audiocli.recordings.joining import join
from audiocli.recordings.opening import Opened, opened

Connect = Callable[[JobOptions], Connection]
"""Finds who is to be asked. Raises what `naming.resolve` and `registry.transcriber` do."""

REQUESTS = 16
READING = 2  # Threads that decode and encode, hundreds of times as fast as it is spoken. Each costs 10 MB.
MAX_FETCHED_BYTES = 2_000_000_000
FETCH_SECONDS = 3600.0


class LocalExecutor:
    """An `Executor` in this process. Of all its jobs together, `requests` are under way at once.

    What comes from an address or through a pipe may have `max_fetched` bytes.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        requests: int = REQUESTS,
        max_fetched: int = MAX_FETCHED_BYTES,
        fetch_seconds: float = FETCH_SECONDS,
        ffmpeg: str = "ffmpeg",
    ) -> None:
        self._connect = cache(connect)
        self._gate = asyncio.Semaphore(requests)
        self._reading = ThreadPoolExecutor(READING, thread_name_prefix="reading")
        self._max_fetched = max_fetched
        self._fetch_seconds = fetch_seconds
        self._ffmpeg = ffmpeg

    async def run(self, job: Job) -> AsyncGenerator[JobEvent, None]:
        _check(job.options)
        connection = self._connect(job.options)
        async with opened(job.input, max_bytes=self._max_fetched, seconds=self._fetch_seconds) as found:
            sound = await asyncio.to_thread(examine, found.source, found.name, ffmpeg=self._ffmpeg)
            recording = _bounded(found, sound, job.options)
            done = [piece for piece in job.done if recording.start <= piece.start < recording.end]
            yield Begun(
                recording.end - recording.start,
                connection.model,
                sound.misnamed,
                sum(piece.end - piece.start for piece in done),
            )
            hearing = Hearing(recording, job.options, done, connection, self._gate, self._reading)
            async with aclosing(hearing.events()) as events:
                async for event in events:
                    yield event
            found.check_unchanged()
            yield join(hearing.pieces, sound.duration, sound.notes)


def _check(options: JobOptions) -> None:
    check_prompt(options.prompt, "the prompt")
    if options.start < 0:
        raise UsageError("start is before the beginning", hint="use 0 or more").about("start")
    if options.end is not None and options.end <= options.start:
        fault = f"start {clock(options.start)} is not before end {clock(options.end)}"
        raise UsageError(fault, hint="swap them").about("start", "end")


def _bounded(found: Opened, sound: Sound, options: JobOptions) -> Recording:
    if options.start and options.start >= sound.duration:
        fault = f"{quoted(found.name)} ends at {clock(sound.duration)}, before start {clock(options.start)}"
        raise InputError(fault, hint="choose an earlier start").about("start")
    end = sound.duration if options.end is None else min(options.end, sound.duration)
    return Recording(found, sound, options.start, end)
