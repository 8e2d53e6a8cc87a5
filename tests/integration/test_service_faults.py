"""Whatever a service does wrong: one tidy line, the right exit code, and no file that looks whole."""

import asyncio
import base64
import gzip
import json
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import certifi
import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.chat import (
    AudioDelta,
    AudioOutput,
    ChatRequest,
    Event,
    Extra,
    Finished,
    Message,
    TextPart,
    TranscriptDelta,
)
from audiocli.errors import DeadlineError, ProviderError, RateLimitError
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.openai.chat import OpenAICompatible
from audiocli.providers.retry import Retrying
from audiocli.secret import Secret
from tests.command import KEY, audiocli, environment, error_line
from tests.servers import Exchange, Script, Server, serve

SOUND = bytes(range(1, 241)) * 20  # 4,800 bytes of pcm16: 0.1 s
WAV = wav_header(len(SOUND)) + SOUND
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event(**members: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c1", "model": "m"} | members).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **members: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": members, "finish_reason": finish_reason}])


def message(finish_reason: Any = "stop", **members: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant"} | members, "finish_reason": finish_reason}
    return json.dumps({"id": "c1", "choices": [choice]}).encode()


def speaking(**audio: Any) -> bytes:
    return message(content=None, audio={"id": "audio_1", "transcript": "Yes."} | audio)


DONE = b"data: [DONE]\n\n"
WORDS = delta(audio={"id": "audio_1", "transcript": "Yes."})
SPOKEN = delta(audio={"data": b64(SOUND)})
ANSWER = speaking(data=b64(WAV))


def raw(data: bytes) -> Script:
    return lambda exchange: exchange.send(data)


def reply(
    body: bytes, status: str = "200 OK", media_type: str = "application/json", **headers: str
) -> Script:
    return lambda exchange: exchange.reply(body, status=status, media_type=media_type, **headers)


def stream(*pieces: bytes, media_type: str = "text/event-stream") -> Script:
    return lambda exchange: exchange.stream(*pieces, media_type=media_type)


def then(script: Script, end: Callable[[Exchange], object]) -> Script:
    def play(exchange: Exchange) -> None:
        script(exchange)
        end(exchange)

    return play


def reset_after(data: bytes) -> Script:
    def play(exchange: Exchange) -> None:
        exchange.send(data)
        time.sleep(0.05)  # Else the reset overtakes what was sent.
        exchange.reset()

    return play


def ask(url: str, folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    env = environment(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=url, **variables)
    return audiocli("ask", "hi", "-o", "answer.wav", *arguments, env=env, cwd=folder)


# An answer that is none


UNUSABLE: list[tuple[str, Script, int, str]] = [
    # HTTP that is none, or is cut off
    ("closed at once", raw(b""), 7, "connection broke"),
    ("reset at once", reset_after(b""), 7, "connection broke"),
    ("SSH", raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), 7, "connection broke"),
    ("HTTP/0.9", raw(b"<html>hello</html>"), 7, "connection broke"),
    ("cut in the headers", raw(b"HTTP/1.1 200 OK\r\nContent-Ty"), 7, "connection broke"),
    ("cut in the body", raw(HEAD + b"Content-Length: 500\r\n\r\n" + ANSWER[:100]), 7, "connection broke"),
    ("cut in a chunk", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{"), 7, "connection broke"),
    ("bad chunk size", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), 7, "connection broke"),
    ("bad chunk end", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n"), 7, "broke"),
    ("length too short", raw(HEAD + b"Content-Length: 20\r\n\r\n" + ANSWER), 7, "not JSON"),
    ("length negative", raw(HEAD + b"Content-Length: -5\r\n\r\n{}"), 7, "connection broke"),
    ("length too large", raw(HEAD + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n{}"), 7, "broke"),
    ("two lengths", raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 7, "connection broke"),
    ("header of 1 MB", raw(HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n"), 7, "connection broke"),
    ("100,000 headers", raw(HEAD + b"X: y\r\n" * 100_000 + b"\r\n"), 7, "connection broke"),
    ("endless 1xx", lambda exchange: exchange.flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 7, "interim"),
    ("another protocol", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), 7, "broke"),
    ("unasked compression", reply(b"?", Content_Encoding="br"), 7, "compressed as 'br'"),
    ("compression that is none", reply(b"{}", Content_Encoding="gzip"), 7, "compression is broken"),
    ("compression cut off", reply(gzip.compress(ANSWER)[:-9], Content_Encoding="gzip"), 7, "compression"),
    # 200, but no answer
    ("HTML", reply(b"<!doctype html><title>x</title>", media_type="text/html"), 7, "web page"),
    ("HTML called JSON", reply(b"\n <html>"), 7, "web page"),
    ("empty", reply(b""), 7, "cut off"),
    ("white space", reply(b" \n" * 5000), 7, "cut off"),
    ("204", raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 7, "HTTP 204"),
    ("list", reply(b"[]"), 7, "list"),
    ("number", reply(b"5"), 7, "cut off"),
    ("error", reply(b'{"error": {"message": "no luck"}}'), 7, "no luck"),
    ("not UTF-8", reply(b'{"a": "\xff\xfe"}'), 7, "not JSON"),
    ("cut JSON", reply(ANSWER[:200]), 7, "not JSON"),
    ("NaN", reply(b'{"choices": NaN}'), 7, "float for 'choices'"),
    ("deep", reply(b'{"choices":' + b"[" * 200_000), 7, "not JSON"),
    ("digits", reply(b'{"created": ' + b"1" * 200_000 + b"}"), 7, "not JSON"),
    ("redirect", reply(b"", "302 Found", Location="http://127.0.0.1:1/"), 5, "redirects elsewhere"),
    # Wrong types at every level
    ("no choices", reply(b'{"id": "c1"}'), 7, "without choices"),
    ("null choices", reply(b'{"choices": null}'), 7, "without choices"),
    ("empty choices", reply(b'{"choices": []}'), 7, "without choices"),
    ("choices an object", reply(b'{"choices": {}}'), 7, "dict for 'choices'"),
    ("choice a text", reply(b'{"choices": ["x"]}'), 7, "str where an object belongs"),
    ("no message", reply(b'{"choices": [{"index": 0}]}'), 7, "no audio"),
    ("message a list", reply(b'{"choices": [{"message": [1]}]}'), 7, "list for 'message'"),
    ("content a number", reply(message(content=5)), 7, "int for 'content'"),
    ("content a list of numbers", reply(message(content=[5])), 7, "int where an object belongs"),
    ("refusal a number", reply(message(refusal=5)), 7, "int for 'refusal'"),
    ("audio missing", reply(message(content="Yes.")), 7, "no audio"),
    ("audio null", reply(message(audio=None)), 7, "no audio"),
    ("audio a number", reply(message(audio=5)), 7, "int for 'audio'"),
    ("audio a list", reply(message(audio=[])), 7, "list for 'audio'"),
    ("audio empty", reply(message(audio={})), 7, "no audio"),
    ("data null", reply(speaking(data=None)), 7, "no audio"),
    ("data a number", reply(speaking(data=5)), 7, "int for 'data'"),
    ("data empty", reply(speaking(data="")), 7, "no audio"),
    ("transcript a list", reply(speaking(transcript=[])), 7, "list for 'transcript'"),
    # Sound that is none
    ("bad base64", reply(speaking(data="!!!!")), 7, "not valid base64"),
    ("base64 of the URL kind", reply(speaking(data="_-__")), 7, "not valid base64"),
    ("data: URL", reply(speaking(data="data:audio/wav;base64," + b64(WAV))), 7, "not valid base64"),
    ("HTML as sound", reply(speaking(data=b64(b"<html>" + b" " * 5000))), 7, "HTML in place of sound"),
    ("JSON as sound", reply(speaking(data=b64(b'{"error": "x"}' * 50))), 7, "JSON in place of sound"),
    ("WAV header only", reply(speaking(data=b64(WAV[:44]))), 7, "sound"),
    ("half a WAV header", reply(speaking(data=b64(WAV[:20]))), 7, "WAV"),
    # An answer that is another one
    ("refusal", reply(message(refusal="I cannot.")), 5, "the model refuses: I cannot."),
    ("filtered", reply(message("content_filter", content=None)), 5, "content filter"),
    ("tool call", reply(message("tool_calls", tool_calls=[{}])), 7, "called a tool"),
    # Streams without sound
    ("silent stream", stream(), 7, "cut off"),
    ("stream without an end", stream(delta(role="assistant")), 7, "cut off"),
    ("stream cut in an event", stream(b'data: {"choices": [{"ind'), 7, "cut off"),
    ("stream of nothing but its end", stream(DONE), 7, "no audio"),
    ("stream of HTML", stream(b"<html>"), 7, "web page"),
    ("stream of garbage", stream(b"\x00\xff\x17garbage\n\n" * 10), 7, "cut off"),
    ("stream of broken JSON", stream(b"data: {broken\n\n", DONE), 7, "not JSON"),
    ("stream of another type", stream(b"data: 5\n\n", DONE), 7, "int in place of an object"),
    ("stream with an error", stream(event(error={"message": "overloaded"})), 7, "overloaded"),
    ("stream refused", stream(delta(refusal="I "), delta(refusal="cannot."), DONE), 5, "refuses: I cannot."),
    ("stream filtered", stream(delta("content_filter"), DONE), 5, "content filter"),
    ("event of 9 MB", stream(b"data: " + b"x" * 9_000_000), 7, "8.39 MB"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "code", "said"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE]
)
def test_what_is_no_answer_leaves_one_line_and_no_file(
    script: Script, code: int, said: str, tmp_path: Path
) -> None:
    with serve(script) as server:
        result = ask(server.url, tmp_path, "--retries", "0")
    assert result.returncode == code, result.stderr
    assert said in error_line(result)
    assert result.stdout in (b"", b"Yes.\n")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


CUT_SHORT: list[tuple[str, Script, str]] = [
    ("cut", then(stream(WORDS, SPOKEN), Exchange.reset), "cut off"),
    ("cut cleanly", stream(WORDS, SPOKEN), "cut off"),
    ("cut in an event", stream(WORDS, SPOKEN, SPOKEN[:500]), "cut off"),
    ("cut in a chunk", raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%b\r\n" % (len(WORDS + SPOKEN), WORDS + SPOKEN) + b"ff\r\nda"
    ), "cut off"),
    ("an error", stream(WORDS, SPOKEN, event(error={"message": "overloaded"})), "overloaded"),
    ("garbage", stream(WORDS, SPOKEN, b"data: \x00\xff\n\n", DONE), "not JSON"),
    ("broken JSON", stream(WORDS, SPOKEN, b"data: {broken\n\n", DONE), "not JSON"),
    ("bad base64", stream(WORDS, SPOKEN, delta(audio={"data": "!!!!"}), DONE), "not valid base64"),
    ("base64 cut off", stream(WORDS, SPOKEN, delta(audio={"data": "QUJ"}), DONE), "cut off"),
    ("an odd byte", stream(WORDS, SPOKEN, delta(audio={"data": b64(b"?")}), DONE), "cut off"),
    ("a filter", stream(WORDS, SPOKEN, delta("content_filter"), DONE), "content filter"),
    ("cut base64", reply(speaking(data=b64(WAV)[:-3])), "cut off"),
    ("a cut WAV", reply(speaking(data=b64(WAV[:2044]))), "cut off"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "said"), [row[1:] for row in CUT_SHORT], ids=[row[0] for row in CUT_SHORT]
)
def test_sound_that_was_paid_for_is_kept_beside_the_file_and_not_asked_for_again(
    script: Script, said: str, tmp_path: Path
) -> None:
    (tmp_path / "answer.wav").write_bytes(b"an earlier answer")
    with serve(script) as server:
        result = ask(server.url, tmp_path)
    assert result.returncode == (5 if "filter" in said else 7)
    assert said in error_line(result)
    assert "answer.partial.wav" in error_line(result)
    assert result.stdout == b"Yes.\n"
    assert len(server.exchanges) == 1
    kept = (tmp_path / "answer.partial.wav").read_bytes()
    assert kept[:44] == wav_header(len(kept) - 44)
    assert (SOUND + b"?").startswith(kept[44:])
    assert len(kept) >= 2000
    assert (tmp_path / "answer.wav").read_bytes() == b"an earlier answer"


# What is odd, and works


def chunked(data: bytes, size: int) -> bytes:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


CRLF = b"".join(
    piece.replace(b"\n", b"\r\n")
    for piece in (
        WORDS,
        delta(audio={"transcript": " Grüße"}).replace(b"\\u00fc", "ü".encode()),
        SPOKEN,
        DONE,
    )
)


def in_pieces(exchange: Exchange) -> None:
    exchange.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    exchange.send(STREAM_HEAD)
    for start in range(0, len(CRLF), 41):
        exchange.send(CRLF[start : start + 41])


GZIPPED = gzip.compress(ANSWER)
ODD: list[tuple[str, Script]] = [
    ("JSON in place of a stream", reply(ANSWER)),
    ("JSON called text", reply(ANSWER, media_type="text/plain")),
    ("JSON called a stream", reply(ANSWER, media_type="text/event-stream")),
    ("JSON after white space", reply(b"\r\n \n" * 100 + ANSWER)),
    ("JSON after a byte order mark", reply(b"\xef\xbb\xbf" + ANSWER)),
    ("JSON without a length", raw(HEAD + b"Connection: close\r\n\r\n" + ANSWER)),
    ("HTTP/1.0", raw(HEAD.replace(b"1.1", b"1.0") + b"\r\n" + ANSWER)),
    ("chunks of one byte", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(ANSWER, 1))),
    ("early hints", then(raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), reply(ANSWER))),
    ("a second response", then(reply(ANSWER), reply(b"{}"))),
    ("a connection kept open", then(reply(ANSWER), Exchange.hold)),
    ("a stream kept open", then(stream(WORDS, SPOKEN, DONE), Exchange.hold)),
    ("a stream called JSON", stream(WORDS, SPOKEN, DONE, media_type="application/json")),
    ("a stream without a type", raw(b"HTTP/1.1 200 OK\r\n\r\n" + WORDS + SPOKEN + DONE)),
    ("garbage after the end", stream(WORDS, SPOKEN, DONE, b"data: {broken\n\n\xff\x00")),
    ("a reset after the end", then(stream(WORDS, SPOKEN, DONE), Exchange.reset)),
    ("a finish reason but no end", stream(WORDS, SPOKEN, delta("stop"))),
    ("comments, pings and empty events", stream(b": hi\n\n", b"event: ping\ndata:\n\n", WORDS, SPOKEN, DONE)),
    ("CRLF and split UTF-8", in_pieces),
    ("gzip", reply(GZIPPED, Content_Encoding="gzip")),
    ("gzip with rubbish after it", reply(GZIPPED + b"\0" * 100, Content_Encoding="gzip")),
    ("a gzipped stream", reply(
        gzip.compress(WORDS + SPOKEN + DONE), media_type="text/event-stream", Content_Encoding="gzip"
    )),
    ("an id that is a path", stream(delta(audio={"id": "../../x", "transcript": "Yes."}), SPOKEN, DONE)),
]  # fmt: skip


@pytest.mark.parametrize("script", [row[1] for row in ODD], ids=[row[0] for row in ODD])
def test_what_is_odd_but_whole_works(script: Script, tmp_path: Path) -> None:
    with serve(script) as server:
        result = ask(server.url, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().startswith("Yes.")
    assert (tmp_path / "answer.wav").read_bytes() == WAV
    assert len(list(tmp_path.iterdir())) == len(server.exchanges) == 1
    assert b"Gr\xc3\xbc\xc3\x9fe" in result.stdout or script is not in_pieces


def test_an_answer_cut_at_its_length_is_kept_and_said(tmp_path: Path) -> None:
    with serve(stream(WORDS, SPOKEN, delta("length"), DONE)) as server:
        result = ask(server.url, tmp_path)
    assert (result.returncode, result.stdout) == (0, b"Yes.\n")
    assert b"cut off at the limit of its length" in result.stderr
    assert (tmp_path / "answer.wav").read_bytes() == WAV


# Statuses


def failing(status: str, *, code: str = "x", **headers: str) -> Script:
    body = json.dumps({"error": {"message": "no luck", "type": "t", "code": code}}).encode()
    return reply(body, status, **headers)


STATUSES = [
    ("400 Bad Request", 5, 1), ("401 Unauthorized", 4, 1), ("402 Payment Required", 6, 1),
    ("403 Forbidden", 4, 1), ("404 Not Found", 5, 1), ("408 Request Timeout", 7, 2),
    ("409 Conflict", 5, 2), ("413 Content Too Large", 5, 1), ("415 Unsupported Media Type", 5, 1),
    ("418 Teapot", 5, 1), ("422 Unprocessable Content", 5, 1), ("429 Too Many Requests", 6, 2),
    ("500 Internal Server Error", 7, 2), ("502 Bad Gateway", 7, 2), ("503 Unavailable", 7, 2),
    ("529 Overloaded", 7, 2), ("599 x", 7, 2), ("999 x", 7, 2),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "requests"), STATUSES)
def test_a_status_has_its_exit_code_and_is_retried_where_that_may_help(
    status: str, code: int, requests: int, tmp_path: Path
) -> None:
    with serve(failing(status, Retry_After_Ms="1")) as server:
        result = ask(server.url, tmp_path, "--retries", "1")
    assert (result.returncode, len(server.exchanges), result.stdout) == (code, requests, b"")
    assert f"no luck (HTTP {status[:3]})" in error_line(result)
    assert len(result.stderr.splitlines()) == requests
    assert list(tmp_path.iterdir()) == []


BODIES = {
    "HTML": (b"<!DOCTYPE html><h1>Bad gateway</h1>", "a web page (HTTP 400)"),
    "empty": (b"", "gave no reason (HTTP 400)"),
    "text": (b"no luck", "no luck (HTTP 400)"),
    "not UTF-8": (b"\xff\xfe no luck \x80", "no luck"),
    "escapes": (b"\x1b[2J\x1b]0;x\x07 no \xe2\x80\xaeluck\r\n\r\n", "[2J ]0;x no luck (HTTP 400)"),
    "escapes in JSON": (b'{"error": {"message": "\\u001b[2Jno\\r\\nluck\\u202e"}}', "[2Jno luck (HTTP 400)"),
    "10 MB": (json.dumps({"error": {"message": "no luck " * 1_250_000}}).encode(), "no luck no luck"),
    "error a number": (b'{"error": 5}', "gave no reason"),
    "error a list": (b'{"error": ["no"]}', "gave no reason"),
    "message a number": (b'{"error": {"message": 5}}', "5 (HTTP 400)"),
    "message an object": (b'{"error": {"message": {"a": 1}}}', "gave no reason"),
    "code a list": (b'{"error": {"message": "no luck", "code": [1], "type": {}, "param": 5}}', "no luck"),
    "deep": (b"[" * 200_000, "[[[["),
    "a surrogate": (b'{"error": {"message": "no \\ud800 luck"}}', "no luck"),
}


@pytest.mark.parametrize(("body", "said"), BODIES.values(), ids=BODIES)
def test_a_message_of_any_kind_becomes_one_clean_line(body: bytes, said: str, tmp_path: Path) -> None:
    with serve(reply(body, "400 Bad Request")) as server:
        result = ask(server.url, tmp_path)
    assert (result.returncode, result.stdout, len(server.exchanges)) == (5, b"", 1)
    assert said in error_line(result)
    assert len(result.stderr) < 400
    assert len(result.stderr.splitlines()) == 1


# Trying again: in this process, with a clock


REQUEST = ChatRequest(
    model="m",
    messages=(Message("user", (TextPart("hi"),)),),
    audio=AudioOutput("alloy", "pcm16"),
    stream=True,
)


async def events_of(provider: Retrying[ChatRequest, Event] | OpenAICompatible) -> list[Event]:
    async with aclosing(provider.stream(REQUEST)) as events:
        return [event async for event in events]


def answered(server: Server, *, retries: int = 1, timeout: float = 20.0) -> list[str]:
    """The notes that were made on the way to an answer."""
    notes: list[str] = []
    provider = OpenAICompatible(Endpoint(server.url, Secret(KEY)))
    asyncio.run(events_of(Retrying(provider, retries=retries, timeout=timeout, notify=notes.append)))
    return notes


GOOD = stream(WORDS, SPOKEN, DONE)


@pytest.mark.parametrize(
    ("headers", "at_least", "at_most"),
    [
        ({"Retry-After": "1"}, 1.0, 3),
        ({"Retry-After": "0"}, 0.37, 3),
        ({"Retry-After": "0.2"}, 0.2, 2),
        ({"retry-after-ms": "200", "Retry-After": "3600"}, 0.2, 2),
        ({"Retry-After": "soon"}, 0.37, 3),
        ({"Retry-After": "-5"}, 0.37, 3),
        ({"Retry-After": "NaN"}, 0.37, 3),
        ({"Retry-After": "1e400"}, 0.37, 3),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.37, 3),
        ({"retry-after-ms": "nan"}, 0.37, 3),
        ({}, 0.37, 3),
    ],
)
def test_the_wait_is_what_the_service_asks_for_or_our_own(
    headers: dict[str, str], at_least: float, at_most: float
) -> None:
    with serve(failing("429 x", **headers), GOOD) as server:
        started = time.monotonic()
        answered(server)
    assert at_least <= time.monotonic() - started < at_most
    assert len(server.exchanges) == 2


def test_a_date_is_waited_for() -> None:
    with serve(
        lambda exchange: failing("503 x", Retry_After=formatdate(time.time() + 2, usegmt=True))(exchange),
        GOOD,
    ) as server:
        started = time.monotonic()
        answered(server)
    assert 0.5 <= time.monotonic() - started < 5


@pytest.mark.parametrize("as_date", [False, True])
def test_who_asks_for_an_hour_is_not_waited_for(as_date: bool, tmp_path: Path) -> None:
    wait = formatdate(time.time() + 3600, usegmt=True) if as_date else "3600"
    with serve(failing("429 x", Retry_After=wait)) as server:
        result = ask(server.url, tmp_path)
    assert (result.returncode, len(server.exchanges)) == (6, 1)
    assert "try again in 3" in error_line(result)
    assert " s, as the service asks" in error_line(result)


@pytest.mark.parametrize(
    ("script", "requests"),
    [
        (failing("429 x", code="insufficient_quota"), 1),
        (failing("500 x", X_Should_Retry="false"), 1),
        (failing("429 x", X_Should_Retry="false"), 1),
        (failing("400 x", X_Should_Retry="true", retry_after_ms="1"), 3),
        (failing("404 x", X_Should_Retry="TRUE", retry_after_ms="1"), 3),
        (failing("503 x", X_Should_Retry="maybe", retry_after_ms="1"), 3),
        (failing("503 x", retry_after_ms="1"), 3),
        (reply(b"", "307 x", Location="/v2"), 1),
        (reply(b"{}"), 1),
        (raw(HEAD + b"Content-Length: 100\r\n\r\n{"), 1),  # it has begun
        (raw(b"HTTP/1.1 100 Continue\r\n\r\n"), 3),
    ],
)
def test_the_service_says_whether_to_try_again(script: Script, requests: int) -> None:
    with serve(script) as server, pytest.raises(ProviderError):
        answered(server, retries=2)
    assert len(server.exchanges) == requests


def test_all_tries_of_one_question_are_the_same_request() -> None:
    with serve(failing("503 x", retry_after_ms="1"), raw(b""), GOOD) as server:
        notes = answered(server, retries=2)
    heads = {exchange.head for exchange in server.exchanges}
    bodies = {exchange.body for exchange in server.exchanges}
    assert (len(server.exchanges), len(heads), len(bodies), len(notes)) == (3, 1, 1, 2)
    assert server.exchanges[0].headers["idempotency-key"].startswith("audiocli-")


def test_two_questions_have_different_idempotency_keys() -> None:
    with serve(GOOD) as server:
        answered(server)
        answered(server)
    assert len({exchange.headers["idempotency-key"] for exchange in server.exchanges}) == 2


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    with serve(failing("429 x", Retry_After="30")) as server:
        started = time.monotonic()
        with pytest.raises(RateLimitError):
            answered(server, timeout=5)
    assert time.monotonic() - started < 1


# Where nobody answers


def test_a_refused_connection_names_the_host(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = ask(f"http://127.0.0.1:{port}/v1", tmp_path, "--retries", "1")
    assert result.returncode == 7
    assert "127.0.0.1 refused the connection" in error_line(result)
    assert len(result.stderr.splitlines()) == 2


def test_a_name_that_does_not_resolve_is_named(tmp_path: Path) -> None:
    result = ask("http://nobody.invalid/v1", tmp_path, "--retries", "0")
    assert result.returncode == 7
    assert "nobody.invalid cannot be resolved" in error_line(result)


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:8000/v1", "ftp://127.0.0.1/v1", "http://", "http:///v1", "/v1", "v1", "\N{SNOWMAN}"),
        *("http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://[::1/", "http://a b/"),
        *("http://a\x01b/", "http://a\\b/"),
    ],
)
def test_an_address_that_is_none_is_a_mistake_of_the_user(url: str, tmp_path: Path) -> None:
    result = ask(url, tmp_path)
    assert result.returncode == 2, result.stderr
    assert "address" in error_line(result)


@pytest.mark.parametrize("value", ["ü", "a\nb"])
def test_a_header_that_cannot_be_sent_is_a_mistake_of_the_user(value: str, tmp_path: Path) -> None:
    with serve(GOOD) as server:
        result = ask(server.url, tmp_path, OPENAI_ORG_ID=value)
    assert (result.returncode, server.exchanges) == (2, [])
    assert "a header holds what cannot be sent" in error_line(result)


@pytest.mark.parametrize("proxy", ["nonsense://x", "socks5://127.0.0.1:1", "http://[", "http://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, tmp_path: Path) -> None:
    result = ask("http://example.invalid/", tmp_path, "--retries", "0", http_proxy=proxy)
    assert result.returncode in (2, 7)
    assert error_line(result)


def test_a_proxy_is_given_the_whole_address_and_time_to_think(tmp_path: Path) -> None:
    def slow(exchange: Exchange) -> None:
        time.sleep(5.5)  # httpx would give up after 5 s.
        GOOD(exchange)

    with serve(slow) as server:
        result = ask("http://example.invalid/v1", tmp_path, "--retries", "0", http_proxy=server.url)
    assert result.returncode == 0, result.stderr
    assert server.exchanges[0].head.startswith(b"POST http://example.invalid/v1/chat/completions ")


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl is not installed, which makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return folder / "certificate.pem", context


def test_a_certificate_that_is_trusted_works(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    path, context = certificate
    with serve(GOOD, certificate=context) as server:
        result = ask(server.url, tmp_path, SSL_CERT_FILE=str(path))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "answer.wav").read_bytes() == WAV


def test_a_certificate_that_is_not_trusted_is_said_and_not_tried_again(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    with serve(GOOD, certificate=certificate[1]) as server:
        result = ask(server.url, tmp_path, SSL_CERT_FILE="")
    assert (result.returncode, server.exchanges, server.connections) == (7, [], 1)
    line = error_line(result)
    assert "the certificate of 127.0.0.1 is not valid (self-signed certificate)" in line
    assert "set SSL_CERT_FILE to a file with its authority's certificate" in line
    assert "network" not in line


def test_an_authority_that_is_not_in_the_file_is_said_with_that_file(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    with serve(GOOD, certificate=certificate[1]) as server:
        result = ask(server.url, tmp_path, SSL_CERT_FILE=certifi.where())
    assert (result.returncode, server.exchanges) == (7, [])
    assert f"add its authority's certificate to SSL_CERT_FILE='{certifi.where()}'" in error_line(result)


def test_a_certificate_behind_a_proxy_is_judged_alike(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    with serve(GOOD, certificate=certificate[1]) as server:

        def tunnel(exchange: Exchange) -> None:
            exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", server.port)) as behind:
                ends = [exchange.connection, behind]
                while True:
                    for end in select.select(ends, [], [], 20)[0]:
                        if not (data := end.recv(65536)):
                            return
                        ends[1 - ends.index(end)].sendall(data)

        with serve(tunnel) as proxy:
            result = ask("https://127.0.0.1:1/v1", tmp_path, https_proxy=proxy.url, SSL_CERT_FILE="")
    assert (result.returncode, server.exchanges, proxy.connections) == (7, [], 1)
    line = error_line(result)
    assert "the certificate of the server is not valid (self-signed certificate)" in line
    assert "set SSL_CERT_FILE" in line


AUTHORITIES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no file": ("SSL_CERT_FILE", lambda path: None, "no such file or directory"),
    "a folder": ("SSL_CERT_FILE", lambda path: path.mkdir(), "is a directory"),
    "an empty file": ("SSL_CERT_FILE", lambda path: path.touch(), "no PEM certificates in it"),
    "no certificates": (
        "SSL_CERT_FILE",
        lambda path: path.write_text("x\n" * 99),
        "no PEM certificates in it",
    ),
    "no folder": ("SSL_CERT_DIR", lambda path: None, "no such folder"),
}


@pytest.mark.parametrize("command", ["ask", "serve"])
@pytest.mark.parametrize("name", AUTHORITIES)
def test_a_variable_that_names_no_authorities_is_named(name: str, command: str, tmp_path: Path) -> None:
    variable, make, reason = AUTHORITIES[name]
    path = tmp_path / "authorities"
    make(path)
    arguments = (
        ["ask", "hi", "--base-url", "https://127.0.0.1:9/v1"] if command == "ask" else ["serve", "--check"]
    )
    env = environment() | {variable: str(path)}
    if variable == "SSL_CERT_DIR":
        env.pop("SSL_CERT_FILE", None)
    result = audiocli(*arguments, env=env)
    assert result.returncode == 2
    assert f"cannot use {variable}='{path}': {reason}; name a f" in error_line(result)


def test_a_certificate_for_another_host_is_said(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    path, context = certificate
    with serve(GOOD, certificate=context) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        result = ask(url, tmp_path, SSL_CERT_FILE=str(path))
    assert (result.returncode, server.exchanges) == (7, [])
    assert "the certificate of localhost is not valid (Hostname mismatch" in error_line(result)
    assert error_line(result).endswith("; check the address")


def test_tls_spoken_to_a_plain_port_is_said(tmp_path: Path) -> None:
    def answer_in_plain(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_in_plain, args=[listener])
        thread.start()
        result = ask(f"https://127.0.0.1:{listener.getsockname()[1]}/", tmp_path)
        thread.join()
    assert result.returncode == 7
    assert "127.0.0.1 does not speak TLS on port" in error_line(result)
    assert len(result.stderr.splitlines()) == 1


# Time


def drip_headers(exchange: Exchange) -> None:
    exchange.drip(HEAD + b"X: " + b"x" * 1000, 0.05)


def drip_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Content-Length: 100000\r\n\r\n")
    exchange.drip(b" " * 1000, 0.05)


def drip_comments(exchange: Exchange) -> None:
    exchange.send(STREAM_HEAD)
    exchange.drip(b": keep-alive\n\n" * 100, 0.02)


def drip_event(exchange: Exchange) -> None:
    exchange.send(STREAM_HEAD)
    exchange.drip(b"data: " + b" " * 1000, 0.02)


def hold(exchange: Exchange) -> None:
    exchange.hold()


SLOW: dict[str, Script] = {
    "before the headers": hold,
    "after the headers": then(raw(HEAD + b"Content-Length: 100\r\n\r\n"), Exchange.hold),
    "in the body": then(raw(HEAD + b"Content-Length: 100\r\n\r\n{"), Exchange.hold),
    "dripping headers": drip_headers,
    "dripping body": drip_body,
    "dripping comments": drip_comments,
    "dripping event": drip_event,
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_the_deadline_is_for_the_whole_call(script: Script, tmp_path: Path) -> None:
    with serve(script) as server:
        started = time.monotonic()
        result = ask(server.url, tmp_path, "--timeout", "0.7")
    assert time.monotonic() - started < 6
    assert (result.returncode, result.stdout, len(server.exchanges)) == (7, b"", 1)
    assert "no whole answer within 0.7 s; raise the timeout" in error_line(result)


def test_a_silent_stream_keeps_its_sound_when_the_time_is_over(tmp_path: Path) -> None:
    with serve(then(stream(WORDS, SPOKEN), Exchange.hold)) as server:
        result = ask(server.url, tmp_path, "--timeout", "1")
    assert (result.returncode, result.stdout) == (7, b"Yes.\n")
    assert (tmp_path / "answer.partial.wav").read_bytes() == WAV


def thinking(exchange: Exchange) -> None:
    for _ in range(12):
        exchange.send(b": THINKING\n\n")
        time.sleep(0.1)


@pytest.mark.parametrize(
    "script",
    [
        then(then(raw(STREAM_HEAD), thinking), raw(WORDS + SPOKEN + DONE)),
        then(then(stream(WORDS), thinking), raw(SPOKEN + DONE)),
    ],
    ids=["before words", "after words"],
)
def test_a_service_that_sends_comments_while_it_thinks_is_waited_for(script: Script) -> None:
    with serve(script) as server:
        events = asyncio.run(events_of(OpenAICompatible(Endpoint(server.url), idle_seconds=0.6)))
    assert AudioDelta in {type(event) for event in events}
    assert isinstance(events[-1], Finished)


def test_a_service_that_sends_white_space_before_a_document_is_waited_for() -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(HEAD + b"\r\n")
        for _ in range(12):
            exchange.send(b" \n")
            time.sleep(0.1)
        exchange.send(json.dumps({"choices": [{"message": {"content": "Yes."}}]}).encode())

    with serve(script) as server:
        events = asyncio.run(events_of(OpenAICompatible(Endpoint(server.url), idle_seconds=0.6)))
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    "script", [then(stream(WORDS), hold), then(raw(STREAM_HEAD), hold)], ids=["after words", "at once"]
)
def test_a_silent_stream_is_given_up(script: Script) -> None:
    with serve(script) as server:
        provider = OpenAICompatible(Endpoint(server.url), idle_seconds=0.3)
        started = time.monotonic()
        with pytest.raises(DeadlineError, match=r"silent for 0\.3 s"):
            asyncio.run(events_of(provider))
    assert 0.25 < time.monotonic() - started < 5


def test_a_stream_that_goes_on_may_take_longer_than_the_silence_it_is_allowed() -> None:
    def steady(exchange: Exchange) -> None:
        exchange.send(STREAM_HEAD)
        for _ in range(8):
            time.sleep(0.1)
            exchange.send(SPOKEN)
        exchange.send(DONE)

    with serve(steady) as server:
        events = asyncio.run(events_of(OpenAICompatible(Endpoint(server.url), idle_seconds=0.4)))
    assert [type(event) for event in events if not isinstance(event, Extra)] == [AudioDelta] * 8 + [Finished]


def test_a_reader_that_takes_its_time_is_not_mistaken_for_a_silent_service() -> None:
    async def read_slowly(provider: OpenAICompatible) -> int:
        count = 0
        async with aclosing(provider.stream(REQUEST)) as events:
            async for event in events:
                count += isinstance(event, TranscriptDelta | AudioDelta | Finished)
                await asyncio.sleep(0.2)
        return count

    with serve(stream(WORDS, SPOKEN, SPOKEN, DONE)) as server:
        provider = OpenAICompatible(Endpoint(server.url), idle_seconds=0.3)
        assert asyncio.run(read_slowly(provider)) == 4


# Memory


def endless_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"\r\n")
    exchange.flood(b'"' + b"x" * 1_000_000)


def endless_events(exchange: Exchange) -> None:
    exchange.send(STREAM_HEAD)
    exchange.flood(event(choices=[], padding="x" * 100_000) * 100)


def endless_document(exchange: Exchange) -> None:
    exchange.send(HEAD + b'\r\n{"x": "')
    exchange.flood(b"x" * 1_000_000)


def endless_line(exchange: Exchange) -> None:
    exchange.send(STREAM_HEAD + b"data: ")
    exchange.flood(b"x" * 1_000_000)


def endless_space(exchange: Exchange) -> None:
    exchange.send(HEAD + b"\r\n")
    exchange.flood(b" " * 1_000_000)


def bomb(status: str = "200 OK", media_type: str = "application/json") -> Script:
    """500 MB of white space, in 2 MB."""

    def play(exchange: Exchange) -> None:
        compressor = zlib.compressobj(1, wbits=31)
        packed = b"".join(compressor.compress(b" " * 1_000_000) for _ in range(500)) + compressor.flush()
        exchange.reply(packed, status=status, media_type=media_type, Content_Encoding="gzip")

    return play


FLOODS: dict[str, Script] = {
    "gzip bomb": bomb(),
    "gzip bomb as an error": bomb("400 x"),
    "gzip bomb as a stream": bomb(media_type="text/event-stream"),
    "endless body": endless_body,
    "endless document": endless_document,
    "endless events": endless_events,
    "endless line": endless_line,
    "endless white space": endless_space,
}

MEASURE = """
import sys
from audiocli.cli.boundary import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS)
def test_memory_is_bounded_whatever_comes(script: Script, tmp_path: Path) -> None:
    with serve(script) as server:
        result = subprocess.run(
            [sys.executable, "-c", MEASURE, "ask", "hi", "--base-url", server.url, "--retries", "0"],
            env=environment(),
            input=b"",
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
        )
    *_, line, megabytes = result.stderr.decode().splitlines()
    assert result.returncode in (5, 7)
    assert line.startswith("audiocli: ")
    assert result.stdout == b""
    assert int(megabytes) < 300


# The key


ECHOES: dict[str, Script] = {
    "a message": reply(json.dumps({"error": {"message": f"Incorrect key {KEY}."}}).encode(), "401 x"),
    "half of it": reply(json.dumps({"error": {"message": f"key {KEY[:24]}…"}}).encode(), "400 x"),
    "code, type and param": reply(
        json.dumps({"error": {"message": "x", "code": KEY, "type": KEY, "param": KEY}}).encode(), "400 x"
    ),
    "plain text": reply(f"bad token '{KEY}'".encode(), "403 x", "text/plain"),
    "a header": reply(b"", "302 x", Location=f"http://127.0.0.1/?key={KEY}"),
    "an encoding": reply(b"x", Content_Encoding=KEY),
    "a status line": raw(f"{KEY} HTTP/1.1 200\r\n\r\n".encode()),
    "a header line": raw(b"HTTP/1.1 200 OK\r\n" + KEY.encode() + b"\r\n\r\n"),
    "a chunk's size": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + KEY.encode() + b"\r\n"),
    "an error in a stream": stream(WORDS, event(error={"message": KEY, "code": KEY})),
    "a transcript": stream(delta(audio={"transcript": f"It is {KEY}."}), SPOKEN, DONE),
    "a transcript, in letters": stream(
        *(delta(audio={"transcript": character}) for character in f"It is {KEY}."), SPOKEN, DONE
    ),
    "a transcript, with controls": stream(delta(audio={"transcript": "\0".join(KEY)}), SPOKEN, DONE),
    "a whole transcript": reply(speaking(transcript=f"It is {KEY}", data=b64(WAV))),
    "an answer's ids": stream(
        event(id=KEY, model=KEY, choices=[{"delta": {"audio": {"id": KEY}}, "finish_reason": KEY}]),
        SPOKEN, DONE,
    ),
    "a refusal": reply(message(refusal=f"Not with {KEY}")),
    "a refusal, with controls": reply(message(refusal="\u202e\0".join(KEY))),
}  # fmt: skip


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_a_key_that_a_service_echoes_is_not_shown(script: Script, tmp_path: Path) -> None:
    check_masked(script, tmp_path, "-vv")


@pytest.mark.parametrize("name", ["code, type and param", "an error in a stream", "an answer's ids"])
def test_a_key_that_a_service_echoes_is_not_in_the_json(name: str, tmp_path: Path) -> None:
    check_masked(ECHOES[name], tmp_path, "-v", "--json")


def check_masked(script: Script, folder: Path, *arguments: str) -> None:
    with serve(script) as server:
        result = ask(server.url, folder, "--retries", "1", *arguments)
    assert KEY[:24].encode() not in result.stdout + result.stderr
    assert KEY[-12:].encode() not in result.stdout + result.stderr
    assert server.exchanges[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_of_no_known_shape_is_masked_as_well() -> None:
    key = "correct\"horse'battery;staple,0123"
    script = raw(f"{key} HTTP/1.1 200\r\n\r\n".encode())
    with serve(script) as server:
        env = environment(OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url)
        result = audiocli("ask", "hi", "-vv", "--retries", "0", env=env)
    assert result.returncode == 7
    assert b"correct" not in result.stderr
    assert b"0123" not in result.stderr


def test_a_redirect_is_not_followed_and_takes_no_key_elsewhere(tmp_path: Path) -> None:
    with serve(GOOD) as other:
        for status in ("301 x", "302 x", "303 x", "307 x", "308 x"):
            with serve(reply(b"", status, Location=f"{other.url}/v1")) as server:
                result = ask(server.url, tmp_path)
            assert (result.returncode, len(server.exchanges)) == (5, 1)
            assert "check the base URL" in error_line(result)
    assert other.connections == 0


def test_escape_sequences_in_a_transcript_do_not_reach_the_terminal(tmp_path: Path) -> None:
    said = "\x1b[2J\x1b]0;title\x07Yes.\x9b31m\x7f\b"
    with serve(stream(delta(audio={"transcript": said}), SPOKEN, DONE)) as server:
        result = ask(server.url, tmp_path)
    assert result.returncode == 0
    assert result.stdout == b"[2J]0;titleYes.31m\n"


# Leaving


def hold_after(data: bytes, left: list[float]) -> Script:
    def play(exchange: Exchange) -> None:
        exchange.send(data)
        left.append(exchange.hold())

    return play


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 103 x\r\n\r\n", STREAM_HEAD, STREAM_HEAD + WORDS, HEAD + b"Content-Length: 9\r\n\r\n{"],
    ids=["before the headers", "between headers", "after the headers", "in the stream", "in a body"],
)
def test_cancelling_closes_the_connection_at_once(sent: bytes) -> None:
    async def leave(provider: OpenAICompatible) -> float:
        task = asyncio.create_task(events_of(provider))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0.05)  # The loop lives on: closing must not wait for its end.
        return started

    left: list[float] = []
    with serve(hold_after(sent, left)) as server:
        asyncio.run(leave(OpenAICompatible(Endpoint(server.url))))
        deadline = time.monotonic() + 2
        while not left and time.monotonic() < deadline:
            time.sleep(0.001)
    assert left
    assert left[0] < 1


def test_closing_a_stream_in_the_middle_closes_the_connection() -> None:
    async def leave(provider: OpenAICompatible) -> None:
        async with aclosing(provider.stream(REQUEST)) as events:
            await anext(events)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    left: list[float] = []
    with serve(hold_after(STREAM_HEAD + WORDS, left)) as server:
        asyncio.run(leave(OpenAICompatible(Endpoint(server.url))))
    assert left
    assert left[0] < 1
