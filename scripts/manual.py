"""The manual pages of the commands, from the parameters that their help is made of.

    python scripts/manual.py FOLDER

writes audiocli.1, and a page for each command.
"""

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from audiocli import __version__
from audiocli.cli.app import app_for

PROGRAM = "audiocli"
WIDTH = 64  # columns of running text: escapes make some lines longer, and mandoc wants at most 80


def main(folder: str) -> int:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        Path(folder, name).write_text(page)
    return 0


def pages() -> dict[str, str]:
    """The pages by their file names, in the language of man(7), as ASCII."""
    program: Any = typer.main.get_command(app_for(()))
    top = program.make_context(PROGRAM, [], resilient_parsing=True)
    named = {PROGRAM: _program_page(program, top)}
    for name, command in sorted(program.commands.items()):
        context = command.make_context(f"{PROGRAM} {name}", [], parent=top, resilient_parsing=True)
        named[f"{PROGRAM}-{name}"] = _command_page(name, command, context)
    return {f"{name}.1": f"{_title(name)}{page}" for name, page in named.items()}


def _program_page(program: Any, context: Any) -> str:
    commands = [(name, command.get_short_help_str(200)) for name, command in program.commands.items()]
    others = ", ".join(f"{PROGRAM}-{name}(1)" for name in sorted(program.commands))
    return "".join(
        [
            _name(PROGRAM, program.help),
            _synopsis(PROGRAM, program, context),
            _section("COMMANDS", *map(_item, *zip(*commands, strict=True))),
            _options(program, context),
            _section("EXIT STATUS", _prose(program.epilog.removeprefix("Exit codes: "))),
            _section("SEE ALSO", _prose(others)),
        ]
    )


def _command_page(name: str, command: Any, context: Any) -> str:
    return "".join(
        [
            _name(f"{PROGRAM}-{name}", command.get_short_help_str(200)),
            _synopsis(f"{PROGRAM} {name}", command, context),
            _section("DESCRIPTION", _prose(command.help)),
            _options(command, context),
            *(_section(heading, f".nf\n{_lines(lines)}.fi\n") for heading, lines in _shown(command.epilog)),
            _section("EXIT STATUS", f"See {_text(PROGRAM)}(1).\n"),
            _section("SEE ALSO", f"{_text(PROGRAM)}(1)\n"),
        ]
    )


def _title(name: str) -> str:
    built = time.gmtime(float(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return f'.TH {name.upper()} 1 {time.strftime("%Y-%m-%d", built)} "{PROGRAM} {__version__}"\n'


def _name(name: str, claim: str) -> str:
    return _section("NAME", _prose(f"{name} - {claim.rstrip('.')}"))


def _synopsis(name: str, command: Any, context: Any) -> str:
    return _section(
        "SYNOPSIS", f".B {_text(name)}\n{_text(' '.join(command.collect_usage_pieces(context)))}\n"
    )


def _options(command: Any, context: Any) -> str:
    records = [record for each in command.get_params(context) if (record := _record(each, context))]
    return _section("OPTIONS", *(_item(names, help) for names, help in records))


def _record(parameter: Any, context: Any) -> tuple[str, str] | None:
    if parameter.param_type_name == "argument":
        return parameter.make_metavar(context), parameter.help or ""
    return parameter.get_help_record(context)  # type: ignore[no-any-return] # Typer's own Click has no types


def _shown(epilog: str) -> Iterator[tuple[str, list[str]]]:
    """The paragraphs under an option list: the heading of each, and its lines."""
    for paragraph in epilog.split("\b\n")[1:]:
        heading, *lines = paragraph.strip().splitlines()
        yield heading.rstrip(":").upper(), lines


def _section(heading: str, *parts: str) -> str:
    return f".SH {_text(heading)}\n{''.join(parts)}"


def _item(term: str, text: str) -> str:
    return f".TP\n.B {_text(term)}\n{_prose(text)}"


def _lines(lines: list[str]) -> str:
    return "".join(f"{_text(line)}\n" for line in lines)


def _prose(text: str) -> str:
    return _lines(textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False))


def _text(text: str) -> str:
    """`text` with nothing in it that man(7) takes for a request or for a hyphen."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    ascii_only = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in escaped)
    return f"\\&{ascii_only}" if ascii_only[:1] in (".", "'") else ascii_only


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
