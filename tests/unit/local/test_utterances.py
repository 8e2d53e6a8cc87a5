"""A sound is cut where nobody speaks, into what can be heard at once."""

import struct
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from audiocli.local.utterances import find_utterances

pytest.importorskip("pocketsphinx", reason="the local extra is not installed")
pytest.importorskip("numpy", reason="the local extra is not installed")

SAMPLES = Path(__file__).parents[3] / "samples"
SECOND = 32_000  # bytes


def _speech(name: str) -> bytes:
    with wave.open(str(SAMPLES / name)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        return bytes(sound.readframes(sound.getnframes()))


QUESTION, HELLO = _speech("question.wav"), _speech("hello.wav")
HISS = struct.pack("<16000h", *(index * 7919 % 201 - 100 for index in range(16_000)))


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(SECOND), HISS, HISS * 60], ids=len)
def test_silence_has_none(pcm: bytes) -> None:
    assert find_utterances(pcm) == []


def test_a_pause_of_a_second_ends_one() -> None:
    found = find_utterances(bytes(SECOND) + QUESTION + bytes(2 * SECOND) + HELLO)
    assert len(found) == 2
    first, second = found
    assert first.start == pytest.approx(1.1, abs=0.2)
    assert first.end == pytest.approx(1 + len(QUESTION) / SECOND, abs=0.2)
    assert second.start == pytest.approx(3 + len(QUESTION) / SECOND, abs=0.2)
    assert first.start - first.heard_from == pytest.approx(0.3)


def test_a_short_pause_does_not() -> None:
    assert len(find_utterances(QUESTION + bytes(SECOND // 2) + HELLO)) == 1


def test_what_is_long_is_cut_where_it_is_quietest() -> None:
    pcm = (QUESTION[: 364 * 320] + bytes(SECOND // 4) + HELLO + bytes(SECOND // 4)) * 6
    found = find_utterances(pcm)
    assert len(found) > 1
    assert all(utterance.end - utterance.start <= 20 for utterance in found)
    assert all(a.heard_to <= b.heard_from for a, b in pairwise(found))
    loudness = [max(abs(s) for s in _around(pcm, utterance.end)) for utterance in found[:-1]]
    assert max(loudness) < 300


def _around(pcm: bytes, second: float) -> tuple[int, ...]:
    at = 2 * int(second * 16_000)
    piece = pcm[at - 640 : at + 640]
    return struct.unpack(f"<{len(piece) // 2}h", piece)


def test_noise_without_a_pause_is_cut_all_the_same() -> None:
    found = find_utterances(QUESTION[SECOND // 2 : 3 * SECOND] * 40)  # 100 s
    assert all(utterance.end - utterance.start <= 20 for utterance in found)
    assert found[-1].end > 98
    heard = sum(len(utterance.within(bytes(100 * SECOND))) for utterance in found)
    assert heard == pytest.approx(100 * SECOND, rel=0.02)
