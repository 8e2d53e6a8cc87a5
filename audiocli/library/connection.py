"""Where a call goes: what it says itself stands above the environment and the config."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from audiocli.catalog.dates import today
from audiocli.config import OPENAI_KEY_VARIABLE, Config, Deployment, load
from audiocli.errors import UsageError
from audiocli.providers.base import Provider
from audiocli.providers.hosts import HOSTS
from audiocli.providers.naming import resolve
from audiocli.providers.registry import build
from audiocli.providers.retry import Retrying
from audiocli.providers.suiting import TEXT_ONLY, Purpose, Wanted
from audiocli.providers.target import Target


@dataclass(frozen=True)
class Connection:
    """A model, and the provider that answers for it, which tries again where that may help."""

    target: Target
    provider: Provider


def connect(
    model: str | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    api_version: str | None = None,
    spoken: bool = False,
    heard: bool = False,
    force: bool = False,
) -> Connection:
    """The connection to `model` for a chat, `located` as there. Nothing is sent yet.

    Without a model, `spoken` asks for one that answers aloud, and `heard` for one that takes sound.
    """
    target, settings = located(
        model,
        base_url=base_url,
        api_key=api_key,
        timeout=timeout,
        retries=retries,
        headers=headers,
        api_version=api_version,
        wanted=Wanted(spoken=spoken, heard=heard, today=today()),
        force=force,
    )
    return connected(target, settings, timeout=timeout, retries=retries)


def connected(
    target: Target, settings: Config, *, timeout: float | None = None, retries: int | None = None
) -> Connection:
    """The connection to `target` for a chat. Raises `AuthenticationError` and `DependencyError`."""
    provider = build(target, settings, untold)
    return Connection(
        target, Retrying(provider, retries=target.tries(retries), timeout=target.seconds(timeout))
    )


def located(
    model: str | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    api_version: str | None = None,
    purpose: Purpose = "chat",
    wanted: Wanted = TEXT_ONLY,
    force: bool = False,
) -> tuple[Target, Config]:
    """Where `model` is, which is a name as the command line takes it, and the configuration that says so.

    A `base_url` is asked for any name, also for one that the config gives to another server. An `api_key`
    goes to that server, or to the one that the model is at, in place of the key that is set for it. `force`
    takes a name that looks misspelt. With an `api_version` the server is Azure's, and the model `azure/` and
    the name of a deployment there. Raises `UsageError`, `ConfigError` and `AuthenticationError`.
    """
    if timeout is not None and not timeout > 0:
        raise UsageError("timeout must be more than 0 seconds")
    if retries is not None and retries < 0:
        raise UsageError("the number of retries must not be negative")
    settings = configured(base_url, api_key, model)
    if api_version is not None and model is not None:
        key = api_key or "os.environ/AZURE_API_KEY"
        row = Deployment(model=model, base_url=base_url, api_key=key, api_version=api_version)
        settings, base_url = replace(settings, deployments={model: row}), None
    target = resolve(settings, model, base_url, purpose=purpose, wanted=wanted, force=force)
    target = target.asked_as(settings.api_key if api_key else None, headers or {})
    return target, settings


def untold(what: str, done: int, total: int) -> None:
    """Nobody watches how far a fetched model is."""


def configured(base_url: str | None = None, api_key: str | None = None, model: str | None = None) -> Config:
    """The configuration, in which the call's own key stands for every other; for no `model`, for OpenAI's."""
    settings = load(os.environ)
    if api_key:
        variables = {host.key_variable for host in HOSTS.values()}
        if model is None and settings.model is None:
            variables = {OPENAI_KEY_VARIABLE}
        settings = load({**os.environ, **dict.fromkeys(variables, api_key)})
        deployments = {name: _keyless(deployment) for name, deployment in settings.deployments.items()}
        settings = replace(settings, deployments=deployments)
    # A deployment's key is for its own server.
    return replace(settings, deployments={}) if base_url else settings


def _keyless(deployment: Deployment) -> Deployment:
    return replace(deployment, api_key=None, api_key_file=None)
