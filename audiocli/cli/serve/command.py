"""`audiocli serve`: what it takes on the command line."""

from typing import Annotated

import typer

from audiocli.cli import options
from audiocli.cli.contradictions import check_contradictions
from audiocli.cli.serve.options import ServeOptions
from audiocli.cli.world import World

EXAMPLES = """\b
Examples:
  audiocli serve
  audiocli serve --config config.yaml --port 8080
  audiocli serve --config config.yaml --check
  audiocli serve --port 0 --json
  AUDIOCLI_MASTER_KEY=sk-... audiocli serve --host 0.0.0.0 --workers 4

\b
Then, for example:
  curl http://127.0.0.1:4000/v1/models
  OpenAI(base_url="http://127.0.0.1:4000/v1", api_key="sk-...")"""


def serve(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="A config.yaml in LiteLLM's form.", show_default=False),
    ] = None,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen; elsewhere it needs a master key."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="N", help="0 is a free one.", min=0, max=65535)
    ] = 4000,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes that share the port. Limits and cooldowns are each one's own.",
            min=1,
            max=256,
        ),
    ] = 1,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Say all that is wrong with the config, or what would be served, and exit."
        ),
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what would be served, without keys, and exit.")
    ] = False,
    grace: Annotated[
        float,
        typer.Option(
            "--grace", metavar="SECONDS", help="For running requests to end after SIGTERM.", min=0, max=3600
        ),
    ] = 30,
    docs: Annotated[
        bool, typer.Option("--docs", help="Serve the API's description at /openapi.json.")
    ] = False,
    json: options.Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Nothing but errors; no log of requests.")
    ] = False,
    verbose: options.Verbose = 0,
    color: options.Color = "auto",
) -> int:
    """Serve audio models to OpenAI's clients, under names and keys of your own.

    Without a config it serves the hosted models whose keys are set, and the embedded one, to this machine
    alone. Each request is a line of JSON on stderr. SIGHUP, or a change of the config, loads it again.
    """
    world: World = context.obj
    chosen = ServeOptions(**context.params)
    world.quiet, world.verbose, world.json = quiet, verbose, json
    check_contradictions(context)
    from audiocli.cli.serve.serving import serve as serve_models  # Not for --help.

    return serve_models(world, chosen)
