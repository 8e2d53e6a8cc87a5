"""The results of a run in a table. Rich is imported with this."""

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audiocli.cli.transcribe import results
from audiocli.cli.transcribe.results import COLUMNS, Result

WIDE = 80
PAGE_WIDTH = 160  # where no terminal sets it


def render(rows: Sequence[Result], stream: TextIO) -> str:
    """`rows` as plain text, on a terminal in its width."""
    console = Console(file=stream, width=None if stream.isatty() else PAGE_WIDTH, color_system=None)
    hidden = () if console.width >= WIDE else ("WORDS", "SPEED", "COST")
    kept = [index for index, name in enumerate(COLUMNS) if name not in hidden]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index in kept:
        if index in (0, len(COLUMNS) - 1):
            table.add_column(COLUMNS[index], overflow="fold")
        else:
            table.add_column(COLUMNS[index], no_wrap=True, justify="right")
    for result in rows:
        cells = results.row(result)
        table.add_row(*(Text(cells[index]) for index in kept))
    with console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())
