"""Whatever a WAV file's samples are, the recogniser gets 16 kHz mono s16; and it hears words."""

import asyncio
import io
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from audiocli.local.listen import Recognition, listen, samples

pytest.importorskip("pocketsphinx", reason="the local extra is not installed")
pytest.importorskip("soxr", reason="the local extra is not installed")

SAMPLES = Path(__file__).parents[3] / "samples"
QUESTION = (SAMPLES / "question.wav").read_bytes()


def hear(content: bytes) -> Recognition:
    return asyncio.run(listen(AudioBytes(content)))


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


def test_the_sample_question_is_heard_with_word_times() -> None:
    heard = hear(QUESTION)
    assert heard.text == "is a golden retriever a good family dog"
    assert " ".join(word.text for word in heard.words) == heard.text
    assert 0 <= heard.words[0].start < heard.words[-1].end <= heard.duration
    assert all(a.start < a.end <= b.start + 0.011 for a, b in zip(heard.words, heard.words[1:], strict=False))
    assert all(0 <= word.confidence <= 1 for word in heard.words)


def test_silence_has_no_words() -> None:
    hiss = struct.pack("<16000h", *(index * 7919 % 201 - 100 for index in range(16_000)))
    assert hear(_wav(bytes(32_000))) == Recognition("", (), 1.0)
    assert hear(_wav(hiss)) == Recognition("", (), 1.0)


def test_noise_that_is_not_audio_is_refused() -> None:
    with pytest.raises(InputError):
        hear(b"nonsense" * 100)


def test_cancelling_ends_the_recogniser_at_once() -> None:
    minutes = _wav(QUESTION[44:] * 20)

    async def cancel() -> float:
        task = asyncio.create_task(listen(AudioBytes(minutes)))
        await asyncio.sleep(1)
        assert not task.done()
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    assert asyncio.run(cancel()) < 1


def test_a_file_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    """Not even one that has the name of a package which the recogniser imports."""
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    program = (
        "import asyncio; from audiocli.chat import AudioBytes; from audiocli.local.listen import listen\n"
        f"print(asyncio.run(listen(AudioBytes(open({str(SAMPLES / 'hello.wav')!r}, 'rb').read()))).text)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert "hello there" in done.stdout
