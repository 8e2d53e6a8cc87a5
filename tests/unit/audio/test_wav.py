"""`read_wav` takes what real writers write, and says what is wrong with the rest."""

import base64
import io
import json
import random
import struct

import pytest

from audiocli.audio.containers.wav import MAX_CHUNKS, Wav, read_wav, read_wav_variant, wav_header
from audiocli.errors import InputError
from tests.unit.audio.files import (
    EXTENSIBLE_TAIL,
    RECORDED,
    CountingFile,
    chunk,
    fmt,
    needs_recorded,
    riff,
    wav,
)

SAMPLES = b"\1\0" * 400
DATA = chunk(b"data", SAMPLES)


def parse(content: bytes) -> Wav:
    return read_wav(io.BytesIO(content), len(content))


def test_a_plain_file() -> None:
    found = parse(wav(channels=2, rate=44_100))
    assert (found.rate, found.channels, found.bits, found.encoding) == (44_100, 2, 16, "pcm")
    assert (found.data_offset, found.data_size, found.declared_size) == (44, 800, 800)
    assert not found.truncated
    assert found.frames == 200
    assert found.duration == pytest.approx(200 / 44_100)


def test_the_sound_itself_is_not_read() -> None:
    file = CountingFile(wav(bytes(2_000_000)))
    read_wav(file, 2_000_044)
    assert file.count < 100


@pytest.mark.parametrize(
    "before",
    [
        chunk(b"LIST", b"INFOISFT"),
        chunk(b"odd ", b"abc"),
        chunk(b"JUNK", bytes(100_000)),
        chunk(b"fact", bytes(4)) + chunk(b"bext", bytes(602)),
    ],
)
def test_chunks_before_the_sound_are_skipped(before: bytes) -> None:
    content = riff(before, fmt(), before, DATA)
    found = parse(content)
    assert content[found.data_offset :][: found.data_size] == SAMPLES


@pytest.mark.parametrize(
    "after", [chunk(b"LIST", b"INFO"), b"garbage", chunk(b"data", b"more"), fmt(), b"\0"]
)
def test_what_follows_the_sound_is_ignored(after: bytes) -> None:
    assert parse(riff(fmt(), DATA, after)).data_size == 800


@pytest.mark.parametrize("riff_size", [0, 36, 2**31, 2**32 - 1])
@pytest.mark.parametrize("data_size", [0, 0x7FFF_F000, 2**31, 2**32 - 1])
def test_sizes_that_were_not_known_when_they_were_written(riff_size: int, data_size: int) -> None:
    """A writer to a pipe leaves a placeholder: the sound goes to the end of the file."""
    found = parse(riff(fmt(), chunk(b"data", SAMPLES, size=data_size), size=riff_size))
    assert found.streamed
    assert not found.truncated
    assert found.declared_size is None
    assert found.size_field == data_size
    assert found.frames == 400


def test_a_file_that_has_fewer_bytes_than_it_promises() -> None:
    found = parse(wav()[:-201])
    assert found.truncated
    assert found.declared_size == 800
    assert found.data_size == 598  # whole samples only


@pytest.mark.parametrize("data_size", [2, 400, 798])
def test_a_size_that_is_too_short_is_believed(data_size: int) -> None:
    assert parse(riff(fmt(), chunk(b"data", SAMPLES, size=data_size))).data_size == data_size


def test_half_a_frame_at_the_end_is_left_out() -> None:
    assert parse(riff(fmt(channels=2), chunk(b"data", bytes(403)))).data_size == 400


@pytest.mark.parametrize(
    ("tag", "bits", "encoding"),
    [
        (1, 8, "pcm"),
        (1, 24, "pcm"),
        (1, 32, "pcm"),
        (3, 32, "float"),
        (3, 64, "float"),
        (6, 8, "alaw"),
        (7, 8, "ulaw"),
    ],
)
def test_encodings_and_their_extensible_forms(tag: int, bits: int, encoding: str) -> None:
    more = struct.pack("<HHIH", 22, bits, 0, tag) + EXTENSIBLE_TAIL
    plain = parse(riff(fmt(tag, bits=bits), DATA))
    extensible = parse(riff(fmt(0xFFFE, bits=bits, more=more), DATA))
    assert (plain.encoding, plain.bits) == (encoding, bits)
    assert (extensible.encoding, extensible.bits) == (encoding, bits)


