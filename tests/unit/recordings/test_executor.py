"""Jobs run on this machine: real files, a model that says what a test wants."""

import asyncio
import os
import pickle
import random
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from audiocli.catalog import Prices
from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    ConnectError,
    InputError,
    RejectedError,
    ServerError,
    UsageError,
)
from audiocli.recordings.executor import LocalExecutor
from audiocli.recordings.hearing import FAILURES_IN_A_ROW, PROMPT_CHARACTERS, Connection
from audiocli.recordings.job import Begun, Executor, Heard, Job, JobEvent, JobOptions, PieceDone
from audiocli.recordings.joining import NO_SPEECH
from audiocli.transcript import Hearing, Segment, Transcript, TranscriptionRequest
from tests.servers import serve
from tests.unit.recordings.scripted import LIMITS, ElsewhereExecutor, ScriptedTranscriber

RATE = 8000


def wav(path: Path, seconds: float, *, loud: bool = True) -> str:
    """A file of noise, or of silence, at `path`, which is returned."""
    count = int(seconds * RATE)
    noise = random.Random(7).randbytes(2 * count)  # noqa: S311 - nothing is kept secret by it
    data = noise if loud else bytes(2 * count)
    head = struct.pack(
        "<4sI8sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVEfmt ",
        16,
        1,
        1,
        RATE,
        2 * RATE,
        2,
        16,
        b"data",
        len(data),
    )
    path.write_bytes(head + data)
    return str(path)


def executor_of(
    transcriber: ScriptedTranscriber,
    *,
    requests: int = 16,
    prices: Prices = Prices(),  # noqa: B008 - frozen
) -> LocalExecutor:
    return LocalExecutor(lambda options: Connection("test/m", "m", transcriber, prices), requests=requests)


@dataclass
class Ran:
    """What a job told, and what it ended with."""

    told: list[JobEvent] = field(default_factory=list)
    error: AudiocliError | None = None

    @property
    def pieces(self) -> list[PieceDone]:
        return [event for event in self.told if isinstance(event, PieceDone)]

    @property
    def heard(self) -> str:
        return "".join(event.text for event in self.told if isinstance(event, Heard))

    @property
    def transcript(self) -> Transcript:
        last = self.told[-1]
        assert isinstance(last, Transcript)
        return last


async def all_of(executor: Executor, job: Job) -> Ran:
    ran = Ran()
    try:
        async with aclosing(executor.run(job)) as events:
            async for event in events:
                ran.told.append(event)
    except AudiocliError as error:
        ran.error = error
    return ran


def run(transcriber: ScriptedTranscriber, path: str, *done: PieceDone, **options: object) -> Ran:
    job = Job(path, JobOptions(**options), done)  # type: ignore[arg-type] # its own fields
    return asyncio.run(all_of(executor_of(transcriber), job))


def refusing(
    *numbers: int, error: Callable[[], AudiocliError]
) -> Callable[[int, TranscriptionRequest], str | AudiocliError]:
    return lambda number, request: error() if number in numbers else f"words of request {number}"


def one_at_a_time(**changes: object) -> ScriptedTranscriber:
    return ScriptedTranscriber(limits=replace(LIMITS, parallel=1, **changes))  # type: ignore[arg-type] # its own fields


