"""What transcribing costs: errors, time above the ideal, memory for a long day, the way back into a run."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path

from audiocli.audio.containers.wav import wav_header
from audiocli.recordings.archive import Item, transcribe_archive
from audiocli.recordings.content import signature_of
from audiocli.recordings.job import Job, JobEvent, JobOptions
from audiocli.recordings.remembering.journal import Done, Journal
from audiocli.recordings.writing import Form
from tests.bench import hearing
from tests.bench.measure import AUDIOCLI, cost
from tests.bench.report import Result
from tests.bench.slow_service import slow_service

FILES, AT_ONCE, SECONDS_EACH = 200, 16, 0.5
HOURS = 10
ENTRIES = 100_000
RATE = 16_000
MODEL = "model"
TEXT = Form("text", lambda transcript: transcript.text.encode())


def recognising(_folder: Path) -> Iterator[Result]:
    """The embedded recogniser on the recorded voices, and its engine called directly."""
    for name, percent, counts in hearing.word_error_rates():
        yield Result(f"word errors, {name}", percent, "%", counts, 5)
    ours, direct, seconds = hearing.cpu()
    told = f"{ours / 1000:.1f} s / engine: {direct / 1000:.1f} s, for {seconds / 60:.0f} min of speech"
    yield Result("embedded recogniser: CPU", ours / direct, "x", told, 1.1)


def archive(folder: Path) -> Iterator[Result]:
    """200 files against a service that takes half a second for each."""
    clips = folder / "clips"
    clips.mkdir()
    for number in range(FILES):
        (clips / f"{number}.wav").write_bytes(wav_header(RATE * 2, RATE) + os.urandom(RATE * 2))
    with slow_service(SECONDS_EACH) as url:
        command = [AUDIOCLI, "transcribe", "-r", str(clips), "-o", str(folder / "texts"), "-j", str(AT_ONCE)]
        started = time.perf_counter()
        cost([*command, "--base-url", url, "-q"])
        took = time.perf_counter() - started
    # The last round is not full: 200 files, 16 at once, are 13 rounds.
    ideal = -(-FILES // AT_ONCE) * SECONDS_EACH
    told = f"{took:.2f} s / {ideal:.2f} s, the start of the program included: {ideal / took:.0%}"
    yield Result(f"{FILES} files of {SECONDS_EACH:g} s, -j {AT_ONCE}", took / ideal, "x", told, 1 / 0.9)


def long_recording(folder: Path) -> Iterator[Result]:
    """Ten hours of noise, sent in pieces."""
    path = folder / "long.wav"
    second = os.urandom(RATE * 2)
    with path.open("wb") as file:
        file.write(wav_header(HOURS * 3600 * len(second), RATE))
        for _ in range(HOURS * 3600):
            file.write(second)
    with slow_service(0) as url:
        measured = cost(
            [AUDIOCLI, "transcribe", str(path), "--base-url", url, "-q", "-o", str(folder / "long.txt")]
        )
    told = f"of {path.stat().st_size / 1e9:.2f} GB, {measured.cpu / 1000:.0f} s of CPU"
    path.unlink()
    yield Result(f"a WAV of {HOURS} hours: peak memory", measured.memory, "MB", told, 100)


def journal(folder: Path) -> Iterator[Result]:
    """A run that has written 100,000 transcripts, begun again: each input and output is looked at."""
    items = [_item(folder / "archive", number) for number in range(ENTRIES)]
    state = str(folder / "state")
    _remember(Journal(state, MODEL), items)
    started = time.perf_counter()
    outcomes = asyncio.run(
        transcribe_archive(
            items, JobOptions(), _Nobody(), Journal(state, MODEL), TEXT, at_once=1, resume=True
        )
    )
    took = time.perf_counter() - started
    skipped = sum(outcome.status == "skipped" for outcome in outcomes)
    yield Result(f"a journal of {ENTRIES:,} entries, resumed", took, "s", f"{skipped:,} were skipped", 2)


class _Nobody:
    """An executor that must not be asked."""

    def run(self, job: Job) -> AsyncGenerator[JobEvent, None]:
        raise AssertionError(f"{job.input} is done")


def _item(folder: Path, number: int) -> Item:
    place = folder / str(number // 1000)
    place.mkdir(parents=True, exist_ok=True)
    item = Item(str(place / f"{number}.wav"), str(place / f"{number}.txt"))
    for path in (item.input, item.output):
        Path(path).write_text(f"{number}\n")
    return item


def _remember(journal: Journal, items: Sequence[Item]) -> None:
    for number, item in enumerate(items):
        digest = f"{number:064x}"
        done = Done(
            input=item.input,
            signature=signature_of(item.input),
            digest=digest,
            key=journal.key(digest, JobOptions()),
            output=item.output,
            form=TEXT.name,
            bytes=len(f"{number}\n"),
            seconds=1.0,
        )
        journal.add_done(done)
