"""From a model's name to the target that it stands for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from audiocli.catalog import Capabilities, Table, current_table, known_models, lookup
from audiocli.catalog.dates import today
from audiocli.catalog.override import override
from audiocli.config import OPENAI_KEY_VARIABLE, Config, Deployment, same_origin
from audiocli.config.litellm_keys import COMPATIBLE_PROVIDERS, OTHER_PROVIDERS
from audiocli.config.wildcards import EVERY_NAME, matched, patterns
from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    ConfigError,
    DependencyError,
    MisspeltModelError,
    UsageError,
)
from audiocli.nearness import misspells, nearest, nearest_model
from audiocli.printable import quoted
from audiocli.prompts import check_utf8
from audiocli.providers.azure import AZURE, azure_endpoint
from audiocli.providers.endpoint import Endpoint, at_login
from audiocli.providers.hosts import HOSTS, LOCAL, OPENAI, Host
from audiocli.providers.pasted import base_url_of
from audiocli.providers.registry import check_installed, engine
from audiocli.providers.suiting import (
    TEXT_ONLY,
    Purpose,
    Wanted,
    chat_penalty,
    transcript_penalty,
)
from audiocli.providers.target import ECHO_WIRE, LOCAL_WIRE, MOCK_WIRE, OPENAI_WIRE, Target
from audiocli.secret import Secret

_IN_PROCESS: Mapping[str, str] = {LOCAL: LOCAL_WIRE, "echo": ECHO_WIRE}
"""Providers that run in this process, and their wires."""

DEFAULT_HOSTED_MODEL = "openai/gpt-audio-1.5"
DEFAULT_HOSTED_TRANSCRIBER = "openai/gpt-transcribe"
DEFAULT_LOCAL_MODEL = "local/smollm2-135m"
LOCAL_RECOGNISER = "local/moonshine-tiny-en"

_OPENAIS_NAMES = frozenset({OPENAI, "custom_openai"})
"""What LiteLLM's names for models begin with where a server is asked as OpenAI is, and with its key."""

# What compatible servers, old ones too, call the limit.
COMPATIBLE_MAX_TOKENS_FIELD = "max_tokens"


def resolve(
    config: Config,
    name: str | None = None,
    base_url: str | None = None,
    *,
    purpose: Purpose = "chat",
    wanted: Wanted = TEXT_ONLY,
    force: bool = False,
) -> Target:
    """What `name` stands for: an alias of the config, `provider/model`, or a known model's own name.

    Without a name it is the config's model; else, of the hosts whose keys are set, the model that suits
    `purpose` and what is `wanted` best, OpenAI's before others; else the embedded one. A server at `base_url`
    is asked for any name: as the provider that the name begins with, and with that one's key.

    Raises `UsageError` for a name that nobody knows, and `MisspeltModelError`, unless `force` is set, for one
    that is nearly that of a host's known model.
    """
    check_utf8(name, "the model's name")
    table = current_table(config.cache_dir)
    names = _Names(config, table, base_url, purpose, wanted, force)
    chosen = name or config.model
    target = names.default() if chosen is None else names.resolve(chosen)
    target = replace(
        target,
        timeout=config.timeout if target.timeout is None else target.timeout,
        retries=config.retries if target.retries is None else target.retries,
        ready=(*(name for name, host in HOSTS.items() if config.names_key(host.key_variable)), LOCAL),
    )
    hears_here = purpose == "transcription" and target.wire == LOCAL_WIRE
    return names.recogniser(target) if hears_here else target


@dataclass(frozen=True)
class _Defaults:
    """The models that are used if none is named and no other suits: a service's, and our own."""

    hosted: str
    local: str


_DEFAULTS: Mapping[Purpose, _Defaults] = {
    "chat": _Defaults(DEFAULT_HOSTED_MODEL, DEFAULT_LOCAL_MODEL),
    "transcription": _Defaults(DEFAULT_HOSTED_TRANSCRIBER, LOCAL_RECOGNISER),
}
_PENALTIES: Mapping[Purpose, Callable[[Capabilities, Wanted], int | None]] = {
    "chat": chat_penalty,
    "transcription": transcript_penalty,
}


def server_key(config: Config, url: str) -> Secret | None:
    """The key for the server at `url`: the one that is set for it, else its host's, if it is one of `HOSTS`.

    Raises `AuthenticationError` for one that is named and not there.
    """
    host = _host_at(url)
    return config.server_key(url) or (config.host_key(HOSTS[host].key_variable) if host else None)


