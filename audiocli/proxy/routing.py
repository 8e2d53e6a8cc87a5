"""How deployments are chosen, as `router_settings` and `litellm_settings` say it."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import cast, get_args

from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.proxy import litellm_keys
from audiocli.proxy.document import Section
from audiocli.proxy.values import Choices, flag_of, text_of
from audiocli.router import Deployment, Policy, Strategy, matched

SECTIONS = ("router_settings", "litellm_settings")  # The first that has a key decides.
SIMPLE: Strategy = "simple-shuffle"

_ALIASES = "model_group_alias"


def read_policy(routing: Choices, deployments: Collection[Deployment], left_out: Collection[str]) -> Policy:
    """The policy. Raises `ConfigError` where it names what is neither one of `deployments` nor `left_out`.

    An alias for what is left out is left out as well.
    """
    groups = {each.group for each in deployments}
    strategy = routing.text("routing_strategy", SIMPLE)
    if strategy not in get_args(Strategy) and strategy not in litellm_keys.OTHER_STRATEGIES:
        allowed = ", ".join(get_args(Strategy))
        raise ConfigError(
            f"{routing.where('routing_strategy')}: {quoted(strategy)} is not done", hint=f"use {allowed}"
        )
    fallbacks = _fallbacks(routing)
    for_all = fallbacks.pop("*", ())  # another of LiteLLM's ways to say default_fallbacks
    policy = Policy(
        strategy=SIMPLE if strategy in litellm_keys.OTHER_STRATEGIES else cast(Strategy, strategy),
        retries=routing.count("num_retries", 2),
        allowed_fails=routing.count("allowed_fails", 3),
        cooldown_time=routing.number("cooldown_time", 5.0),
        fallbacks=fallbacks,
        default_fallbacks=routing.names("default_fallbacks") or for_all,
        aliases=_without(_aliases(routing), {*left_out} - groups),
        hidden=frozenset(_hidden(_alias_section(routing))),
    )
    _check_names(policy, routing, groups, {*left_out, *(each.id for each in deployments)})
    return policy


def warnings(routing: Choices) -> Iterator[str]:
    """What is not done as the config says it."""
    strategy = routing.text("routing_strategy", SIMPLE)
    if strategy in litellm_keys.OTHER_STRATEGIES:
        yield f"{routing.where('routing_strategy')}: {strategy} is not done: {SIMPLE} is used in its place"


def _fallbacks(routing: Choices) -> dict[str, tuple[str, ...]]:
    """LiteLLM's list of mappings, `[{"a": ["b", "c"]}]`, as one."""
    found: dict[str, tuple[str, ...]] = {}
    for row in routing.items("fallbacks"):
        if not isinstance(row, Section):
            raise ConfigError(f"{routing.where('fallbacks')}: a row is not of the form {{name: [names]}}")
        for name in row:
            found[name] = Choices(Section({"row": row}), ("row",), routing.environ).names(name)
    return found


def _alias_section(routing: Choices) -> Section:
    section = routing.get(_ALIASES)
    if section is None or isinstance(section, Section):
        return section or Section()
    raise ConfigError(f"{routing.where(_ALIASES)}: {_ALIASES} must be a mapping")


def _aliases(routing: Choices) -> dict[str, str]:
    section = _alias_section(routing)
    return {alias: _stands_for(section, alias) for alias in section}


def _without(aliases: Mapping[str, str], absent: Collection[str]) -> dict[str, str]:
    return {alias: group for alias, group in aliases.items() if group not in absent}


def _hidden(section: Section) -> Iterator[str]:
    """Aliases that work, and are in no list."""
    for alias, value in section.items():
        if isinstance(value, Section) and flag_of(value.get("hidden"), "hidden", value.where("hidden")):
            yield alias


def _stands_for(section: Section, alias: str) -> str:
    value = section[alias]
    if isinstance(value, Section):  # LiteLLM's form for one that may be hidden from the list
        value = value.get("model")
    return text_of(value, alias, section.where(alias))


def _check_names(policy: Policy, routing: Choices, groups: set[str], others: set[str]) -> None:
    """Aliases are for `groups`. Fallbacks may be aliases as well, or, as LiteLLM has it, among `others`:
    single deployments.
    """
    known = {*groups, *others, *policy.aliases}
    for key, names, possible in (
        ("fallbacks", {*policy.fallbacks, *chain(*policy.fallbacks.values())}, known),
        ("default_fallbacks", {*policy.default_fallbacks}, known),
        (_ALIASES, {*policy.aliases.values()}, groups),
    ):
        for name in sorted(names - possible):
            if all(matched(group, name) is None for group in groups if "*" in group):
                hint = f"model_list has {', '.join(sorted(groups))}"
                raise ConfigError(f"{routing.where(key)}: there is no model {quoted(name)}", hint=hint)
