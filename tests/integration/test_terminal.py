"""`audiocli` in front of a person: what a terminal shows that a pipe does not get."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.command import environment
from tests.integration.test_ask import SPOKEN, delta
from tests.servers import Exchange, serve

DONE = b"data: [DONE]\n\n"


@dataclass
class Shown:
    """What a command left on its terminal, and on stdout where that was a pipe."""

    code: int
    terminal: str
    stdout: bytes


def on_terminal(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
    columns: int = 0,
) -> Shown:
    """Run `audiocli` with a terminal of its own on stdin, stderr and, if nothing else is named, stdout."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24 if columns else 0, columns))
    with subprocess.Popen(
        [sys.executable, "-m", "audiocli", *arguments],
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        env={"TERM": "xterm", **(env or environment())},
    ) as process:
        os.close(theirs)
        terminal = _read(ours)
        piped = process.stdout.read() if process.stdout else b""
    os.close(ours)
    return Shown(process.returncode, terminal.decode(), piped)


def _read(descriptor: int) -> bytes:
    pieces = []
    try:
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    except OSError:
        pass  # The other side has gone, which a terminal reports as an error.
    return b"".join(pieces)


def test_without_a_question_it_helps_and_reads_nothing() -> None:
    shown = on_terminal("ask")
    assert shown.code == 2
    assert "Usage: audiocli ask" in shown.terminal
    assert "Examples:" in shown.terminal


def test_a_spinner_turns_until_the_first_word() -> None:
    def answer_late(exchange: Exchange) -> None:
        time.sleep(0.5)
        exchange.stream(*SPOKEN)

    with serve(answer_late) as server:
        shown = on_terminal("ask", "hi", "--base-url", server.url)
    before, _, after = shown.terminal.partition("Yes, it is.")
    assert "asking gpt-audio-1.5" in before
    assert "asking" not in after


def test_nothing_moves_for_whoever_wants_it_quiet() -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal("ask", "hi", "-q", "--base-url", server.url)
    assert "\x1b" not in shown.terminal
    assert "Yes, it is." in shown.terminal


def test_nothing_moves_on_a_dumb_terminal() -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal("ask", "hi", "--base-url", server.url, env=environment(TERM="dumb"))
    assert "\x1b" not in shown.terminal


def test_a_file_gets_the_words_while_the_terminal_counts_the_sound(tmp_path: Path) -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server, open(tmp_path / "words", "wb") as words:
        shown = on_terminal("ask", "hi", "--base-url", server.url, stdout=words)
    assert (tmp_path / "words").read_bytes() == b"Yes, it is.\n"
    assert "0.1 s of sound" in shown.terminal


def test_after_the_first_word_a_pipe_has_the_terminal_to_itself() -> None:
    """The pipe may lead to `tee`, which writes on the same terminal: what moves would erase its words."""
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal("ask", "hi", "--base-url", server.url, stdout=subprocess.PIPE)
    assert shown.stdout == b"Yes, it is.\n"
    assert "of sound" not in shown.terminal


def test_the_sound_is_counted_behind_the_words_of_one_line() -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal("ask", "hi", "--base-url", server.url)
    assert "Yes, it is.\x1b7" in shown.terminal
    assert "0.1 s of sound\x1b[K\x1b[0m\x1b[?7h\x1b8\x1b[K" in shown.terminal


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal("ask", "hi", "--base-url", server.url, env=environment(NO_COLOR="1"))
    assert "\x1b[3" not in shown.terminal


WORDS = ("Golden retrie", "vers are gen", "tle, and love the families that they live with.")


def test_lines_end_between_words_on_a_narrow_terminal() -> None:
    with serve(lambda exchange: exchange.stream(*[delta(content=word) for word in WORDS], DONE)) as server:
        asked = ("ask", "hi", "-m", "gpt-4o", "-q", "--base-url", server.url)
        shown = on_terminal(*asked, columns=20)
        wide = on_terminal(*asked, columns=200)
        piped = on_terminal(*asked, columns=20, stdout=subprocess.PIPE)
    assert shown.terminal.splitlines() == [
        "Golden retrievers",
        "are gentle, and",
        "love the families",
        "that they live",
        "with.",
    ]
    assert wide.terminal.splitlines() == ["".join(WORDS)]
    assert piped.stdout.decode().splitlines() == ["".join(WORDS)]


@pytest.mark.parametrize(
    ("arguments", "variables", "coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_an_error_is_coloured_as_is_wanted(
    arguments: list[str], variables: dict[str, str], coloured: bool
) -> None:
    shown = on_terminal("caps", "nosuch", *arguments, env=environment(**variables))
    assert ("\x1b[1;31maudiocli:" in shown.terminal) is coloured


def test_an_answer_cannot_drive_the_terminal() -> None:
    evil = delta(content="safe\x1b]0;title\x07\x1b[2J\x9b31m end")
    with serve(lambda exchange: exchange.stream(evil, DONE)) as server:
        shown = on_terminal("ask", "hi", "-m", "gpt-4o", "-q", "--base-url", server.url)
    assert shown.terminal.splitlines()[0] == "safe]0;title[2J31m end"


BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
ARABIC = "مرحبا"
ANSWER = f"pay {BIDI}001 {ARABIC}\u200d to"


def bidirectional(exchange: Exchange) -> None:
    """An answer that comes character by character."""
    exchange.stream(*(delta(content=character) for character in ANSWER), DONE)


def test_an_answer_cannot_reorder_what_the_terminal_shows() -> None:
    expected = f"pay 001 {ARABIC}\u200d to"
    with serve(bidirectional) as server:
        arguments = ("ask", "hi", "-m", "gpt-4o", "--base-url", server.url)
        assert expected in on_terminal(*arguments, "-q").terminal
        document = on_terminal(*arguments, "--json").terminal
    assert not set(BIDI) & set(document)
    assert json.loads(document[document.index("{") :])["transcript"] == ANSWER


def test_a_pipe_gets_the_answer_as_it_is() -> None:
    with serve(bidirectional) as server:
        shown = on_terminal(
            *("ask", "hi", "-m", "gpt-4o", "-q", "--base-url", server.url), stdout=subprocess.PIPE
        )
    assert shown.stdout.decode() == f"{ANSWER}\n"


def test_a_name_cannot_reorder_a_note_nor_be_taken_for_markup(tmp_path: Path) -> None:
    name = f"dog{BIDI}[x].wav"
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        shown = on_terminal(
            *("ask", "hi", "-m", f"openai/[/x]{BIDI}", "-o", str(tmp_path / name), "--base-url", server.url)
        )
    assert shown.code == 0, shown.terminal
    assert (tmp_path / name).exists()
    assert "dog[x].wav" in shown.terminal
    assert not set(BIDI) & set(shown.terminal)


def test_a_pipe_that_stays_open_is_mentioned() -> None:
    reading, writing = os.pipe()
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        with subprocess.Popen(
            [sys.executable, "-m", "audiocli", "ask", "hi", "--base-url", server.url],
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as process:
            assert process.stderr is not None
            assert b"--no-stdin" in process.stderr.readline()
            assert server.exchanges == []
            os.close(writing)
            stdout, _ = process.communicate(timeout=30)
        os.close(reading)
    assert stdout == b"Yes, it is.\n"


def test_a_closed_stdin_is_no_input() -> None:
    command = f"{sys.executable} -m audiocli ask hi -q --base-url"
    with serve(lambda exchange: exchange.stream(*SPOKEN)) as server:
        result = subprocess.run(
            ["sh", "-c", f"{command} {server.url} <&-"], env=environment(), capture_output=True, timeout=30
        )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"Yes, it is.\n", b"")
