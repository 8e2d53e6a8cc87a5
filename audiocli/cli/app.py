"""The program: its commands, and the help that shows them."""

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from audiocli import __version__
from audiocli.cli.completion import VARIABLE
from audiocli.errors import UsageError
from audiocli.nearness import did_you_mean
from audiocli.printable import quoted

COMMANDS = ("ask", "caps", "transcribe", "serve")
"""Each is a function in the module `command` of the room of its name, with its `EXAMPLES`."""

_COMPLETION_OPTIONS = ("--install-completion", "--show-completion")


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program with all its commands, or with the one that `arguments` name: each takes 5 ms to build."""
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init  # Typer does so for its own options only.

        completion_init()
    # Rich's markup doubles the CPU time of --help. Rich's tracebacks show local variables, keys among them.
    app = typer.Typer(
        cls=_Commands,
        help="Talk with audio models: ask by text or voice, and hear the answer.",
        epilog="Exit codes: 0 ok, 1 internal error, 2 usage or input, 3 the model cannot do this, "
        "4 no key or a wrong one, 5 refused by the service, 6 rate limit or quota, "
        "7 network, timeout or a broken answer, 8 output cannot be written, "
        "9 some recordings of several failed, 10 nothing is known of a model, 130 Ctrl-C, 143 TERM.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(audiocli)
    for name in [name for name in COMMANDS if name in arguments[:1]] or COMMANDS:
        module = import_module(f"audiocli.cli.{name}.command")
        app.command(name, epilog=module.EXAMPLES)(getattr(module, name))
    return app


def spelt_out(arguments: Sequence[str]) -> list[str]:
    """`arguments`, with an empty word for the shell that a completion option leaves out."""
    given = list(arguments)
    if given[:1] and given[0] in _COMPLETION_OPTIONS and (len(given) == 1 or given[1].startswith("-")):
        given.insert(1, "")
    return given


class _Commands(TyperGroup):
    """Names the command that a misspelt one may stand for."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name in self.commands or ctx.resilient_parsing or name.startswith("-"):
            return super().resolve_command(ctx, args)
        hint = did_you_mean(name, self.commands) or "see audiocli --help"
        if " " in name.strip():
            hint = "to ask a question, write audiocli ask in front of it"
        raise UsageError(f"unknown command {quoted(name)}", hint=hint)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"audiocli {__version__}")
        raise typer.Exit


def _install_completion(context: typer.Context, shell: str | None) -> None:
    if shell is not None and not context.resilient_parsing:
        from audiocli.cli.completion import install

        context.obj.note(install(shell))
        raise typer.Exit


def _show_completion(context: typer.Context, shell: str | None) -> None:
    if shell is not None and not context.resilient_parsing:
        from audiocli.cli.completion import show

        context.obj.answer(show(shell) + "\n")
        raise typer.Exit


def _completion_option(name: str, help: str, callback: Any) -> Any:
    return typer.Option(
        name, metavar="[SHELL]", help=help, callback=callback, is_eager=True, show_default=False
    )


def audiocli(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has seen it
        bool, typer.Option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
    install_completion: Annotated[  # noqa: ARG001 - the same
        str | None,
        _completion_option(
            "--install-completion",
            "Install completion for a shell, or for the current one.",
            _install_completion,
        ),
    ] = None,
    show_completion: Annotated[  # noqa: ARG001 - the same
        str | None,
        _completion_option("--show-completion", "Show the script that this would install.", _show_completion),
    ] = None,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
