"""What has been done is remembered, whatever happens to the files."""

import fcntl
import json
import multiprocessing
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from audiocli.chat import Usage
from audiocli.recordings.content import Signature, digest_of, signature_of
from audiocli.recordings.job import JobOptions, PieceDone
from audiocli.recordings.remembering.journal import Done, Journal, is_written
from audiocli.recordings.remembering.lines import append, whole_lines
from audiocli.transcript import Segment, Transcript, Word

OPTIONS = JobOptions()
TRANSCRIPT = Transcript(
    segments=(
        Segment("hello you", 0.5, 2.0, (Word("hello", 0.5, 1.0, 0.9), Word("you", 1.0, 2.0)), "A", 0.5),
    ),
    duration=3.0,
    timing="word",
    language="en",
    usage=Usage(30, 5, 28),
    notes=("it is truncated",),
)
PIECE = PieceDone(
    0.1, 0.3 + 1e-9, TRANSCRIPT.segments, "word", "en", Usage(30, 5, 28), 0.01, ("it is truncated",)
)


def journal(folder: Path, model: str = "openai/whisper-1") -> Journal:
    return Journal(str(folder), model)


def done(folder: Path, name: str = "a.wav", output: str = "a.txt", key: str = "k") -> Done:
    return Done(
        input=str(folder / name),
        signature=(1, 2, 3),
        digest="d",
        key=key,
        output=str(folder / output),
        form="text",
        bytes=5,
        seconds=3.0,
    )


def test_what_was_done_is_known_to_the_next_run(tmp_path: Path) -> None:
    entry = done(tmp_path)
    journal(tmp_path).add_done(entry)
    assert journal(tmp_path).done(entry.input, entry.output) == entry
    assert journal(tmp_path).done(str(tmp_path / "b.wav"), entry.output) is None
    assert journal(tmp_path).done(entry.input, str(tmp_path / "b.txt")) is None


def test_what_was_written_last_to_an_output_is_what_is_there(tmp_path: Path) -> None:
    first, second = done(tmp_path), done(tmp_path, name="b.wav")
    for entry in (first, second):
        journal(tmp_path).add_done(entry)
    assert journal(tmp_path).done(first.input, first.output) is None
    assert journal(tmp_path).done(second.input, second.output) == second


def test_an_address_is_remembered_without_a_signature(tmp_path: Path) -> None:
    entry = replace(done(tmp_path), input="address abc", signature=None)
    journal(tmp_path).add_done(entry)
    assert journal(tmp_path).done("address abc", entry.output) == entry


def test_a_file_that_was_done_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    signature = signature_of(str(path))
    assert signature is not None
    remembered = replace(done(tmp_path), signature=signature, digest="as remembered")
    journal(tmp_path).add_done(remembered)
    assert journal(tmp_path).digest(str(path), signature) == "as remembered"
    changed: Signature = (signature[0], signature[1] + 1, signature[2])
    assert journal(tmp_path).digest(str(path), changed) == digest_of(str(path))


def test_transcripts_and_pieces_come_back_as_they_were(tmp_path: Path) -> None:
    key = journal(tmp_path).key("digest", OPTIONS)
    journal(tmp_path).add_piece(key, PIECE)
    assert journal(tmp_path).pieces(key) == (PIECE,)
    journal(tmp_path).keep(key, TRANSCRIPT)
    assert journal(tmp_path).transcript("digest", OPTIONS) == TRANSCRIPT
    assert journal(tmp_path).pieces(key) == ()
    assert journal(tmp_path).transcript("another", OPTIONS) is None


def test_of_a_piece_that_was_heard_twice_the_last_counts(tmp_path: Path) -> None:
    later = replace(PIECE, dollars=0.02)
    for piece in (PIECE, later):
        journal(tmp_path).add_piece("k", piece)
    assert journal(tmp_path).pieces("k") == (later,)


@pytest.mark.parametrize(
    "other",
    [
        JobOptions(language="de"),
        JobOptions(prompt="names"),
        JobOptions(speakers=True),
        JobOptions(start=1.0),
        JobOptions(end=9.0),
    ],
)
def test_what_decides_the_transcript_decides_the_key(tmp_path: Path, other: JobOptions) -> None:
    own = journal(tmp_path)
    assert own.key("d", other) != own.key("d", OPTIONS)
    own.keep(own.key("d", OPTIONS), TRANSCRIPT)
    assert own.transcript("d", other) is None


def test_another_model_and_another_content_have_other_keys(tmp_path: Path) -> None:
    keys = {
        journal(tmp_path).key("d", OPTIONS),
        journal(tmp_path).key("e", OPTIONS),
        journal(tmp_path, "local/moonshine-tiny-en").key("d", OPTIONS),
    }
    assert len(keys) == 3


def test_how_the_model_was_named_does_not_matter(tmp_path: Path) -> None:
    own = journal(tmp_path)
    assert own.key("d", JobOptions(model="whisper-1", base_url="x", force=True)) == own.key("d", OPTIONS)


@pytest.mark.parametrize(
    ("asked", "timing", "wanted", "serves"),
    [
        (JobOptions(words=True, timed=True), "piece", JobOptions(), True),
        (JobOptions(), "segment", JobOptions(timed=True), True),
        (JobOptions(), "piece", JobOptions(timed=True), False),
        (JobOptions(timed=True), "piece", JobOptions(timed=True, words=True), False),
        (JobOptions(), "word", JobOptions(words=True, timed=True), True),
        (JobOptions(words=True), "segment", JobOptions(words=True, timed=True), True),
    ],
)
def test_a_transcript_serves_for_another_form_if_its_times_are_good_enough(
    tmp_path: Path, asked: JobOptions, timing: str, wanted: JobOptions, serves: bool
) -> None:
    own = journal(tmp_path)
    kept = Transcript(segments=(), duration=1.0, timing=timing)  # type: ignore[arg-type] # one of three words
    own.keep(own.key("d", asked), kept)
    assert (own.transcript("d", wanted) == kept) is serves


