"""What stands where a model, a service or another machine would: it does as a test says, and counts."""

import asyncio
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from audiocli.chat import TextDelta
from audiocli.errors import AudiocliError, InputError
from audiocli.recordings.job import Begun, Heard, Job, JobEvent, PieceDone
from audiocli.transcript import Hearing, Limits, Segment, Timing, Transcript, TranscriptionRequest

SECONDS = 3.0
"""Of each recording that the executor here is given."""


def piece(
    text: str = "hello", start: float = 0.0, end: float = SECONDS, timing: Timing = "piece"
) -> PieceDone:
    segments = (Segment(text, start, end),) if text else ()
    return PieceDone(start, end, segments, timing, "en", dollars=0.01)


@dataclass
class ScriptedExecutor:
    """Hears in each file what is written in it, in one piece; `errors` by the file's name."""

    errors: Mapping[str, AudiocliError] = field(default_factory=dict)
    seconds: float = 0.0
    jobs: list[Job] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    pieces: Callable[[Job], list[PieceDone]] | None = None

    @property
    def asked(self) -> list[str]:
        return [Path(job.input).name for job in self.jobs]

    async def run(self, job: Job) -> AsyncGenerator[JobEvent, None]:
        self.jobs.append(job)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with aclosing(self._heard(job)) as events:
                async for event in events:
                    yield event
        finally:
            self.at_once -= 1

    async def _heard(self, job: Job) -> AsyncGenerator[JobEvent, None]:
        yield Begun(SECONDS, "scripted")
        await asyncio.sleep(self.seconds)
        if not await asyncio.to_thread(os.path.exists, job.input):
            raise InputError(f"there is no {job.input!r}")
        text = await asyncio.to_thread(Path(job.input).read_text)
        pieces = self.pieces(job) if self.pieces else [piece(text)]
        for each in pieces:
            yield Heard(text)
            yield each
        if (error := self.errors.get(Path(job.input).name)) is not None:
            raise error
        segments = tuple(segment for each in (*job.done, *pieces) for segment in each.segments)
        yield Transcript(segments=segments, duration=SECONDS, language="en")


@dataclass
class ElsewhereExecutor:
    """Has each job run by another process, which knows of it only what has been pickled."""

    async def run(self, job: Job) -> AsyncGenerator[JobEvent, None]:
        script = "from tests.unit.recordings.scripted import run_pickled; run_pickled()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate(pickle.dumps(job))
        events: list[JobEvent | AudiocliError] = pickle.loads(output)  # noqa: S301 - of our own process
        for event in events:
            if isinstance(event, AudiocliError):
                raise event
            yield event


def run_pickled() -> None:
    """What the other process does: a job comes on stdin, what happens goes to stdout."""
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this one
    pickle.dump(asyncio.run(_all_of(job)), sys.stdout.buffer)


async def _all_of(job: Job) -> list[JobEvent | AudiocliError]:
    from audiocli.recordings.executor import LocalExecutor
    from audiocli.recordings.hearing import Connection

    executor = LocalExecutor(lambda options: Connection("test/m", "m", ScriptedTranscriber()))
    told: list[JobEvent | AudiocliError] = []
    try:
        async with aclosing(executor.run(job)) as events:
            async for event in events:
                told.append(event)  # noqa: PERF401 - what came before an error counts
    except AudiocliError as error:
        told.append(error)
    return told


LIMITS = Limits(seconds=5.0, bytes=25 * 2**20, formats=("wav",), parallel=4, prompt=True, timing="piece")

Answer = Callable[[int, TranscriptionRequest], str | AudiocliError]


@dataclass
class ScriptedTranscriber:
    """Hears as many words as there are seconds: `answer` says which, for the number of the request."""

    answer: Answer = lambda number, request: f"words of request {number}"
    limits: Limits = LIMITS
    seconds: float = 0.0
    requests: list[TranscriptionRequest] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    ended: int = 0

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        number = len(self.requests)
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            said = self.answer(number, request)
            if isinstance(said, AudiocliError):
                raise said
            for word in said.split():
                yield TextDelta(f"{word} ")
            segments = (Segment(said, 0.0, request.duration),) if said else ()
            yield Transcript(segments=segments, duration=request.duration)
        finally:
            self.at_once -= 1
            self.ended += 1