def test_a_short_recording_is_one_request(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber()
    ran = run(
        transcriber, wav(tmp_path / "a.wav", 3), language="en", prompt="Names", words=True, speakers=True
    )
    (request,) = transcriber.requests
    assert ran.told[0] == Begun(3.0, "m")
    assert (request.model, request.duration, request.language) == ("m", 3.0, "en")
    assert (request.prompt, request.words, request.speakers) == ("Names", True, True)
    assert request.audio.source.size == os.path.getsize(tmp_path / "a.wav")
    assert ran.transcript.text == "words of request 0"
    assert ran.heard.strip() == "words of request 0"


def test_a_long_recording_is_cut_and_joined(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber()
    ran = run(transcriber, wav(tmp_path / "a.wav", 21))
    pieces = sorted(ran.pieces, key=lambda piece: piece.start)
    assert len(transcriber.requests) == len(pieces) >= 5
    assert all(request.duration <= LIMITS.seconds for request in transcriber.requests)
    assert pieces[0].start == 0
    assert [piece.end for piece in pieces[:-1]] == [piece.start for piece in pieces[1:]]
    assert pieces[-1].end == pytest.approx(21.0)
    starts = [segment.start for segment in ran.transcript.segments]
    assert starts == [piece.start for piece in pieces]
    assert ran.transcript.duration == pytest.approx(21.0)


class Reciting:
    """Tells all at once, in two segments with a pause of three seconds between them."""

    limits = LIMITS

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        segments = (Segment("One.", 0.0, 0.5), Segment("Two.", 3.5, 4.0))
        yield Transcript(segments=segments, duration=request.duration, timing="segment")


def test_what_comes_at_once_is_told_in_paragraphs(tmp_path: Path) -> None:
    job = Job(wav(tmp_path / "a.wav", 4), JobOptions())
    executor = LocalExecutor(lambda options: Connection("m", "m", Reciting()))
    ran = asyncio.run(all_of(executor, job))
    assert [event for event in ran.told if isinstance(event, Heard)] == [
        Heard("One."),
        Heard(" Two.", paragraph=True),
    ]


def test_pieces_are_heard_at_once_and_told_in_order(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(seconds=0.5)
    ran = run(transcriber, wav(tmp_path / "a.wav", 31))
    assert transcriber.most_at_once == LIMITS.parallel
    assert ran.heard.split() == ran.transcript.text.split()


def test_all_jobs_together_keep_the_executors_limit(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(seconds=0.5)
    executor = executor_of(transcriber, requests=3)
    paths = [wav(tmp_path / f"{n}.wav", 4) for n in range(6)]

    async def all_jobs() -> None:
        await asyncio.gather(*(all_of(executor, Job(path, JobOptions())) for path in paths))

    asyncio.run(all_jobs())
    assert transcriber.most_at_once == 3


def test_who_is_asked_is_found_once(tmp_path: Path) -> None:
    asked: list[JobOptions] = []

    def connect(options: JobOptions) -> Connection:
        asked.append(options)
        return Connection("test/m", "m", ScriptedTranscriber())

    executor = LocalExecutor(connect)
    for _ in range(3):
        asyncio.run(all_of(executor, Job(wav(tmp_path / "a.wav", 3), JobOptions())))
    assert len(asked) == 1


def test_only_what_lies_between_start_and_end_is_heard(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber()
    ran = run(transcriber, wav(tmp_path / "a.wav", 20), start=8.0, end=11.0)
    (request,) = transcriber.requests
    assert request.duration == 3.0
    assert (ran.transcript.segments[0].start, ran.transcript.segments[0].end) == (8.0, 11.0)
    assert ran.transcript.duration == 20.0


def test_an_end_behind_the_recordings_is_its_end(tmp_path: Path) -> None:
    assert run(ScriptedTranscriber(), wav(tmp_path / "a.wav", 3), end=99.0).told[0] == Begun(3.0, "m")


@pytest.mark.parametrize(
    ("start", "end", "kind", "message"),
    [
        (5.0, 2.0, UsageError, "start 0:00:05 is not before end 0:00:02"),
        (2.0, 2.0, UsageError, "start 0:00:02 is not before end 0:00:02"),
        (-1.0, None, UsageError, "start is before the beginning"),
        (3.5, None, InputError, "ends at 0:00:03, before start 0:00:03.5"),
    ],
)
def test_bounds_that_leave_nothing_are_refused(
    tmp_path: Path, start: float, end: float | None, kind: type[AudiocliError], message: str
) -> None:
    transcriber = ScriptedTranscriber()
    ran = run(transcriber, wav(tmp_path / "a.wav", 3), start=start, end=end)
    assert type(ran.error) is kind
    assert message in str(ran.error)
    assert transcriber.requests == []


def test_silence_is_not_sent(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber()
    ran = run(transcriber, wav(tmp_path / "a.wav", 12, loud=False))
    assert transcriber.requests == []
    assert (ran.transcript.text, ran.transcript.notes) == ("", (NO_SPEECH,))


def test_for_subtitles_a_model_without_times_is_given_short_pieces(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 70)
    for timing, timed, count in [("piece", True, 3), ("piece", False, 1), ("segment", True, 1)]:
        transcriber = one_at_a_time(seconds=600.0, timing=timing)
        run(transcriber, path, timed=timed)
        assert len(transcriber.requests) == count


def test_the_end_of_a_piece_prompts_the_next(tmp_path: Path) -> None:
    transcriber = one_at_a_time()
    transcriber.answer = lambda number, request: f"word{number} " * 100
    run(transcriber, wav(tmp_path / "a.wav", 9), prompt="Names")
    first, second, *_ = [request.prompt or "" for request in transcriber.requests]
    assert first == "Names"
    assert second.startswith("Names word0 word0")
    assert len(second) <= PROMPT_CHARACTERS + len("Names ")


def test_the_end_of_a_text_without_spaces_prompts_the_next(tmp_path: Path) -> None:
    transcriber = one_at_a_time()
    transcriber.answer = lambda number, request: "日本語" * 100
    run(transcriber, wav(tmp_path / "a.wav", 9))
    assert transcriber.requests[1].prompt == ("日本語" * 100)[-PROMPT_CHARACTERS:]


def test_a_model_that_reads_no_prompt_is_given_none_of_ours(tmp_path: Path) -> None:
    transcriber = one_at_a_time(prompt=False)
    run(transcriber, wav(tmp_path / "a.wav", 9))
    assert {request.prompt for request in transcriber.requests} == {None}


def test_a_second_of_sound_has_its_price(tmp_path: Path) -> None:
    executor = executor_of(ScriptedTranscriber(), prices=Prices(second_in=0.0001))
    ran = asyncio.run(all_of(executor, Job(wav(tmp_path / "a.wav", 3), JobOptions())))
    assert [piece.dollars for piece in ran.pieces] == [pytest.approx(0.0003)]


def test_pieces_that_were_heard_are_not_asked_for(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 21)
    first = run(ScriptedTranscriber(), path)
    kept = first.pieces[:3]
    transcriber = ScriptedTranscriber(answer=lambda number, request: "anew")
    again = run(transcriber, path, *kept)
    assert len(transcriber.requests) == len(first.pieces) - 3
    assert all(piece not in again.pieces for piece in kept)
    assert {kept_piece.segments[0] for kept_piece in kept} <= set(again.transcript.segments)
    begun = again.told[0]
    assert isinstance(begun, Begun)
    assert begun.done == pytest.approx(sum(piece.end - piece.start for piece in kept))


def test_pieces_of_another_cut_are_not_used(tmp_path: Path) -> None:
    other = PieceDone(0.0, 1.234, (), "piece")
    transcriber = ScriptedTranscriber()
    run(transcriber, wav(tmp_path / "a.wav", 3), other)
    assert len(transcriber.requests) == 1


def test_of_twenty_pieces_one_is_refused_and_the_others_are_kept(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 46)
    transcriber = one_at_a_time(seconds=2.5)
    transcriber.answer = refusing(7, error=lambda: RejectedError("the audio is odd", hint="x", status=400))
    ran = run(transcriber, path)
    assert isinstance(ran.error, RejectedError)
    assert len(ran.pieces) == len(transcriber.requests) - 1 >= 18
    assert ran.error.message.startswith("0:00:")
    assert ran.error.message.endswith(": the audio is odd")
    assert ran.error.exit_code == RejectedError.exit_code
    again = one_at_a_time(seconds=2.5)
    resumed = run(again, path, *ran.pieces)
    assert len(again.requests) == 1
    assert resumed.transcript.text.count("words of request") == len(transcriber.requests)


def test_the_error_of_a_whole_recording_names_no_piece(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(answer=refusing(0, error=lambda: ServerError("it broke")))
    ran = run(transcriber, wav(tmp_path / "a.wav", 3))
    assert ran.error is not None
    assert ran.error.message == "it broke"


@pytest.mark.parametrize("error", [AuthenticationError("no key"), ConnectError("refused")])
def test_what_would_meet_every_piece_ends_the_job_at_once(tmp_path: Path, error: AudiocliError) -> None:
    transcriber = one_at_a_time()
    transcriber.answer = lambda number, request: error
    ran = run(transcriber, wav(tmp_path / "a.wav", 40))
    assert ran.error is error
    assert len(transcriber.requests) <= 2


def test_a_connection_that_broke_once_does_not_end_the_job(tmp_path: Path) -> None:
    transcriber = one_at_a_time()
    transcriber.answer = refusing(2, error=lambda: ConnectError("it broke"))
    ran = run(transcriber, wav(tmp_path / "a.wav", 40))
    assert len(ran.pieces) == len(transcriber.requests) - 1


def test_after_several_failures_in_a_row_the_rest_is_not_tried(tmp_path: Path) -> None:
    transcriber = one_at_a_time()
    transcriber.answer = lambda number, request: ServerError("it broke")
    ran = run(transcriber, wav(tmp_path / "a.wav", 60))
    assert len(transcriber.requests) in (FAILURES_IN_A_ROW, FAILURES_IN_A_ROW + 1)
    assert "more pieces): it broke" in str(ran.error)


def test_a_file_that_changes_while_it_is_heard_is_no_mix(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 30)
    transcriber = one_at_a_time()

    def change(number: int, request: TranscriptionRequest) -> str:
        if number == 2:
            os.utime(path, ns=(0, 1))
        return f"words of {request.model}"

    transcriber.answer = change
    ran = run(transcriber, path)
    assert isinstance(ran.error, InputError)
    assert "changed while it was read" in ran.error.message
    assert len(ran.pieces) == 2
    assert len(transcriber.requests) <= 4


def test_a_fault_of_our_own_is_raised(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(answer=lambda number, request: str(1 // number))
    with pytest.raises(ZeroDivisionError):
        run(transcriber, wav(tmp_path / "a.wav", 30))


def test_closing_early_ends_every_request(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(seconds=0.5)
    path = wav(tmp_path / "a.wav", 40)

    async def leave() -> int:
        events = executor_of(transcriber).run(Job(path, JobOptions()))
        async for event in events:
            if isinstance(event, PieceDone):
                break
        under_way = transcriber.at_once
        await events.aclose()
        return under_way

    assert asyncio.run(leave()) > 0
    assert transcriber.at_once == 0


def test_cancelling_ends_every_request(tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(seconds=60)
    job = Job(wav(tmp_path / "a.wav", 40), JobOptions())

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(all_of(executor_of(transcriber), job), 3)

    asyncio.run(leave())
    assert transcriber.most_at_once > 0
    assert transcriber.at_once == 0


def test_what_is_missing_or_no_sound_is_the_inputs_fault(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("words")
    for name in ("a.wav", "missing.wav"):
        assert isinstance(run(ScriptedTranscriber(), str(tmp_path / name)).error, InputError)


def test_an_address_is_fetched(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav", 12)
    content = (tmp_path / "a.wav").read_bytes()
    with serve(lambda exchange: exchange.reply(content, media_type="audio/wav")) as server:
        transcriber = ScriptedTranscriber()
        ran = run(transcriber, f"{server.url}/a.wav")
    assert len(server.exchanges) == 1
    assert len(transcriber.requests) >= 3
    assert ran.transcript.duration == pytest.approx(12.0)


def test_what_is_too_large_is_not_fetched_to_its_end() -> None:
    with serve(lambda exchange: exchange.reply(bytes(2_000_000), media_type="audio/wav")) as server:
        executor = LocalExecutor(
            lambda options: Connection("test/m", "m", ScriptedTranscriber()), max_fetched=1_000_000
        )
        ran = asyncio.run(all_of(executor, Job(f"{server.url}/a.wav", JobOptions())))
    assert isinstance(ran.error, InputError)
    assert "larger than 1 MB" in ran.error.message


def test_a_job_and_all_that_comes_of_it_can_be_sent_elsewhere(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 12)
    ran = run(ScriptedTranscriber(), path)
    job = Job(path, JobOptions(words=True), tuple(ran.pieces))
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - it has just been made
    assert pickle.loads(pickle.dumps(ran.told)) == ran.told  # noqa: S301 - it has just been made


def test_another_process_can_run_a_job(tmp_path: Path) -> None:
    job = Job(wav(tmp_path / "a.wav", 12), JobOptions())
    elsewhere = asyncio.run(all_of(ElsewhereExecutor(), job))
    assert elsewhere.error is None
    assert elsewhere.transcript.duration == run(ScriptedTranscriber(), job.input).transcript.duration
    missing = asyncio.run(all_of(ElsewhereExecutor(), replace(job, input=str(tmp_path / "missing.wav"))))
    assert isinstance(missing.error, InputError)
    assert missing.error.hint