def test_at_whatever_byte_a_writer_is_killed_the_lines_before_and_after_are_whole(tmp_path: Path) -> None:
    entries = [done(tmp_path, f"{n}.wav", f"{n}.txt") for n in range(3)]
    for entry in entries[:2]:
        journal(tmp_path).add_done(entry)
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) + 1):
        path.write_bytes(whole[:length])
        journal(tmp_path).add_done(entries[2])
        found = [journal(tmp_path).done(entry.input, entry.output) for entry in entries]
        assert found[0] == entries[0]
        assert found[1] == (entries[1] if length >= len(whole) - 1 else None)
        assert found[2] == entries[2]


def test_at_whatever_byte_a_piece_is_cut_off_the_one_before_is_there(tmp_path: Path) -> None:
    second = replace(PIECE, start=1.0, end=2.0)
    for piece in (PIECE, second):
        journal(tmp_path).add_piece("k", piece)
    path = tmp_path / "pieces" / "k.jsonl"
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        assert journal(tmp_path).pieces("k") == (PIECE,)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0" * 500,
        b"not json",
        b'["short"]',
        b"[" * 100_000,
        b'{"v": 1}',
        b"\xff\xfe",
        b'["0000000000000000","0000000000000000",null]',
    ],
)
def test_broken_and_foreign_lines_are_passed_over(tmp_path: Path, line: bytes) -> None:
    entry = done(tmp_path)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(line + b"\n")
    journal(tmp_path).add_done(entry)
    with path.open("ab") as file:
        file.write(line + b"\n")
    assert journal(tmp_path).done(entry.input, entry.output) == entry


@pytest.mark.parametrize("change", [{"v": 2}, {"bytes": None, "colour": "red"}, {"signature": [1]}])
def test_another_versions_line_is_not_used(tmp_path: Path, change: dict[str, object]) -> None:
    entry = done(tmp_path)
    journal(tmp_path).add_done(entry)
    path = tmp_path / "journal.jsonl"
    line = json.loads(path.read_bytes())
    path.write_text(json.dumps([*line[:2], line[2] | change], separators=(",", ":")) + "\n")
    assert journal(tmp_path).done(entry.input, entry.output) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": 99}', b"\0" * 100])
def test_a_broken_transcript_is_none(tmp_path: Path, content: bytes) -> None:
    own = journal(tmp_path)
    key = own.key("d", OPTIONS)
    own.keep(key, TRANSCRIPT)
    (tmp_path / "transcripts" / key[:2] / f"{key}.json").write_bytes(content)
    assert own.transcript("d", OPTIONS) is None


def test_what_is_remembered_is_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    own = journal(folder)
    own.add_done(done(tmp_path))
    own.add_piece("k", PIECE)
    own.keep(own.key("d", OPTIONS), TRANSCRIPT)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*")) if path.is_dir()} == {
        0o700
    }


def test_a_folder_that_cannot_be_written_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    notes: list[str] = []
    own = Journal(str(tmp_path / "file" / "state"), "m", notes.append)
    own.add_piece("k", PIECE)
    own.keep("k", TRANSCRIPT)
    own.add_done(done(tmp_path))
    assert own.pieces("k") == ()
    assert own.transcript("d", OPTIONS) is None
    assert len(notes) == 1
    assert "no later run will find what is done" in notes[0]


def test_an_output_that_was_corrected_by_hand_counts_as_written(tmp_path: Path) -> None:
    entry = done(tmp_path)
    output = Path(entry.output)
    assert not is_written(entry)
    output.write_text("Hello, corrected.")
    assert is_written(entry)
    output.write_text("")
    assert not is_written(entry)
    assert is_written(replace(entry, bytes=0))


def _append_many(path: str, letter: str) -> None:
    for number in range(200):
        append(path, f"{letter * 300}{number}".encode())


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    path = str(tmp_path / "lines")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, letter)) for letter in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [line for _, line in whole_lines(path)]
    assert sorted(lines) == sorted(f"{c * 300}{n}\n".encode() for c in "abc" for n in range(200))


def test_a_line_waits_until_the_writer_before_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with open(path, "ab", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b"first, ")
        waiting = threading.Thread(target=append, args=(str(path), b"last"))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        other.write(b"to its end\n")
    waiting.join()
    assert path.read_bytes() == b"first, to its end\nlast\n"


def test_a_transcript_takes_the_place_of_the_one_before_whole(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.keep("k" * 64, TRANSCRIPT)
    (path,) = (tmp_path / "transcripts").rglob("*.json")
    before = path.read_bytes()
    os.link(path, tmp_path / "read")  # As a reader sees it who has it open.
    kept.keep("k" * 64, replace(TRANSCRIPT, language="de"))
    assert (tmp_path / "read").read_bytes() == before
    assert b'"language":"de"' in path.read_bytes()
    assert list((tmp_path / "transcripts").rglob("*.json*")) == [path]


def test_a_line_longer_than_a_page_is_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "lines")
    append(path, b"x" * 1_000_000)
    assert [(offset, len(line)) for offset, line in whole_lines(path)] == [(0, 1_000_001)]
    assert os.stat(path).st_size == 1_000_001
