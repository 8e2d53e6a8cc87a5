"""`audiocli transcribe` when recordings, services and users are not as they should be."""

import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import audiocli, environment, error_line
from tests.heard import SAID, SPEECH, Counter, says, sent, transcript, wav
from tests.servers import Exchange, Server, serve
from tests.spoken import names

PIECES = 20
PIECE_SECONDS = 30  # what a model without times is sent for subtitles


def here(folder: Path) -> dict[str, str]:
    """An environment whose journal is in `folder`."""
    return environment(XDG_STATE_HOME=str(folder / "state"))


def command(server: Server, *arguments: str, model: str = "whisper-1") -> list[str]:
    return ["transcribe", *arguments, "-m", model, "--base-url", server.url]


def transcribe(
    server: Server, folder: Path, *arguments: str, model: str = "whisper-1"
) -> subprocess.CompletedProcess[bytes]:
    return audiocli(*command(server, *arguments, model=model), env=here(folder), cwd=folder)


def noise(path: Path, seconds: int, *, seed: int = 1) -> Path:
    """A recording no two pieces of which are the same."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(random.Random(seed).randbytes(16_000 * seconds))  # noqa: S311 - it is noise
    return path


# Recordings


def test_of_a_truncated_file_what_is_there_is_transcribed(tmp_path: Path) -> None:
    (tmp_path / "cut.wav").write_bytes(wav(10)[:80_000])
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "cut.wav")
    assert (result.returncode, result.stdout) == (0, f"{SAID}\n".encode())
    assert b"cut off" in result.stderr
    assert 79_000 < len(sent(server.exchanges[0]).file) <= 80_100


def test_silence_is_an_empty_transcript_and_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "silence.wav").write_bytes(wav(3, level=0))
    with serve(says()) as server:
        shown = transcribe(server, tmp_path, "silence.wav")
        written = transcribe(server, tmp_path, "silence.wav", "-o", "silence.srt")
    assert (shown.returncode, shown.stdout.strip(), written.returncode) == (0, b"", 0)
    assert b"no speech" in shown.stderr
    assert (tmp_path / "silence.srt").read_text().strip() == ""
    assert server.connections == 0


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 8), (8000, 1), (96_000, 2)])
def test_any_channels_and_any_rate_are_heard(tmp_path: Path, rate: int, channels: int) -> None:
    (tmp_path / "odd.wav").write_bytes(wav(2, rate=rate, channels=channels))
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "odd.wav")
    assert (result.returncode, result.stdout) == (0, f"{SAID}\n".encode()), result.stderr


def test_a_wrong_name_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(SPEECH.read_bytes())
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "a.mp3")
    assert (result.returncode, result.stdout) == (0, f"{SAID}\n".encode()), result.stderr
    form = sent(server.exchanges[0])
    assert (form.file[:4] == b"RIFF") is form.file_name.endswith(".wav")


def test_what_is_odd_about_a_name_is_not_said_of_another_file(tmp_path: Path) -> None:
    for name in ("first.mp3", "second.wav", "third.wav"):
        (tmp_path / name).write_bytes(wav(5)[:40_000])
    with serve(says()) as server:
        first = transcribe(server, tmp_path, "first.mp3", "-o", "first.json")
        second = transcribe(server, tmp_path, "second.wav", "-o", "second.json", "--resume")
        other = transcribe(server, tmp_path, "third.wav", "--resume", "--json")
    assert len(server.exchanges) == 1
    assert first.stderr.count(b"'first.mp3' is WAV by its content") == 1
    assert b"first" not in second.stderr
    for name in ("first.json", "second.json"):
        (note,) = json.loads((tmp_path / name).read_text())["notes"]
        assert note.startswith("it is cut off")
    (item,) = json.loads(other.stdout)["items"]
    assert len(item["notes"]) == 1
    assert "first" not in other.stdout.decode()


@pytest.mark.parametrize("arguments", [["/dev/zero"], ["-"]])
def test_what_never_ends_and_is_no_audio_is_refused_at_once(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/zero").open("rb") as endless, serve(says()) as server:
        result = subprocess.run(
            [sys.executable, "-m", "audiocli", *command(server, *arguments, "--max-input", "100GB")],
            stdin=endless,
            capture_output=True,
            env=here(tmp_path),
            timeout=30,
            check=False,
        )
    assert result.returncode == 2
    assert "is not audio" in error_line(result)
    assert server.connections == 0


def test_an_address_with_an_endless_page_is_refused_at_once(tmp_path: Path) -> None:
    def page(exchange: Exchange) -> None:
        exchange.stream(b"<!doctype html>", media_type="audio/mpeg")
        exchange.flood(b"<p>words</p>" * 1000)

    with serve(page) as server:
        result = transcribe(server, tmp_path, f"{server.url}/talk.mp3")
    assert result.returncode == 2
    assert "is not audio: it looks like HTML" in error_line(result)


def test_a_folder_without_recordings_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / "notes.txt").write_text("notes")
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "-r", "talks")
    assert result.returncode == 2
    assert result.stderr.count(b"\n") == 1
    assert "there is no recording in 'talks'" in error_line(result)


def test_what_cannot_be_read_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(1))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("no sound")
    with socket.socket(socket.AF_UNIX) as listener, serve(says()) as server:
        listener.bind(str(tmp_path / "socket.wav"))
        result = transcribe(server, tmp_path, "socket.wav", "empty.wav", "text.wav", "a.wav")
        alone = transcribe(server, tmp_path, "socket.wav")
    assert (result.returncode, alone.returncode) == (9, 2)
    assert error_line(result).startswith("audiocli: 1 done, 3 failed")
    assert (tmp_path / "a.txt").read_text() == f"{SAID}\n"
    assert "cannot read 'socket.wav': it is a socket" in error_line(alone)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(1))
    (tmp_path / "a.wav").chmod(0)
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "a.wav")
    assert result.returncode == 2
    assert "you may not read it" in error_line(result)


def test_a_file_that_changes_while_it_is_read_is_not_half_transcribed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(2))

    def change(exchange: Exchange) -> None:
        with open(tmp_path / "a.wav", "ab") as file:
            file.write(bytes(1000))
        exchange.reply(transcript(SAID, exchange))

    with serve(change) as server:
        result = transcribe(server, tmp_path, "a.wav", "-o", "a.txt")
    assert result.returncode == 2
    assert "'a.wav' changed while it was read" in error_line(result)
    assert "a.txt" not in names(tmp_path)


# Services


class Pieces:
    """Writes down pieces, each by the number in which it first came, and counts what comes."""

    def __init__(self, refused: int | None = None, seconds: float = 0.0) -> None:
        self.asked: list[str] = []
        self.answered = Counter()
        self.refused = refused
        self.seconds = seconds
        self._lock = threading.Lock()

    @property
    def different(self) -> list[str]:
        return list(dict.fromkeys(self.asked))

    def __call__(self, exchange: Exchange) -> None:
        digest = hashlib.sha256(sent(exchange).file).hexdigest()
        with self._lock:
            self.asked.append(digest)
            number = self.different.index(digest)
        time.sleep(self.seconds)
        if number == self.refused:
            body = json.dumps({"error": {"message": "the model is tired"}}).encode()
            exchange.reply(body, status="500 Internal Server Error")
            return
        exchange.reply(transcript(f"Piece {digest[:8]}.", exchange))
        self.answered.next()


def test_of_twenty_pieces_one_is_refused_and_nineteen_are_kept(tmp_path: Path) -> None:
    noise(tmp_path / "long.wav", PIECES * PIECE_SECONDS)
    arguments = ("long.wav", "-o", "long.srt", "--retries", "1")
    with serve(pieces := Pieces(refused=6)) as server:
        result = transcribe(server, tmp_path, *arguments, model="gpt-transcribe")
    assert result.returncode == 7
    count = len(pieces.different)
    assert count >= PIECES
    assert len(pieces.asked) == count + 1  # the one that was tried again
    assert re.search(r" 0:0\d:\d\d[.\d]*.0:0\d:\d\d[.\d]*: ", error_line(result))
    assert "the model is tired" in error_line(result)
    assert "--resume" in error_line(result)
    assert not (tmp_path / "long.srt").exists()


def test_resuming_asks_for_what_is_missing_only(tmp_path: Path) -> None:
    noise(tmp_path / "long.wav", PIECES * PIECE_SECONDS)
    arguments = ("long.wav", "-o", "long.srt", "--retries", "0")
    pieces = Pieces(refused=6)
    with serve(pieces) as server:
        assert transcribe(server, tmp_path, *arguments, model="gpt-transcribe").returncode == 7
        count = len(pieces.asked)
        pieces.refused = None
        resumed = transcribe(server, tmp_path, *arguments, "--resume", model="gpt-transcribe")
        assert resumed.returncode == 0, resumed.stderr
        assert len(pieces.asked) == count + 1
        skipped = transcribe(server, tmp_path, *arguments, "--resume", model="gpt-transcribe")
    assert skipped.returncode == 0
    assert b"skipped" in skipped.stderr
    assert len(pieces.asked) == count + 1
    assert (tmp_path / "long.srt").read_text().count("Piece") == count


def start(server: Server, folder: Path, *arguments: str, model: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "audiocli", *command(server, *arguments, model=model)],
        env=here(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    noise(tmp_path / "long.wav", PIECES * PIECE_SECONDS)
    arguments = ("long.wav", "-o", "long.srt")
    pieces = Pieces(seconds=0.2)
    with serve(pieces) as server:
        process = start(server, tmp_path, *arguments, model="gpt-transcribe")
        wait_until(lambda: pieces.answered.value >= 9)
        process.kill()
        process.communicate(timeout=30)
        assert names(tmp_path) == ["long.wav", "state"]
        time.sleep(0.5)  # Until the server has seen all that was under way.
        before = len(pieces.asked)
        resumed = transcribe(server, tmp_path, *arguments, "--resume", model="gpt-transcribe")
    assert resumed.returncode == 0, resumed.stderr
    count = len(pieces.different)
    assert len(pieces.asked) - before < count
    assert len(pieces.asked) <= count + 9  # what was under way, or had just been answered
    assert (tmp_path / "long.srt").read_text().count("Piece") == count


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_at_once_and_what_is_done_stays(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    for name in "abcdef":
        (tmp_path / f"{name}.wav").write_bytes(wav(1 + ord(name) / 100))
    counter = Counter()

    def slow_after_two(exchange: Exchange) -> None:
        if counter.next() > 2:
            exchange.hold()
        exchange.reply(transcript(SAID, exchange))

    with serve(slow_after_two) as server:
        process = start(server, tmp_path, *(f"{name}.wav" for name in "abcdef"), "-j", "2", model="whisper-1")
        wait_until(lambda: counter.value >= 4)
        started = time.monotonic()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
        assert time.monotonic() - started < 3
    assert process.returncode == code
    last = stderr.decode().splitlines()[-1]
    assert "2 of 6 are done" in last
    assert "--resume" in last
    assert len(list(tmp_path.glob("*.txt"))) == 2
    assert [path for path in names(tmp_path) if path.startswith(".")] == []


def test_a_limit_slows_the_run_down_and_nothing_fails(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / f"{name}.wav").write_bytes(wav(1 + ord(name) / 100))
    counter = Counter()

    def limited(exchange: Exchange) -> None:
        if counter.next() in (2, 3):
            exchange.reply(
                b'{"error": {"message": "slow down"}}', status="429 Too Many Requests", Retry_After="1"
            )
        else:
            exchange.reply(transcript(SAID, exchange))

    with serve(limited) as server:
        result = transcribe(server, tmp_path, *(f"{name}.wav" for name in "abcdef"), "-j", "6")
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("*.txt"))) == 6


@pytest.mark.parametrize("retries", [0, 1])
def test_a_limit_that_lasts_is_tried_as_often_as_any_fault(tmp_path: Path, retries: int) -> None:
    def limited(exchange: Exchange) -> None:
        exchange.reply(
            b'{"error": {"message": "slow down"}}', status="429 Too Many Requests", Retry_After="1"
        )

    with serve(limited) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "--retries", str(retries))
    assert (result.returncode, result.stdout) == (6, b"")
    assert "slow down (HTTP 429); try again in 1 s" in error_line(result)
    assert len(server.exchanges) == 1 + retries


def test_without_a_journal_it_works_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH))
    assert (result.returncode, result.stdout) == (0, f"{SAID}\n".encode())
    assert b"journal.jsonl' (Not a directory)" in result.stderr


def test_a_reader_that_has_gone_is_no_error_of_ours(tmp_path: Path) -> None:
    with serve(says()) as server:
        words = " ".join([sys.executable, "-m", "audiocli", *command(server, str(SPEECH))])
        line = f"{words} | true; echo ${{PIPESTATUS[0]}}"
        result = subprocess.run(
            ["bash", "-c", line],
            env=here(tmp_path),
            capture_output=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    assert result.stdout.strip() in (b"141", b"0")
    assert b"Traceback" not in result.stderr


def test_a_name_with_a_newline_and_escapes_stays_on_its_line(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[2Jb.wav").write_bytes(wav(1))
    (tmp_path / "c.wav").write_bytes(wav(2))
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "-r", ".", "-f", "srt")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a\n\x1b[2Jb.srt").exists()
    assert b"\x1b" not in result.stderr
    assert error_line(result).startswith("audiocli: 2 done")
