"""What the arguments of a call mean: where it goes, and which of LiteLLM's own never leave this process."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from audiocli.config import Config
from audiocli.errors import UsageError
from audiocli.library.connection import located
from audiocli.providers.hosts import OPENAI
from audiocli.providers.suiting import Purpose
from audiocli.providers.target import Target
from audiocli.wire.litellm import argument, is_set

P = ParamSpec("P")
T = TypeVar("T")


def open_ended(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, for callers who pass more than its parameters: LiteLLM's own, and fields of a service's.

    LiteLLM's are dropped if nothing depends on them; the rest joins `extra_body`. Raises `UsageError` for
    those that would change what is sent, or how.
    """
    known = signature(function).parameters

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        given: dict[str, Any] = dict(kwargs)
        others = {name: given.pop(name) for name in list(given) if name not in known}
        if fields := sent(others):
            given["extra_body"] = {**fields, **(given.get("extra_body") or {})}
        return function(*args, **given)

    return call


def sent(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` without LiteLLM's own, and without those that are not given."""
    fields = {}
    for name, value in arguments.items():
        own = argument(name)
        if own is not None and own.call == "unsupported" and is_set(name, value):
            raise UsageError(f"{name} is not supported", hint="leave it out")
        if own is None and value is not None:
            fields[name] = value
    return fields


def reached(
    model: str,
    *,
    api_base: str | None,
    api_key: str | None,
    api_version: str | None,
    custom_llm_provider: str | None,
    organization: str | None,
    timeout: float | None,
    retries: int | None,
    headers: Mapping[str, str] | None,
    purpose: Purpose = "chat",
) -> tuple[Target, Config]:
    """Where a call goes, as LiteLLM's arguments say, and the configuration that says the rest."""
    account = {"OpenAI-Organization": organization} if organization else {}
    return located(
        named(model, custom_llm_provider, api_base),
        base_url=api_base,
        api_key=api_key,
        timeout=timeout,
        retries=retries,
        headers={**account, **(headers or {})},
        api_version=api_version,
        purpose=purpose,
        force=True,  # As LiteLLM does: the service has the last word on a name.
    )


def named(model: str, provider: str | None, server: str | None) -> str:
    """`model` as `located` takes it. A server is asked for the name alone, whatever it is said to be."""
    if not provider:
        return model
    return f"{OPENAI if server else provider}/{model.removeprefix(f'{provider}/')}"


def seconds(timeout: float | str | None) -> float | None:
    """LiteLLM takes text as well. Raises `UsageError`."""
    try:
        return None if timeout is None else float(timeout)
    except (TypeError, ValueError):
        raise UsageError("timeout must be a number of seconds") from None


def hidden_params(target: Target, dollars: float | None = None) -> dict[str, Any]:
    """What LiteLLM keeps in `_hidden_params`: `response_cost` in US dollars, `None` if it is not known."""
    return {
        "response_cost": dollars,
        "custom_llm_provider": target.provider,
        "litellm_model_name": target.name,
        "api_base": target.base_url,
    }
