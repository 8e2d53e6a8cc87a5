"""Whatever a path names, there is a source or one `InputError`, soon and within the limit."""

import errno
import io
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.audio.reading.source import (
    FileSource,
    Intake,
    SliceSource,
    StoredSource,
    copied,
    open_input,
    read_limited,
)
from audiocli.chat import AudioBytes, AudioSource
from audiocli.errors import InputError, OutputError

MB = 1_000_000


def read(source: AudioSource) -> bytes:
    with source.open() as file:
        return file.read()


def test_a_file_is_read_each_time_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"abcdef")
    source = open_input(str(path), MB)
    assert source == FileSource(str(path), 6)
    assert read(source) == read(source) == b"abcdef"


def test_a_file_that_grows_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"abcdef")
    source = FileSource(str(path), 3)
    assert read(source) == b"abc"


def test_a_file_that_shrinks_is_not_sent_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(100_000))
    source = open_input(str(path), MB)
    path.write_bytes(bytes(50_000))
    with pytest.raises(InputError, match="changed while it was read"):
        read(source)


def test_a_file_that_was_written_to_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(1000))
    source = open_input(str(path), MB)
    with source.open() as file:
        assert file.read(10) == bytes(10)
    os.utime(path, ns=(0, 0))
    with source.open() as file, pytest.raises(InputError, match=r"a\.wav.* changed while it was read"):
        file.read(10)


def test_a_temporary_file_has_no_name_and_any_number_of_readers() -> None:
    stored = StoredSource(lambda file: file.write(bytes(range(256)) * 1000))
    assert stored.size == 256_000
    with stored.open() as first, stored.open() as second:
        first.seek(100_000)
        assert second.read(5) == bytes(range(5))
        assert first.read(2) == bytes((160, 161))
        assert second.seek(-1, os.SEEK_END) == 255_999
        assert second.read() == b"\xff"
    assert read(copied(stored)) == read(stored)


def test_a_temporary_file_goes_with_its_last_reader() -> None:
    before = len(os.listdir("/dev/fd"))
    file = StoredSource(lambda made: made.write(b"abc")).open()
    assert len(os.listdir("/dev/fd")) == before + 1
    assert file.read() == b"abc"
    del file
    assert len(os.listdir("/dev/fd")) == before


def test_no_room_for_a_temporary_file_is_said() -> None:
    def fill(_: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match="a temporary file cannot be written: No space") as caught:
        StoredSource(fill)
    assert "TMPDIR" in str(caught.value)


def test_a_file_that_goes_is_said(tmp_path: Path) -> None:
    source = FileSource(str(tmp_path / "gone.wav"), 6)
    with pytest.raises(InputError, match=r"gone\.wav.*no such file"):
        source.open()


def test_a_slice_is_a_header_and_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"0123456789")
    for source in (FileSource(str(path), 10), AudioBytes(b"0123456789")):
        part = SliceSource(b"head", source, 2, 5)
        assert part.size == 9
        assert read(part) == read(part) == b"head23456"


def test_a_slice_can_be_read_anywhere() -> None:
    """As a file is: in small pieces, over the seam, past the end."""
    whole = b"head23456"
    with SliceSource(b"head", AudioBytes(b"0123456789"), 2, 5).open() as file:
        for start in range(len(whole) + 2):
            for count in range(len(whole) + 2):
                assert file.seek(start) == start
                assert file.read(count) == whole[start : start + count]
        assert file.seek(-2, os.SEEK_END) == 7
        assert file.seek(1, os.SEEK_CUR) == 8
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)


