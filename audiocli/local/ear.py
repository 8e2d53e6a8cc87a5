"""The recogniser's process, as this one sees it."""

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from audiocli import children
from audiocli.errors import ServerError
from audiocli.local.recogniser import LENGTH, Word

# The package may be used from a folder that is not installed, and the child's own path does not have it.
_PROGRAM = (
    "import sys; sys.path.append({path!r}); from audiocli.local.recogniser import main; main(sys.argv[1])"
)
_PACKAGE_PARENT = os.path.abspath(Path(__file__).parents[2])


class Ear:
    """A process that loads the model in 0.5 s and then hears one sound after the other.

    Its stdin ends with this process, however that ends, and it then ends itself.
    """

    def __init__(self, weights: Path) -> None:
        self._folder = TemporaryDirectory(prefix="audiocli-", ignore_cleanup_errors=True)
        program = _PROGRAM.format(path=_PACKAGE_PARENT)
        self._process = children.start(
            (*children.PYTHON, "-c", program, os.path.abspath(weights)),
            self._folder.name,
            stdin=children.PIPE,
            stdout=children.PIPE,
            stderr=children.DEVNULL,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def hear(self, pcm: bytes) -> list[Word]:
        """The words in 16 kHz mono 16-bit `pcm`. Blocks; `end` in another thread makes it raise.

        Raises `ServerError` where the process has ended; another one may do better.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both are pipes
        assert stdout is not None  # noqa: S101 - as above
        try:
            stdin.write(LENGTH.pack(len(pcm)))
            stdin.write(pcm)
            stdin.flush()
            line = stdout.readline()
        except OSError as exc:
            raise ServerError("the speech recogniser has ended", retryable=True) from exc
        if not line:
            raise ServerError("the speech recogniser failed", retryable=True)
        words: list[Word] = [(text, start, end, sure) for text, start, end, sure in json.loads(line)]
        return words

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not sent cannot be any more
                pipe and pipe.close()
        self._folder.cleanup()
