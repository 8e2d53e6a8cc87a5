"""Whatever a service sends, the file is what its name says, whole and playable, or there is no file."""

import io
import json
import math
import resource
import shutil
import struct
import subprocess
import sys
from array import array
from pathlib import Path

import pytest
import soundfile

from audiocli.audio.containers.wav import read_wav, wav_header
from tests.command import audiocli, environment, error_line
from tests.servers import Exchange, Server, serve
from tests.spoken import WORDS, names, stream, whole
from tests.unit.audio.files import chunk, fmt, riff, wav

FRAMES = 12_000  # half a second
TONE = array("h", (int(9000 * math.sin(n * 440 * math.tau / 24_000)) for n in range(FRAMES))).tobytes()
FORMATS = ("wav", "mp3", "flac", "opus", "ogg", "pcm")
MADE = {
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "ogg": ("OGG", "VORBIS"),
}


def made(format: str, rate: int = 24_000, subtype: str | None = None) -> bytes:
    """`TONE` as another program would write it."""
    file = io.BytesIO()
    container, usual = MADE[format]
    with soundfile.SoundFile(file, "w", rate, 1, format=container, subtype=subtype or usual) as writer:
        writer.write([value / 32_768 for value in array("h", TONE)])
    return file.getvalue()


def ask(server: Server, folder: Path, format: str, *more: str) -> subprocess.CompletedProcess[bytes]:
    return audiocli("ask", "x", "-o", f"dog.{format}", "--base-url", server.url, *more, cwd=folder)


def assert_sounds(path: Path, frames: int = FRAMES, rate: int = 24_000) -> None:
    """Every reader finds as much sound as was sent: of the right length, and not silent."""
    data = path.read_bytes()
    if path.suffix == ".pcm":
        assert len(data) == 2 * frames
        return
    samples, found_rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert (len(samples), found_rate) == (frames, rate)
    assert 8000 < abs(samples).max() < 10_500
    if path.suffix == ".wav":
        header = read_wav(io.BytesIO(data), len(data))
        assert (header.frames, header.streamed, header.truncated) == (frames, False, False)
        assert int.from_bytes(data[4:8], "little") + 8 == len(data)
    for seconds in lengths_by_others(path):
        assert seconds == pytest.approx(frames / rate, abs=0.09)  # an MP3 frame, and what its encoder adds


def lengths_by_others(path: Path) -> list[float]:
    programs = [
        ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration", str(path)],
        ["sox", "--info", "-D", str(path)],
    ]
    outputs = [
        subprocess.run(program, capture_output=True, text=True, check=False).stdout.strip()
        for program in programs
        if shutil.which(program[0])
    ]
    return [float(seconds) for seconds in outputs if seconds]  # SoX does not know every format


@pytest.mark.parametrize("format", FORMATS)
def test_a_stream_becomes_the_format_of_the_name(format: str, tmp_path: Path) -> None:
    pieces = [TONE[place : place + 3000] for place in range(0, len(TONE), 3000)]
    with serve(stream(*pieces)) as server:
        result = ask(server, tmp_path, format)
    assert (result.returncode, result.stdout) == (0, f"{WORDS}\n".encode()), result.stderr
    assert f"dog.{format} 0.5 s, 24 kHz mono".encode() in result.stderr
    assert names(tmp_path) == [f"dog.{format}"]
    assert_sounds(tmp_path / f"dog.{format}")


SENT = {
    "headerless PCM": TONE,
    "WAV": wav_header(len(TONE)) + TONE,
    "WAV with a LIST chunk": riff(
        fmt(rate=24_000), chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.29.100\0"), chunk(b"data", TONE)
    ),
    "WAV that was streamed": wav_header(None) + TONE,
    "24-bit WAV": made("wav", subtype="PCM_24"),
    "float WAV": made("wav", subtype="FLOAT"),
    "MP3": made("mp3"),
    "FLAC": made("flac"),
    "Opus": made("opus"),
    "Vorbis": made("ogg"),
}


@pytest.mark.parametrize("format", ["wav", "mp3"])
@pytest.mark.parametrize("sent", SENT)
def test_an_answer_in_another_form_is_put_right(sent: str, format: str, tmp_path: Path) -> None:
    with serve(whole(SENT[sent])) as server:
        result = ask(server, tmp_path, format, "--no-stream")
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith(f"audiocli: dog.{format}".encode())  # and no word of a decoder's
    assert names(tmp_path) == [f"dog.{format}"]
    assert_sounds(tmp_path / f"dog.{format}")


