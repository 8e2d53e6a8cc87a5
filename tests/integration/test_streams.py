"""Stdout and stderr: who gets what, and what happens when nobody takes it."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import soundfile

from audiocli.audio.containers.wav import wav_header
from tests.command import audiocli, environment, error_line
from tests.servers import Exchange, Server, serve
from tests.spoken import DELTA, END, WORDS, names, sound, stream, words

CLIP = wav_header(3 * len(DELTA)) + 3 * DELTA

speak = stream(DELTA, DELTA, DELTA)


def command(server: Server, *more: str) -> list[str]:
    return [sys.executable, "-m", "audiocli", "ask", "Is it?", "--base-url", server.url, *more]


@contextmanager
def running(
    server: Server, *more: str, stdout: int | IO[Any] = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command(server, *more),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """The exit code, and all of stderr."""
    assert process.stderr
    stderr = process.stderr.read().decode()
    return process.wait(timeout=20), stderr


# Nobody takes it


@pytest.mark.parametrize("output", [None, "-", "dog.wav"])
def test_a_closed_stdout_costs_nothing(output: str | None, tmp_path: Path) -> None:
    more = ("-o", output) if output else ()
    with serve(speak) as server:
        closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command(server, *more)]
        result = subprocess.run(
            closed, capture_output=True, env=environment(PYTHONPATH=os.getcwd()), cwd=tmp_path, check=False
        )
        assert server.exchanges == []
    assert result.returncode == 8
    assert "stdout is closed" in error_line(result)
    assert names(tmp_path) == []


@pytest.mark.parametrize("output", [None, "-", "dog.wav"])
def test_a_full_stdout_is_said_in_one_line_and_spares_the_file(output: str | None, tmp_path: Path) -> None:
    more = ("-o", str(tmp_path / output) if output == "dog.wav" else output) if output else ()
    with (
        serve(speak) as server,
        open("/dev/full", "wb") as full,
        running(server, *more, stdout=full) as process,
    ):
        code, stderr = ended(process)
    assert code == 8, stderr
    assert [line for line in stderr.splitlines() if line.startswith("audiocli: cannot write")], stderr
    assert "Exception ignored" not in stderr
    if output == "dog.wav":
        assert (tmp_path / "dog.wav").read_bytes() == CLIP


class Waiting:
    """Says a word, and goes on when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        exchange.stream(words("Yes,"))
        self.go_on.wait(20)
        exchange.stream(words(" it is."), sound(), words(" Indeed."), sound(), END)


@pytest.mark.parametrize("output", [None, "-", "dog.wav"])
def test_a_reader_that_leaves_ends_it_quietly_but_for_a_file(output: str | None, tmp_path: Path) -> None:
    script = Waiting()
    target = str(tmp_path / output) if output == "dog.wav" else output
    with serve(script) as server, running(server, *(("-o", target) if target else ())) as process:
        assert process.stdout
        if output != "-":
            assert os.read(process.stdout.fileno(), 100) == b"Yes,"
        process.stdout.close()
        process.stdout = None
        script.go_on.set()
        code, stderr = ended(process)
    assert code == 141
    assert stderr in ("", "Yes,", "Yes, it is.", "Yes,\n", "Yes, it is.\n")
    if output == "dog.wav":
        assert (tmp_path / "dog.wav").read_bytes() == wav_header(2 * len(DELTA)) + 2 * DELTA


def test_a_terminal_gets_no_sound() -> None:
    ours, theirs = os.openpty()
    with serve(speak) as server, running(server, "-o", "-", stdout=theirs) as process:
        os.close(theirs)
        code, stderr = ended(process)
        assert server.exchanges == []
    os.close(ours)
    assert code == 2
    assert "terminal" in stderr


# Sound through a pipe