@pytest.mark.parametrize(
    ("tag", "more", "encoding"),
    [
        (0x0002, b"", "other:0x0002"),  # MS ADPCM
        (0x0011, b"\2\0\0\1", "other:0x0011"),  # IMA ADPCM
        (0x0031, b"", "other:0x0031"),  # GSM
        (0x0055, b"", "other:0x0055"),  # MP3
        (0xFFFE, b"", "other:0xfffe"),  # extensible without its extension
        (0xFFFE, bytes(24), "other:0xfffe"),  # extensible with a sub-format of somebody else's
    ],
)
def test_other_codecs_are_told_by_their_number(tag: int, more: bytes, encoding: str) -> None:
    found = parse(riff(fmt(tag, bits=4, block_align=256, byte_rate=4000, more=more), DATA))
    assert found.encoding == encoding
    assert found.duration == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a WAV file"),
        (b"RIFF", "not a WAV file"),
        (b"RIFF\0\0\0\0WAV", "not a WAV file"),
        (riff(form=b"AVI "), "not a WAV file"),
        (riff(fmt(order=">"), DATA, magic=b"RIFX", order=">"), "not a WAV file"),
        (riff(fmt(), DATA, magic=b"RF64"), "not a WAV file"),
        (b"<!doctype html><html></html>", "not a WAV file"),
        (riff(), "no fmt chunk"),
        (riff(chunk(b"LIST", b"INFO")), "no fmt chunk"),
        (riff(DATA), "no fmt chunk before the audio"),
        (riff(DATA, fmt()), "no fmt chunk before the audio"),
        (riff(fmt()), "no data chunk"),
        (riff(fmt()) + b"data", "no data chunk"),
        (riff(fmt(), chunk(b"JUNK", b"", size=2**32 - 1), DATA), "no data chunk"),
        (riff(fmt(), fmt(), DATA), "two fmt chunks"),
        (riff(chunk(b"fmt ", bytes(15)), DATA), "fmt chunk is too short"),
        (riff(fmt())[:30], "fmt chunk is too short"),
        (wav(channels=0), "0 channels"),
        (wav(channels=33), "33 channels"),
        (wav(channels=65_535, block_align=2), "65,535 channels"),
        (wav(rate=0), "0 Hz"),
        (wav(rate=1), "1 Hz"),
        (wav(rate=999), "999 Hz"),
        (wav(rate=4_000_000_000), "4,000,000,000 Hz"),
        (wav(bits=0), "0 bits"),
        (wav(bits=65_535, block_align=2), "65535 bits"),
        (wav(tag=3, bits=16), "16 bits"),
        (wav(tag=7, bits=16), "16 bits"),
        (wav(block_align=0), "block align 0"),
        (wav(block_align=4), "block align 4"),
        (wav(b""), "no audio in it"),
        (wav(b"\1"), "no audio in it"),
        (wav_header(800), "no audio in it"),
        (wav_header(None), "no audio in it"),
        (riff(fmt(), chunk(b"data", b""), chunk(b"LIST", b"INFOISFT")), "no audio in it"),
        (riff(*[chunk(b"JUNK", b"")] * MAX_CHUNKS, fmt(), DATA), "more than 1,000 chunks"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse(content)


def test_every_length_from_nothing_to_a_header() -> None:
    for length in range(45):
        with pytest.raises(InputError):
            parse(wav()[:length])
    assert parse(wav()[:46]).frames == 1


def test_twenty_thousand_chunks_are_not_read() -> None:
    file = CountingFile(riff(*[chunk(b"JUNK", b"")] * 20_000, fmt(), DATA))
    with pytest.raises(InputError, match="chunks"):
        read_wav(file, len(file.getvalue()))
    assert file.count <= 12 + 8 * MAX_CHUNKS


def test_a_header_that_is_larger_than_any_cover_art() -> None:
    junk = chunk(b"JUNK", b"", size=20_000_000) + bytes(20_000_000)
    with pytest.raises(InputError, match="more than 16 MB before the audio"):
        parse(riff(fmt(), junk, DATA))


@pytest.mark.parametrize(("magic", "order"), [(b"RIFX", ">"), (b"RF64", "<"), (b"BW64", "<")])
def test_relatives_of_wav(magic: bytes, order: str) -> None:
    """They are for the converter: `read_wav` must not pass them off as WAV."""
    sizes = chunk(b"ds64", struct.pack(f"{order}QQQI", 0, 800, 400, 0), order=order)
    data = chunk(b"data", SAMPLES, size=2**32 - 1, order=order)
    content = riff(sizes, fmt(order=order), data, b"trailing", magic=magic, size=2**32 - 1, order=order)
    found = read_wav_variant(io.BytesIO(content), len(content))
    assert (found.byte_order, found.rate) == ("big" if order == ">" else "little", 8000)
    assert (found.data_size, found.declared_size) == (800, 800)


def test_a_header_is_the_canonical_44_bytes() -> None:
    header = wav_header(1000, rate=16_000, channels=2, bits=16)
    assert header == riff(fmt(channels=2, rate=16_000), size=1036) + b"data" + (1000).to_bytes(4, "little")


def test_random_damage_raises_nothing_else() -> None:
    """Quick and wide, beside the property tests: 20,000 files with up to four bytes changed."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed, so that a failure can be repeated
    good = riff(chunk(b"LIST", b"INFO"), fmt(), DATA)
    for _ in range(20_000):
        bad = bytearray(good[: chance.randrange(len(good))])
        for _ in range(min(len(bad), 4)):
            bad[chance.randrange(min(len(bad), 60))] = chance.randrange(256)
        try:
            parse(bytes(bad))
        except InputError:
            continue


@needs_recorded
def test_recorded_files() -> None:
    """What OpenAI sent in 2024 has a LIST chunk; what it speaks in 2026 has sizes of 0xFFFFFFFF."""
    answer = json.loads((RECORDED / "openai-chat-audio" / "chat-wav-2024.json").read_bytes())
    found = parse(base64.b64decode(answer["data"]))
    assert (found.rate, found.channels, found.bits, found.data_offset) == (24_000, 1, 16, 78)
    assert not found.truncated
    speech = json.loads((RECORDED / "openai-audio-endpoints" / "speech-wav.json").read_bytes())
    found = parse(base64.b64decode(speech["response"]["body"]["text"]))
    assert (found.rate, found.streamed, found.size_field) == (24_000, True, 2**32 - 1)
