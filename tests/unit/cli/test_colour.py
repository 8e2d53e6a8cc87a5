"""Colour is for terminals, unless somebody says otherwise."""

import io
from collections.abc import Mapping

import pytest

from audiocli.cli.colour import Colour, console, is_coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colour", "on_terminal", "in_pipe"),
    [
        ({}, "auto", True, False),
        ({"TERM": "dumb"}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", False, False),
        ({"NO_COLOR": ""}, "auto", True, False),
        ({"FORCE_COLOR": "1"}, "auto", True, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, "auto", True, True),
        ({"FORCE_COLOR": "0"}, "auto", True, False),
        ({"CLICOLOR_FORCE": "1"}, "auto", True, True),
        ({"CLICOLOR": "0"}, "auto", False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "auto", False, False),
        ({"NO_COLOR": "1"}, "always", True, True),
        ({"FORCE_COLOR": "1"}, "never", False, False),
    ],
)
def test_the_option_stands_above_the_environment_and_that_above_the_terminal(
    environ: Mapping[str, str], colour: Colour, on_terminal: bool, in_pipe: bool
) -> None:
    assert is_coloured(Terminal(), colour, environ) is on_terminal
    assert is_coloured(io.StringIO(), colour, environ) is in_pipe


def test_nothing_is_coloured_that_is_not_there() -> None:
    assert is_coloured(None, "auto", {}) is False


@pytest.mark.parametrize("coloured", [True, False])
def test_a_console_does_not_look_into_the_environment_again(
    coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.setenv(name, "1")
    stream = io.StringIO()
    shown = console(stream, coloured=coloured)
    shown.print("[red]no[/red]")
    assert (stream.getvalue() != "no\n") is coloured
    assert shown.is_terminal is False
