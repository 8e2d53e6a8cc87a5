"""What is spoken is 24 kHz mono pcm16, whoever speaks it."""

import asyncio
import struct
import sys
import time
from pathlib import Path

import pytest

from audiocli.chat import PCM_BYTES_PER_SECOND
from audiocli.errors import ServerError
from audiocli.local.speak import ESPEAK_VOICES, Espeak, Flite, Speaker, choose_speaker, find_flite, resample

pytest.importorskip("espeakng_loader", reason="the local extra is not installed")
pytest.importorskip("soxr", reason="the local extra is not installed")

FLITE = find_flite()
needs_flite = pytest.mark.skipif(FLITE is None, reason="flite is not installed")

SENTENCE = "A golden retriever is a good family dog."
SPEAKERS = [pytest.param(Espeak(ESPEAK_VOICES[0]), id="espeak-ng")]
SPEAKERS.append(pytest.param(Flite(FLITE or "", "slt"), id="flite", marks=needs_flite))


@pytest.mark.parametrize(
    ("voice", "flite", "speaker"),
    [
        ("alloy", "/bin/flite", Flite("/bin/flite", "slt")),
        ("rms", "/bin/flite", Flite("/bin/flite", "rms")),
        ("en-gb", "/bin/flite", Espeak("en-gb")),
        ("alloy", None, Espeak("en-us")),
        ("rms", None, Espeak("en-us")),
    ],
)
def test_a_voice_is_had_by_its_name(voice: str, flite: str | None, speaker: Speaker) -> None:
    assert choose_speaker(voice, flite) == speaker


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_sentence_takes_a_few_seconds(speaker: Speaker) -> None:
    pcm = asyncio.run(speaker.speak(SENTENCE))
    assert 1.5 < len(pcm) / PCM_BYTES_PER_SECOND < 5
    loudest = max(map(abs, struct.unpack(f"<{len(pcm) // 2}h", pcm)))
    assert loudest > 2_000


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_several_can_speak_at_once(speaker: Speaker) -> None:
    async def lengths() -> list[int]:
        return [len(pcm) for pcm in await asyncio.gather(*(map(speaker.speak, ("No.", SENTENCE, SENTENCE))))]

    short, long, again = asyncio.run(lengths())
    assert 2 * short < long
    assert again == pytest.approx(long, rel=0.01)  # espeak-ng varies by some samples


@needs_flite
def test_what_looks_like_an_option_is_spoken() -> None:
    assert len(asyncio.run(Flite(FLITE or "", "slt").speak("--help -o x"))) > PCM_BYTES_PER_SECOND // 2


def test_a_program_that_fails_is_an_error() -> None:
    with pytest.raises(ServerError, match="flite"):
        asyncio.run(Flite(sys.executable, "slt").speak(SENTENCE))


def test_cancelling_kills_the_program(tmp_path: Path) -> None:
    slow = tmp_path / "flite"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)

    async def cancel() -> float:
        task = asyncio.create_task(Flite(str(slow), "slt").speak(SENTENCE))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    assert asyncio.run(cancel()) < 1


def test_resampling_keeps_the_length_in_seconds() -> None:
    assert len(resample(bytes(2 * 16_000), 16_000)) == PCM_BYTES_PER_SECOND
    assert resample(b"as it is", 24_000) == b"as it is"
