"""What models take passes untouched; the rest comes out as 16-bit WAV, or with a reason why not."""

import contextlib
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audiocli.audio.containers.wav import STREAMED, Wav, read_wav, wav_header
from audiocli.audio.reading.ffmpeg import decode_by_ffmpeg
from audiocli.audio.reading.prepare import Prepared, prepare
from audiocli.audio.reading.source import open_input
from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from tests.unit.audio.files import EXTENSIBLE_TAIL, CountingFile, chunk, fmt, needs_ffmpeg, riff, tone, wav

LIMIT = 25_000_000
NO_FFMPEG = "there-is-no-such-ffmpeg"
RATE = 24_000
TONE = (np.sin(np.arange(RATE) * (2 * np.pi * 440 / RATE)) * 0.5).astype(np.float32)  # 1 s


def prepare_file(path: Path, *, ffmpeg: str = "ffmpeg") -> Prepared:
    return prepare(open_input(str(path), LIMIT), path.name, max_bytes=LIMIT, ffmpeg=ffmpeg)


def prepare_bytes(
    content: bytes, name: str = "clip", *, max_bytes: int = LIMIT, ffmpeg: str = NO_FFMPEG
) -> Prepared:
    return prepare(AudioBytes(content), name, max_bytes=max_bytes, ffmpeg=ffmpeg)


def sound_file(kind: str, subtype: str, samples: np.ndarray[Any, Any] = TONE, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def content_of(prepared: Prepared) -> bytes:
    with prepared.part.source.open() as file:
        content = file.read()
    assert len(content) == prepared.part.source.size
    return content


def assert_sixteen_bit(prepared: Prepared) -> Wav:
    """It is mono WAV with true sizes, as long as it says."""
    content = content_of(prepared)
    found = read_wav(io.BytesIO(content), len(content))
    assert prepared.part.format == "wav"
    assert (found.encoding, found.bits, found.channels) == ("pcm", 16, 1)
    assert (found.data_offset, found.declared_size) == (44, len(content) - 44)
    assert prepared.duration == pytest.approx(found.duration)
    return found


def loudest_pitch(prepared: Prepared) -> float:
    samples, rate = soundfile.read(io.BytesIO(content_of(prepared)))
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@pytest.mark.parametrize(
    "content",
    [
        wav(),
        wav(bits=8),
        wav(channels=2, rate=48_000),
        wav(rate=192_000),
        riff(chunk(b"LIST", b"INFOISFT"), fmt(), chunk(b"data", bytes(80))),
        riff(
            fmt(0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 1) + EXTENSIBLE_TAIL), chunk(b"data", bytes(80))
        ),
        wav_header(None) + bytes(80),
        wav() + b"trailing garbage",
    ],
)
def test_plain_wav_passes_untouched(content: bytes) -> None:
    source = AudioBytes(content)
    prepared = prepare(source, "clip.wav", max_bytes=LIMIT)
    assert prepared.part.source is source
    assert prepared.part.format == "wav"
    assert prepared.duration
    assert not prepared.notes


def test_mp3_passes_untouched() -> None:
    source = AudioBytes((b"\xff\xfb\x90\x64" + bytes(413)) * 4)
    prepared = prepare(source, "clip.mp3", max_bytes=LIMIT, ffmpeg=NO_FFMPEG)
    assert prepared.part.source is source
    assert prepared.part.format == "mp3"
    assert not prepared.notes


def test_a_large_wav_is_not_read() -> None:
    """Only its header is looked at, and what is sent comes from the disk."""
    opened = []

    class Watched:
        size = 20_000_044

        def open(self) -> CountingFile:
            opened.append(CountingFile(wav_header(20_000_000) + bytes(20_000_000)))
            return opened[-1]

    source = Watched()
    prepared = prepare(source, "large.wav", max_bytes=LIMIT)
    assert prepared.part.source is source
    assert opened
    assert sum(file.count for file in opened) < 10_000


