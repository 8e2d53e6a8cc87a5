"""What transcripts are written as, and under which names."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from audiocli.cli.forms import format_of
from audiocli.cli.transcribe.recordings import find_recordings
from audiocli.cli.transcribe.written import check_folders_writable, check_writable_as_named, destinations
from audiocli.errors import OutputError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The working directory."""
    with chdir(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(
    ("output", "format", "expected"),
    [
        (None, None, "text"),
        ("talk.srt", None, "srt"),
        ("TALK.VTT", None, "vtt"),
        ("talk.md", None, "text"),
        ("talk", None, "text"),
        ("-", None, "text"),
        ("subs.srt/", None, "text"),
        ("talk.txt", "json", "json"),
        (None, "TXT", "text"),
    ],
)
def test_the_format_is_what_was_said_or_what_the_name_says(
    output: str | None, format: str | None, expected: str
) -> None:
    assert format_of(output, format) == expected


@pytest.mark.parametrize(("output", "format"), [("talk.doc", None), (None, "docx"), ("talk.mp3", None)])
def test_another_format_is_refused(output: str | None, format: str | None) -> None:
    with pytest.raises(UsageError, match="use one of text, srt, vtt, json, tsv"):
        format_of(output, format)


def test_one_recording_goes_to_stdout_and_several_beside_themselves() -> None:
    assert destinations(find_recordings(["a.mp3"]), None, "srt") == [None]
    found = find_recordings(["a.mp3", "x/b.wav", "https://example.com/c.mp3"])
    assert destinations(found, None, "srt") == ["a.srt", "x/b.srt", "c.srt"]
    assert destinations(found, "-", "srt") == [None, None, None]


def test_a_folder_takes_the_tree(folder: Path) -> None:
    (folder / "subs").mkdir()
    assert destinations(find_recordings(["x/a.mp3"]), "subs", "vtt") == ["subs/a.vtt"]
    found = find_recordings(["x/a.mp3", "y/a.mp3"])
    assert destinations(found, "not/there", "vtt") == ["not/there/x/a.vtt", "not/there/y/a.vtt"]


def test_names_that_would_be_the_same_keep_their_extensions() -> None:
    notes: list[str] = []
    found = find_recordings(["talk.mp3", "talk.wav", "b.wav"])
    assert destinations(found, None, "srt", notes.append) == ["talk.mp3.srt", "talk.wav.srt", "b.srt"]
    assert "'talk.mp3' and 'talk.wav'" in notes[0]


def test_names_that_are_the_same_even_so_are_refused() -> None:
    found = find_recordings(["https://a.example/talk.mp3", "https://b.example/talk.mp3"])
    with pytest.raises(UsageError, match=r"would both be written to 'talk\.mp3\.txt'"):
        destinations(found, None, "text")


@pytest.mark.usefixtures("folder")
def test_a_transcript_never_takes_the_place_of_a_recording() -> None:
    with pytest.raises(UsageError, match="would replace the recording"):
        destinations(find_recordings(["talk.srt"]), "./talk.srt", "srt")
    assert destinations(find_recordings(["a.mp3", "a.txt"]), None, "text") == ["a.mp3.txt", "a.txt.txt"]


@pytest.mark.parametrize("output", ["all.srt", "there"])
def test_several_transcripts_do_not_go_into_one_file(folder: Path, output: str) -> None:
    (folder / "there").write_text("")
    with pytest.raises(UsageError, match="name a folder with --output"):
        destinations(find_recordings(["a.mp3", "b.mp3"]), output, "srt")


def test_looking_whether_files_can_be_written_leaves_nothing_behind(folder: Path) -> None:
    check_folders_writable(["subs/x/a.srt", "b.srt"])
    check_writable_as_named("c.srt")
    check_writable_as_named("subs/c.srt")
    assert list(folder.iterdir()) == []


def test_what_cannot_be_written_is_told_beforehand(folder: Path) -> None:
    (folder / "file").write_text("")
    (folder / "b.srt").mkdir()
    with pytest.raises(OutputError, match="a part of the path is not a folder"):
        check_folders_writable(["a.srt", "file/a.srt"])
    with pytest.raises(OutputError, match="it is a folder"):
        check_writable_as_named("b.srt")
    with pytest.raises(OutputError, match="it exists already"):
        check_writable_as_named("file", clobber=False)


def test_a_folder_that_is_to_be_made_is_not_taken_for_what_is_above_it(folder: Path) -> None:
    (folder / "b.srt").mkdir()
    check_writable_as_named("subs/b.srt")
    check_folders_writable(["subs/b.srt"])


def test_a_device_can_be_written_to() -> None:
    check_writable_as_named("/dev/null")
