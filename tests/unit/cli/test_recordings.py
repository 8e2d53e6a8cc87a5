"""Which recordings names stand for."""

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.cli.transcribe.recordings import find_recordings
from audiocli.errors import InputError, UsageError

CLIP = wav_header(4) + bytes(4)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The working directory."""
    with chdir(tmp_path):
        yield tmp_path


def put(folder: Path, *names: str, data: bytes = CLIP) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def paths(*names: str, recursive: bool = False) -> list[str]:
    return [each.path for each in find_recordings(names, recursive=recursive).recordings]


def test_a_job_gets_an_absolute_path(folder: Path) -> None:
    put(folder, "talk.wav")
    (recording,) = find_recordings(["talk.wav"]).recordings
    assert (recording.name, recording.input) == ("talk.wav", str(folder / "talk.wav"))


def test_one_file_goes_to_stdout_and_a_folder_of_one_does_not(folder: Path) -> None:
    put(folder, "talks/a.wav")
    assert not find_recordings(["talks/a.wav"]).several
    assert find_recordings(["talks"], recursive=True).several


def test_a_file_that_is_not_there_fails_when_its_turn_comes(folder: Path) -> None:
    put(folder, "a.wav")
    assert paths("a.wav", "missing.wav") == ["a.wav", "missing.wav"]


def test_a_pattern_that_the_shell_left_is_expanded_in_order(folder: Path) -> None:
    put(folder, "b.wav", "a.wav", "sub/c.wav", "notes.txt")
    assert paths("*.wav") == ["a.wav", "b.wav"]
    assert paths("**/*.wav") == ["a.wav", "b.wav", "sub/c.wav"]


def test_a_pattern_stands_for_several_however_many_it_matches(folder: Path) -> None:
    put(folder, "a.wav")
    assert find_recordings(["*.wav"]).several


def test_the_transcripts_beside_recordings_are_no_recordings(folder: Path) -> None:
    put(folder, "a.wav", "b.mp3", "c.txt")
    put(folder, "a.srt", "a.txt", "b.mp3.json", "notes.txt", data=b"words")
    notes: list[str] = []
    found = find_recordings(["*"], note=notes.append)
    assert [each.path for each in found.recordings] == ["a.wav", "b.mp3", "c.txt", "notes.txt"]
    assert notes == ["transcripts beside their recordings are passed over: 'a.srt', and 2 more"]


def test_one_recording_with_its_transcript_has_a_file_again(folder: Path) -> None:
    put(folder, "a.wav")
    put(folder, "a.txt", data=b"words")
    found = find_recordings(["a.txt", "a.wav"])
    assert ([each.path for each in found.recordings], found.several) == (["a.wav"], True)


def test_the_folder_that_transcripts_go_to_is_no_input(folder: Path) -> None:
    put(folder, "a.wav", "subs/a.srt")
    found = find_recordings(["a.wav", "subs"], output="./subs/")
    assert ([each.path for each in found.recordings], found.several) == (["a.wav"], True)
    with pytest.raises(UsageError, match="is a folder"):
        find_recordings(["subs"], output="subs")


def test_a_file_whose_name_looks_like_a_pattern_is_itself(folder: Path) -> None:
    put(folder, "talk[1].wav", "talk1.wav")
    assert paths("talk[1].wav") == ["talk[1].wav"]


@pytest.mark.usefixtures("folder")
def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match="nothing matches"):
        find_recordings(["*.mp3"])


def test_a_folder_needs_a_word(folder: Path) -> None:
    put(folder, "talks/a.wav")
    with pytest.raises(UsageError, match="-r takes the recordings in it"):
        find_recordings(["talks"])


def test_in_a_folder_recordings_are_known_by_name_or_content(folder: Path) -> None:
    put(folder, "talks/b.wav", "talks/2024/no-extension", "talks/2024/.hidden.wav", "talks/.git/c.wav")
    put(folder, "talks/a.txt", "talks/README", data=b"words")
    put(folder, "talks/broken.MP3", data=b"")
    assert paths("talks", recursive=True) == ["talks/b.wav", "talks/broken.MP3", "talks/2024/no-extension"]


def test_pipes_and_links_in_a_circle_are_passed_over(folder: Path) -> None:
    put(folder, "talks/a.wav")
    (folder / "talks/again").symlink_to(folder / "talks")
    (folder / "talks/self.wav").symlink_to("self.wav")
    os.mkfifo(folder / "talks/pipe.wav")
    assert paths("talks", recursive=True) == ["talks/a.wav"]


def test_a_folder_without_recordings_is_an_error(folder: Path) -> None:
    put(folder, "talks/a.txt", data=b"words")
    with pytest.raises(InputError, match="there is no recording in 'talks'"):
        find_recordings(["talks"], recursive=True)


def test_a_folder_without_recordings_beside_one_with_some_is_told_of(folder: Path) -> None:
    put(folder, "talks/a.wav", "notes/a.txt")
    put(folder, "notes/a.txt", data=b"words")
    notes: list[str] = []
    found = find_recordings(["talks", "notes"], recursive=True, note=notes.append)
    assert [each.path for each in found.recordings] == ["talks/a.wav"]
    assert notes == ["there is no recording in 'notes'"]


def test_what_is_named_twice_is_taken_once(folder: Path) -> None:
    put(folder, "talks/a.wav", "b.wav")
    assert paths("b.wav", "./b.wav", "talks", "talks/a.wav", recursive=True) == ["b.wav", "talks/a.wav"]


@pytest.mark.parametrize(
    ("names", "branches"),
    [
        (["talks"], ["a.wav", "x/b.wav"]),
        (["talks", "others"], ["talks/a.wav", "talks/x/b.wav", "others/c.wav"]),
        (["talks/a.wav", "others/c.wav"], ["talks/a.wav", "others/c.wav"]),
        (["talks/a.wav"], ["a.wav"]),
    ],
)
def test_the_tree_is_kept_below_the_folder_that_holds_all(
    folder: Path, names: list[str], branches: list[str]
) -> None:
    put(folder, "talks/a.wav", "talks/x/b.wav", "others/c.wav")
    found = find_recordings(names, recursive=True)
    assert [each.branch for each in found.recordings] == branches


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://example.com/a/talk.mp3?token=1", "talk.mp3"),
        ("https://example.com/", "example.com"),
        ("https://example.com/..%2F..%2Fetc%2Fpasswd", "etcpasswd"),
        ("https://example.com/%1b%5b2J.mp3", "[2J.mp3"),
    ],
)
def test_the_transcript_of_an_address_has_a_file_name(address: str, path: str) -> None:
    (recording,) = find_recordings([address]).recordings
    assert (recording.input, recording.path, recording.branch) == (address, path, path)


def test_an_address_is_shown_without_its_secrets() -> None:
    (recording,) = find_recordings(["https://me:pass@example.com/a.mp3?token=abc"]).recordings
    assert recording.name == "https://example.com/a.mp3?token=***"
