"""From a model's name to the provider that answers for it.

A host without behaviour of its own is a row of `HOSTS`. One with behaviour is a class.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from audiocli.capabilities import Capabilities, Table, current_table, known_models
from audiocli.capabilities.override import override
from audiocli.config import OPENAI_KEY_VARIABLE, Config, Deployment
from audiocli.errors import AuthenticationError, ConfigError, DependencyError, UsageError
from audiocli.printable import quoted
from audiocli.providers.base import Provider
from audiocli.providers.openai_compatible import Endpoint, OpenAICompatible

DEFAULT_HOSTED_MODEL = "openai/gpt-audio-1.5"
DEFAULT_LOCAL_MODEL = "local/smollm2-135m"

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there, while something large is fetched."""


@dataclass(frozen=True)
class Host:
    """A service that speaks OpenAI's chat completions. `max_tokens_field` is its name for that limit."""

    base_url: str
    key_variable: str
    max_tokens_field: str


HOSTS: Mapping[str, Host] = {
    "openai": Host("https://api.openai.com/v1", OPENAI_KEY_VARIABLE, "max_completion_tokens"),
}

# What compatible servers, old ones too, call the limit.
COMPATIBLE_MAX_TOKENS_FIELD = "max_tokens"


def _local(config: Config, progress: Progress) -> Provider:
    from audiocli.providers.local import LocalProvider, require_packages

    require_packages()
    return LocalProvider(config.local_model, config.cache_dir, progress)


def _echo(config: Config, progress: Progress) -> Provider:  # noqa: ARG001 - a builder, as the one above
    from audiocli.providers.echo import Echo

    return Echo()


_IN_PROCESS: Mapping[str, Callable[[Config, Progress], Provider]] = {"local": _local, "echo": _echo}


@dataclass(frozen=True)
class Target:
    """The model that a request goes to: its name at the provider, what is known of it, and where it is.

    `endpoint` is `None` for a model that runs in this process. `key_variable` is what has to be set before it
    can be asked. `chosen` says that nobody named the model.
    """

    provider: str
    model: str
    capabilities: Capabilities | None
    endpoint: Endpoint | None = None
    key_variable: str | None = None
    chosen: bool = False

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


def resolve(config: Config, name: str | None = None, base_url: str | None = None) -> Target:
    """What `name` stands for: an alias of the config, `provider/model`, or a known model's own name.

    Without a name it is the config's model, then OpenAI's where there is a key or a server, then the embedded
    one. A server at `base_url` is asked for any name. Raises `UsageError` for a name that nobody knows.
    """
    names = _Names(config, current_table(config.cache_dir), base_url or config.base_url)
    wanted = name or config.model
    return names.default() if wanted is None else names.resolve(wanted)


def build(target: Target, config: Config, progress: Progress) -> Provider:
    """The provider that answers for `target`.

    Raises `AuthenticationError` where its key is missing, `DependencyError` where its packages are.
    """
    if target.key_variable is not None:
        hint = f"set {target.key_variable}, or use the embedded model with --model local"
        raise AuthenticationError(f"there is no key for {target.name}", hint=hint)
    if target.endpoint is not None:
        return OpenAICompatible(target.endpoint)
    try:
        return _IN_PROCESS[target.provider](config, progress)
    except DependencyError as error:
        if not target.chosen:
            raise
        hint = "set OPENAI_API_KEY, or pip install 'audiocli[local]'"
        raise AuthenticationError("there is no key, and no embedded model", hint=hint) from error


def reachable_models() -> list[str]:
    """The names in the table that need neither a config nor a base URL, each in all its forms."""
    names = known_models()
    own = [name for name in names if "/" not in name]
    return [
        *own,
        *(f"openai/{name}" for name in own),
        *(n for n in names if n.partition("/")[0] in _IN_PROCESS),
    ]


@dataclass(frozen=True)
class _Names:
    """Finds what names stand for, by one config, one table and, if it is named, one server."""

    config: Config
    table: Table
    base_url: str | None

    def default(self) -> Target:
        hosted = self.base_url is not None or self.config.openai_key() is not None
        return replace(self._find(DEFAULT_HOSTED_MODEL if hosted else DEFAULT_LOCAL_MODEL), chosen=True)

    def resolve(self, name: str) -> Target:
        deployment = self.config.deployments.get(name)
        if deployment is None:
            return self._find(name)
        elsewhere = deployment.base_url or deployment.api_key or deployment.api_key_file
        target = self._deployed(deployment) if elsewhere else self._find(deployment.model)
        if not deployment.model_info:
            return target
        known = target.capabilities or Capabilities(id=target.model)
        return replace(target, capabilities=override(known, deployment.model_info))

    def _find(self, name: str) -> Target:
        provider, model = self._split(name)
        if provider in _IN_PROCESS:
            if (known := self.table.lookup(model, provider)) is None:
                raise _unknown(name)
            return Target(provider, model, known)
        headers = self.config.headers
        if self.base_url is not None:
            model = model if provider in HOSTS else name
            key = self.config.openai_key()
            endpoint = Endpoint(self.base_url, key, headers, COMPATIBLE_MAX_TOKENS_FIELD)
            return Target("openai", model, self.table.lookup(model), endpoint)
        if provider not in HOSTS:
            raise _unknown(name)
        host = HOSTS[provider]
        key = self.config.host_key(host.key_variable)
        endpoint = Endpoint(host.base_url, key, headers, host.max_tokens_field)
        missing = None if key else host.key_variable
        return Target(provider, model, self.table.lookup(model, provider), endpoint, missing)

    def _deployed(self, deployment: Deployment) -> Target:
        """A deployment with a server or a key of its own, which are used for it alone."""
        provider, model = self._split(deployment.model)
        key = self.config.deployment_key(deployment)
        if deployment.base_url is not None:
            endpoint = Endpoint(deployment.base_url, key, max_tokens_field=COMPATIBLE_MAX_TOKENS_FIELD)
        elif (host := HOSTS.get(provider)) is not None:
            endpoint = Endpoint(host.base_url, key, max_tokens_field=host.max_tokens_field)
        else:
            raise ConfigError(f"{quoted(deployment.model)} has no api_base in the config", hint="add one")
        return Target("openai", model, self.table.lookup(model), endpoint)

    def _split(self, name: str) -> tuple[str, str]:
        """The provider and the model's name there; a known name needs no provider, and `local` no model."""
        provider, _, model = name.partition("/")
        if model:
            return provider, model
        if name in _IN_PROCESS:
            return name, DEFAULT_LOCAL_MODEL.partition("/")[2] if name == "local" else name
        known = self.table.lookup(name)
        return (known.provider or "", name) if known else ("", name)


def _unknown(name: str) -> UsageError:
    import difflib

    close = difflib.get_close_matches(name, reachable_models(), n=3)
    advice = f"did you mean {' or '.join(close)}?" if close else "use --base-url for another server"
    return UsageError(f"unknown model {quoted(name)}", hint=advice)
