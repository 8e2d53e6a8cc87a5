"""Finds what is asked of models: in the table, or at a server."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiocli.catalog import Capabilities, Table, current_table
from audiocli.catalog.table import refreshed_path
from audiocli.cli.caps import shown
from audiocli.cli.caps.options import ABILITIES, CapsOptions
from audiocli.cli.world import World, is_terminal
from audiocli.config import Config
from audiocli.config import load as load_config
from audiocli.errors import UnknownModelError, UsageError
from audiocli.library.lookup import known
from audiocli.nearness import did_you_mean, nearest_model
from audiocli.printable import quoted

UNKNOWN = 10
_EXIT_CODES: Mapping[bool | None, int] = {True: 0, False: 3, None: UNKNOWN}

# A mode that is not here tells nothing of text: a Live session may be spoken only.
_TEXT_INPUT = {"chat": True, "speech": True}
_TEXT_OUTPUT = {"chat": True, "transcription": True, "speech": False, "music": False}

_ABILITIES: Mapping[str, Callable[[Capabilities], bool | None]] = {
    "audio-input": lambda known: known.audio_input,
    "audio-output": lambda known: known.audio_output,
    "text-input": lambda known: _TEXT_INPUT.get(known.mode or ""),
    "text-output": lambda known: _TEXT_OUTPUT.get(known.mode or ""),
    "streaming": lambda known: known.streaming,
    "word-times": lambda known: known.word_times,
    "segment-times": lambda known: known.segment_times,
    "speakers": lambda known: known.speakers,
}


def look_up(world: World, chosen: CapsOptions, *, today: str) -> int:
    """Do what `audiocli caps` was told on the ISO date `today`; returns its exit code."""
    _check(chosen)
    config = load_config(world.environ, Path(chosen.config) if chosen.config else None)
    table = _table(world, config, chosen)
    if chosen.refresh and not chosen.models:
        if chosen.json:
            world.answer(shown.as_json((), today, world.notes))
        return 0
    asked = _asked(world, table, config, chosen)
    found = [model for model in asked.models.values() if model is not None and _wanted(model, chosen)]
    if chosen.can is not None:
        return _EXIT_CODES[_ABILITIES[chosen.can](found[0]) if found else None]
    if found:
        world.answer(_rendered(world, chosen, found, today, asked.ready))
    if missing := [name for name, model in asked.models.items() if model is None]:
        raise _unknown(missing, asked.names)
    if not found:
        providers = {model.provider for model in table.models() if model.provider}
        misspelt = chosen.provider is not None and chosen.provider not in providers
        meant = did_you_mean(chosen.provider or "", providers) if misspelt else None
        raise UnknownModelError("no model matches", hint=meant or "audiocli caps lists all")
    return 0


def _check(chosen: CapsOptions) -> None:
    if chosen.can is not None and chosen.can not in ABILITIES:
        hint = did_you_mean(chosen.can, ABILITIES) or f"it knows {', '.join(ABILITIES)}"
        raise UsageError(f"--can does not know {quoted(chosen.can)}", hint=hint)
    if chosen.can is not None and len(chosen.models) != 1:
        raise UsageError("--can is asked of one model", hint="name one")


def _table(world: World, config: Config, chosen: CapsOptions) -> Table:
    """The table that `--refresh` has left, if it was this version's; else the one that came with us."""
    if chosen.refresh:
        from audiocli.cli.caps.refreshing import refresh

        count = refresh(refreshed_path(config.cache_dir), config.capabilities_sources)
        world.note(f"took {count} models from the public maps")
    return current_table(config.cache_dir)


@dataclass(frozen=True)
class _Asked:
    """The models that are asked for, each by its name, `None` for one that nobody knows.

    `names` are those that there are, of which one may be meant; `ready` has those that can be asked as things
    are, and is `None` if that was not looked into.
    """

    models: Mapping[str, Capabilities | None]
    names: Sequence[str]
    ready: Container[str] | None = None


def _asked(world: World, table: Table, config: Config, chosen: CapsOptions) -> _Asked:
    if chosen.server is not None:
        return _of_server(_served(world, table, config, chosen.server), chosen.models)
    names = [*config.deployments, *table.names()]
    if chosen.models:
        return _Asked({name: known(table, config, name) for name in chosen.models}, names)
    return _all(table, config, names)


def _all(table: Table, config: Config, names: Sequence[str]) -> _Asked:
    """Every model that hears or speaks: the config's first, then others that are ready, then the rest."""
    from audiocli.providers.naming import is_ready

    rows = {name: known(table, config, name) or Capabilities(id=name) for name in config.deployments}
    own = [replace(row, id=name) for name, row in rows.items() if _has_audio(row)]
    ready = {row.id for row in own if is_ready(config, row.id)}
    others = [row for row in table.models() if _has_audio(row) and row.id not in rows]
    ready |= {row.id for row in others if is_ready(config, row)}
    ordered = sorted((*own, *others), key=lambda row: row.id not in ready)
    return _Asked({row.id: row for row in ordered}, names, ready)


def _of_server(served: Sequence[Capabilities], names: Sequence[str]) -> _Asked:
    by_name = {model.id: model for model in served}
    in_any_case = {model.id.lower(): model for model in served}
    models = {name: by_name.get(name) or in_any_case.get(name.lower()) for name in names or by_name}
    return _Asked(models, [*by_name])


def _served(world: World, table: Table, config: Config, url: str) -> list[Capabilities]:
    from audiocli.cli.caps.asking_servers import ask_server
    from audiocli.providers.naming import server_key  # With it comes HTTP, which the table does not need.

    world.secret = server_key(config, url)
    return ask_server(url, table, world.secret)


def _has_audio(model: Capabilities) -> bool:
    """Whether it hears or speaks, as far as is known: the table has only few that are known to do neither."""
    return model.audio_input is not False or model.audio_output is not False


def _wanted(model: Capabilities, chosen: CapsOptions) -> bool:
    return (
        (not chosen.takes_audio or model.audio_input is True)
        and (not chosen.speaks or model.audio_output is True)
        and (chosen.provider is None or (model.provider or "").lower() == chosen.provider.lower())
    )


def _rendered(
    world: World,
    chosen: CapsOptions,
    found: Sequence[Capabilities],
    today: str,
    ready: Container[str] | None,
) -> str:
    if chosen.json:
        return shown.as_json(found, today, world.notes, ready)
    detailed = bool(chosen.models)
    coloured = world.is_coloured(world.stdout)
    tabled = is_terminal(world.stdout) and world.environ.get("TERM") != "dumb"
    if world.stdout is not None and (coloured or tabled):
        from audiocli.cli.caps import (
            table as capabilities_table,  # Rich is slow to import, and a pipe has no use for it.
        )

        return capabilities_table.render(
            found, today, world.stdout, detailed=detailed, coloured=coloured, ready=ready or ()
        )
    return shown.as_details(found, today) if detailed else shown.as_list(found, today, ready or ())


def _unknown(missing: Sequence[str], names: Sequence[str]) -> UnknownModelError:
    close = nearest_model(missing[0], names)
    advice = f"did you mean {' or '.join(close)}?" if close else "audiocli caps lists what it knows"
    more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
    return UnknownModelError(f"unknown model {quoted(missing[0])}{more}", hint=advice)