def test_a_cut_wav_gets_true_sizes() -> None:
    whole = riff(chunk(b"LIST", b"INFO"), fmt(), chunk(b"data", b"\1\0" * 8000))
    prepared = prepare_bytes(whole[:-8001], "cut.wav")
    assert prepared.notes == ("'cut.wav' is cut off: 0.5 s of 1.0 s are there",)
    found = assert_sixteen_bit(prepared)
    assert content_of(prepared)[44:] == b"\1\0" * (found.data_size // 2)
    assert found.data_size == 7998


@pytest.mark.parametrize("size", [0, 0x7FFF_F000, 2**31])
def test_a_streamed_wav_without_the_usual_placeholder_gets_true_sizes(size: int) -> None:
    prepared = prepare_bytes(riff(fmt(), chunk(b"data", b"\1\0" * 80, size=size), size=0))
    assert not prepared.notes
    assert_sixteen_bit(prepared)
    assert content_of(prepared)[44:] == b"\1\0" * 80


def test_rf64_with_plain_samples_gets_a_plain_header() -> None:
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, 160, 80, 0))
    data = chunk(b"data", b"\1\0" * 80, size=STREAMED)
    prepared = prepare_bytes(riff(sizes, fmt(), data, b"trailing", magic=b"RF64", size=STREAMED))
    assert content_of(prepared) == wav_header(160, rate=8000) + b"\1\0" * 80


@pytest.mark.parametrize(
    ("name", "noted"), [("a.mp3", True), ("a.WAV", False), ("a.dat", False), ("wav", False)]
)
def test_a_name_that_says_something_else_is_noted(name: str, noted: bool) -> None:
    prepared = prepare_bytes(wav(), name)
    assert prepared.notes == ((f"{name!r} is WAV by its content",) if noted else ())


@pytest.mark.parametrize(
    ("kind", "subtype", "name"),
    [
        ("WAV", "PCM_24", "WAV"),
        ("WAV", "PCM_32", "WAV"),
        ("WAV", "FLOAT", "WAV"),
        ("WAV", "DOUBLE", "WAV"),
        ("WAV", "ALAW", "WAV"),
        ("WAV", "ULAW", "WAV"),
        ("WAVEX", "PCM_24", "WAV"),
        ("RF64", "PCM_24", "RF64 WAV"),
        ("W64", "PCM_24", "Wave64"),
        ("FLAC", "PCM_24", "FLAC"),
        ("OGG", "VORBIS", "Ogg"),
        ("OGG", "OPUS", "Ogg Opus"),
        ("AIFF", "PCM_24", "AIFF"),
        ("AIFF", "PCM_16", "AIFF"),
        ("AIFF", "FLOAT", "AIFF"),
        ("AIFF", "ULAW", "AIFF"),
        ("AIFF", "PCM_U8", "AIFF"),
        ("CAF", "PCM_24", "CAF"),
        ("CAF", "ALAW", "CAF"),
        ("AU", "FLOAT", "AU"),
        ("AU", "ULAW", "AU"),
    ],
)
def test_what_libsndfile_decodes(kind: str, subtype: str, name: str) -> None:
    prepared = prepare_bytes(sound_file(kind, subtype))
    assert prepared.details == (f"'clip': {name} turned into 16-bit WAV",)
    found = assert_sixteen_bit(prepared)
    assert found.rate == RATE
    assert found.duration == pytest.approx(1.0, abs=0.05)
    assert loudest_pitch(prepared) == pytest.approx(440, abs=2)


def test_big_endian_wav() -> None:
    file = io.BytesIO()
    soundfile.write(file, TONE, RATE, format="WAV", subtype="PCM_16", endian="BIG")
    assert file.getvalue().startswith(b"RIFX")
    assert loudest_pitch(prepare_bytes(file.getvalue())) == pytest.approx(440, abs=2)


def test_sixteen_bits_survive_a_conversion_exactly() -> None:
    samples = np.array([0, 1, -1, 32_767, -32_768, 12_345], dtype="<i2")
    assert content_of(prepare_bytes(sound_file("FLAC", "PCM_16", samples)))[44:] == samples.tobytes()


def test_channels_are_mixed() -> None:
    samples = np.repeat(np.array([[0.5, 0.25, -0.25, 0.5, 0.0, 0.5]], dtype=np.float32), 100, axis=0)
    prepared = prepare_bytes(sound_file("WAV", "FLOAT", samples))
    assert_sixteen_bit(prepared)
    assert content_of(prepared)[44:46] == struct.pack("<h", 8192)  # a quarter of full scale


@pytest.mark.parametrize(
    ("rate", "expected"), [(48_000, 48_000), (96_000, 48_000), (88_200, 44_100), (192_000, 48_000)]
)
def test_high_rates_come_down_to_what_is_heard(rate: int, expected: int) -> None:
    samples = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5
    prepared = prepare_bytes(sound_file("FLAC", "PCM_16", samples, rate))
    assert assert_sixteen_bit(prepared).rate == expected
    assert prepared.duration == pytest.approx(1.0)
    assert loudest_pitch(prepared) == pytest.approx(440, abs=2)


