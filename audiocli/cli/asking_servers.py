"""Asks a running server what models it has."""

from audiocli.capabilities import Capabilities, Table
from audiocli.capabilities.served import PATHS, Served, describe, read
from audiocli.cli.signals import run_until_signal
from audiocli.errors import InputError, ReplyError
from audiocli.http import fetch
from audiocli.printable import quoted
from audiocli.secret import Secret
from audiocli.wire.json import parse

MAX_BYTES = 32 * 1024 * 1024  # LiteLLM takes 8.5 kB for a model.
SECONDS = 30.0
SOURCE = "the server"


def ask_server(url: str, table: Table, key: Secret | None = None) -> list[Capabilities]:
    """What the server at `url`, with or without its `/v1`, has. Its word stands above `table`'s.

    `key` is that server's, where it wants one. Raises `InputError` or `ReplyError` where it does not say,
    `ConnectError` and `DeadlineError` where it cannot be reached.
    """
    return [describe(model, table, SOURCE) for model in run_until_signal(_served(url, key))]


async def _served(url: str, key: Secret | None) -> list[Served]:
    headers = {"Authorization": f"Bearer {key.value}"} if key else {}
    root = url.rstrip("/").removesuffix("/v1")
    refused: InputError | ReplyError | None = None
    for path in PATHS:
        try:
            body = await fetch(root + path, max_bytes=MAX_BYTES, seconds=SECONDS, headers=headers)
            if served := read(parse(body)):
                return served
        except (InputError, ReplyError) as error:
            refused = error  # The next path may be the one that it has.
    raise refused or ReplyError(f"{quoted(url)} lists no models", hint="check the address")
