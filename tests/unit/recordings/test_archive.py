"""Many recordings become files; what has been done is not done again."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    ConnectError,
    InputError,
    OutputError,
    RateLimitError,
    RejectedError,
    ServerError,
    UsageError,
)
from audiocli.recordings.archive import (
    OUT_OF_REACH,
    Item,
    Outcome,
    RunEvent,
    Told,
    transcribe_archive,
)
from audiocli.recordings.claiming import Replaces
from audiocli.recordings.job import Begun, Executor, Heard, Job, JobOptions, PieceDone
from audiocli.recordings.remembering.journal import Journal
from audiocli.recordings.remembering.remembered import transcribe_one
from audiocli.recordings.writing import Form
from audiocli.transcript import Transcript
from tests.unit.recordings.scripted import ScriptedExecutor, piece

TEXT = Form("text", lambda transcript: transcript.text.encode())
SHOUTED = Form("shouted", lambda transcript: transcript.text.upper().encode())


def recordings(folder: Path, count: int) -> list[Item]:
    """As many files, each with its own name as content."""
    for number in range(count):
        (folder / f"{number}.wav").write_text(f"words of {number}")
    return [Item(str(folder / f"{n}.wav"), str(folder / f"{n}.txt")) for n in range(count)]


def run(
    items: Sequence[Item],
    executor: Executor,
    state: Path,
    *,
    form: Form = TEXT,
    resume: bool = False,
    at_once: int = 4,
    replaces: Replaces = "own",
    options: JobOptions = JobOptions(),  # noqa: B008 - it is frozen
    report: Callable[[RunEvent], None] = lambda event: None,
) -> list[Outcome]:
    journal = Journal(str(state), "scripted")
    return asyncio.run(
        transcribe_archive(
            items,
            options,
            executor,
            journal,
            form,
            at_once=at_once,
            resume=resume,
            replaces=replaces,
            report=report,
        )
    )


def test_each_recording_becomes_a_file(tmp_path: Path) -> None:
    items = recordings(tmp_path, 5)
    outcomes = run(items, ScriptedExecutor(), tmp_path / "state")
    assert [outcome.item for outcome in outcomes] == items
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert [Path(item.output).read_text() for item in items] == [f"words of {n}" for n in range(5)]
    assert (outcomes[0].seconds, outcomes[0].words, outcomes[0].dollars) == (3.0, 3, 0.01)


def test_no_more_are_asked_for_at_once_than_was_said(tmp_path: Path) -> None:
    executor = ScriptedExecutor(seconds=0.02)
    run(recordings(tmp_path, 20), executor, tmp_path / "state", at_once=3)
    assert executor.most_at_once == 3


def test_what_happens_is_told(tmp_path: Path) -> None:
    told: list[RunEvent] = []
    items = recordings(tmp_path, 1)
    outcomes = run(items, ScriptedExecutor(), tmp_path / "state", report=told.append)
    assert [type(event.event) for event in told if isinstance(event, Told)] == [
        Begun,
        Heard,
        PieceDone,
        Transcript,
    ]
    assert told[-1] == outcomes[0]


def test_an_output_appears_while_others_are_still_heard(tmp_path: Path) -> None:
    items = recordings(tmp_path, 40)
    there: list[list[bool]] = []

    def look(event: RunEvent) -> None:
        if isinstance(event, Outcome):
            there.append([os.path.exists(item.output) for item in items])

    run(items, ScriptedExecutor(), tmp_path / "state", at_once=1, report=look)
    assert any(there[0])
    assert not all(there[0])


def test_what_is_done_is_not_asked_for_again(tmp_path: Path) -> None:
    items = recordings(tmp_path, 3)
    run(items[:2], ScriptedExecutor(), tmp_path / "state")
    executor = ScriptedExecutor()
    outcomes = run(items, executor, tmp_path / "state", resume=True)
    assert executor.asked == ["2.wav"]
    assert [outcome.status for outcome in outcomes] == ["skipped", "skipped", "done"]
    assert outcomes[0].reason == "it was done before"


def test_without_resume_all_is_asked_for_again(tmp_path: Path) -> None:
    items = recordings(tmp_path, 2)
    run(items, ScriptedExecutor(), tmp_path / "state")
    executor = ScriptedExecutor()
    run(items, executor, tmp_path / "state")
    assert sorted(executor.asked) == ["0.wav", "1.wav"]


def test_an_output_that_is_gone_is_written_again_without_asking(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    os.unlink(item.output)
    executor = ScriptedExecutor()
    (outcome,) = run([item], executor, tmp_path / "state", resume=True)
    assert executor.asked == []
    assert (outcome.status, outcome.dollars, outcome.reason) == ("done", 0.0, "it was heard before")
    assert Path(item.output).read_text() == "words of 0"


def test_another_form_and_another_output_are_written_without_asking(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    elsewhere = Item(item.input, str(tmp_path / "out" / "deep" / "0.txt"))
    executor = ScriptedExecutor()
    run([item], executor, tmp_path / "state", resume=True, form=SHOUTED)
    run([elsewhere], executor, tmp_path / "state", resume=True)
    assert executor.asked == []
    assert Path(item.output).read_text() == "WORDS OF 0"
    assert Path(elsewhere.output).read_text() == "words of 0"


def test_a_renamed_recording_is_known_by_its_content(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    os.rename(item.input, tmp_path / "talk.wav")
    executor = ScriptedExecutor()
    renamed = Item(str(tmp_path / "talk.wav"), str(tmp_path / "talk.txt"))
    run([renamed], executor, tmp_path / "state", resume=True)
    assert executor.asked == []
    assert Path(renamed.output).read_text() == "words of 0"


def test_a_recording_with_another_content_is_asked_for_again(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    Path(item.input).write_text("other words")
    executor = ScriptedExecutor()
    run([item], executor, tmp_path / "state", resume=True)
    assert executor.asked == ["0.wav"]
    assert Path(item.output).read_text() == "other words"


def test_other_options_are_asked_for_again(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    executor = ScriptedExecutor()
    run([item], executor, tmp_path / "state", resume=True, options=JobOptions(language="de"))
    assert executor.asked == ["0.wav"]


def test_a_correction_by_hand_is_not_undone(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    run([item], ScriptedExecutor(), tmp_path / "state")
    Path(item.output).write_text("corrected")
    (outcome,) = run([item], ScriptedExecutor(), tmp_path / "state", resume=True)
    assert outcome.status == "skipped"
    assert Path(item.output).read_text() == "corrected"


def test_recordings_with_the_same_content_are_asked_for_once(tmp_path: Path) -> None:
    items = recordings(tmp_path, 3)
    for name in ("1.wav", "2.wav"):
        (tmp_path / name).write_text("words of 0")
    executor = ScriptedExecutor()
    outcomes = run(items, executor, tmp_path / "state")
    assert len(executor.jobs) == 1
    assert {Path(item.output).read_text() for item in items} == {"words of 0"}
    assert sum(outcome.dollars or 0 for outcome in outcomes) == 0.01
    again = ScriptedExecutor()
    assert {outcome.status for outcome in run(items, again, tmp_path / "state", resume=True)} == {"skipped"}
    assert again.asked == []


def test_the_same_content_fails_once_with_one_reason(tmp_path: Path) -> None:
    items = recordings(tmp_path, 2)
    (tmp_path / "1.wav").write_text("words of 0")
    error = RejectedError("no speech in there")
    executor = ScriptedExecutor(errors={"0.wav": error, "1.wav": error})
    outcomes = run(items, executor, tmp_path / "state")
    assert len(executor.jobs) == 1
    assert [outcome.error for outcome in outcomes] == [error, error]


def test_the_same_content_is_written_where_it_can_be(tmp_path: Path) -> None:
    first, second = recordings(tmp_path, 2)
    Path(second.input).write_text("words of 0")
    os.mkdir(first.output)
    outcomes = run([first, second], ScriptedExecutor(), tmp_path / "state")
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert Path(second.output).read_text() == "words of 0"


def test_what_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    items = recordings(tmp_path, 6)
    os.unlink(items[1].input)
    error = ServerError("it broke")
    executor = ScriptedExecutor(errors={"3.wav": error})
    outcomes = run(items, executor, tmp_path / "state")
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done", "failed", "done", "done"]
    assert isinstance(outcomes[1].error, AudiocliError)
    assert outcomes[3].error is error
    assert not os.path.exists(items[3].output)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("no key"),
        RateLimitError("the quota is used up", retryable=False),
        RejectedError("there is no such model", status=404),
    ],
)
def test_what_would_meet_all_stops_the_run(tmp_path: Path, error: AudiocliError) -> None:
    items = recordings(tmp_path, 50)
    executor = ScriptedExecutor(errors={f"{n}.wav": error for n in range(50)})
    outcomes = run(items, executor, tmp_path / "state", at_once=2)
    assert len(executor.jobs) <= 2
    assert {outcome.error for outcome in outcomes} == {error}
    assert sum(outcome.reason == "it was not begun" for outcome in outcomes) >= 48


def test_a_service_that_is_out_of_reach_is_not_asked_for_all(tmp_path: Path) -> None:
    items = recordings(tmp_path, 50)
    error = ConnectError("cannot connect")
    executor = ScriptedExecutor(errors={f"{n}.wav": error for n in range(50)})
    run(items, executor, tmp_path / "state", at_once=1)
    assert len(executor.jobs) == OUT_OF_REACH


def test_a_broken_connection_now_and_then_does_not_stop_the_run(tmp_path: Path) -> None:
    items = recordings(tmp_path, 20)
    executor = ScriptedExecutor(errors={f"{n}.wav": ConnectError("broke") for n in range(0, 20, 7)})
    run(items, executor, tmp_path / "state", at_once=1)
    assert len(executor.jobs) == 20


def test_what_cannot_be_written_is_not_asked_for(tmp_path: Path) -> None:
    first, second = recordings(tmp_path, 2)
    os.mkdir(first.output)
    Path(tmp_path / "file").write_text("")
    below = Item(second.input, str(tmp_path / "file" / "1.txt"))
    executor = ScriptedExecutor()
    outcomes = run([first, below], executor, tmp_path / "state")
    assert executor.asked == []
    assert all(isinstance(outcome.error, OutputError) for outcome in outcomes)


def test_what_is_there_stays_if_it_shall(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    Path(item.output).write_text("mine")
    executor = ScriptedExecutor()
    (outcome,) = run([item], executor, tmp_path / "state", replaces="nothing")
    assert isinstance(outcome.error, OutputError)
    assert executor.asked == []
    assert Path(item.output).read_text() == "mine"


def test_folders_are_made_when_there_is_something_to_write(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    deep = Item(item.input, str(tmp_path / "a" / "b" / "0.txt"))
    there: list[bool] = []

    run(
        [deep],
        ScriptedExecutor(),
        tmp_path / "state",
        report=lambda event: there.append(os.path.exists(tmp_path / "a")),
    )
    assert not there[0]
    assert Path(deep.output).read_text() == "words of 0"


def test_two_recordings_with_one_output_are_refused(tmp_path: Path) -> None:
    first, second = recordings(tmp_path, 2)
    executor = ScriptedExecutor()
    with pytest.raises(UsageError, match="would both be written"):
        run([first, Item(second.input, first.output)], executor, tmp_path / "state")
    assert executor.asked == []


def test_a_recording_that_changes_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    items = recordings(tmp_path, 2)

    def change(job: Job) -> list[PieceDone]:
        Path(job.input).write_text("somewhat longer words")
        return [piece()]

    outcomes = run(items[:1], ScriptedExecutor(pieces=change), tmp_path / "state")
    assert isinstance(outcomes[0].error, InputError)
    assert "changed while it was read" in outcomes[0].error.message
    assert not os.path.exists(items[0].output)
    executor = ScriptedExecutor()
    run(items[:1], executor, tmp_path / "state", resume=True)
    assert executor.jobs[0].done == ()


def test_pieces_of_a_recording_that_failed_are_not_asked_for_again(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    kept = [piece("one", 0.0, 1.0), piece("three", 2.0, 3.0)]
    error = RejectedError("0:00:01–0:00:02: refused")  # noqa: RUF001 - a range has a dash
    run([item], ScriptedExecutor({"0.wav": error}, pieces=lambda job: kept), tmp_path / "state")
    executor = ScriptedExecutor(pieces=lambda job: [piece("two", 1.0, 2.0)])
    (outcome,) = run([item], executor, tmp_path / "state", resume=True)
    assert executor.jobs[0].done == tuple(kept)
    assert outcome.dollars == 0.01


def test_an_address_is_asked_for_once_and_not_written_down(tmp_path: Path) -> None:
    item = Item("https://example.com/talk.mp3?key=secret", str(tmp_path / "talk.txt"))

    class Fetching(ScriptedExecutor):
        async def run(self, job):  # type: ignore[no-untyped-def] # as the one it stands for
            self.jobs.append(job)
            yield piece()
            yield Transcript(segments=piece().segments, duration=3.0)

    executor = Fetching()
    state = tmp_path / "state"
    run([item], executor, state)
    (outcome,) = run([item], executor, state, resume=True)
    assert len(executor.jobs) == 1
    assert outcome.status == "skipped"
    assert all(b"secret" not in path.read_bytes() for path in state.rglob("*") if path.is_file())


def test_cancelling_ends_the_jobs_and_leaves_whole_files(tmp_path: Path) -> None:
    items = recordings(tmp_path, 20)
    executor = ScriptedExecutor(seconds=0.05)

    async def begun_and_left() -> None:
        journal = Journal(str(tmp_path / "state"), "scripted")
        task = asyncio.create_task(
            transcribe_archive(items, JobOptions(), executor, journal, TEXT, at_once=4)
        )
        await asyncio.sleep(0.12)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(begun_and_left())
    assert executor.at_once == 0
    written = [item for item in items if os.path.exists(item.output)]
    assert all(Path(item.output).read_text().startswith("words of") for item in written)
    assert not list(tmp_path.glob(".audiocli*"))
    again = ScriptedExecutor()
    run(items, again, tmp_path / "state", resume=True)
    assert len(again.jobs) <= len(items) - len(written)


def test_a_fault_of_our_own_is_not_hidden(tmp_path: Path) -> None:
    def broken(transcript: Transcript) -> bytes:
        return bytes(1 // len(transcript.notes))

    with pytest.raises(ZeroDivisionError):
        run(recordings(tmp_path, 3), ScriptedExecutor(), tmp_path / "state", form=Form("x", broken))


def test_nearly_all_of_the_time_is_the_services(tmp_path: Path) -> None:
    items = recordings(tmp_path, 64)
    started = time.monotonic()
    run(items, ScriptedExecutor(seconds=0.1), tmp_path / "state", at_once=16)
    assert time.monotonic() - started < 64 / 16 * 0.1 * 5


def test_one_recording_is_told_as_it_is_heard_and_remembered(tmp_path: Path) -> None:
    (item,) = recordings(tmp_path, 1)
    journal = Journal(str(tmp_path / "state"), "scripted")
    heard: list[object] = []
    executor = ScriptedExecutor()

    async def ask(resume: bool) -> Transcript:
        return await transcribe_one(
            item.input, JobOptions(), executor, journal, resume=resume, tell=heard.append
        )

    first = asyncio.run(ask(resume=False))
    assert first.text == "words of 0"
    assert Heard("words of 0") in heard
    assert asyncio.run(ask(resume=True)) == first
    assert len(executor.jobs) == 1
