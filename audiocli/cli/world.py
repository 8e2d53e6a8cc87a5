"""The world that a command sees: three streams, the environment, and how much it shall say."""

import io
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO

from audiocli.cli.colour import Colour, is_coloured, is_terminal
from audiocli.cli.progress import NoProgress, Progress
from audiocli.errors import OutputError
from audiocli.printable import printable, unreordered
from audiocli.secret import Secret

__all__ = ["World", "is_pipe", "is_terminal", "real_world"]

_ERROR, _PLAIN = "\x1b[1;31m", "\x1b[0m"


@dataclass
class World:
    """A stream that is closed is `None`. `quiet` leaves answers and errors, `verbose` adds what happens.

    With `json` what there is to note is collected in `notes`, for the document that is printed at the end.
    """

    stdin: BinaryIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    environ: Mapping[str, str]
    quiet: bool = False
    verbose: int = 0
    json: bool = False
    colour: Colour = "auto"
    notes: list[str] = field(default_factory=list)
    secret: Secret | None = None
    progress: Progress = field(default_factory=NoProgress)

    def note(self, text: str) -> None:
        """Say something to the user, beside the answer."""
        if self.json:
            self.notes.append(text)
        elif not self.quiet:
            self.say(f"audiocli: {text}")

    def detail(self, text: str) -> None:
        """Say what happens, to a user who asked for it."""
        if self.verbose:
            self.note(text)

    def complain(self, line: str) -> None:
        """Say what has ended the command."""
        name = "audiocli:"
        self.say(f" {line}", before=f"{_ERROR}{name}{_PLAIN}" if self.is_coloured(self.stderr) else name)

    def say(self, line: str, end: str = "\n", *, before: str = "") -> None:
        """Write to stderr, without `secret`. It may be closed or full: there is nobody left to tell.

        `before` is written as it is.
        """
        self._write_aside(unreordered(line), end, before)

    def say_words(self, words: str) -> None:
        """Write words of an answer to stderr, while stdout carries its sound."""
        self._write_aside(unreordered(words) if is_terminal(self.stderr) else words)

    def _write_aside(self, line: str, end: str = "", before: str = "") -> None:
        if self.stderr is not None:
            with self.progress.paused(), suppress(OSError, ValueError):
                shown = self.secret.redact(line) if self.secret else line
                self.stderr.write(before + printable(shown) + end)
                self.stderr.flush()

    def is_coloured(self, stream: TextIO | None) -> bool:
        return is_coloured(stream, self.colour, self.environ)

    def answer(self, text: str) -> None:
        """Write to stdout at once. Raises `OutputError`, or `BrokenPipeError` where nobody reads.

        A pipe or a file gets the text as it is; on a terminal nothing in it changes the order of the line.
        """
        try:
            if self.stdout is None:
                raise OSError("it is closed")  # noqa: TRY301 - one way out for all that may be wrong with it
            self.stdout.write(unreordered(text) if is_terminal(self.stdout) else text)
            self.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            self.drop_stdout()
            raise OutputError(
                f"cannot write to stdout: {reason}", hint="redirect it to a file or to /dev/null"
            ) from error

    def drop_stdout(self) -> None:
        """Forget what stdout still holds, which would be written, and fail, once more when Python ends."""
        if self.stdout is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)


def real_world() -> World:
    """The world that this process was started in."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An answer may hold what a terminal's encoding cannot say; that must not end it.
            stream.reconfigure(errors="replace", newline="\n")
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    return World(stdin, sys.stdout, sys.stderr, os.environ)


def is_pipe(stream: TextIO | None) -> bool:
    return stream is not None and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
