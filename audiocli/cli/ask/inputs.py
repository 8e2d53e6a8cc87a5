"""What goes with a question: audio from files, addresses and stdin, and text from stdin.

What reads audio is imported where there is audio: most questions have none, and start sooner without.
"""

import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audiocli.chat import AudioBytes, AudioPart, AudioSource
from audiocli.cli.ask.options import AskOptions
from audiocli.cli.options import parse_size
from audiocli.cli.signals import run_until_signal
from audiocli.cli.world import World, is_terminal
from audiocli.errors import InputError
from audiocli.printable import is_blank, one_line, quoted

FETCH_SECONDS = 120.0
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Inputs:
    """Text and audio; `seconds` is how much of the audio there is, as far as that is known."""

    text: str = ""
    audio: tuple[AudioPart, ...] = ()
    seconds: float = 0.0


def read_inputs(world: World, chosen: AskOptions) -> Inputs:
    """Everything that goes with the prompt. Raises `InputError` for what cannot be read or is not audio."""
    max_bytes = parse_size(chosen.max_input)
    piped = _read_stdin(world, max_bytes) if _reads_stdin(world, chosen) else b""
    named = list(_sources(world, chosen, piped, max_bytes))
    if "-" in chosen.audio_names:
        return _prepared(world, named, max_bytes)
    if piped and _is_audio(piped):
        world.note("what came on stdin is taken as audio")
        return _prepared(world, [*named, ("stdin", AudioBytes(piped))], max_bytes)
    return _prepared(world, named, max_bytes, _text(piped))


def _reads_stdin(world: World, chosen: AskOptions) -> bool:
    """Whether stdin is named, or was given for this question: not a file that another reader is in."""
    if chosen.names_stdin:
        return True
    if chosen.no_stdin or is_terminal(world.stdin):
        return False
    left = _left_by_another(world.stdin) if chosen.prompt or chosen.audio_names else None
    if left:
        world.note("stdin is left alone: another program is reading that file; - reads it")
    return left is None


def _left_by_another(stdin: BinaryIO | None) -> int | None:
    """How many bytes of stdin are left, if it is a file that something has begun to read.

    A shell's `while read` loop hands its own file to every command in it. Of a pipe nobody can tell.
    """
    if stdin is None:
        return None
    try:
        status, offset = os.fstat(stdin.fileno()), os.lseek(stdin.fileno(), 0, os.SEEK_CUR)
    except (OSError, ValueError):
        return None
    return max(status.st_size - offset, 0) if stat.S_ISREG(status.st_mode) and offset else None


def _sources(
    world: World, chosen: AskOptions, piped: bytes, max_bytes: int
) -> Iterator[tuple[str, AudioSource]]:
    for name in chosen.audio_names:
        if name == "-":
            yield "stdin", AudioBytes(piped)
        elif "://" in name:
            from audiocli.http.client import fetch

            world.progress.show(f"fetching {one_line(name, 60)}")
            seconds = min(FETCH_SECONDS, chosen.timeout or FETCH_SECONDS)
            yield name, AudioBytes(run_until_signal(fetch(name, max_bytes=max_bytes, seconds=seconds)))
            world.progress.hide()
        else:
            from audiocli.audio.reading.source import open_input

            yield name, open_input(name, max_bytes)


def _prepared(world: World, named: list[tuple[str, AudioSource]], max_bytes: int, text: str = "") -> Inputs:
    if not named:
        return Inputs(text)
    from audiocli.audio.reading.prepare import prepare

    prepared = []
    for name, source in named:
        audio = prepare(source, name, max_bytes=max_bytes)
        for note in audio.notes:
            world.note(note)
        for detail in audio.details:
            world.detail(detail)
        sent = f"{audio.part.format}, {audio.part.source.size:,} bytes, {audio.duration:.1f} s"
        world.detail(f"sending {quoted(name)} as {sent}")
        prepared.append(audio)
    seconds = sum(audio.duration for audio in prepared)
    return Inputs(text, tuple(audio.part for audio in prepared), seconds)


def _is_audio(data: bytes) -> bool:
    from audiocli.audio.containers.sniff import HEAD_BYTES, sniff

    return sniff(data[:HEAD_BYTES]) is not None


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        hint = "check what is piped in"
        raise InputError("what came on stdin is neither audio nor UTF-8 text", hint=hint) from None
    return "" if is_blank(text) else text


def _read_stdin(world: World, max_bytes: int) -> bytes:
    """All of stdin; a note says so when it lets wait."""
    if world.stdin is None:
        return b""
    from audiocli.audio.reading.source import read_limited

    end = "Ctrl-D ends it" if is_terminal(world.stdin) else "--no-stdin does not read it"
    note = f"waiting for text or audio on stdin; {end}"
    reminder = threading.Timer(PATIENCE_SECONDS, world.note, [note])
    reminder.daemon = True
    reminder.start()
    try:
        first = world.stdin.read(1)
        reminder.cancel()
        return first + read_limited(world.stdin, max_bytes, "stdin") if first else b""
    except OSError:
        return b""  # A terminal that has gone, or a closed descriptor: nothing comes from there.
    finally:
        reminder.cancel()
