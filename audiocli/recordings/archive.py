"""Many recordings become files, several at once; what has been done is not done again."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from audiocli.errors import AudiocliError, InputError, OutputError, UsageError
from audiocli.printable import quoted
from audiocli.recordings.claiming import Claim, Replaces, claimed, digest_of_bytes
from audiocli.recordings.content import signature_of
from audiocli.recordings.faults import is_common, is_out_of_reach
from audiocli.recordings.job import Executor, JobEvent, JobOptions
from audiocli.recordings.opening import is_address
from audiocli.recordings.remembering.journal import Done, Journal, is_written, output_name
from audiocli.recordings.remembering.remembered import Source, Tally, ask, keep, look_at, name_of
from audiocli.recordings.writing import Form, check_writable, read_file, write_file
from audiocli.transcript import Transcript

FINISHING = 8  # Jobs whose files are read or written while others have their turn.
OUT_OF_REACH = 3  # After as many jobs in a row that did not reach the service, no more are begun.


@dataclass(frozen=True)
class Item:
    """A recording, a file's absolute path or an address, and the file that its transcript goes to."""

    input: str
    output: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an item.

    `seconds` is the sound's length, `dollars` what this run paid for it, `elapsed` (seconds) how long that
    took. `reason` says why nothing was asked for it; `error` why there is no transcript.
    """

    item: Item
    status: Literal["done", "skipped", "failed"]
    seconds: float | None = None
    words: int | None = None
    dollars: float | None = None
    elapsed: float = 0.0
    reason: str | None = None
    error: AudiocliError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """Something happens to an item that is in work."""

    item: Item
    event: JobEvent


RunEvent = Told | Outcome


async def transcribe_archive(
    items: Sequence[Item],
    options: JobOptions,
    executor: Executor,
    journal: Journal,
    form: Form,
    *,
    at_once: int,
    resume: bool = False,
    replaces: Replaces = "own",
    report: Callable[[RunEvent], None] = lambda event: None,
) -> list[Outcome]:
    """What became of each item, in their order; `at_once` of them are with the executor at a time.

    A file appears as soon as it is whole. Of recordings with the same content one is asked for. What fails
    does not keep the others from being done, unless they would fail alike: then nothing more is begun. An
    output that may not be replaced fails before its recording is asked for. Raises `UsageError` if two have
    the same output.
    """
    _check_outputs(items)
    run = _Run(options, executor, journal, form, at_once, resume, replaces, report)
    return await run.all(items)


def _check_outputs(items: Sequence[Item]) -> None:
    taken: dict[str, Item] = {}
    for item in items:
        first = taken.setdefault(os.path.abspath(item.output), item)
        if first is not item:
            both = f"{quoted(first.input)} and {quoted(item.input)}"
            raise UsageError(
                f"{both} would both be written to {quoted(item.output)}", hint="choose another output for one"
            )


@dataclass
class _Run:
    """An archive while it is transcribed."""

    options: JobOptions
    executor: Executor
    journal: Journal
    form: Form
    at_once: int
    resume: bool
    replaces: Replaces
    report: Callable[[RunEvent], None]

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.at_once)
        self._outcomes: dict[Item, Outcome] = {}
        self._first: dict[str, Item] = {}  # by the journal's key, whose recording is asked for
        self._twins: list[tuple[Item, Source]] = []
        self._claims: dict[Item, Claim] = {}
        self._unreached = 0
        self._stopped_by: AudiocliError | None = None

    async def all(self, items: Sequence[Item]) -> list[Outcome]:
        if self.resume:
            for outcome in await asyncio.to_thread(self._done_before, items):
                self._settle(outcome)
        await self._work_off([item for item in items if item not in self._outcomes])
        for twin, source in self._twins:
            self._settle(await self._twin(twin, source))
        return [self._outcomes[item] for item in items]

    def _done_before(self, items: Sequence[Item]) -> list[Outcome]:
        return [outcome for item in items if (outcome := self._skipped(item)) is not None]

    def _skipped(self, item: Item) -> Outcome | None:
        done = self.journal.done(name_of(item.input), item.output)
        if done is None or done.form != self.form.name or done.signature != signature_of(item.input):
            return None
        if done.key != self.journal.key(done.digest, self.options) or not is_written(done):
            return None
        return Outcome(item=item, status="skipped", seconds=done.seconds, reason="it was done before")

    async def _work_off(self, items: Sequence[Item]) -> None:
        waiting = iter(items)
        # A job that reads or writes its own files leaves its turn at the executor to another.
        count = min(len(items), self.at_once + FINISHING)
        workers = [asyncio.create_task(self._work(waiting)) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, waiting: Iterator[Item]) -> None:
        for item in waiting:
            started = time.monotonic()
            try:
                outcome = await self._begun(item)
            except AudiocliError as error:
                self._consider(error, item)
                outcome = Outcome(item=item, status="failed", error=error)
            if outcome is not None:
                self._settle(replace(outcome, elapsed=time.monotonic() - started))

    async def _begun(self, item: Item) -> Outcome | None:
        """What becomes of an item; `None` where it waits for another of the same content."""
        if (left := self._left(item)) is not None:
            return left
        source = await asyncio.to_thread(self._looked_at, item)
        if source.key and self._first.setdefault(source.key, item) is not item:
            self._twins.append((item, source))
            return None
        return await self._made(item, source, recall=self.resume)

    def _looked_at(self, item: Item) -> Source:
        looked = cache(lambda: look_at(item.input, self.options, self.journal))
        self._claims[item] = self._claimed(item, lambda: self._expected(looked()))
        check_writable(item.output, self._claims[item])
        return looked()

    def _claimed(self, item: Item, expected: Callable[[], bytes | None]) -> Claim:
        return claimed(item.output, self.replaces, self.journal, name_of(item.input), expected)

    def _expected(self, source: Source) -> bytes | None:
        """What the output of a run that was killed before the journal knew of it would be."""
        kept = self.journal.transcript(source.digest, self.options)
        return None if kept is None else self.form.render(kept)

    async def _made(self, item: Item, source: Source, *, recall: bool) -> Outcome:
        if recall:
            kept = await asyncio.to_thread(self.journal.transcript, source.digest, self.options)
            if kept is not None:
                return await self._written(item, source, kept, reason="it was heard before")
        async with self._turns:
            if (left := self._left(item)) is not None:
                return left
            heard, tally = await self._heard(item, source)
        return await self._written(item, source, heard, dollars=tally.dollars, notes=tally.notes)

    def _left(self, item: Item) -> Outcome | None:
        """That an item is not begun, where nothing is begun any more."""
        if self._stopped_by is None:
            return None
        return Outcome(item=item, status="failed", error=self._stopped_by, reason="it was not begun")

    async def _heard(self, item: Item, source: Source) -> tuple[Transcript, Tally]:
        tally = Tally()

        def tell(event: JobEvent) -> None:
            tally.take(event)
            self.report(Told(item, event))

        transcript = await ask(
            source, self.options, self.executor, self.journal, resume=self.resume, tell=tell
        )
        self._unreached = 0
        return transcript, tally

    async def _written(
        self,
        item: Item,
        source: Source,
        transcript: Transcript,
        *,
        dollars: float | None = 0.0,
        reason: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> Outcome:
        await asyncio.to_thread(self._keep, item, source, transcript, heard=reason is None)
        return Outcome(
            item=item,
            status="done",
            seconds=transcript.duration,
            words=sum(len(segment.text.split()) for segment in transcript.segments),
            dollars=dollars,
            reason=reason,
            notes=notes + transcript.notes,
        )

    def _keep(self, item: Item, source: Source, transcript: Transcript, *, heard: bool) -> None:
        """In the journal first: what is paid for is not lost where the file cannot be written."""
        if heard:
            keep(source, transcript, self.journal)
        self._write(item, source, self.form.render(transcript), transcript.duration)

    def _write(self, item: Item, source: Source, content: bytes, seconds: float) -> None:
        # What --overwrite replaces may be another file by now.
        claim = self._claimed(item, lambda: None) if self.replaces == "any" else self._claims[item]
        write_file(item.output, content, claim)
        if source.key:
            self.journal.add_done(
                Done(
                    input=source.name,
                    signature=source.signature,
                    digest=source.digest,
                    key=source.key,
                    output=output_name(item.output),
                    form=self.form.name,
                    bytes=len(content),
                    seconds=seconds,
                    content=digest_of_bytes(content),
                )
            )

    async def _twin(self, item: Item, source: Source) -> Outcome:
        """What becomes of an item whose recording was asked for under another name."""
        first = self._outcomes[self._first[source.key or ""]]
        reason = f"it is the same as {quoted(first.item.input)}"
        if first.status == "failed" and not isinstance(first.error, InputError | OutputError):
            return replace(first, item=item, reason=first.reason or reason)
        try:
            if first.status == "failed":  # It was the file's fault, and not the recording's.
                return await self._made(item, source, recall=True)
            content = await asyncio.to_thread(read_file, first.item.output)
            await asyncio.to_thread(self._write, item, source, content, first.seconds or 0.0)
        except AudiocliError as error:
            return Outcome(item=item, status="failed", error=error)
        return replace(first, item=item, dollars=0.0, elapsed=0.0, reason=reason, notes=())

    def _consider(self, error: AudiocliError, item: Item) -> None:
        """Whether what has met one item would meet all."""
        if is_out_of_reach(error) and not is_address(item.input):
            self._unreached += 1
        if is_common(error) or self._unreached >= OUT_OF_REACH:
            self._stopped_by = self._stopped_by or error

    def _settle(self, outcome: Outcome) -> None:
        self._outcomes[outcome.item] = outcome
        self.report(outcome)
