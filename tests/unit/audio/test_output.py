"""The recorders, without a service: files and pipes get what they should."""

import io
import os
from array import array
from pathlib import Path

import pytest
import soundfile

from audiocli.audio.containers.wav import STREAMED, read_wav, wav_header
from audiocli.audio.formats import FORMATS, Format, format_of
from audiocli.audio.recording import PcmFormat, Recorder
from audiocli.audio.writing.output import FileRecorder, PipeRecorder
from audiocli.errors import OutputError, ReplyError, UsageError

SAMPLES = array("h", [0, 1000, 2000, 1000, 0, -1000, -2000, -1000] * 600).tobytes()  # 0.2 s


def record(recorder: Recorder, *pieces: bytes) -> Recorder:
    for piece in pieces:
        recorder.write(piece)
    return recorder


def file_recorder(path: Path) -> FileRecorder:
    return FileRecorder(str(path), format_of(str(path)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_true_wav(data: bytes, samples: bytes) -> None:
    wav = read_wav(io.BytesIO(data), len(data))
    assert not wav.streamed
    assert not wav.truncated
    assert int.from_bytes(data[4:8], "little") + 8 == len(data)
    assert data[wav.data_offset :] == samples


def test_samples_are_on_disk_as_soon_as_they_come(tmp_path: Path) -> None:
    recorder = file_recorder(tmp_path / "a.wav")
    for count in (1, 2, 3):
        recorder.write(SAMPLES)
        (hidden,) = tmp_path.iterdir()
        assert hidden.read_bytes() == wav_header(None) + SAMPLES * count
    recorder.abandon()


def test_an_answer_that_stops_in_a_sample_is_kept_to_its_last_whole_one(tmp_path: Path) -> None:
    recorder = record(file_recorder(tmp_path / "a.wav"), SAMPLES, b"\1")
    assert recorder.abandon() == str(tmp_path / "a.partial.wav")
    assert names(tmp_path) == ["a.partial.wav"]
    assert_true_wav((tmp_path / "a.partial.wav").read_bytes(), SAMPLES)


def test_without_sound_nothing_is_kept(tmp_path: Path) -> None:
    assert file_recorder(tmp_path / "a.wav").abandon() is None
    assert names(tmp_path) == []


@pytest.mark.parametrize("format", FORMATS)
def test_an_abandoned_recording_of_any_format_is_a_wav_file(format: Format, tmp_path: Path) -> None:
    recorder = record(file_recorder(tmp_path / f"a.{format}"), SAMPLES)
    recorder.abandon()
    assert_true_wav((tmp_path / "a.partial.wav").read_bytes(), SAMPLES)
    assert names(tmp_path) == ["a.partial.wav"]


def test_a_conversion_that_fails_keeps_what_came(tmp_path: Path) -> None:
    wav = wav_header(len(SAMPLES), channels=4) + SAMPLES
    recorder = record(file_recorder(tmp_path / "a.mp3"), wav)
    with pytest.raises(OutputError, match="cannot be written as mp3"):
        recorder.finish()
    recorder.abandon()
    assert (tmp_path / "a.partial.wav").read_bytes() == wav
    assert names(tmp_path) == ["a.partial.wav"]


def test_a_name_that_was_taken_during_a_conversion_is_left(tmp_path: Path) -> None:
    recorder = record(FileRecorder(str(tmp_path / "a.mp3"), "mp3", clobber=False), SAMPLES)
    (tmp_path / "a.mp3").write_bytes(b"theirs")
    with pytest.raises(OutputError, match="exists already"):
        recorder.finish()
    recorder.abandon()
    assert (tmp_path / "a.mp3").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.mp3", "a.partial.wav"]


@pytest.mark.parametrize("format", ["mp3", "flac", "ogg"])
def test_a_file_with_nothing_in_it_is_no_recording(format: Format, tmp_path: Path) -> None:
    empty = io.BytesIO()
    soundfile.SoundFile(
        empty, "w", 24_000, 1, format={"ogg": "OGG", "mp3": "MP3", "flac": "FLAC"}[format]
    ).close()
    recorder = record(file_recorder(tmp_path / "a.wav"), empty.getvalue())
    with pytest.raises(ReplyError):
        recorder.finish()
    recorder.abandon()
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("flags", [0, os.O_APPEND])
def test_a_file_in_place_of_a_pipe_gets_true_sizes_unless_it_only_grows(flags: int, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT | flags)
    os.write(descriptor, b"before")
    with open(descriptor, "wb") as file:
        record(PipeRecorder(file, "stdout", "wav"), SAMPLES, SAMPLES).finish()
        os.write(descriptor, b"after")
    size = None if flags else len(SAMPLES) * 2
    assert (tmp_path / "a").read_bytes() == b"before" + wav_header(size) + SAMPLES * 2 + b"after"


def test_a_pipe_gets_samples_at_once_behind_sizes_that_are_not_known() -> None:
    reader, writer = os.pipe()
    with open(writer, "wb") as pipe, open(reader, "rb", buffering=0) as end:
        recorder = PipeRecorder(pipe, "stdout", "wav")
        recorder.write(SAMPLES)
        assert end.read(65_536) == wav_header(None) + SAMPLES
        recorder.write(SAMPLES[:100])
        assert end.read(65_536) == SAMPLES[:100]
        assert recorder.finish().pcm == PcmFormat()
    assert STREAMED.to_bytes(4, "little") == wav_header(None)[40:]


def test_a_pipe_that_has_lost_its_reader_is_no_error_of_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe, pytest.raises(BrokenPipeError):
        PipeRecorder(pipe, "stdout", "wav").write(SAMPLES)


def test_a_full_device_is_said_once_and_not_again_at_the_end() -> None:
    with open("/dev/full", "wb") as full:
        with pytest.raises(OutputError, match="the disk is full"):
            PipeRecorder(full, "stdout", "wav").write(SAMPLES)
        full.flush()


def test_without_room_for_a_conversion_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")  # its documented setting
    with pytest.raises(OutputError, match="set TMPDIR"), open(os.devnull, "wb") as pipe:
        PipeRecorder(pipe, "stdout", "mp3")


@pytest.mark.parametrize(
    ("path", "format", "expected"),
    [
        ("a.wav", None, "wav"),
        ("a.b.MP3", None, "mp3"),
        ("-", None, "wav"),
        ("-", "opus", "opus"),
        ("a.x", "FLAC", "flac"),
        ("a.ogg", "opus", "opus"),
        ("/dev/null", "pcm", "pcm"),
    ],
)
def test_the_format_is_the_one_that_is_named_or_the_extension(
    path: str, format: str | None, expected: str
) -> None:
    assert format_of(path, format) == expected


@pytest.mark.parametrize(
    ("path", "format"), [("a", None), ("a.txt", None), ("", None), (".wav", None), ("a.wav", "aac")]
)
def test_what_is_not_a_format_is_refused_with_a_choice(path: str, format: str | None) -> None:
    with pytest.raises(UsageError, match="wav, mp3, flac, opus, ogg, pcm"):
        format_of(path, format)
