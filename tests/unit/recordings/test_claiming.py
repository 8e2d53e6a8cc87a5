"""A file that somebody else has written, or has changed since, is not replaced by a name that was derived."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audiocli.errors import OutputError
from audiocli.recordings.archive import Item, Outcome
from audiocli.recordings.claiming import Replaces
from audiocli.recordings.job import Job, PieceDone
from tests.unit.recordings.scripted import ScriptedExecutor, piece
from tests.unit.recordings.test_archive import SHOUTED, TEXT, recordings, run

MINE = "written by hand"


def _by_hand(path: Path) -> None:
    path.write_text(MINE)


def _empty(path: Path) -> None:
    path.write_text("")


def _hard_link(path: Path) -> None:
    path.with_name("notes").write_text(MINE)
    os.link(path.with_name("notes"), path)


def _link(path: Path) -> None:
    path.with_name("notes").write_text(MINE)
    path.symlink_to("notes")


def _dangling(path: Path) -> None:
    path.symlink_to("nothing")


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _unreadable(path: Path) -> None:
    _by_hand(path)
    path.chmod(0)


def _corrected(path: Path) -> None:
    """Another file than the one that was written, as long as that."""
    assert ours(path.parent).status == "done"
    path.write_text("w0rds of 0")


def _linked_since(path: Path) -> None:
    assert ours(path.parent).status == "done"
    path.rename(path.with_name("notes"))
    path.symlink_to("notes")


def ours(folder: Path, **options: object) -> Outcome:
    (outcome,) = run(recordings(folder, 1), ScriptedExecutor(), folder / "state", **options)  # type: ignore[arg-type] # they are its
    return outcome


def state(path: Path) -> object:
    """What is at a name, without following it."""
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns, path.read_bytes() if path.is_file() else None


FOREIGN = [
    _by_hand,
    _empty,
    _hard_link,
    _link,
    _dangling,
    _folder,
    _pipe,
    _unreadable,
    _corrected,
    _linked_since,
]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__.strip("_"))
def test_what_was_not_written_here_or_was_changed_stays_and_nothing_is_asked(
    make: Callable[[Path], None], resume: bool, tmp_path: Path
) -> None:
    make(tmp_path / "0.txt")
    before = state(tmp_path / "0.txt") if make is not _unreadable else None
    executor = ScriptedExecutor()
    first, second = run(recordings(tmp_path, 2), executor, tmp_path / "state", resume=resume, form=SHOUTED)
    assert isinstance(first.error, OutputError)
    assert "0.txt" in first.error.message
    assert second.status == "done"
    assert executor.asked == ["1.wav"]
    assert make is _unreadable or state(tmp_path / "0.txt") == before


def test_what_was_written_here_is_replaced(tmp_path: Path) -> None:
    for form in (TEXT, SHOUTED, TEXT):
        assert ours(tmp_path, form=form).status == "done"
    assert (tmp_path / "0.txt").read_text() == "words of 0"


def test_what_the_journal_has_forgotten_counts_as_somebody_elses(tmp_path: Path) -> None:
    ours(tmp_path)
    (tmp_path / "state" / "journal.jsonl").unlink()
    (tmp_path / "0.wav").write_text("other words")
    executor = ScriptedExecutor()
    items = [Item(str(tmp_path / "0.wav"), str(tmp_path / "0.txt"))]
    (outcome,) = run(items, executor, tmp_path / "state")
    assert outcome.error is not None
    assert outcome.error.hint == "overwrite replaces it"
    assert executor.asked == []


def test_the_output_of_a_run_that_was_killed_before_the_journal_knew_it_is_replaced(tmp_path: Path) -> None:
    ours(tmp_path)
    (tmp_path / "state" / "journal.jsonl").unlink()
    assert ours(tmp_path).status == "done"


def test_another_name_of_the_same_folder_leads_to_the_same_output(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert ours(tmp_path / "real").status == "done"
    items = [Item(str(tmp_path / "link/0.wav"), str(tmp_path / "link/0.txt"))]
    (outcome,) = run(items, ScriptedExecutor(), tmp_path / "real/state", form=SHOUTED)
    assert outcome.status == "done"


def test_the_transcript_of_another_recording_stays_as_long_as_that_exists(tmp_path: Path) -> None:
    ours(tmp_path)
    (tmp_path / "0.mp3").write_text("other words")
    other = Item(str(tmp_path / "0.mp3"), str(tmp_path / "0.txt"))
    (refused,) = run([other], ScriptedExecutor(), tmp_path / "state")
    assert "it is the transcript of" in str(refused.error)
    (tmp_path / "0.wav").unlink()
    (taken,) = run([other], ScriptedExecutor(), tmp_path / "state")
    assert taken.status == "done"
    assert (tmp_path / "0.txt").read_text() == "other words"


@pytest.mark.parametrize("make", [_by_hand, _hard_link, _link, _dangling, _corrected])
def test_any_file_is_replaced_if_that_is_wanted_and_no_link_is_followed(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "0.txt")
    assert ours(tmp_path, replaces="any").status == "done"
    assert not (tmp_path / "0.txt").is_symlink()
    assert (tmp_path / "0.txt").read_text() == "words of 0"
    assert all(path.read_text() == MINE for path in tmp_path.glob("notes"))
    assert not (tmp_path / "nothing").exists()


def appearing(path: Path, content: str) -> Callable[[Job], list[PieceDone]]:
    """Somebody writes to `path` while the recording is heard."""

    def pieces(job: Job) -> list[PieceDone]:
        path.write_text(content)
        return [piece(Path(job.input).read_text())]

    return pieces


@pytest.mark.parametrize("replaces", ["own", "nothing"])
@pytest.mark.parametrize("before", [False, True])
def test_what_appears_or_changes_while_a_recording_is_heard_stays_and_the_transcript_is_kept(
    before: bool, replaces: Replaces, tmp_path: Path
) -> None:
    if before and replaces == "own":
        ours(tmp_path)
    (tmp_path / "0.kept.txt").write_text("taken as well")
    executor = ScriptedExecutor(pieces=appearing(tmp_path / "0.txt", MINE))
    (outcome,) = run(recordings(tmp_path, 1), executor, tmp_path / "state", replaces=replaces)
    assert isinstance(outcome.error, OutputError)
    assert "0.kept-2.txt" in outcome.error.message
    assert outcome.error.kept == str(tmp_path / "0.kept-2.txt")
    assert (tmp_path / "0.txt").read_text() == MINE
    assert (tmp_path / "0.kept.txt").read_text() == "taken as well"
    assert (tmp_path / "0.kept-2.txt").read_text() == "words of 0"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".audiocli")]


def test_what_appears_is_replaced_if_that_is_wanted(tmp_path: Path) -> None:
    executor = ScriptedExecutor(pieces=appearing(tmp_path / "0.txt", MINE))
    (outcome,) = run(recordings(tmp_path, 1), executor, tmp_path / "state", replaces="any")
    assert outcome.status == "done"
    assert (tmp_path / "0.txt").read_text() == "words of 0"


def test_another_run_that_writes_the_same_is_not_in_the_way(tmp_path: Path) -> None:
    executor = ScriptedExecutor(pieces=appearing(tmp_path / "0.txt", "words of 0"))
    (outcome,) = run(recordings(tmp_path, 1), executor, tmp_path / "state")
    assert outcome.status == "done"


def test_a_copy_of_a_recording_never_gets_what_somebody_else_has_written(tmp_path: Path) -> None:
    items = recordings(tmp_path, 2)
    (tmp_path / "1.wav").write_text("words of 0")
    executor = ScriptedExecutor(pieces=appearing(tmp_path / "0.txt", MINE))
    first, second = run(items, executor, tmp_path / "state")
    assert (first.status, second.status) == ("failed", "done")
    assert (tmp_path / "1.txt").read_text() == "words of 0"
