"""A run over an archive, by a real process against a real server, that is killed at any moment."""

import hashlib
import json
import random
import re
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audiocli.errors import RateLimitError, RejectedError
from audiocli.recordings.archive import Outcome
from tests.command import environment
from tests.servers import Exchange, Server, serve
from tests.unit.recordings.running import AT_ONCE, run

RATE = 8000
KILLS = 12
ROOT = Path(__file__).parents[2]


def wav(samples: bytes) -> bytes:
    head = (b"RIFF", 36 + len(samples), b"WAVEfmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", len(samples))
    return struct.pack("<4sI8sIHHIIHH4sI", *head) + samples


def record(folder: Path, *seconds: float) -> list[Path]:
    """Files of noise, each with another content."""
    paths = [folder / f"{number:02}.wav" for number in range(len(seconds))]
    for number, path in enumerate(paths):
        noise = random.Random(number).randbytes(2 * int(seconds[number] * RATE))  # noqa: S311 - it is no secret
        path.write_bytes(wav(noise))
    return paths


def sound_in(exchange: Exchange) -> str:
    """What tells the sound that was sent from any other."""
    boundary = re.search(rb"boundary=(\S+)", exchange.head)
    assert boundary is not None
    part = next(part for part in exchange.body.split(b"--" + boundary[1]) if b"filename=" in part)
    sound = part.partition(b"\r\n\r\n")[2]
    return hashlib.sha256(sound).hexdigest()[:8]


def say(exchange: Exchange) -> None:
    """Answer, after a while, with what tells the sound."""
    time.sleep(0.05)
    exchange.reply(json.dumps({"text": f"heard {sound_in(exchange)}"}).encode())


@contextmanager
def service(*scripts: object) -> Iterator[Server]:
    with serve(*(scripts or (say,))) as server:  # type: ignore[arg-type] # they are scripts
        yield server


def calls(server: Server) -> Counter[str]:
    return Counter(sound_in(exchange) for exchange in server.exchanges)


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.txt")}


def process(folder: Path, server: Server) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.unit.recordings.running", str(folder), server.url, "resume"]
    return subprocess.Popen(command, env=environment(), cwd=ROOT)


def test_a_run_that_is_killed_at_any_moment_goes_on_where_it_was(tmp_path: Path) -> None:
    seconds = [1.0] * 10 + [11.0, 11.0]
    record(tmp_path, *seconds)
    moments = random.Random(20)  # noqa: S311 - it is no secret
    with service() as server:
        run(tmp_path, server.url, resume=False)
        expected, needed = texts(tmp_path), len(server.exchanges)
        assert len(expected) == len(seconds)
        clear(tmp_path)
        server.exchanges.clear()
        for _ in range(KILLS):
            running = process(tmp_path, server)
            wait_for_requests(server, moments.randrange(3), running)
            time.sleep(moments.random() * 0.1)
            running.kill()
            running.wait()
            assert all(expected[name] == text for name, text in texts(tmp_path).items())
        assert process(tmp_path, server).wait() == 0
        assert texts(tmp_path) == expected
        # Each kill loses what was in flight, and nothing else is asked for twice.
        assert needed <= len(server.exchanges) <= needed + KILLS * AT_ONCE
        assert len(calls(server)) == needed
        server.exchanges.clear()
        outcomes = run(tmp_path, server.url, resume=True)
        assert {outcome.status for outcome in outcomes} == {"skipped"}
        assert len(server.exchanges) == 0


def wait_for_requests(server: Server, count: int, running: "subprocess.Popen[bytes]") -> None:
    """Until so many more have come, or none will come any more."""
    enough = len(server.exchanges) + count
    while len(server.exchanges) < enough and running.poll() is None:
        time.sleep(0.005)


def clear(folder: Path) -> None:
    """Take away all that a run has made."""
    for path in [*folder.glob("*.txt"), *(folder / "state").rglob("*")]:
        if path.is_file():
            path.unlink()


