"""Options that do not go together, in one table for each command."""

from collections.abc import Mapping
from dataclasses import dataclass

import typer

from audiocli.cli.world import World
from audiocli.errors import UsageError


@dataclass(frozen=True)
class Pair:
    """Two options of a command, by the names of their parameters.

    Both cannot be had; or, if `ignored`, the first has no effect beside the second.
    """

    first: str
    second: str
    ignored: bool = False


_LOUD_AND_QUIET = Pair("quiet", "verbose")

CONTRADICTIONS: Mapping[str, tuple[Pair, ...]] = {
    "ask": (
        _LOUD_AND_QUIET,
        Pair("dry_run", "curl"),
        Pair("json", "curl"),
        Pair("text_only", "output"),
        Pair("text_only", "voice"),
        Pair("usage", "curl", ignored=True),
        Pair("usage", "dry_run", ignored=True),
    ),
    "transcribe": (
        _LOUD_AND_QUIET,
        Pair("json", "jsonl"),
        Pair("no_clobber", "overwrite"),
        Pair("jsonl", "dry_run"),
        Pair("usage", "dry_run", ignored=True),
    ),
    "caps": (
        _LOUD_AND_QUIET,
        Pair("can", "json"),
        Pair("can", "takes_audio"),
        Pair("can", "speaks"),
        Pair("can", "provider"),
    ),
    "serve": (
        _LOUD_AND_QUIET,
        Pair("print_config", "json"),
        Pair("check", "print_config"),
    ),
}


def check_contradictions(context: typer.Context) -> None:
    """Raise `UsageError` for two options that contradict each other; note those that have no effect."""
    world: World = context.obj
    given = {name for name in context.params if _is_given(context, name)}
    for pair in CONTRADICTIONS[context.command.name or ""]:
        if {pair.first, pair.second} <= given:
            first, second = (_option(context, name) for name in (pair.first, pair.second))
            if not pair.ignored:
                raise UsageError(f"{first} and {second} contradict each other", hint="leave out one of them")
            world.note(f"{first} is ignored with {second}")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _option(context: typer.Context, name: str) -> str:
    """What a user calls the parameter `name`: `--quiet`."""
    options = next(parameter.opts for parameter in context.command.params if parameter.name == name)
    return max(options, key=len)
