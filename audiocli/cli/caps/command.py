"""`audiocli caps`: what it takes on the command line."""

from typing import Annotated

import typer

from audiocli.catalog.dates import today
from audiocli.cli import options
from audiocli.cli.caps.options import ABILITIES, CapsOptions
from audiocli.cli.contradictions import check_contradictions
from audiocli.cli.world import World

EXAMPLES = """\b
Examples:
  audiocli caps gpt-4o-audio-preview
  audiocli caps --input --output --provider openai
  if audiocli caps "$model" --can audio-output; then ...
  audiocli caps --from http://127.0.0.1:4000 --json

With --can it prints nothing, and exits with 0 for yes, 3 for no, 10 for unknown."""


def _complete_model(incomplete: str) -> list[str]:
    from audiocli.catalog import known_models

    return [model for model in known_models() if model.startswith(incomplete)]


def _complete_ability(incomplete: str) -> list[str]:
    return [ability for ability in ABILITIES if ability.startswith(incomplete)]


def caps(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="The models to tell of; without one, all that hear or speak.",
            show_default=False,
            autocompletion=_complete_model,
        ),
    ] = None,
    takes_audio: Annotated[bool, typer.Option("--input", help="Only those that take audio.")] = False,
    speaks: Annotated[bool, typer.Option("--output", help="Only those that answer aloud.")] = False,
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="NAME", help="Only those of one provider.", show_default=False),
    ] = None,
    can: Annotated[
        str | None,
        typer.Option(
            "--can",
            metavar="ABILITY",
            help=f"Answer by the exit code whether a model can do this: {', '.join(ABILITIES)}.",
            show_default=False,
            autocompletion=_complete_ability,
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Ask a running server what it has.", show_default=False),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First take newer copies of the public maps.")
    ] = False,
    config: options.ConfigFile = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; errors are JSON as well.")
    ] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    color: options.Color = "auto",  # noqa: ARG001 - its callback has seen it
) -> int:
    """Tell what a model takes, makes and costs, and when it ends.

    It knows by a table that comes with it, and needs no network. What nobody knows is shown as unknown.
    """
    world: World = context.obj
    chosen = CapsOptions(
        models=tuple(models or ()),
        takes_audio=takes_audio,
        speaks=speaks,
        provider=provider,
        can=can,
        server=server,
        refresh=refresh,
        config=config,
        json=json,
    )
    world.quiet, world.verbose, world.json = quiet, verbose, json
    check_contradictions(context)
    from audiocli.cli.caps.looking_up import look_up  # Not for --help.

    return look_up(world, chosen, today=today())