def test_numbers_that_are_none() -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1e38, -1e38, 0.5]
    prepared = prepare_bytes(riff(fmt(3, bits=32), chunk(b"data", struct.pack("<6f", *values))))
    samples = struct.unpack("<6h", content_of(prepared)[44:])
    assert samples == (0, 32_767, -32_768, 32_767, -32_768, 16_384)


@pytest.mark.parametrize("kind", ["FLAC", "AIFF"])
def test_a_decoded_file_has_a_limit(kind: str) -> None:
    """Ten minutes of silence are a few kilobytes of FLAC and 29 MB of WAV."""
    minute = sound_file(kind, "PCM_16", np.zeros(RATE * 60, dtype=np.int16))
    with pytest.raises(InputError, match=r"'clip' is larger than .* MB"):
        prepare_bytes(minute, max_bytes=1_000_000)


def test_a_file_has_a_limit() -> None:
    with pytest.raises(InputError, match="'clip' is larger than"):
        prepare_bytes(wav(bytes(10_000)), max_bytes=9_000)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "'page.html' is empty"),
        (b"<!doctype html><html>", "'page.html' is not audio: it looks like HTML"),
        (b'{"a": 1}', "it looks like JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x7fELF", "a program"),
        (b"hello", "it looks like text"),
        (wav(b""), "'page.html' is not a usable WAV file: there is no audio in it"),
        (wav(rate=0), "not a usable WAV file: 0 Hz"),
        (b"RIFF\0\0\0\0WAVE", "not a usable WAV file: no fmt chunk"),
    ],
)
def test_what_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        prepare_bytes(content, "page.html")


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("AIFF", "PCM_24"),
        ("CAF", "PCM_16"),
        ("AU", "FLOAT"),
    ],
)
def test_damage_is_decoded_or_refused(kind: str, subtype: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And in silence: soundfile prints what goes wrong in its callbacks, as for byte 38 of this AIFF."""
    good = sound_file(kind, subtype, TONE[:2400])
    for position in range(12, min(len(good), 100)):
        for value in (0, 128, 255):
            bad = good[:position] + bytes((value,)) + good[position + 1 :]
            with contextlib.suppress(InputError):
                assert_sixteen_bit(prepare_bytes(bad))
    assert capfd.readouterr().err == ""


ADPCM = [
    ("WAV", "IMA_ADPCM"),
    ("WAV", "MS_ADPCM"),
    ("W64", "IMA_ADPCM"),
    ("AIFF", "IMA_ADPCM"),
    ("WAV", "GSM610"),
]
"""Codecs whose decoders in libsndfile have had memory faults, wherever they hide."""


@pytest.mark.parametrize(("kind", "subtype"), ADPCM)
def test_broken_codecs_are_not_for_libsndfile(kind: str, subtype: str) -> None:
    """libsndfile could read them, so that without ffmpeg they are refused is the proof."""
    with pytest.raises(InputError, match="cannot be decoded here") as caught:
        prepare_bytes(sound_file(kind, subtype))
    assert caught.value.hint == "install ffmpeg, or convert it to WAV, MP3 or FLAC"


def test_a_second_format_cannot_smuggle_one_in() -> None:
    """The samples are decoded as what the first one says, without libsndfile's parsers of these files."""
    good, bad = sound_file("AIFF", "PCM_16"), sound_file("AIFF", "IMA_ADPCM")
    assert prepare_bytes(good + bad[12:]).duration == pytest.approx(1.0)
    good, bad = sound_file("W64", "PCM_16"), sound_file("W64", "IMA_ADPCM")
    assert prepare_bytes(good + bad[40:]).duration == pytest.approx(1.0)


@needs_ffmpeg
@pytest.mark.parametrize(("kind", "subtype"), ADPCM)
def test_broken_codecs_go_through_ffmpeg(kind: str, subtype: str) -> None:
    rate = 8000 if subtype == "GSM610" else RATE
    prepared = prepare_bytes(sound_file(kind, subtype, TONE[:rate], rate), ffmpeg="ffmpeg")
    assert_sixteen_bit(prepared)
    assert prepared.duration == pytest.approx(1.0, abs=0.1)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("a.m4a", ()),
        ("a.mp4", ("-movflags", "+faststart")),
        ("a.webm", ("-c:a", "libopus")),
        ("a.mkv", ("-c:a", "flac")),
        ("a.aac", ()),
        ("a.mp2", ()),
        ("a.wma", ()),
        ("a.ts", ()),
        ("a.voc", ()),
        ("-i.m4a", ()),
        ("surround.m4a", ("-ac", "6")),
        ("fast.wv", ("-ar", "96000")),
    ],
)
def test_what_ffmpeg_decodes(tmp_path: Path, file: str, options: tuple[str, ...]) -> None:
    prepared = prepare_file(tone(tmp_path / file, *options, seconds=1))
    assert assert_sixteen_bit(prepared).rate <= 48_000
    assert prepared.duration == pytest.approx(1.0, abs=0.1)
    assert loudest_pitch(prepared) == pytest.approx(440, abs=3)
    assert "turned into 16-bit WAV" in prepared.details[-1]


