"""Asks a running server what models it has."""

from audiocli.catalog import Capabilities, Table
from audiocli.catalog.served import PATHS, Served, describe, read
from audiocli.cli.signals import run_until_signal
from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    DeadlineError,
    InputError,
    RejectedError,
    ReplyError,
)
from audiocli.http.client import RefusedError, fetch
from audiocli.printable import quoted
from audiocli.providers.pasted import base_url_of
from audiocli.providers.reply import refusal
from audiocli.secret import Secret, without_secrets
from audiocli.wire.json import parse

MAX_BYTES = 64_000_000  # LiteLLM takes 8.5 kB for a model.
SECONDS = 30.0
SOURCE = "the server"
CHECK = "check the address"


def ask_server(url: str, table: Table, key: Secret | None = None) -> list[Capabilities]:
    """What the server at `url`, with or without its `/v1`, has. Its word stands above `table`'s.

    `key` is that server's, where it wants one. Raises `AuthenticationError` and other `ProviderError`s where
    it refuses, `ReplyError` where it does not say, `InputError` where there is no such list,
    `ConnectError` and `DeadlineError` where it cannot be reached.
    """
    return [describe(model, table, SOURCE) for model in run_until_signal(_served(url, key))]


async def _served(url: str, key: Secret | None) -> list[Served]:
    """What the first path tells of that tells of any model; the most telling error where none does."""
    headers = {"Authorization": f"Bearer {key.value}"} if key else {}
    root = base_url_of(url).removesuffix("/v1")
    errors: list[AudiocliError] = []
    for path in PATHS:
        try:
            body = await fetch(
                root + path, max_bytes=MAX_BYTES, seconds=SECONDS, headers=headers, too_large=CHECK
            )
            if served := read(parse(body)):
                return served
            errors.append(ReplyError(f"{_name(url)} lists no models", hint=CHECK))
        except RefusedError as error:
            errors.append(_refused(error, url, key))
        except DeadlineError as error:
            raise DeadlineError(error.message, hint=CHECK) from None
        except ReplyError as error:
            errors.append(ReplyError(f"{_name(url)} lists no models: {error.message}", hint=CHECK))
        except InputError as error:
            errors.append(error)  # The next path may be the one that it has.
    raise max(errors, key=_telling)


def _refused(error: RefusedError, url: str, key: Secret | None) -> AudiocliError:
    """What a refusal means; one that has nothing at a path only has no such list."""
    if error.status < 400 or error.status in (404, 405):
        return InputError(f"{_name(url)} has no list of models: HTTP {error.status}", hint=CHECK)
    meant = refusal(error.status, {}, error.body)
    meant.message = f"{_name(url)} does not say what it has: {meant.message}"
    if isinstance(meant, AuthenticationError) and key is None:
        meant.hint = "it wants a key: set OPENAI_BASE_URL to its address, and OPENAI_API_KEY to its key"
    elif isinstance(meant, RejectedError):
        meant.hint = (
            "check its address and its key"  # LiteLLM answers a wrong key so where it has no database.
        )
    return meant


def _telling(error: AudiocliError) -> int:
    """How much an error tells of why there is no list: a refusal more than a strange answer."""
    match error:
        case AuthenticationError():
            return 3
        case ReplyError():
            return 1
        case InputError():
            return 0
    return 2


def _name(url: str) -> str:
    return quoted(without_secrets(url))
