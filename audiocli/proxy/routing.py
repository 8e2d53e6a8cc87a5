"""How deployments are chosen, as `router_settings` and `litellm_settings` say it."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import cast, get_args

from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.proxy.document import Section
from audiocli.proxy.values import Choices, text_of
from audiocli.router import Policy, Strategy

SECTIONS = ("router_settings", "litellm_settings")  # The first that has a key decides.


def read_policy(routing: Choices, groups: Iterable[str]) -> Policy:
    """The policy. Raises `ConfigError` where it names what is none of `groups`."""
    strategy = routing.text("routing_strategy", "simple-shuffle")
    if strategy not in get_args(Strategy):
        allowed = ", ".join(get_args(Strategy))
        raise ConfigError(
            f"{routing.where('routing_strategy')}: {quoted(strategy)} is not done", hint=f"use {allowed}"
        )
    fallbacks = _fallbacks(routing)
    for_all = fallbacks.pop("*", ())  # another of LiteLLM's ways to say default_fallbacks
    policy = Policy(
        strategy=cast(Strategy, strategy),
        retries=routing.count("num_retries", 2),
        allowed_fails=routing.count("allowed_fails", 3),
        cooldown_time=routing.number("cooldown_time", 5.0),
        fallbacks=fallbacks,
        default_fallbacks=routing.names("default_fallbacks") or for_all,
        aliases=_aliases(routing),
    )
    _check_names(policy, routing, set(groups))
    return policy


def _fallbacks(routing: Choices) -> dict[str, tuple[str, ...]]:
    """LiteLLM's list of mappings, `[{"a": ["b", "c"]}]`, as one."""
    found: dict[str, tuple[str, ...]] = {}
    for row in routing.items("fallbacks"):
        if not isinstance(row, Section):
            raise ConfigError(f"{routing.where('fallbacks')}: a row is not of the form {{name: [names]}}")
        for name in row:
            found[name] = Choices(Section({"row": row}), ("row",)).names(name)
    return found


def _aliases(routing: Choices) -> dict[str, str]:
    section = routing.get("model_group_alias")
    if section is None:
        return {}
    if not isinstance(section, Section):
        raise ConfigError(f"{routing.where('model_group_alias')} must be a mapping")
    return {alias: _stands_for(section, alias) for alias in section}


def _stands_for(section: Section, alias: str) -> str:
    value = section[alias]
    if isinstance(value, Mapping):  # LiteLLM's form for one that is hidden from the list
        value = value.get("model")
    return text_of(value, alias, section.where(alias))


def _check_names(policy: Policy, routing: Choices, groups: set[str]) -> None:
    """Every name that the policy uses is a group, or an alias, or may match a wildcard."""
    if any("*" in group for group in groups):
        return
    named = {
        "fallbacks": chain(policy.fallbacks, *policy.fallbacks.values()),
        "default_fallbacks": policy.default_fallbacks,
        "model_group_alias": policy.aliases.values(),
    }
    for key, names in named.items():
        for name in names:
            if name not in groups and name not in policy.aliases:
                hint = f"model_list has {', '.join(sorted(groups))}"
                raise ConfigError(f"{routing.where(key)}: there is no model {quoted(name)}", hint=hint)