@pytest.mark.parametrize("format", ["mp3", "flac", "opus"])
def test_what_was_asked_for_is_asked_of_the_service_and_saved_as_it_came(format: str, tmp_path: Path) -> None:
    sent = made(format)
    with serve(whole(sent)) as server:
        assert ask(server, tmp_path, format, "--no-stream").returncode == 0
        assert json.loads(server.exchanges[0].body)["audio"]["format"] == format
    assert (tmp_path / f"dog.{format}").read_bytes() == sent


UNUSABLE = {
    "HTML": b"<!doctype html><title>502</title>" * 4,
    "text": b"I cannot say that. " * 9,
    "JSON": b'{"error": "overloaded"}' * 5,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "a header only": wav_header(0),
    "a header that promises": wav_header(4800),
    "half a header": wav_header(4800)[:30],
    "half an MP3": made("mp3")[:1000],
    "a piece of FLAC": made("flac")[:300],
    "ADPCM": riff(fmt(0x11, bits=4, block_align=256, byte_rate=12_000), chunk(b"data", bytes(2560))),
    "AIFF": b"FORM\0\0\1\0AIFF" + bytes(200),
}


@pytest.mark.parametrize("sent", UNUSABLE)
def test_what_is_no_sound_is_refused_and_makes_no_file(sent: str, tmp_path: Path) -> None:
    with serve(whole(UNUSABLE[sent])) as server:
        result = ask(server, tmp_path, "wav", "--no-stream", "--retries", "0")
    assert result.returncode == 7
    assert error_line(result).encode() + b"\n" == result.stderr
    assert not (tmp_path / "dog.wav").exists()
    assert not list(tmp_path.glob(".audiocli-*"))


CUT = {
    "a WAV file": wav_header(len(TONE)) + TONE[:-1000],
    "half a sample": TONE[:-1],
    "24-bit WAV": riff(fmt(bits=24, rate=24_000), chunk(b"data", TONE, size=2 * len(TONE))),
}


@pytest.mark.parametrize("sent", CUT)
@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_sound_that_is_cut_off_is_refused_and_kept(sent: str, format: str, tmp_path: Path) -> None:
    with serve(whole(CUT[sent])) as server:
        result = ask(server, tmp_path, format, "--no-stream")
    assert result.returncode == 7
    assert "cut off" in error_line(result)
    assert "dog.partial.wav" in error_line(result)
    assert names(tmp_path) == ["dog.partial.wav"]
    kept = (tmp_path / "dog.partial.wav").read_bytes()
    assert not read_wav(io.BytesIO(kept), len(kept)).truncated


def test_a_rate_that_opus_does_not_know_becomes_one_that_it_does(tmp_path: Path) -> None:
    with serve(whole(wav(TONE, rate=44_100))) as server:
        result = ask(server, tmp_path, "opus", "--no-stream")
    assert result.returncode == 0
    assert "48 kHz" in result.stderr.decode()
    assert names(tmp_path) == ["dog.opus"]
    assert_sounds(tmp_path / "dog.opus", round(FRAMES * 48_000 / 44_100), 48_000)


def test_a_rate_other_than_usual_is_kept(tmp_path: Path) -> None:
    with serve(whole(wav(TONE, rate=16_000))) as server:
        assert ask(server, tmp_path, "flac", "--no-stream").returncode == 0
    assert_sounds(tmp_path / "dog.flac", rate=16_000)


# Memory

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_of(megabytes: float, target: Path) -> float:
    """MB that `ask -o` needs at most for a streamed answer of so many."""
    delta = struct.pack("<4800h", *range(4800)) * 10

    def speak(exchange: Exchange) -> None:
        stream(*[delta] * max(1, round(megabytes * 1e6 / len(delta))))(exchange)

    with serve(speak) as server:
        arguments = [
            sys.executable,
            "-m",
            "audiocli",
            "ask",
            "x",
            "-o",
            str(target),
            "--base-url",
            server.url,
        ]
        measured = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments], capture_output=True, check=True, env=environment()
        )
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return int(measured.stdout) / unit


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_CHILDREN"), reason="needs a system that counts")
@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_a_long_answer_needs_hardly_more_memory_than_a_short_one(format: str, tmp_path: Path) -> None:
    target = tmp_path / f"dog.{format}"
    assert peak_of(20, target) - peak_of(0.1, target) < 20