@needs_ffmpeg
def test_flac_that_was_written_to_a_pipe(tmp_path: Path) -> None:
    """Its header does not say how long it is; libsndfile needs some care then."""
    path = tone(tmp_path / "a.flac")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # the 36 bits that count the samples
    assert prepare_bytes(bytes(content)).duration == pytest.approx(0.5, abs=0.001)


@needs_ffmpeg
def test_video_without_sound(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.mp4", "-f", "lavfi", "-i", "color=size=16x16:duration=0.1", "-map", "1:v")
    with pytest.raises(InputError, match=r"ffmpeg cannot read 'a\.mp4': .+") as caught:
        prepare_file(path)
    assert caught.value.message.isprintable()


@needs_ffmpeg
def test_a_broken_file_gives_one_line() -> None:
    with pytest.raises(InputError, match=r"ffmpeg cannot read 'a\.m4a': ") as caught:
        prepare_bytes(b"\0\0\0\x20ftypM4A " + bytes(500), "a.m4a", ffmpeg="ffmpeg")
    assert "\n" not in caught.value.message
    assert "@" not in caught.value.message  # ffmpeg's own addresses


@needs_ffmpeg
def test_what_ffmpeg_decodes_has_a_limit(tmp_path: Path) -> None:
    path = tone(tmp_path / "long.m4a", seconds=60)
    with pytest.raises(InputError, match=r"'long\.m4a' is larger than 1 MB once it is decoded"):
        prepare(open_input(str(path), LIMIT), path.name, max_bytes=1_000_000)


def test_without_ffmpeg_the_hint_says_so() -> None:
    with pytest.raises(InputError, match="MP4, which cannot be decoded here") as caught:
        prepare_bytes(b"\0\0\0\x20ftypM4A " + bytes(500), "a.m4a")
    assert caught.value.hint
    assert "install ffmpeg" in caught.value.hint


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_ffmpeg_that_never_ends(tmp_path: Path) -> None:
    slow = program(tmp_path / "slow", "exec sleep 5")
    with pytest.raises(InputError, match=r"ffmpeg took more than 0\.2 s for 'a\.mp4'"):
        decode_by_ffmpeg(b"x", "mp4", "a.mp4", LIMIT, program=slow, seconds=0.2)


def test_ffmpeg_that_is_not_ffmpeg(tmp_path: Path) -> None:
    """What it says reaches the terminal on one line, without escape sequences; what it makes is checked."""
    rude = program(tmp_path / "rude", r"printf '\n[mov @ 0x5] no\tmoov \033[31matom\n more\n' >&2; exit 1")
    with pytest.raises(InputError) as caught:
        decode_by_ffmpeg(b"x", "mp4", "a", LIMIT, program=rude)
    assert caught.value.message == "ffmpeg cannot read 'a': no moov [31matom"
    mute = program(tmp_path / "mute", "exit 0")
    with pytest.raises(InputError, match="'a' has no usable sound"):
        prepare_bytes(b"\0\0\0\x20ftypM4A ", "a", ffmpeg=mute)
    with pytest.raises(InputError, match="cannot be started"):
        decode_by_ffmpeg(b"x", "mp4", "a", LIMIT, program=str(tmp_path))


@needs_ffmpeg
def test_a_file_cannot_make_ffmpeg_read_another(tmp_path: Path) -> None:
    """A playlist is no audio, and ffmpeg would not follow it: its kind is prescribed."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav())
    playlist = f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n".encode()
    with pytest.raises(InputError, match="looks like a playlist"):
        prepare_bytes(playlist, ffmpeg="ffmpeg")
    with pytest.raises(InputError, match="ffmpeg cannot read"):
        decode_by_ffmpeg(playlist, "mp4", "a", LIMIT, program="ffmpeg")
