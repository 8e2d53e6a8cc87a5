"""Whether a stream gets colour. Rich is imported only to show something with it."""

from collections.abc import Mapping
from typing import Any, BinaryIO, Literal, TextIO

Colour = Literal["auto", "always", "never"]
"""What `--color` says."""

WHENS: tuple[Colour, ...] = ("auto", "always", "never")

_WITHOUT_COLOUR = ("dumb", "unknown")  # of TERM
_OFF = ("", "0", "false")


def is_coloured(stream: BinaryIO | TextIO | None, colour: Colour, environ: Mapping[str, str]) -> bool:
    """Whether `stream` gets colour: as `--color` says, else NO_COLOR, else FORCE_COLOR, else on a terminal.

    CLICOLOR_FORCE is FORCE_COLOR by another name. As no-color.org has it, NO_COLOR counts unless it is empty.
    """
    if colour != "auto":
        return colour == "always"
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "").lower() not in _OFF for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return (
        is_terminal(stream) and environ.get("TERM") not in _WITHOUT_COLOUR and environ.get("CLICOLOR") != "0"
    )


def is_terminal(stream: BinaryIO | TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def console(stream: TextIO, *, coloured: bool, width: int | None = None) -> Any:
    """A Rich console that writes on `stream`; what moves only on a terminal, whatever FORCE_COLOR says."""
    from rich.console import Console

    terminal = is_terminal(stream)
    system: Literal["auto", "standard"] = "auto" if terminal else "standard"
    return Console(
        file=stream,
        force_terminal=terminal,
        color_system=system if coloured else None,
        no_color=False,  # Rich would look into the environment again.
        highlight=False,
        width=width,
    )
