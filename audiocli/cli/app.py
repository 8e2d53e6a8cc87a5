"""The program: its commands, and the help that shows them."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from audiocli import __version__

COMMANDS = ("ask", "caps", "transcribe", "serve")
"""Each is a function in a module of its name, with its `EXAMPLES`."""


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program with all its commands, or with the one that `arguments` name: each takes 5 ms to build."""
    # Rich's markup doubles the CPU time of --help. Rich's tracebacks show local variables, keys among them.
    app = typer.Typer(
        help="Talk with audio models: ask by text or voice, and hear the answer.",
        epilog="Exit codes: 0 ok, 1 internal error, 2 usage or input, 3 the model cannot do this, "
        "4 no key or a wrong one, 5 refused by the service, 6 rate limit or quota, "
        "7 network, timeout or a broken answer, 8 output cannot be written, "
        "9 some recordings of several failed, 10 nothing is known of a model, 130 Ctrl-C, 143 TERM.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(audiocli)
    for name in [name for name in COMMANDS if name in arguments[:1]] or COMMANDS:
        module = import_module(f"audiocli.cli.{name}")
        app.command(name, epilog=module.EXAMPLES)(getattr(module, name))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"audiocli {__version__}")
        raise typer.Exit


def audiocli(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has seen it
        bool, typer.Option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
