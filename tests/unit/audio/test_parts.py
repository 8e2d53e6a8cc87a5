"""All of a file is heard, whatever was joined in it and its header says; what is not is mentioned."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audiocli.audio.containers.wav import STREAMED, read_wav, wav_header
from audiocli.audio.reading.parts import contents
from audiocli.audio.reading.pieces import Piece, part_of, pcm16
from audiocli.audio.reading.prepare import Prepared, prepare
from audiocli.audio.reading.recorded import Sound, examine
from audiocli.audio.reading.source import SliceSource
from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from tests.unit.audio.files import chunk, fmt, needs_ffmpeg, riff, tone

RATE = 16_000
LOW, HIGH = 440, 880
NO_FFMPEG = "there-is-no-such-ffmpeg"

KINDS = {
    "wav": ("WAV", "PCM_16"),
    "wav float": ("WAV", "FLOAT"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
ID3 = b"ID3\x03\0\0\0\0\0\x14" + bytes(20)


def made(name: str, pitch: int, seconds: float = 2.0, rate: int = RATE) -> bytes:
    kind, subtype = KINDS[name]
    samples = np.sin(np.arange(round(rate * seconds)) * (2 * np.pi * pitch / rate)) * 0.5
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, subtype, format=kind) as sound:
        for start in range(0, len(samples), 4096):  # libvorbis has no room for more
            sound.write(samples[start : start + 4096])
    return file.getvalue()


def examined(content: bytes, ffmpeg: str = NO_FFMPEG) -> Sound:
    return examine(AudioBytes(content), "a", ffmpeg=ffmpeg)


def prepared(content: bytes, ffmpeg: str = NO_FFMPEG) -> Prepared:
    return prepare(AudioBytes(content), "a", max_bytes=10**7, ffmpeg=ffmpeg)


def samples_of(sound: Sound) -> "np.ndarray[Any, Any]":
    return np.frombuffer(pcm16(sound, Piece(0, sound.duration), RATE), "<i2") / 32_768


def pitch(samples: "np.ndarray[Any, Any]", rate: int = RATE) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def assert_heard(samples: "np.ndarray[Any, Any]", *pitches: int, rate: int = RATE) -> None:
    """Two seconds of each pitch, one after the other."""
    assert len(samples) / rate == pytest.approx(2 * len(pitches), abs=0.15 * len(pitches))
    for number, expected in enumerate(pitches):
        middle = samples[round((2 * number + 0.5) * rate) : round((2 * number + 1.5) * rate)]
        assert pitch(middle, rate) == pytest.approx(expected, abs=3)


def decoded(prepared: Prepared) -> tuple["np.ndarray[Any, Any]", int]:
    with prepared.part.source.open() as file:
        content = file.read()
    assert len(content) == prepared.part.source.size
    samples, rate = soundfile.read(io.BytesIO(content))
    return samples, rate


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [RATE, 48_000])
@pytest.mark.parametrize("between", [b"", ID3, b"TAG" + bytes(125)], ids=["", "ID3v2", "ID3v1"])
def test_joined_files_are_heard_whole(kind: str, rate: int, between: bytes) -> None:
    content = made(kind, LOW) + between + made(kind, HIGH, rate=rate) + between + made(kind, LOW)
    sound = examined(content)
    assert_heard(samples_of(sound), LOW, HIGH, LOW)
    answer = prepared(content)
    assert_heard(*_with_rate(decoded(answer)), rate=decoded(answer)[1])
    assert answer.duration == pytest.approx(6, abs=0.4)
    if kind != "mp3":  # Frames that follow one another are one recording, wherever they are from.
        assert sound.notes == ("it is 3 recordings joined in one file; all are included",)
        assert answer.notes == ("'a' is 3 recordings joined in one file; all are included",)


def _with_rate(found: tuple["np.ndarray[Any, Any]", int]) -> tuple[Any, ...]:
    return found[0], LOW, HIGH, LOW


@pytest.mark.parametrize("kind", KINDS)
def test_a_joined_file_is_not_passed_on_as_it_is(kind: str) -> None:
    content = made(kind, LOW) + made(kind, HIGH)
    sound = examined(content)
    formats = (sound.format, "flac", "wav")
    part = part_of(sound, Piece(0, sound.duration), formats, 10**7)
    with part.source.open() as file:
        sent = file.read()
    assert sent != content
    samples, rate = soundfile.read(io.BytesIO(sent))
    assert_heard(samples, LOW, HIGH, rate=rate)


def test_files_of_different_kinds_are_heard_whole() -> None:
    content = made("mp3", LOW) + made("wav", HIGH) + made("flac", LOW) + made("opus", HIGH)
    assert_heard(samples_of(examined(content)), LOW, HIGH, LOW, HIGH)


def test_a_part_that_cannot_be_read_is_mentioned() -> None:
    content = made("wav", LOW) + made("flac", HIGH)[:60] + bytes(300) + made("flac", LOW)
    sound = examined(content)
    assert sound.notes == (
        "it is 3 recordings joined in one file; 1 of them cannot be read and were left out",
    )
    assert_heard(samples_of(sound), LOW, LOW)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ()),
        ("a.webm", ("-c:a", "libopus")),
        ("live.webm", ("-c:a", "libopus", "-live", "1")),
        ("a.mkv", ("-c:a", "flac")),
        ("a.aac", ()),
        ("a.mp2", ()),
        ("a.wma", ()),
        ("a.avi", ()),
        ("a.flv", ("-c:a", "libmp3lame", "-ar", "44100")),
        ("a.wv", ()),
    ],
)
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_joined_files_that_ffmpeg_reads_are_heard_whole(
    tmp_path: Path, name: str, options: tuple[str, ...], rate: int
) -> None:
    first = tone(tmp_path / name, *options, seconds=2).read_bytes()
    second = tone(
        tmp_path / name,
        *options,
        "-af",
        f"asetrate=r={2 * rate},aresample={rate}",
        seconds=4,
        rate=rate,
    )
    content = first + second.read_bytes()
    assert_heard(samples_of(examined(content, "ffmpeg")), LOW, HIGH)
    samples, found = decoded(prepared(content, "ffmpeg"))
    assert_heard(samples, LOW, HIGH, rate=found)


def understated(kind: str) -> bytes:
    """Two seconds, of which the header states half a second."""
    content = bytearray(made(kind, LOW))
    few = RATE  # bytes, of half a second
    at = {"wav": 40, "aiff": content.find(b"SSND") + 4, "au": 8, "caf": content.find(b"data") + 4}.get(kind)
    match kind:
        case "wav":
            struct.pack_into("<I", content, 40, few)
            struct.pack_into("<I", content, 4, few + 36)
        case "aiff":
            struct.pack_into(">I", content, content.find(b"SSND") + 4, few + 8)
        case "au":
            struct.pack_into(">I", content, 8, few)
        case "caf":
            struct.pack_into(">Q", content, content.find(b"data") + 4, 24_000 + 4)
        case "w64":
            struct.pack_into("<Q", content, content.find(b"data") + 16, few + 24)
        case "flac":
            content[21] &= 0xF0
            struct.pack_into(">I", content, 22, RATE // 2)
    assert at is None or at > 0
    return bytes(content)


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "caf", "w64", "flac"])
def test_a_size_that_is_too_small_is_not_believed(kind: str) -> None:
    content = understated(kind)
    sound = examined(content)
    assert_heard(samples_of(sound), LOW)
    assert sound.notes == ("it has 2.0 s of sound, not 0.5 s as its header says",)
    part = part_of(sound, Piece(0, sound.duration), ("wav", "flac", kind), 10**7)
    with part.source.open() as file:
        assert soundfile.info(io.BytesIO(file.read())).duration == pytest.approx(2, abs=0.1)
    answer = prepared(content)
    assert answer.duration == pytest.approx(2, abs=0.1)
    assert answer.notes == ("'a' has 2.0 s of sound, not 0.5 s as its header says",)


@pytest.mark.parametrize(
    "after",
    [
        chunk(b"LIST", b"INFOISFT\x05\0\0\0None\0"),
        chunk(b"abcd", bytes(20_000)),
        chunk(b"id3 ", bytes(20_000)) + chunk(b"xyz ", bytes(3)),
        ID3 + bytes(20_000)[:0],
        b"TAG" + bytes(125),
        chunk(b"LIST", bytes(9_000), size=50_000),
    ],
    ids=["LIST", "unknown", "two", "ID3v2", "ID3v1", "cut off"],
)
@pytest.mark.parametrize("samples", [64_000, 63_999])
def test_what_follows_the_sound_is_no_sound(after: bytes, samples: int) -> None:
    content = riff(fmt(rate=RATE, bits=8), chunk(b"data", b"\x10\xf0" * 32_000)[: 8 + samples], after)
    content = content.replace(struct.pack("<4sI", b"data", 64_000), struct.pack("<4sI", b"data", samples))
    wav = read_wav(io.BytesIO(content), len(content))
    assert wav.data_size == samples
    assert examined(content).notes == ()
    assert prepared(content).notes == ()


class Sparse:
    """A header, and then zeros up to a size that nobody wants to write."""

    def __init__(self, header: bytes, size: int) -> None:
        self.header, self.size = header, size

    def open(self) -> "SparseFile":
        return SparseFile(self.header, self.size)


class SparseFile(io.BytesIO):
    def __init__(self, header: bytes, size: int) -> None:
        super().__init__(header)
        self.size, self.position = size, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.position = offset + (self.size if whence == 2 else 0)
        return self.position

    def read(self, count: int | None = -1, /) -> bytes:
        count = max(0, min(self.size - self.position, self.size if count is None or count < 0 else count))
        data = self.getvalue()[self.position : self.position + count].ljust(count, b"\0")
        self.position += count
        return data


def test_ten_hours_are_not_what_32_bits_count() -> None:
    """48 kHz stereo; the size went round once."""
    real = 10 * 3600 * 192_000
    wrapped = struct.pack("<I", real % 2**32)
    header = wav_header(0, 48_000, 2)[:40] + wrapped
    source = Sparse(header, 44 + real)
    sound = examine(SliceSource(b"", source, 0, source.size), "long.wav")
    assert sound.duration == pytest.approx(36_000)
    assert "it has 36000.0 s of sound" in sound.notes[0]


def test_a_stream_that_another_one_was_joined_to_is_parted() -> None:
    """Neither says how long it is."""
    streams = [made("wav", pitch, rate=rate) for pitch, rate in ((LOW, RATE), (HIGH, 8_000))]
    unsized = [wave[:4] + b"\xff" * 4 + wave[8:40] + b"\xff" * 4 + wave[44:] for wave in streams]
    sound = examined(b"".join(unsized))
    assert_heard(samples_of(sound), LOW, HIGH)


def test_what_no_reader_knows_is_mentioned() -> None:
    flac = made("ogg", LOW)
    sound = examined(flac + b"\x01\x02" * 4_000)
    assert sound.notes == ("8,000 bytes of it are not readable audio and were skipped",)
    assert_heard(samples_of(sound), LOW)


def test_a_file_that_is_hardly_any_sound_is_an_error() -> None:
    with pytest.raises(InputError, match="most of it cannot be read"):
        examined(made("mp3", LOW, 0.5) + b"\x01\x02" * 100_000)
    with pytest.raises(InputError, match="most of 'a' cannot be read"):
        prepared(made("mp3", LOW, 0.5) + b"\x01\x02" * 100_000)


@pytest.mark.parametrize("kind", ["flac", "wav", "aiff", "ogg", "au"])
def test_tags_before_any_kind_are_skipped(kind: str) -> None:
    for tags in (ID3, ID3 * 2, b"ID3\x04\0\0\0\0\x40\0" + bytes(8192)):
        sound = examined(tags + made(kind, LOW))
        assert sound.notes == ()
        assert_heard(samples_of(sound), LOW)
        assert prepared(tags + made(kind, LOW)).notes == ()


@pytest.mark.parametrize("rates", [{}, {"byte_rate": 0}, {"byte_rate": 0, "block_align": 0}])
def test_mp3_in_wav_is_mp3(rates: dict[str, int]) -> None:
    inner = made("mp3", LOW)
    form = fmt(0x55, rate=RATE, bits=0, **rates)  # type: ignore[arg-type] # mypy sees `more` and `order` too
    content = riff(form, chunk(b"fact", bytes(4)), chunk(b"data", inner))
    sound = examined(content)
    assert sound.format == "mp3"
    assert_heard(samples_of(sound), LOW)
    assert prepared(content).part.format == "mp3"


def test_a_thousand_parts_are_enough() -> None:
    """A file made of headers costs no more than one made of sound."""
    one = wav_header(2, 16_000) + b"\1\0"
    found = contents(AudioBytes(one * 1_200), "wav", "a")
    assert len(found.parts) == 1_000
    assert found.unread == 200 * len(one)


def test_a_placeholder_is_no_statement() -> None:
    content = riff(fmt(rate=RATE), chunk(b"data", b"\1\0" * RATE, size=STREAMED), size=STREAMED)
    assert examined(content).notes == ()
