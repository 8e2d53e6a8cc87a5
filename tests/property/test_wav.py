"""`read_wav` survives any bytes, and understands what `wav_header` writes."""

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audiocli.audio.containers.wav import MAX_RATE, MIN_RATE, Wav, read_wav, wav_header
from audiocli.errors import InputError

HEADER = wav_header(8) + bytes(8)


def parse(content: bytes) -> Wav | None:
    """The sound that was found, or `None` where the file was refused; anything else fails the test."""
    try:
        return read_wav(io.BytesIO(content), len(content))
    except InputError:
        return None


def assert_within(wav: Wav | None, size: int) -> None:
    """What was found, if anything, is inside the file, and can be counted."""
    if wav is None:
        return
    assert 0 < wav.data_offset < size
    assert 0 < wav.data_size <= size - wav.data_offset
    assert wav.frames >= 0
    assert wav.duration > 0
    assert not (wav.truncated and wav.streamed)


@given(
    frames=st.integers(1, 200),
    rate=st.integers(MIN_RATE, MAX_RATE),
    channels=st.integers(1, 32),
    bits=st.sampled_from((8, 16, 24, 32)),
    streamed=st.booleans(),
)
def test_what_is_written_is_read(frames: int, rate: int, channels: int, bits: int, streamed: bool) -> None:
    size = frames * channels * bits // 8
    header = wav_header(None if streamed else size, rate, channels, bits)
    wav = parse(header + bytes(size))
    assert wav
    assert (wav.rate, wav.channels, wav.bits, wav.encoding) == (rate, channels, bits, "pcm")
    assert (wav.data_offset, wav.data_size, wav.frames) == (44, size, frames)
    assert wav.declared_size == (None if streamed else size)
    assert not wav.truncated


@given(st.integers(0, 2**32 - 1 - 36))
def test_every_size_that_fits_has_a_header_of_44_bytes(size: int) -> None:
    assert len(wav_header(size)) == 44


@pytest.mark.parametrize("size", [-1, 2**32 - 36, 2**32, 2**40])
def test_a_size_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        wav_header(size)


@given(st.binary(max_size=200))
@example(b"")
@example(b"RIFF\xff\xff\xff\xffWAVE")
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert_within(parse(content), len(content))


chunk_ids = st.sampled_from((b"fmt ", b"data", b"LIST", b"fact", b"RIFF")) | st.binary(min_size=4, max_size=4)
sizes = st.sampled_from((0, 1, 2, 16, 18, 40, 2**31, 2**32 - 2, 2**32 - 1)) | st.integers(0, 2**32 - 1)
words = st.sampled_from((0, 1, 2, 3, 6, 7, 16, 0x11, 0xFFFE, 0xFFFF)) | st.integers(0, 2**16 - 1)
formats = st.tuples(words, words, sizes, sizes, words, words).map(
    lambda f: b"".join(v.to_bytes(n, "little") for v, n in zip(f, (2, 2, 4, 4, 2, 2), strict=True))
)
chunks = st.tuples(chunk_ids, sizes, formats | st.binary(max_size=50)).map(
    lambda c: c[0] + c[1].to_bytes(4, "little") + c[2]
)


@given(sizes, st.lists(chunks, max_size=6))
def test_any_chunks_are_read_or_refused(riff_size: int, content: list[bytes]) -> None:
    file = b"RIFF" + riff_size.to_bytes(4, "little") + b"WAVE" + b"".join(content)
    assert_within(parse(file), len(file))


@given(st.integers(0, len(HEADER) - 1), st.binary(min_size=1, max_size=6), st.integers(0, len(HEADER)))
def test_any_damage_to_a_header_is_read_or_refused(at: int, damage: bytes, cut: int) -> None:
    file = (HEADER[:at] + damage + HEADER[at + len(damage) :])[: len(HEADER) - cut]
    assert_within(parse(file), len(file))


@given(st.binary(max_size=60), st.integers(0, 2**40))
def test_a_size_that_is_wrong_does_no_harm(content: bytes, size: int) -> None:
    """A file that shrinks after its size was taken must not raise anything strange either."""
    with contextlib.suppress(InputError):
        read_wav(io.BytesIO(HEADER[:40] + content), size)