def test_closing_closes_the_file_below(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"abcdef")
    before = len(os.listdir("/dev/fd"))
    file = SliceSource(b"head", FileSource(str(path), 6), 2, 4).open()
    assert len(os.listdir("/dev/fd")) == before + 1
    file.close()
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.wav", "no such file"),
        ("", "no such file"),
        ("file/below.wav", "no such file"),
        ("directory", "it is a directory"),
        ("empty", "is empty"),
        ("loop", "circle"),
        ("dangling", "no such file"),
        ("socket", "it is a socket"),
        ("x" * 300, "too long"),
        ("a\0b", "no file can have that name"),
        ("\ud800", "no file can have that name"),
        ("\x1b[31m\u202etxt", "no such file"),
        ("\udcff\udcfe.wav", "no such file"),
        ("-i.wav", "no such file"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"x")
    Path("directory").mkdir()
    Path("empty").touch()
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(InputError, match=problem) as caught:
            open_input(name, MB)
    message = str(caught.value)
    assert message.isprintable()
    assert message.encode()  # no lone surrogate, which a terminal's encoding would choke on
    assert len(message) < 400
    assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(InputError, match="may not read"):
        open_input(str(path), MB)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no /proc")
def test_memory_is_no_file() -> None:
    with pytest.raises(InputError, match="/proc/self/mem"):
        open_input("/proc/self/mem", MB)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(InputError, match=r"huge\.wav' is larger than 25 MB"):
        open_input(str(path), 25 * MB)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_an_endless_device_is_cut_at_the_limit(device: str) -> None:
    with pytest.raises(InputError, match=f"{device}' is larger than 1 MB"):
        open_input(device, MB)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_what_cannot_be_audio_is_not_read_to_its_end(device: str) -> None:
    with pytest.raises(InputError, match="is not audio"):
        open_input(device, 10**15, stored=True)


def test_a_named_pipe_can_be_stored(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = wav_header(300_000) + bytes(300_000)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    source = open_input(str(path), MB, stored=True)
    writer.join()
    assert isinstance(source, StoredSource)
    assert read(source) == content


def test_an_intake_keeps_its_limit() -> None:
    file = io.BytesIO()
    intake = Intake(file.write, "a.wav", 5000)
    intake.take(wav_header(10_000))
    with pytest.raises(InputError, match=r"'a\.wav' is larger than 0\.005 MB"):
        intake.take(bytes(5000))
    assert file.getvalue() == wav_header(10_000)


def test_a_device_that_gives_nothing_is_empty() -> None:
    with pytest.raises(InputError, match="is empty"):
        open_input("/dev/null", MB)


def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"abc" * 100_000,))
    writer.start()
    source = open_input(str(path), MB)
    writer.join()
    assert source == AudioBytes(b"abc" * 100_000)


def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"nothing came from .*pipe' for 0\.05 s"):
        open_input(str(path), MB, patience=0.05)


def test_a_pipe_that_stops_midway_does_not_hang() -> None:
    readable, writable = os.pipe()
    os.write(writable, b"RIFF")
    try:
        with pytest.raises(InputError, match=r"nothing came from '/dev/fd/\d+' for 0\.05 s"):
            open_input(f"/dev/fd/{readable}", MB, patience=0.05)
    finally:
        os.close(readable)
        os.close(writable)


def test_a_process_substitution() -> None:
    """As a shell gives it: `audiocli ask --audio <(command)`."""
    with subprocess.Popen(["printf", "sound"], stdout=subprocess.PIPE) as command:
        assert command.stdout
        assert open_input(f"/dev/fd/{command.stdout.fileno()}", MB) == AudioBytes(b"sound")


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for path in ("/dev/zero", "/dev/null", str(tmp_path)):
        with pytest.raises(InputError):
            open_input(path, 1000)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_reading_up_to_the_limit(size: int) -> None:
    assert read_limited(io.BytesIO(bytes(size)), 100, "stdin") == bytes(size)


@pytest.mark.parametrize("size", [101, 1_000_000])
def test_reading_beyond_the_limit(size: int) -> None:
    file = io.BytesIO(bytes(size))
    with pytest.raises(InputError, match=r"'stdin' is larger than 0\.0001 MB"):
        read_limited(file, 100, "stdin")
    assert file.tell() == 101


def test_a_failing_disk_is_an_input_error() -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match="cannot read 'stdin': Input/output error"):
        read_limited(io.BufferedReader(Failing()), 100, "stdin")