def keys_for(purpose: Purpose, wanted: Wanted) -> list[str]:
    """The variables whose keys open a model that can do what is `wanted`."""
    return [
        host.key_variable
        for provider, host in HOSTS.items()
        if any(
            known is not None and _PENALTIES[purpose](known, wanted) is not None
            for known in (lookup(model, provider) for model in host.models)
        )
    ]


def is_ready(config: Config, model: str | Capabilities) -> bool:
    """Whether a model can be asked as things are: a name of the config, or one of the table.

    Its key is set, or what it needs is installed, and it is of a kind that is asked here.
    """
    if isinstance(model, str):
        with suppress(AudiocliError):
            target = resolve(config, model)
            return target.key_variable is None and (engine(target) is None or _is_installed(LOCAL))
        return False
    if model.mode not in _ASKED or model.provider is None or model.is_retired(today()):
        return False
    return _has_key(config, model.provider) or _is_installed(model.provider)


_ASKED = ("chat", "transcription", "speech")


def _has_key(config: Config, provider: str) -> bool:
    with suppress(AuthenticationError):
        return provider in HOSTS and config.host_key(HOSTS[provider].key_variable) is not None
    return False


@cache
def _is_installed(provider: str) -> bool:
    with suppress(DependencyError):
        if provider in _IN_PROCESS:
            check_installed(Target(provider, provider, None, wire=_IN_PROCESS[provider]))
            return True
    return False


def reachable_models() -> list[str]:
    """The names in the table that need neither a config nor a base URL, each in all its forms."""
    names = known_models()
    elsewhere = [name for name in names if name.partition("/")[0] in {*_IN_PROCESS, *HOSTS}]
    own = [name for name in names if "/" not in name and (known := lookup(name)) and known.provider == OPENAI]
    return [*own, *(f"{OPENAI}/{name}" for name in own), *elsewhere]


