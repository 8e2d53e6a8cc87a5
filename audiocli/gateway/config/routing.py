"""How deployments are chosen, as `router_settings` and `litellm_settings` say it."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import cast, get_args

from audiocli.config import litellm_keys
from audiocli.config.aliases import KEY as ALIASES
from audiocli.config.aliases import alias_section, read_aliases
from audiocli.config.problems import tried
from audiocli.config.section import Section
from audiocli.config.values import Choices, count_of, flag_of
from audiocli.config.wildcards import matched
from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.router import Deployment, Kind, Lists, Policy, RetriesByError, Strategy
from audiocli.wire.errors import Refusal

SECTIONS = ("router_settings", "litellm_settings")  # The first that has a key decides.
SIMPLE: Strategy = "simple-shuffle"

_REFUSALS: Mapping[str, Refusal] = {
    "context_window_fallbacks": "context_window",
    "content_policy_fallbacks": "content_policy",
}
_KINDS: Mapping[str, Kind] = {
    "AuthenticationErrorRetries": "authentication",
    "BadRequestErrorRetries": "bad_request",
    "ContentPolicyViolationErrorRetries": "content_policy",
    "InternalServerErrorRetries": "server",
    "RateLimitErrorRetries": "rate_limit",
    "TimeoutErrorRetries": "timeout",
}
"""LiteLLM's names."""


def read_policy(
    routing: Choices,
    deployments: Collection[Deployment],
    left_out: Collection[str],
    rows: Mapping[str, tuple[str, ...]],
) -> Policy:
    """The policy. Raises `ConfigError` where it names what is neither one of `deployments` nor `left_out`.

    An alias for what is left out is left out as well. `rows` are fallbacks that rows of the model list have.
    """
    groups = {each.group for each in deployments}
    strategy = routing.text("routing_strategy", SIMPLE)
    if strategy not in get_args(Strategy) and strategy not in litellm_keys.OTHER_STRATEGIES:
        allowed = ", ".join(get_args(Strategy))
        routing.note(
            ConfigError(
                f"{routing.where('routing_strategy')}: {quoted(strategy)} is not done", hint=f"use {allowed}"
            )
        )
    fallbacks = {**rows, **_fallbacks(routing, "fallbacks")}
    for_all = fallbacks.pop("*", ())  # another of LiteLLM's ways to say default_fallbacks
    policy = Policy(
        strategy=SIMPLE if strategy in litellm_keys.OTHER_STRATEGIES else cast(Strategy, strategy),
        retries=routing.count("num_retries", 2),
        allowed_fails=routing.count("allowed_fails", 3),
        cooldown_time=routing.number("cooldown_time", 5.0),
        fallbacks=fallbacks,
        default_fallbacks=routing.names("default_fallbacks") or for_all,
        refusal_fallbacks={
            kind: found for key, kind in _REFUSALS.items() if (found := _fallbacks(routing, key))
        },
        retries_by_error=tried(lambda: _retries(_mapping(routing, "retry_policy")), {}, routing.note),
        group_retries=tried(
            lambda: _group_retries(_mapping(routing, "model_group_retry_policy")), {}, routing.note
        ),
        aliases=_without(read_aliases(routing), {*left_out} - groups),
        hidden=frozenset(_hidden(alias_section(routing))),
    )
    _check_names(policy, routing, groups, {*left_out, *(each.id for each in deployments)})
    return policy


def warnings(routing: Choices) -> Iterator[str]:
    """What is not done as the config says it."""
    strategy = routing.text("routing_strategy", SIMPLE)
    if strategy in litellm_keys.OTHER_STRATEGIES:
        yield f"{routing.where('routing_strategy')}: {strategy} is not done: {SIMPLE} is used in its place"


def _fallbacks(routing: Choices, key: str) -> dict[str, tuple[str, ...]]:
    """LiteLLM's list of mappings, `[{"a": ["b", "c"]}]`, as one."""
    found: dict[str, tuple[str, ...]] = {}
    for row in routing.items(key):
        if not isinstance(row, Section):
            routing.note(ConfigError(f"{routing.where(key)}: a row is not of the form {{name: [names]}}"))
            continue
        for name in row:
            found[name] = Choices(Section({"row": row}), ("row",), routing.environ, routing.note).names(name)
    return found


def _retries(section: Section) -> RetriesByError:
    if unknown := next((name for name in section if name not in _KINDS), None):
        raise ConfigError(
            f"{section.where(unknown)}: unknown kind of error {quoted(unknown)}",
            hint=f"use {', '.join(_KINDS)}",
        )
    given = {name: value for name, value in section.items() if value is not None}
    return {_KINDS[name]: count_of(value, name, section.where(name)) for name, value in given.items()}


def _group_retries(section: Section) -> dict[str, RetriesByError]:
    return {name: _retries(section.section(name)) for name in section}


def _mapping(routing: Choices, key: str) -> Section:
    section = routing.get(key)
    if section is None or isinstance(section, Section):
        return section or Section()
    raise ConfigError(f"{routing.where(key)}: {key} must be a mapping")


def _without(aliases: Mapping[str, str], absent: Collection[str]) -> dict[str, str]:
    return {alias: group for alias, group in aliases.items() if group not in absent}


def _hidden(section: Section) -> Iterator[str]:
    """Aliases that work, and are in no list."""
    for alias, value in section.items():
        if isinstance(value, Section) and flag_of(value.get("hidden"), "hidden", value.where("hidden")):
            yield alias


def _check_names(policy: Policy, routing: Choices, groups: set[str], others: set[str]) -> None:
    """Aliases are for `groups`. Fallbacks may be aliases as well, or, as LiteLLM has it, among `others`:
    single deployments.
    """
    known = {*groups, *others, *policy.aliases}
    refusals = ((key, policy.refusal_fallbacks.get(kind, {})) for key, kind in _REFUSALS.items())
    for key, names, possible in (
        *((key, _named(lists), known) for key, lists in (("fallbacks", policy.fallbacks), *refusals)),
        ("model_group_retry_policy", {*policy.group_retries}, known),
        ("default_fallbacks", {*policy.default_fallbacks}, known),
        (ALIASES, {*policy.aliases.values()}, groups),
    ):
        for name in sorted(names - possible):
            if all(matched(group, name) is None for group in groups if "*" in group):
                hint = f"model_list has {', '.join(sorted(groups))}"
                routing.note(
                    ConfigError(f"{routing.where(key)}: there is no model {quoted(name)}", hint=hint)
                )


def _named(lists: Lists) -> set[str]:
    return {*lists, *chain(*lists.values())}
