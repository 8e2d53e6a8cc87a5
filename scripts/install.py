"""Installs this folder, with an extra, into the Python that runs it; a bar shows how far that is.

Only the standard library is at hand. Where nobody watches it says one line, and what goes wrong.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

WIDTH = 30
COLLECTED = 0.5  # of the bar: the rest is for installing
USUAL = 50  # packages, about: how many there are, pip says only when all are collected
SECONDS = 0.2  # between two looks at what is installed


def main(extra: str) -> int:
    watched = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    say("installing into .venv, once\n")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--editable", f".[{extra}]"]
    if not watched:
        return subprocess.run([*command, "--quiet"], check=False).returncode
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None  # noqa: S101 - it is a pipe
        said = follow(pip.stdout, pip.poll)
    say("\r\x1b[K")
    if pip.returncode:
        say("".join(said[-20:]))
    return pip.returncode


def follow(lines: Iterable[str], ended: Callable[[], int | None]) -> list[str]:
    """Show what pip's `lines` tell of; returns them."""
    said, collected, before = [], 0, len(installed())
    for line in lines:
        said.append(line)
        word, _, rest = line.strip().partition(" ")
        if word == "Collecting":
            collected += 1
            show(COLLECTED * min(1.0, collected / USUAL), f"collecting {rest.split()[0]}")
        elif line.startswith("Installing collected packages:"):
            count = rest.count(",") + 1
            while ended() is None:
                done = min(1.0, (len(installed()) - before) / count)
                show(COLLECTED + (1 - COLLECTED) * done, f"installing {count} packages")
                wait(ended)
    return said


def wait(ended: Callable[[], int | None]) -> None:
    import time

    time.sleep(0 if ended() is not None else SECONDS)


def installed() -> list[Path]:
    return [
        path
        for folder in sys.path
        if folder.endswith("site-packages")
        for path in Path(folder).glob("*-info")
    ]


def show(part: float, what: str) -> None:
    done = round(part * WIDTH)
    say(f"\r[{'#' * done}{'.' * (WIDTH - done)}] {part:4.0%}  {what[:40]}\x1b[K")


def say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
