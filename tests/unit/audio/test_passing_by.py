"""Of a sound that goes by, its beginning and its size tell how long it is."""

import io

import pytest

from audiocli.audio.containers.sniff import frame_at
from audiocli.audio.containers.wav import wav_header
from audiocli.audio.formats import Format
from audiocli.audio.passing_by import HEAD_BYTES, Length
from audiocli.audio.recording import PcmFormat
from audiocli.audio.writing.encode import encode

RATE = 24_000


def length(sound: bytes, block: int = 10_000, byte_rate: int | None = None) -> float:
    measured = Length(byte_rate)
    for start in range(0, len(sound), block):
        measured.count(sound, start, min(start + block, len(sound)))
    return measured.seconds


def encoded(format: Format, seconds: float) -> bytes:
    sink = io.BytesIO()
    encode([bytes(int(2 * RATE * seconds))], PcmFormat(RATE), sink, format)
    return sink.getvalue()


@pytest.mark.parametrize("block", [7, 10_000, 10**6])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_wav_is_as_long_as_its_samples(block: int, streamed: bool) -> None:
    size = 2 * RATE * 3
    header = wav_header(None if streamed else size, RATE)
    assert length(header + bytes(size), block) == 3


def test_an_mp3_is_as_long_as_it_says_or_as_its_first_frames_tell() -> None:
    sound = encoded("mp3", 90)
    counting = frame_at(sound)
    assert counting is not None
    assert len(sound) > HEAD_BYTES
    assert length(sound) == pytest.approx(90, abs=0.1)
    assert length(sound[counting.size :]) == pytest.approx(90, rel=0.02)


def test_bare_samples_are_counted_at_the_rate_that_is_told() -> None:
    assert length(bytes(96_000), byte_rate=48_000) == 2


@pytest.mark.parametrize("sound", [b"", b"RIFF", b"ID3", b"fLaC" + bytes(99), b"<html>"])
def test_what_does_not_tell_has_no_length(sound: bytes) -> None:
    assert length(sound) == 0
