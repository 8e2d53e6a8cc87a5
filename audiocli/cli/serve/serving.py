"""`audiocli serve`: does what it was told."""

import gc
import importlib.util
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from audiocli.cli.serve.options import ServeOptions
from audiocli.cli.world import World
from audiocli.errors import DependencyError, install_hint
from audiocli.http.trust import check_authorities
from audiocli.printable import printable

if TYPE_CHECKING:
    from audiocli.gateway.config.settings import Settings

_PACKAGES = ("uvicorn", "httptools", "starlette", "aiohttp", "prometheus_client")


def serve(world: World, chosen: ServeOptions) -> int:
    """Do what `audiocli serve` was told; returns its exit code once it is told to end."""
    gc.enable()
    if any(importlib.util.find_spec(package) is None for package in _PACKAGES):
        raise DependencyError("the gateway is not installed", hint=install_hint("serve"))
    from audiocli.gateway.config.settings import load_settings

    check_authorities(world.environ)
    path = chosen.config or world.environ.get("AUDIOCLI_CONFIG")
    load = partial(
        load_settings, Path(path) if path else None, world.environ, docs=chosen.docs, host=chosen.host
    )
    if chosen.check or chosen.print_config:
        _show(world, chosen, load())
        return 0
    from audiocli.gateway.server.runner import Serving
    from audiocli.gateway.server.runner import serve as run

    run(
        Serving(
            load=load,
            ready=partial(_announce, world),
            write=_quiet if chosen.quiet else _writer(world.stderr),
            note=world.note,
            host=chosen.host,
            port=chosen.port,
            workers=chosen.workers,
            grace=chosen.grace,
        )
    )
    return 0


def _show(world: World, chosen: ServeOptions, settings: "Settings") -> None:
    """What would be served, and what there is to say of it; with `--check` also what would stop it."""
    from audiocli.gateway.config import checking
    from audiocli.gateway.config.shown import as_yaml
    from audiocli.gateway.server.listening import check_host

    for line in (*settings.warnings, *settings.endings):
        world.note(line)
    if chosen.check:
        check_host(chosen.host, settings.master_key)
    if chosen.print_config:
        world.answer(as_yaml(settings))
    elif world.json:
        served = {"schema": 1, "ok": True, "deployments": checking.rows(settings), "notes": world.notes}
        world.answer(json.dumps(served) + "\n")
    elif not world.quiet:
        world.answer("".join(f"{printable(line)}\n" for line in checking.lines(settings)))


def _announce(world: World, url: str) -> None:
    """Say where it listens; the document of `--json` has what there was to note before."""
    if world.json:
        world.answer(json.dumps({"schema": 1, "url": url, "pid": os.getpid(), "notes": world.notes}) + "\n")
        world.json = False  # What comes later is said as it comes.
    else:
        world.note(f"listening on {url}")


def _writer(stream: TextIO | None) -> Callable[[str], None]:
    """Writes lines whole, also where several processes do."""
    if stream is None:
        return _quiet
    descriptor = stream.fileno()

    def write(line: str) -> None:
        with suppress(OSError):
            os.write(descriptor, line.encode() + b"\n")

    return write


def _quiet(_line: str) -> None:
    """Nobody reads it."""