@dataclass(frozen=True)
class _Names:
    """Finds what names stand for, by one config, one table and, if it is named, one server.

    The config's own server is OpenAI's: models of other providers are asked at their own.
    """

    config: Config
    table: Table
    base_url: str | None
    purpose: Purpose
    wanted: Wanted
    force: bool

    def default(self) -> Target:
        return replace(self.resolve(self._best() or self._last_resort()), chosen=True)

    def _best(self) -> str | None:
        """The model with the least wrong with it, of the hosts that can be asked; the first of several."""
        least, best = None, None
        for provider in self._askable():
            for model in HOSTS[provider].models:
                known = self.table.lookup(model, provider)
                penalty = _PENALTIES[self.purpose](known, self.wanted) if known else None
                if penalty is not None and (least is None or penalty < least):
                    least, best = penalty, f"{provider}/{model}"
            if least == 0:
                break  # The key of another host is not even looked at.
        return best

    def _askable(self) -> Iterator[str]:
        if (server := self.base_url or self.config.base_url) is not None:
            yield _host_at(server) or OPENAI  # A compatible server has its names.
            return
        for provider, host in HOSTS.items():
            named = f"{provider}/*" in self.config.deployments
            if host.models and (named or self.config.host_key(host.key_variable) is not None):
                yield provider

    def _last_resort(self) -> str:
        defaults = _DEFAULTS[self.purpose]
        named = self.base_url or self.config.base_url
        hosted = named is not None or self.config.openai_key() is not None
        return defaults.hosted if hosted else defaults.local

    def recogniser(self, target: Target) -> Target:
        """What writes down on this machine, whichever model of it was named."""
        known = self.table.lookup(LOCAL_RECOGNISER)
        return replace(target, model=LOCAL_RECOGNISER.partition("/")[2], capabilities=known)

    def resolve(self, name: str) -> Target:
        name = self.config.aliases.get(name, name)
        row, part = self._row(name)
        if row is None:
            return self._find(name)
        deployment = self.config.deployments[row]
        if deployment.refusal is not None:
            raise deployment.refusal
        if deployment.model == EVERY_NAME and deployment.base_url is None:
            deployment = replace(deployment, model=name)
        target = self._changed(self._placed(deployment), deployment)
        if part is not None and "*" in target.model:
            target = standing_for(target, part, self.table)
        return with_facts(target, deployment.model_info) if deployment.model_info else target

    def _row(self, name: str) -> tuple[str | None, str | None]:
        """The row of the config that `name` leads to, and what its `*` stands for; as in a gateway."""
        rows = self.config.deployments
        if name in rows:
            return name, None
        provider, model = self._split(name)
        # Whoever serves at the base URL has its own names, and what is asked here is for nobody else.
        if not rows or self.base_url is not None or provider in _IN_PROCESS:
            return None, None
        for each in (name, f"{provider}/{model}"):
            if each in rows:
                return each, None
            for pattern in patterns(rows):
                if (part := matched(pattern, each)) is not None:
                    return pattern, part
        return None, None

    def _placed(self, deployment: Deployment) -> Target:
        if deployment.model.partition("/")[0] == AZURE and "*" in deployment.model:
            raise ConfigError("a deployment of Azure has one name", hint="give each a row")
        if deployment.answer is not None:
            provider, model = self._split(deployment.model)
            known = _known_elsewhere(self.table, model)
            return Target(provider, model, known, answer=deployment.answer, wire=MOCK_WIRE)
        if deployment.base_url or deployment.api_key or deployment.api_key_file:
            if self.base_url is not None:
                raise UsageError(
                    f"the config gives {quoted(deployment.model)} a server or a key of its own",
                    hint="leave out the base URL, or name the model itself",
                )
            return self._deployed(deployment)
        # Whoever wrote a config with `provider/model` in it has had time to check the name.
        names = replace(self, force=True) if "/" in deployment.model else self
        return names._find(deployment.model)

    def _changed(self, target: Target, deployment: Deployment) -> Target:
        """`target` as the deployment wants it to be asked."""
        target = replace(target, timeout=deployment.timeout, retries=deployment.retries)
        said = {
            "headers": deployment.headers,
            "additional_drop_params": deployment.left_out,
            "proxy": deployment.proxy,
        }
        members = [*(name for name, value in said.items() if value), *deployment.added]
        if target.wire == MOCK_WIRE or not members:
            return target
        if target.server is None:
            hint = "remove it, or give the model a row without it"
            raise ConfigError(
                f"{members[0]} has no effect on {target.name}, which runs in this process", hint=hint
            )
        headers = {**target.endpoint.headers, **self._own_headers(deployment)}
        proxy = deployment.proxy and Secret(self.config.looked_up(deployment.proxy))
        endpoint = replace(
            target.endpoint,
            headers=headers,
            added=deployment.added,
            left_out=deployment.left_out,
            proxy=proxy or None,
        )
        return replace(target, server=endpoint)

    def _find(self, name: str) -> Target:
        provider, model = self._split(name)
        if provider in _IN_PROCESS:
            if (known := self.table.lookup(model, provider)) is None:
                raise self._unknown(name)
            return Target(provider, _spelt(model, known), known, wire=_IN_PROCESS[provider])
        if self.base_url is not None:
            return self._at_server(self.base_url, name, _host_at(self.base_url) or OPENAI)
        written = self._written(name)[0]
        elsewhere = {*HOSTS, AZURE} - _OPENAIS_NAMES
        if self.config.base_url is not None and written not in elsewhere:
            return self._at_server(self.config.base_url, name, OPENAI)
        if provider == AZURE:
            raise ConfigError(f"{name} has no api_base", hint="in the config, https://NAME.openai.azure.com")
        if provider not in HOSTS:
            if (known := self.table.lookup(name)) is not None:
                raise _unreachable(known)
            provider = self._forced(name)
        host = HOSTS[provider]
        key = self.config.host_key(host.key_variable)
        endpoint = _at_host(host, key, self.config.headers if host.account else {})
        missing = None if key else host.key_variable
        if (known := self.table.lookup(model, provider)) is None and not self.force:
            self._check_spelling(provider, model)
        return Target(provider, _spelt(model, known), known, endpoint, missing, wire=host.wire)

    def _check_spelling(self, provider: str, model: str) -> None:
        """Refuse a name that nobody knows, and that is too near to a known one to be its own."""
        near = [each for each in nearest(model, models_of(provider, self.table)) if misspells(model, each)]
        if near:
            hint = _meant(f"{provider}/{each}" for each in near)
            raise MisspeltModelError(f"unknown model {quoted(f'{provider}/{model}')}", hint=hint)

    def _forced(self, name: str) -> str:
        """The provider that a name is sent to which nobody knows: that of the nearest model."""
        near = self._near(name)
        provider = self._split(near[0])[0] if near else ""
        if "/" in name or provider not in HOSTS:
            raise self._unknown(name)
        if not self.force:
            raise MisspeltModelError(f"unknown model {quoted(name)}", hint=_meant(near))
        return provider

    def _near(self, name: str) -> list[str]:
        """The names of the config, then those within reach, that `name` is near to."""
        reachable = [*_IN_PROCESS, *reachable_models()]
        given, _, model = name.partition("/")
        if model and given not in HOSTS and (providers := nearest(given, [*HOSTS, *_IN_PROCESS], most=1)):
            corrected = f"{providers[0]}/{model}"
            known = self.table.lookup(model, providers[0]) is not None
            return [corrected] if known else nearest(corrected, reachable) or [corrected]
        named = [each for each in self.config.deployments if each != name]
        return nearest_model(name, [*named, *reachable])

    def _unknown(self, name: str) -> UsageError:
        near = self._near(name)
        hosts = ", ".join([*HOSTS, *_IN_PROCESS])
        advice = f"known providers are {hosts}; any other server is named by its base URL"
        return UsageError(f"unknown model {quoted(name)}", hint=_meant(near) if near else advice)

    def _at_server(self, base_url: str, name: str, otherwise: str) -> Target:
        """Any name at a server. It is asked as the provider that is written, or `otherwise`, with its key."""
        written, model = self._written(name)
        provider = written or otherwise
        key = self._key_for(provider, name)
        endpoint = _elsewhere(provider, model, base_url, key, self.config.environ.get("AZURE_API_VERSION"))
        if provider in _OPENAIS_NAMES:
            endpoint = replace(endpoint, headers=self.config.headers)
        missing = HOSTS[provider].key_variable if written is None and provider != OPENAI and not key else None
        known = _known_at(self.table, provider, model)
        return Target(provider, model, known, endpoint, missing, wire=_wire(provider))

    def _key_for(self, provider: str, name: str) -> Secret | None:
        """The key of the environment for a model of `provider`: its own, and never another's."""
        if name.partition("/")[0] in OTHER_PROVIDERS:
            return None
        return self.config.host_key(_key_variable(provider))

    def _written(self, name: str) -> tuple[str | None, str]:
        """The provider that a name begins with, if that is one that is asked here, and what it is told."""
        provider, _, model = name.partition("/")
        return (provider.lower(), model) if model and _is_asked(provider.lower()) else (None, name)

    def _deployed(self, deployment: Deployment) -> Target:
        """A deployment with a server or a key of its own, which are used for it alone."""
        if (prefix := deployment.model.partition("/")[0]) in _IN_PROCESS:
            raise ConfigError(f"{prefix} runs in this process", hint="remove api_base and api_key")
        if prefix in OTHER_PROVIDERS:
            hint = "for a compatible server use openai/MODEL"
            raise ConfigError(f"the API of {prefix} is not supported", hint=hint)
        if deployment.base_url is None:
            provider, model = self._split(deployment.model)
            if provider not in HOSTS:
                raise ConfigError(f"{quoted(deployment.model)} has no api_base in the config", hint="add one")
            endpoint = _at_host(HOSTS[provider], self.config.deployment_key(deployment))
            known = _known_at(self.table, provider, model)
            return Target(provider, model, known, endpoint, wire=_wire(provider))
        written, model = self._written(deployment.model)
        base_url = self.config.looked_up(deployment.base_url)
        version = deployment.api_version and self.config.looked_up(deployment.api_version)
        provider, key = written or OPENAI, self.config.deployment_key(deployment)
        endpoint = _elsewhere(provider, model, base_url, key, version)
        known = _known_at(self.table, provider, model)
        return Target(provider, model, known, endpoint, wire=_wire(provider))

    def _own_headers(self, deployment: Deployment) -> dict[str, str]:
        return {name: self.config.looked_up(value) for name, value in deployment.headers.items()}

    def _split(self, name: str) -> tuple[str, str]:
        """The provider and the model's name there; a known name needs no provider, and `local` no model."""
        provider, _, model = name.partition("/")
        if provider.lower() in {*HOSTS, *_IN_PROCESS}:
            provider = provider.lower()
        if model:
            return provider, model
        if provider in _IN_PROCESS:
            return provider, _DEFAULTS[self.purpose].local.partition("/")[
                2
            ] if provider == LOCAL else provider
        known = self.table.lookup(name)
        own = known.provider or "" if known else ""
        if known is None or own in HOSTS:
            return own, name
        # Of a maker's model, the table may have the name at another service than the one that can be asked.
        return next((host for host in HOSTS if self.table.lookup(name, host)), own), name


