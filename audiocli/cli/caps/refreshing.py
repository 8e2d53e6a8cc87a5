"""Takes newer copies of the public maps of models."""

import asyncio
from typing import Any

from audiocli.catalog.refreshed import KEPT, PUBLIC_MAPS, write
from audiocli.cli.signals import run_until_signal
from audiocli.errors import ReplyError
from audiocli.http.client import fetch
from audiocli.printable import quoted
from audiocli.wire.json import parse

MAX_BYTES = 64_000_000  # LiteLLM's has 2.4 MB, models.dev's less.
SECONDS = 120.0


def refresh(path: str, urls: tuple[str, str] | None = None) -> int:
    """Make the table at `path` of the maps at `urls`, LiteLLM's and models.dev's; else of the public ones.

    Returns how many models it has. Raises `InputError`, `ReplyError`, `ConnectError` or `DeadlineError` where
    a map cannot be had, or is not one, and `OutputError`; the table that was there then stays.
    """
    litellm, models_dev = run_until_signal(_fetched(urls or PUBLIC_MAPS))
    return write(path, litellm, models_dev)


async def _fetched(urls: tuple[str, str]) -> list[dict[str, Any]]:
    return await asyncio.gather(*(_map(url) for url in urls))


async def _map(url: str) -> dict[str, Any]:
    document = await fetch(url, max_bytes=MAX_BYTES, seconds=SECONDS, too_large=KEPT)
    try:
        return parse(document)
    except ReplyError as error:
        raise ReplyError(f"{quoted(url)} is no map of models: {error.message}", hint=KEPT) from None
