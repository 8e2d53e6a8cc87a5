"""Samples to files and back, by libsndfile."""

import errno
import io
import math
from array import array

import numpy as np
import pytest
import soundfile

from audiocli.audio.containers.sniff import Kind
from audiocli.audio.formats import Format
from audiocli.audio.recording import PcmFormat
from audiocli.audio.writing.encode import MAX_DECODED_BYTES, decode, encode
from audiocli.errors import OutputError, ReplyError

PCM = PcmFormat()
TONE = array("h", (int(16_000 * math.sin(n * 440 * math.tau / 24_000)) for n in range(24_000))).tobytes()

MADE: tuple[Format, ...] = ("mp3", "flac", "opus", "ogg")
KINDS: dict[Format, Kind] = {"mp3": "mp3", "flac": "flac", "opus": "opus", "ogg": "ogg"}


def encoded(format: Format, sound: bytes = TONE, pcm: PcmFormat = PCM) -> bytes:
    sink = io.BytesIO()
    assert encode([sound[:10_000], sound[10_000:]], pcm, sink, format) == len(sound)
    return sink.getvalue()


def decoded(data: bytes, kind: Kind) -> bytes:
    pcm, blocks = decode(io.BytesIO(data), kind)
    assert pcm == PCM
    return b"".join(blocks)


class Failing(io.BytesIO):
    """Takes `room` bytes, and fails then, as a disk does."""

    room = 0

    def write(self, data: object, /) -> int:
        if self.tell() + len(memoryview(data)) > self.room:  # type: ignore[arg-type] # a buffer of any kind
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)  # type: ignore[arg-type] # a buffer of any kind


class Short(io.BytesIO):
    """Takes what it is given in pieces, as a pipe does."""

    def write(self, data: object, /) -> int:
        return super().write(memoryview(data)[:100])  # type: ignore[arg-type] # a buffer of any kind


@pytest.mark.parametrize("format", MADE)
def test_a_format_keeps_length_and_loudness(format: Format) -> None:
    sound = array("h", decoded(encoded(format), KINDS[format]))
    assert len(sound) == 24_000
    assert 15_000 < max(sound) < 18_000


@pytest.mark.parametrize("format", ["mp3", "flac", "opus", "ogg", "wav", "pcm"])
def test_what_a_file_refuses_is_raised_and_not_printed(
    format: Format, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = len(encoded(format))
    for room in (0, 10, whole // 2, whole - 1):
        sink = Failing()
        sink.room = room
        with pytest.raises(OSError, match="No space"):
            encode([TONE[:10_000], TONE[10_000:]], PCM, sink, format)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format", ["mp3", "flac", "ogg", "wav", "pcm"])
def test_a_file_that_takes_little_at_a_time_gets_everything(format: Format) -> None:
    sink = Short()
    encode([TONE[:10_000], TONE[10_000:]], PCM, sink, format)
    assert len(sink.getvalue()) == len(encoded(format))


@pytest.mark.parametrize(
    ("format", "rate", "expected"),
    [("opus", 44_100, 48_000), ("opus", 22_050, 24_000), ("mp3", 96_000, 48_000), ("mp3", 7_350, 8_000)],
)
def test_a_rate_that_a_format_does_not_know_becomes_one_that_it_does(
    format: Format, rate: int, expected: int
) -> None:
    tone = (np.sin(np.arange(rate) * (2 * np.pi * 440 / rate)) * 16_000).astype("<i2")
    both = np.repeat(tone, 2).tobytes()
    file = io.BytesIO()
    assert encode([both[:10_000], both[10_000:]], PcmFormat(rate, 2), file, format) == len(both)
    sound, found = soundfile.read(io.BytesIO(file.getvalue()))
    assert (found, sound.shape[1]) == (expected, 2)
    assert len(sound) / found == pytest.approx(1.0, abs=0.1)
    assert np.abs(np.fft.rfft(sound[:found, 0])).argmax() == pytest.approx(440, abs=5)


def test_channels_that_a_format_does_not_know_are_refused() -> None:
    with pytest.raises(OutputError, match="cannot be written as mp3"):
        encode([bytes(3 * 2 * 1000)], PcmFormat(24_000, 3), io.BytesIO(), "mp3")


@pytest.mark.parametrize("format", MADE)
def test_a_file_that_is_cut_off_or_empty_is_never_taken_for_whole(
    format: Format, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encoded(format)
    for size in (60, 200, len(data) // 2):
        try:
            sound = decoded(data[:size], KINDS[format])
        except ReplyError:
            continue
        # Ogg does not say how long it is: what there is of it is all that can be had.
        assert format in ("opus", "ogg")
        assert len(sound) < len(TONE)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["wav", "aiff", "mp4", "caf", "w64"])
def test_parsers_with_a_past_are_not_used(kind: Kind) -> None:
    with pytest.raises(ReplyError, match="cannot be converted"):
        decode(io.BytesIO(b""), kind)


def test_a_small_file_does_not_fill_a_disk() -> None:
    """Silence is next to nothing in a FLAC file, however much of it there is."""
    sink = io.BytesIO()
    with soundfile.SoundFile(sink, "w", 24_000, 8, format="FLAC", subtype="PCM_16") as file:
        silence = bytes(2 * 8 * 1_000_000)
        for _ in range(MAX_DECODED_BYTES // len(silence) + 1):
            file.buffer_write(silence, dtype="int16")
    _, blocks = decode(io.BytesIO(sink.getvalue()), "flac")
    with pytest.raises(ReplyError, match="more than"):
        for _ in blocks:
            pass
