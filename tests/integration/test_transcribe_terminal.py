"""`audiocli transcribe` in front of a person: text as it is recognised, bars, and a table."""

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

from tests.command import environment
from tests.heard import SAID, SPEECH, says, wav
from tests.integration.test_terminal import on_terminal
from tests.servers import Exchange, serve


def event(**members: object) -> bytes:
    return b"data: " + json.dumps(members).encode() + b"\n\n"


def delta(text: str) -> bytes:
    return event(type="transcript.text.delta", delta=text)


def done(text: str) -> bytes:
    return event(type="transcript.text.done", text=text)


def here(folder: Path, **variables: str) -> dict[str, str]:
    return environment(XDG_STATE_HOME=str(folder / "state"), **variables)


def plain(text: str) -> str:
    """What a terminal was told, without what only moves the cursor or colours."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


def test_without_an_input_it_helps_and_reads_nothing() -> None:
    shown = on_terminal("transcribe")
    assert shown.code == 2
    assert "Usage: audiocli transcribe" in shown.terminal
    assert "Examples:" in shown.terminal


def test_text_appears_as_it_is_recognised_and_once(tmp_path: Path) -> None:
    seen = threading.Event()

    def speak(exchange: Exchange) -> None:
        exchange.stream(delta("Hello there,"))
        assert seen.wait(30)
        exchange.send(delta(" what is your name?") + done(SAID) + b"data: [DONE]\n\n")

    ours, theirs = pty.openpty()
    with serve(speak) as server:
        command = ["transcribe", str(SPEECH), "-m", "gpt-4o-transcribe", "--base-url", server.url]
        with subprocess.Popen(
            [sys.executable, "-m", "audiocli", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"TERM": "xterm", **here(tmp_path)},
        ) as process:
            os.close(theirs)
            text = b""
            while b"Hello there," not in text:
                text += os.read(ours, 65536)
            seen.set()
            try:
                while piece := os.read(ours, 65536):
                    text += piece
            except OSError:
                pass  # The other side has gone.
    os.close(ours)
    assert process.returncode == 0
    assert plain(text.decode()).count("Hello there, what is your name?") == 1
    assert text.count(b"Hello") == 1


def test_provisional_text_is_replaced_by_what_is_final(tmp_path: Path) -> None:
    with serve(
        lambda exchange: exchange.stream(delta("Yellow hair"), done(SAID), b"data: [DONE]\n\n")
    ) as server:
        shown = on_terminal(
            *("transcribe", str(SPEECH), "-m", "gpt-4o-transcribe", "--base-url", server.url),
            env=here(tmp_path),
        )
    assert shown.code == 0
    assert f"Yellow hair\r\x1b[J{SAID}\r\n" in shown.terminal


def test_a_note_or_an_error_never_follows_half_a_word(tmp_path: Path) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.stream(delta("Hello there, wha"))
        exchange.reset()

    with serve(cut) as server:
        shown = on_terminal(
            *("transcribe", str(SPEECH), "-m", "gpt-4o-transcribe", "--base-url", server.url),
            *("--retries", "1"),
            env=here(tmp_path),
        )
    assert shown.code == 7
    assert "Hello there, wha\r\x1b[Jaudiocli: the answer was cut off" in shown.terminal
    lines = plain(shown.terminal).splitlines()
    assert lines[-2] == "Hello there, wha"
    assert lines[-1].startswith("audiocli: the answer was cut off")


def test_a_dumb_terminal_gets_the_final_text_alone(tmp_path: Path) -> None:
    with serve(lambda exchange: exchange.stream(delta("Yellow"), done(SAID), b"data: [DONE]\n\n")) as server:
        shown = on_terminal(
            *("transcribe", str(SPEECH), "-m", "gpt-4o-transcribe", "--base-url", server.url),
            env=here(tmp_path, TERM="dumb"),
        )
    assert shown.terminal.endswith(f"{SAID}\r\n")
    assert "Yellow" not in shown.terminal
    assert "\x1b" not in shown.terminal


def test_a_run_has_bars_and_then_a_table(tmp_path: Path) -> None:
    paths = [tmp_path / f"talk{number}.wav" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(wav(1 + number))
    with serve(says(seconds=0.3)) as server:
        shown = on_terminal(
            *("transcribe", *map(str, paths), "missing.wav", "-m", "whisper-1", "--base-url", server.url),
            env=here(tmp_path, COLUMNS="80"),
        )
    assert shown.code == 9
    bars, _, table = plain(shown.terminal).partition("RECORDING")
    assert "━" in bars
    assert "/4" in bars
    assert "━" not in table
    assert "3 done, 1 failed" in table


def test_with_a_terminal_beside_it_a_pipe_gets_the_text_alone(tmp_path: Path) -> None:
    with serve(says(seconds=0.3)) as server:
        shown = on_terminal(
            *("transcribe", str(SPEECH), "-m", "whisper-1", "--base-url", server.url),
            env=here(tmp_path),
            stdout=subprocess.PIPE,
        )
    assert (shown.code, shown.stdout) == (0, f"{SAID}\n".encode())
    assert "━" in shown.terminal
    assert shown.terminal.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # The bar is gone, and the cursor is back.


def test_nothing_moves_for_whoever_wants_it_quiet(tmp_path: Path) -> None:
    with serve(says(seconds=0.3)) as server:
        for arguments, env in ((["-q"], {}), ([], {"TERM": "dumb"})):
            shown = on_terminal(
                *("transcribe", str(SPEECH), "-o", str(tmp_path / "x.srt"), "-m", "whisper-1"),
                *("--base-url", server.url, *arguments),
                env=here(tmp_path, **env),
            )
            assert shown.code == 0
            assert "\x1b" not in shown.terminal


def test_colour_is_left_out_where_it_is_not_wanted(tmp_path: Path) -> None:
    with serve(says(seconds=0.3)) as server:
        shown = on_terminal(
            *("transcribe", str(SPEECH), "-o", str(tmp_path / "x.srt"), "-m", "whisper-1"),
            *("--base-url", server.url),
            env=here(tmp_path, NO_COLOR="1"),
        )
    assert "2.0 s\x1b" in shown.terminal or "2.0 s\r" in shown.terminal
    assert "\x1b[3" not in shown.terminal


def test_bars_leave_room_for_what_a_terminal_shows_of_an_interrupt(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(1))
    with serve(says(seconds=0.3)) as server:
        shown = on_terminal(
            *("transcribe", "-r", str(tmp_path), "-m", "whisper-1", "--base-url", server.url),
            env=here(tmp_path, COLUMNS="60"),
        )
    bars = [line for line in plain(shown.terminal).splitlines() if "━" in line]
    assert bars
    assert max(map(len, bars)) <= 58