def test_each_piece_of_sound_goes_on_before_the_next_one_comes() -> None:
    """The service says nothing more until what it said has come out of the pipe."""
    arrived = threading.Semaphore(0)
    order: list[str] = []

    def one_by_one(exchange: Exchange) -> None:
        exchange.stream(words())
        for _ in range(4):
            order.append("sent")
            exchange.send(sound())
            if not arrived.acquire(timeout=20):
                return
        exchange.send(END)

    with serve(one_by_one) as server, running(server, "-o", "-") as process:
        assert process.stdout
        assert process.stdout.read(44) == wav_header(None)
        for _ in range(4):
            assert process.stdout.read(len(DELTA)) == DELTA
            order.append("arrived")
            arrived.release()
        assert process.stdout.read() == b""
        code, stderr = ended(process)
    assert (code, order) == (0, ["sent", "arrived"] * 4)
    assert stderr.startswith(f"{WORDS}\n")


@pytest.mark.parametrize("format", ["wav", "pcm", "mp3", "flac", "ogg", "opus"])
def test_every_format_goes_through_a_pipe(format: str) -> None:
    with serve(speak) as server:
        result = audiocli("ask", "x", "-o", "-", "--format", format, "-q", "--base-url", server.url)
    assert (result.returncode, result.stderr) == (0, b"")
    if format == "pcm":
        assert result.stdout == 3 * DELTA
        return
    samples, rate = soundfile.read(io.BytesIO(result.stdout), dtype="int16")
    assert (rate, len(samples)) == (24_000, 7200)
    if format in ("wav", "flac"):
        assert samples.tobytes() == 3 * DELTA


def test_a_file_in_place_of_the_pipe_says_how_long_it_is(tmp_path: Path) -> None:
    target = tmp_path / "dog.wav"
    with (
        serve(speak) as server,
        target.open("wb") as file,
        running(server, "-o", "-", stdout=file) as process,
    ):
        assert ended(process)[0] == 0
    assert (tmp_path / "dog.wav").read_bytes() == CLIP


def test_a_pipe_that_does_not_wait_gets_everything() -> None:
    """As some programs leave it to the ones they start."""
    big = DELTA * 100
    with serve(stream(big)) as server:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with open(reader, "rb") as end, running(server, "-o", "-", stdout=writer) as process:
            os.close(writer)
            received = end.read()
            code, stderr = ended(process)
    assert code == 0, stderr
    assert received == wav_header(None) + big


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_is_heard_while_nobody_empties_the_pipe(name: str, code: int) -> None:
    with serve(stream(DELTA * 100)) as server, running(server, "-o", "-") as process:
        assert process.stdout
        assert process.stdout.read(44) == wav_header(None)
        time.sleep(0.1)  # until the pipe is full, which cannot be seen from here
        process.send_signal(getattr(signal, name))
        sent = time.monotonic()
        assert process.wait(timeout=10) == code
        assert time.monotonic() - sent < 1


def test_a_signal_is_heard_during_a_conversion(tmp_path: Path) -> None:
    with (
        serve(stream(*[DELTA * 20] * 300)) as server,
        running(server, "-o", str(tmp_path / "dog.mp3")) as process,
    ):
        deadline = time.monotonic() + 20
        while len(names(tmp_path)) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        sent = time.monotonic()
        process.terminate()
        code, stderr = ended(process)
        assert time.monotonic() - sent < 1
    assert code == 143
    assert "dog.partial.wav" in stderr
    assert names(tmp_path) == ["dog.partial.wav"]


# Words


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("output", ["-", "dog.wav"])
def test_words_that_a_terminal_cannot_say_do_not_end_an_answer(
    encoding: str, output: str, tmp_path: Path
) -> None:
    text = "Gewiß, конечно, 是 🐕"
    with serve(stream(DELTA, text=text)) as server:
        arguments = ("ask", "x", "-o", output, "--base-url", server.url)
        environ = environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0", PYTHONPATH=os.getcwd())
        result = audiocli(*arguments, env=environ, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    shown = result.stderr if output == "-" else result.stdout
    assert shown.startswith(text.encode(encoding, "replace") + b"\n")


@pytest.mark.parametrize("output", ["-", "dog.wav"])
def test_quiet_says_nothing_beside_the_answer(output: str, tmp_path: Path) -> None:
    with serve(speak) as server:
        result = audiocli("ask", "x", "-q", "-o", output, "--base-url", server.url, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == (wav_header(None) + 3 * DELTA if output == "-" else f"{WORDS}\n".encode())
