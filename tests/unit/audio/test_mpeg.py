"""How long MPEG audio is comes from its frames, whatever its size and its header say."""

import io
import struct

import numpy as np
import pytest
import soundfile

from audiocli.audio.containers.mpeg import Mpeg, read_mpeg
from audiocli.audio.reading.pieces import Piece, pcm16
from audiocli.audio.reading.recorded import examine
from audiocli.chat import AudioBytes
from audiocli.errors import InputError

LOW = bytes.fromhex("fff310c4")  # MPEG-2 layer III, 8 kbit/s, 22,050 Hz, mono
HIGH = bytes.fromhex("fff3e0c4")  # the same at 160 kbit/s
SECONDS_OF_FRAME = 576 / 22_050


def frames(*headers: bytes) -> bytes:
    sizes = {LOW: 26, HIGH: 522}
    return b"".join(header.ljust(sizes[header], b"\0") for header in headers)


APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 99, 1, 0xA000_0000) + bytes(99)


def read(content: bytes) -> Mpeg:
    (part,) = read_mpeg(io.BytesIO(content), len(content)).parts
    return part


@pytest.mark.parametrize("pattern", [[LOW] * 4000, [HIGH] * 400, [LOW] * 3990 + [HIGH] * 10])
def test_the_bit_rate_does_not_matter(pattern: list[bytes]) -> None:
    found = read(frames(*pattern))
    assert found.duration == pytest.approx(len(pattern) * SECONDS_OF_FRAME)
    assert (found.rate, found.channels, found.promised, found.clean) == (22_050, 1, None, True)


def test_tags_are_no_sound() -> None:
    sound = frames(*[LOW] * 100)
    tag = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)
    ends = (b"TAG" + bytes(125), APE)
    for content in (tag + sound, tag + tag + sound, *(sound + end for end in ends)):
        found = read(content)
        assert found.duration == pytest.approx(100 * SECONDS_OF_FRAME)
        assert content[found.offset : found.offset + found.size] == sound
        assert found.clean


def test_damage_is_passed_over_and_the_end_may_be_missing() -> None:
    sound = frames(*[LOW] * 100)
    for content in (sound + b"garbage" * 20 + sound, sound + sound + sound[:20]):
        found = read(content)
        assert found.duration == pytest.approx(200 * SECONDS_OF_FRAME)
        assert not found.clean


@pytest.mark.parametrize("content", [b"", b"\xff" * 500_000, bytes(500_000), frames(LOW)[:20]])
def test_what_has_no_frames_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="no sound"):
        read(content)


def test_a_changing_bit_rate_without_a_count_is_heard_to_its_end() -> None:
    """A decoder takes the rate of the first frames for that of all, and would stop far too early."""
    rate = 16_000
    file = io.BytesIO()
    quiet = np.zeros(rate * 10)
    loud = np.random.default_rng(3).normal(0, 0.3, rate * 10)
    with soundfile.SoundFile(
        file, "w", rate, 1, "MPEG_LAYER_III", format="MP3", bitrate_mode="VARIABLE", compression_level=0.2
    ) as sound:
        sound.write(np.concatenate((loud, quiet)))
    whole = file.getvalue()
    found = read(whole)
    assert found.promised == found.duration
    uncounted = whole[288:]  # without the first frame, which says how many there are
    assert read(uncounted).promised is None
    examined = examine(AudioBytes(uncounted), "a.mp3")
    assert examined.duration == pytest.approx(20, abs=0.3)
    assert len(pcm16(examined, Piece(0, examined.duration))) / 32_000 == pytest.approx(20, abs=0.3)
    assert len(pcm16(examined, Piece(18, 19))) == 32_000
