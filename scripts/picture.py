"""Draws docs/terminal.svg: what a few commands print, as they print it now."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "terminal.svg"
COLUMNS = 96
COMMANDS = (
    ("transcribe", "samples/hello.wav", "-f", "srt", "-m", "local"),
    ("caps", "gpt-audio-1.5"),
)


def main() -> int:
    PICTURE.write_text(drawn())
    return 0


def drawn() -> str:
    """The picture, with no address of a font in it."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for command in COMMANDS:
        console.print(Text(f"$ audiocli {' '.join(command)}", style="bold"))
        console.print(Text.from_ansi(printed(command)))
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.S)
    return console.export_svg(title="audiocli", code_format=form, unique_id="terminal")


def printed(command: tuple[str, ...]) -> str:
    """What both streams show together."""
    program = [sys.executable, "-m", "audiocli", *command, "--color", "always"]
    return subprocess.run(
        program,
        cwd=ROOT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def _environment() -> dict[str, str]:
    """Without the keys and the config of whoever draws."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
    return kept | {"COLUMNS": str(COLUMNS), "XDG_CONFIG_HOME": os.devnull}


if __name__ == "__main__":
    sys.exit(main())
