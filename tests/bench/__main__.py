"""Measures what docs/speed.md promises of speed and memory, and prints it beside what it is compared with."""

import asyncio
import base64
import functools
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from audiocli.audio.containers.wav import wav_header
from audiocli.local.weights import locate
from tests.bench import transcribing
from tests.bench.measure import AUDIOCLI, PYTHON, compile_everything, least_cpu, least_memory
from tests.bench.report import Result, heading, load
from tests.command import cache_home, environment
from tests.servers import Exchange, serve

QUESTION = "Is a golden retriever a good family dog?"
LARGE = 20_000_000
SMALL = 20_000
DELTA = 19_200  # bytes: 0.4 s of pcm16, as gpt-audio-1.5 sends it


def start_up(_folder: Path) -> Iterator[Result]:
    """CPU to start a command, beside Python with the libraries that it cannot do without: least of 15 runs"""
    bare, typer, libraries = (
        ["-c", "pass"],
        ["-c", "import typer"],
        ["-c", "import typer, httpx, rich.console"],
    )
    with serve(functools.partial(_stream, DELTA)) as server:
        question = [AUDIOCLI, "ask", "hi", "--no-stdin", "--base-url", server.url]
        for name, command, reference in [
            ("import audiocli", [PYTHON, "-c", "import audiocli"], bare),
            ("--version", [AUDIOCLI, "--version"], bare),
            ("--help", [AUDIOCLI, "--help"], typer),
            ("ask --help", [AUDIOCLI, "ask", "--help"], typer),
            ("transcribe --help", [AUDIOCLI, "transcribe", "--help"], typer),
            ("ask, against an instant server", question, libraries),
        ]:
            ours, theirs = least_cpu(command, [PYTHON, *reference])
            yield Result(
                f"{name}: CPU", ours / theirs, "x", f"{ours:.0f} ms / {reference[1]}: {theirs:.0f} ms", 1.3
            )


LOOK_UP = """
import sys, time
from audiocli.catalog import lookup
started = time.perf_counter()
lookup(sys.argv[1])
print((time.perf_counter() - started) * 1000)
"""


def looking_up(_folder: Path) -> Iterator[Result]:
    """The first look-up in a process, which reads the table: least of 15 runs"""
    for name in ("gpt-4o-audio-preview", "GPT-4o-Audio-Preview", "no-such-model"):
        command = [PYTHON, "-c", LOOK_UP, name]
        times = [float(subprocess.check_output(command, env=environment())) for _ in range(15)]
        yield Result(f"look-up of {name}", min(times), "ms", f"median {statistics.median(times):.2f} ms", 5)


def memory(folder: Path) -> Iterator[Result]:
    """Peak memory of long questions and answers, beside short ones: least of 3 runs"""
    sizes = (SMALL, LARGE)
    with serve(functools.partial(_stream, DELTA)) as server:
        clips = [_clip(folder / f"{size}.wav", size) for size in sizes]
        asks = [[AUDIOCLI, "ask", "-a", clip, "--no-stdin", "--base-url", server.url] for clip in clips]
        yield _growth("ask --audio of 20 MB: memory above 20 kB", *least_memory(*asks))
    peaks = []
    for size in sizes:
        with serve(functools.partial(_stream, size)) as server:
            target = str(folder / "answer.wav")
            peaks += least_memory(
                [AUDIOCLI, "ask", "hi", "--no-stdin", "-o", target, "--base-url", server.url]
            )
    yield _growth("ask -o of 20 MB: memory above 20 kB", *peaks)


def _stream(size: int, exchange: Exchange) -> None:
    exchange.stream(*_answer(size))


def delay(folder: Path) -> Iterator[Result]:
    """From when the server sends a piece of sound to when it is on disk."""
    delays: list[float] = []

    def play(exchange: Exchange) -> None:
        events = list(_answer(60 * DELTA))
        exchange.stream(events[0])
        for position, event in enumerate(events[1:-1], 1):
            time.sleep(0.01)
            started = time.perf_counter()
            exchange.send(event)
            while _written(folder) < position * DELTA:
                time.sleep(0.0002)  # leaves the processor to the one who is measured
                if time.perf_counter() - started > 5:
                    raise TimeoutError("a piece of sound did not reach the disk")
            delays.append((time.perf_counter() - started) * 1000)
        exchange.send(events[-1])

    with serve(play) as server:
        subprocess.run(
            [
                AUDIOCLI,
                "ask",
                "hi",
                "--no-stdin",
                "-q",
                "-o",
                str(folder / "paced.wav"),
                "--base-url",
                server.url,
            ],
            env=environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    slow = statistics.quantiles(delays, n=20)[-1]
    told = f"95 % of {len(delays)}; median {statistics.median(delays):.2f} ms, longest {max(delays):.2f} ms"
    yield Result("a piece of sound, sent to on disk", slow, "ms", told, 5)


def embedded(_folder: Path) -> Iterator[Result]:
    """The embedded model with its weights on disk, and its engines called directly."""
    cache = Path(cache_home()) / "audiocli"
    weights = asyncio.run(locate(None, cache, lambda what, done, total: None))
    ask = [AUDIOCLI, "ask", QUESTION, "-m", "local", "-o", "-", "-q", "--no-stdin", "--seed", "1"]
    direct = [PYTHON, "-m", "tests.bench.engines", str(weights), QUESTION]
    runs = [(_seconds(ask), _seconds(direct)) for _ in range(7)]
    first = statistics.median(first for (first, _), _ in runs)
    ours, theirs = (statistics.median(run[who][1] for run in runs) for who in (0, 1))
    yield Result("embedded model: start to first sound", first, "s", "median of 7", 1.5)
    yield Result(
        "embedded model: whole answer", ours / theirs, "x", f"{ours:.2f} s / engines: {theirs:.2f} s", 1.1
    )


def _seconds(command: list[str]) -> tuple[float, float]:
    """From the start of `command` to more output than a WAV header has, and to its end."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.read(100)
        first = time.perf_counter() - started
        process.stdout.read()
    return first, time.perf_counter() - started


def _written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(".audiocli-*.tmp"))


def _growth(name: str, small: float, large: float) -> Result:
    return Result(name, large - small, "MB", f"{large:.0f} MB / {small:.0f} MB", 12)


def _clip(path: Path, size: int) -> str:
    path.write_bytes(wav_header(size) + os.urandom(size))
    return str(path)


def _answer(size: int) -> Iterator[bytes]:
    """A streamed answer with `size` bytes of sound."""
    block = os.urandom(DELTA)
    yield _chunk({"audio": {"id": "audio_1", "transcript": "Yes."}})
    for start in range(0, size, DELTA):
        yield _chunk({"audio": {"data": base64.b64encode(block[: size - start]).decode()}})
    yield b"data: [DONE]\n\n"


def _chunk(delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


BENCHES: tuple[Callable[[Path], Iterator[Result]], ...] = (
    start_up,
    looking_up,
    memory,
    delay,
    embedded,
    transcribing.recognising,
    transcribing.archive,
    transcribing.long_recording,
    transcribing.journal,
)


def main() -> None:
    compile_everything()
    print(load())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for bench in BENCHES:
            print(heading(bench))
            for result in bench(folder):
                print(result, flush=True)


if __name__ == "__main__":
    main()
