"""One recording becomes a transcript, with what a journal remembers of it."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from audiocli.errors import AudiocliError
from audiocli.recordings.content import Signature, check_unchanged, signature_of
from audiocli.recordings.job import Begun, Executor, Job, JobEvent, JobOptions, PieceDone
from audiocli.recordings.opening import is_address
from audiocli.recordings.remembering.journal import Journal
from audiocli.transcript import Transcript


async def transcribe_one(
    path: str,
    options: JobOptions,
    executor: Executor,
    journal: Journal,
    *,
    resume: bool = False,
    tell: Callable[[JobEvent], None] = lambda event: None,
) -> Transcript:
    """The transcript of the recording at `path`, a file's absolute path or an address.

    What is heard is remembered in `journal`, and used to `resume`; where all of it was heard before, nothing
    is told. Raises `AudiocliError`.
    """
    source = await asyncio.to_thread(look_at, path, options, journal)
    if resume and (kept := await asyncio.to_thread(journal.transcript, source.digest, options)) is not None:
        return kept
    transcript = await ask(source, options, executor, journal, resume=resume, tell=tell)
    await asyncio.to_thread(keep, source, transcript, journal)
    return transcript


@dataclass
class Tally:
    """What is told of a recording, added up: what is odd about its name, and what its pieces cost."""

    notes: tuple[str, ...] = ()
    costs: list[float | None] = field(default_factory=list)

    def take(self, event: JobEvent) -> None:
        match event:
            case Begun():
                self.notes = event.notes
            case PieceDone():
                self.costs.append(event.dollars)

    @property
    def dollars(self) -> float | None:
        """What was paid, as far as that is known; `None` where nothing is known but that some was free."""
        known = [cost for cost in self.costs if cost is not None]
        return sum(known) if any(known) or len(known) == len(self.costs) else None


@dataclass(frozen=True)
class Source:
    """A recording as it was when it was looked at.

    `name` is what the journal calls it, `digest` what tells its content, `key` that and what is asked. Only a
    file has a `signature`. What comes through a pipe has no key: it does not come again.
    """

    path: str
    name: str
    signature: Signature | None
    digest: str = ""
    key: str | None = None

    def check_unchanged(self) -> None:
        check_unchanged(self.path, self.signature)


def look_at(path: str, options: JobOptions, journal: Journal) -> Source:
    """Reads a file to its end, unless the journal knows it. An address stands for what is found there.

    Raises `InputError`. Blocks.
    """
    name = name_of(path)
    if is_address(path):
        return Source(path, name, None, name, journal.key(name, options))
    if (signature := signature_of(path)) is None:
        return Source(path, name, None)
    digest = journal.digest(name, signature)
    source = Source(path, name, signature, digest, journal.key(digest, options))
    source.check_unchanged()
    return source


def name_of(path: str) -> str:
    """What a journal calls the recording at `path`. An address may hold a key, and is not written down."""
    if not is_address(path):
        return path
    return f"address {hashlib.sha256(path.encode(errors='surrogateescape')).hexdigest()}"


async def ask(
    source: Source,
    options: JobOptions,
    executor: Executor,
    journal: Journal,
    *,
    resume: bool,
    tell: Callable[[JobEvent], None],
) -> Transcript:
    """Have the job run.

    The pieces of a file are kept in the journal, and used to `resume`. What is at an address may be another
    the next time.
    """
    key = source.key if source.signature else None
    done = journal.pieces(key) if resume and key else ()
    transcript, seconds = None, 0.0
    async with aclosing(executor.run(Job(source.path, options, done))) as events:
        async for event in events:
            match event:
                case Begun():
                    seconds = event.seconds
                case PieceDone() if key and event.end - event.start < seconds:
                    source.check_unchanged()
                    journal.add_piece(key, event)
                case Transcript():
                    transcript = event
            tell(event)
    if transcript is None:
        raise AudiocliError("the executor ended without a transcript")
    source.check_unchanged()
    return transcript


def keep(source: Source, transcript: Transcript, journal: Journal) -> None:
    """Remember `transcript`, so that it need not be asked for again. Blocks."""
    if source.key:
        journal.keep(source.key, transcript)