def test_the_same_recording_under_two_names_is_sent_once(tmp_path: Path) -> None:
    first, second, third = record(tmp_path, 1, 1, 1)
    second.write_bytes(first.read_bytes())
    with service() as server:
        outcomes = run(tmp_path, server.url, resume=False)
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len(server.exchanges) == 2
    assert texts(tmp_path)["00.txt"] == texts(tmp_path)["01.txt"] != texts(tmp_path)["02.txt"]
    assert third.exists()


def refused(exchange: Exchange) -> None:
    error = {"error": {"message": "the audio is odd", "type": "invalid_request_error", "code": "odd"}}
    exchange.reply(json.dumps(error).encode(), status="400 Bad Request")


def test_of_one_refused_piece_of_twenty_the_others_are_kept(tmp_path: Path) -> None:
    record(tmp_path, 46)
    with service(*[say] * 7, refused, say) as server:
        (outcome,) = run(tmp_path, server.url, resume=False)
        asked = len(server.exchanges)
        assert isinstance(outcome.error, RejectedError)
        assert re.match(r"0:0\d:\d\d(\.\d)?–0:0\d:\d\d(\.\d)?: ", outcome.error.message)  # noqa: RUF001 - a range
        assert asked >= 19
        server.exchanges.clear()
        (outcome,) = run(tmp_path, server.url, resume=True)
    assert outcome.status == "done"
    assert len(server.exchanges) == 1
    assert texts(tmp_path)["00.txt"].count("heard") == asked


def too_fast(exchange: Exchange) -> None:
    error = {"error": {"message": "too fast", "type": "requests", "code": "rate_limit_exceeded"}}
    exchange.reply(json.dumps(error).encode(), status="429 Too Many Requests", Retry_After="1")


def test_a_rate_limit_slows_the_whole_run_and_nothing_fails(tmp_path: Path) -> None:
    record(tmp_path, *[1.0] * 8)
    with service(say, too_fast, too_fast, say) as server:
        started = time.monotonic()
        outcomes = run(tmp_path, server.url, resume=False, retries=1)
        seconds = time.monotonic() - started
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert seconds > 1
    assert len(server.exchanges) == 10


def used_up(exchange: Exchange) -> None:
    error = {"error": {"message": "no quota", "type": "insufficient_quota", "code": "insufficient_quota"}}
    exchange.reply(json.dumps(error).encode(), status="429 Too Many Requests")


def test_a_quota_that_is_used_up_ends_the_run(tmp_path: Path) -> None:
    record(tmp_path, *[1.0] * 30)
    with service(say, say, used_up) as server:
        outcomes = run(tmp_path, server.url, resume=False)
        assert len(server.exchanges) <= 2 + AT_ONCE
        unbegun = [outcome for outcome in outcomes if outcome.reason == "it was not begun"]
        assert len(unbegun) >= 30 - 2 - AT_ONCE
        assert all(isinstance(outcome.error, RateLimitError) for outcome in unbegun)
        assert len(texts(tmp_path)) == 2


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found"])
def test_a_wrong_key_and_an_unknown_model_end_the_run(tmp_path: Path, status: str) -> None:
    record(tmp_path, *[1.0] * 20)

    def no(exchange: Exchange) -> None:
        exchange.reply(json.dumps({"error": {"message": "no"}}).encode(), status=status)

    with service(no) as server:
        outcomes = run(tmp_path, server.url, resume=False)
    assert len(server.exchanges) <= AT_ONCE
    assert {outcome.status for outcome in outcomes} == {"failed"}


def test_a_service_that_is_down_is_not_asked_for_every_recording(tmp_path: Path) -> None:
    record(tmp_path, *[1.0] * 30)
    with service() as server:
        url = server.url
    outcomes: list[Outcome] = run(tmp_path, url, resume=False)
    assert {outcome.status for outcome in outcomes} == {"failed"}
    assert sum(outcome.reason == "it was not begun" for outcome in outcomes) >= 20
