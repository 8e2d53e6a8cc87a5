"""Whatever a WAV file's samples are, the recogniser gets 16 kHz mono s16."""

import io
import struct
import wave

import pytest

from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from audiocli.local.listen import samples

pytest.importorskip("soxr", reason="the local extra is not installed")


def _wav(frames: bytes, *, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(frames)
    return file.getvalue()


def _tone(count: int) -> list[int]:
    return [8_000 if index // 20 % 2 else -8_000 for index in range(count)]  # 400 Hz at 16 kHz


def _decoded(content: bytes) -> tuple[int, ...]:
    pcm = samples(AudioBytes(content))
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def test_what_is_native_passes_unchanged() -> None:
    frames = struct.pack("<800h", *_tone(800))
    assert samples(AudioBytes(_wav(frames))) == frames


def test_two_channels_are_mixed() -> None:
    both = [value for sample in _tone(800) for value in (sample, 0)]
    mixed = _decoded(_wav(struct.pack("<1600h", *both), channels=2))
    assert len(mixed) == 800
    assert mixed[10] == pytest.approx(-4_000, abs=2)


def test_8_bit_samples_are_unsigned() -> None:
    loud = _decoded(_wav(bytes([128 + 64]) * 400, width=1))
    assert loud[200] == pytest.approx(16_384, abs=2)


def test_another_rate_is_resampled() -> None:
    assert len(_decoded(_wav(bytes(2 * 24_000), rate=24_000))) == 16_000


def test_noise_that_is_not_audio_is_refused() -> None:
    with pytest.raises(InputError):
        samples(AudioBytes(b"nonsense" * 100))