def _is_asked(provider: str) -> bool:
    """Whether a name that begins so says who is asked; any other beginning is a part of the name."""
    return provider in HOSTS or provider in (AZURE, *_OPENAIS_NAMES) or provider in COMPATIBLE_PROVIDERS


def _spelt(model: str, known: Capabilities | None) -> str:
    """`model` in the upper and lower case of its own name, which a service insists on."""
    own = known.id[-len(model) :] if known else model
    return own if own.lower() == model.lower() else model


def _at_host(host: Host, key: Secret | None, headers: Mapping[str, str] = MappingProxyType({})) -> Endpoint:
    return Endpoint(
        host.base_url,
        key,
        headers,
        host.max_tokens_field,
        host.dialect,
        host.key_variable,
        host.key_header,
    )


def _wire(provider: str) -> str:
    """A server that is no host's speaks OpenAI's."""
    return HOSTS[provider].wire if provider in HOSTS else OPENAI_WIRE


def _known_at(table: Table, provider: str, model: str) -> Capabilities | None:
    return table.lookup(model, provider) or _known_elsewhere(table, model)


def _known_elsewhere(table: Table, model: str) -> Capabilities | None:
    """What is known of a model at any server: its own provider may end it before that does."""
    known = table.lookup(model)
    if known is None or known.provider == OPENAI:
        return known
    return replace(known, shutdown=None, successor=None)


