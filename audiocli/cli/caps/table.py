"""What is known of models, on a terminal: in a table as wide as that is. Rich is imported with this."""

from collections.abc import Container, Sequence
from typing import TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audiocli.catalog import Capabilities
from audiocli.cli.caps import shown
from audiocli.cli.colour import console as make_console
from audiocli.cli.colour import is_terminal
from audiocli.printable import one_line

PAGE_WIDTH = 160  # where no terminal sets it
# From so many columns on there is room beside the names for these.
_ROOM = {"MODE": 70, "MINUTE IN": 110, "MINUTE OUT": 110, "READY": 90}
_STYLES = {"yes": "green", "no": "dim", "unknown": "yellow", "retires": "yellow", "retired": "red"}


def render(
    models: Sequence[Capabilities],
    today: str,
    stdout: TextIO,
    *,
    detailed: bool,
    coloured: bool,
    ready: Container[str] = (),
) -> str:
    """`models` as `stdout` shows them: in the width of a terminal, and in colour if that is wanted."""
    console = make_console(stdout, coloured=coloured, width=None if is_terminal(stdout) else PAGE_WIDTH)
    with console.capture() as capture:
        if detailed:
            for known in models:
                console.print(_card(known, today))
        else:
            console.print(_list(models, today, console.width, ready))
    shown_text: str = capture.get()
    return shown_text


def _card(known: Capabilities, today: str) -> RenderableType:
    lines, notes = shown.details(known, today)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in lines:
        grid.add_row(label, _coloured(value))
    return Group(
        Text(one_line(known.id, shown.LONGEST_NAME), style="bold"),
        grid,
        *(Text(note, style="dim", overflow="fold") for note in notes),
        Text(),
    )


def _list(models: Sequence[Capabilities], today: str, width: int, ready: Container[str]) -> Table:
    """What a model is for, and costs, stands only where there is room for it beside the names."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    kept = [index for index, name in enumerate(shown.COLUMNS) if width >= _ROOM.get(name, 0)]
    for index in kept:
        table.add_column(shown.COLUMNS[index], overflow="fold", no_wrap=index > 0)
    for known in models:
        cells = shown.row(known, today, ready)
        name = Text(cells[0], style="bold" if known.id in ready else "")
        table.add_row(name, *(_coloured(cells[index]) for index in kept[1:]))
    return table


def _coloured(words: str) -> Text:
    first = words.partition(" ")[0]
    text = Text(words)
    if first in _STYLES:
        text.stylize(_STYLES[first], 0, len(first))
    return text