def with_facts(target: Target, facts: Mapping[str, Any]) -> Target:
    """`target`, with what a config says of it standing above what is known."""
    known = target.capabilities or Capabilities(id=target.model)
    return replace(target, capabilities=override(known, facts))


def standing_for(target: Target, part: str, table: Table) -> Target:
    """`target`, whose model's name has a `*`, as the model that has `part` in its place."""
    model = target.model.replace("*", part, 1)
    return replace(target, model=model, capabilities=_known_at(table, target.provider, model))


def is_usual(target: Target) -> bool:
    """Whether its provider is the one that is asked first where several can be."""
    return target.provider == OPENAI


def is_unknown(target: Target, table: Table) -> bool:
    """Whether a provider is asked, at its own address, for a model that it is not known to have."""
    host = HOSTS.get(target.provider)
    at_home = host is not None and target.server is not None and target.server.base_url == host.base_url
    return at_home and "*" not in target.model and table.lookup(target.model, target.provider) is None


def near_models(target: Target, table: Table) -> list[str]:
    """The names of its provider's models that `target` may be meant for."""
    return [f"{target.provider}/{each}" for each in nearest(target.model, models_of(target.provider, table))]


def models_of(provider: str, table: Table) -> list[str]:
    """The names that the table has of a provider's models, as the provider has them."""
    if provider == OPENAI:
        return [each.id for each in table.models_of(OPENAI) if "/" not in each.id]
    prefix = f"{provider}/"
    return [name.removeprefix(prefix) for name in table.names() if name.startswith(prefix)]


def _elsewhere(
    provider: str, model: str, base_url: str, key: Secret | None, version: str | None = None
) -> Endpoint:
    """The server at `base_url`, asked as `provider` is: in its dialect, by its names for fields."""
    if provider == AZURE:
        return at_login(azure_endpoint(base_url, model, version, key))
    base_url = base_url_of(base_url)
    host = HOSTS.get(provider)
    if host is not None and not (host.account and _host_at(base_url) != provider):
        return at_login(replace(_at_host(host, key), base_url=base_url))
    own = _key_variable(provider)
    return at_login(Endpoint(base_url, key, max_tokens_field=COMPATIBLE_MAX_TOKENS_FIELD, key_variable=own))


def _key_variable(provider: str) -> str:
    """The variable of a provider's key, as LiteLLM has it."""
    if provider in _OPENAIS_NAMES:
        return OPENAI_KEY_VARIABLE
    host = HOSTS.get(provider)
    return host.key_variable if host else f"{provider.upper().replace('-', '_')}_API_KEY"


def _host_at(url: str) -> str | None:
    """The host whose server is at `url`."""
    return next((name for name, host in HOSTS.items() if same_origin(url, host.base_url)), None)


def _unreachable(known: Capabilities) -> UsageError:
    return UsageError(
        f"{quoted(known.id)} is a model of {known.provider}, which is not asked directly",
        hint="name a compatible server that has it by its base URL, or in the config by its api_base",
    )


def _meant(names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(names)}?"
