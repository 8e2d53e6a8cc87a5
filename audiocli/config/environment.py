"""Environment and config.yaml, read once into a frozen `Config`.

The file is LiteLLM's: its `model_list` gives names to deployments, which are the aliases that `--model`
takes. Of our own are `model` (the default), `api_key_file`, `local_model` and `capabilities_sources`.
Sections that only a server needs are skipped here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audiocli.config.aliases import read_aliases
from audiocli.config.problems import Note, refuse
from audiocli.config.section import Section
from audiocli.config.values import VARIABLE, Choices, looked_up
from audiocli.errors import AuthenticationError, ConfigError
from audiocli.printable import one_line, quoted
from audiocli.secret import Secret

MAX_KEY_CHARACTERS = 4096
OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"

OWN_SECTIONS = frozenset({"model", "model_list", "api_key_file", "local_model", "capabilities_sources"})
_SERVER_SECTIONS = frozenset(
    {
        *("audiocli_settings", "credential_list", "environment_variables", "general_settings", "include"),
        *("litellm_settings", "router_settings"),
    }
)

ROUTING_SECTIONS = ("router_settings", "litellm_settings")
"""The first that has a key decides."""

OTHER_SECTIONS = frozenset(
    {
        "agent_list",
        "assistant_settings",
        "callback_settings",
        "default_vertex_config",
        "files_settings",
        "finetune_settings",
        "guardrails",
        "mcp_aliases",
        "mcp_servers",
        "mcp_tools",
        "policies",
        "prompts",
        "search_tools",
        "vector_store_registry",
        "worker_registry",
    }
)
"""LiteLLM's, as of release 1.109, for things that are not done here."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A model that the config gives a name: which one, where, and where its key is to be found.

    Texts may be `os.environ/NAME`, which is looked up when this deployment is used: its key stays where it is
    until then, and goes to no other. `api_version` is Azure's. `timeout` (seconds) and `retries` are for a
    request. `added` are members for a request that has none of that name, and `left_out` those that it must
    not have. `answer` is given in place of the model's. `refusal` is why it cannot be used.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_file: Path | None = None
    api_version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    model_info: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    retries: int | None = None
    added: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left_out: frozenset[str] = frozenset()
    answer: str | None = None
    refusal: ConfigError | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that is set outside the command line.

    `timeout` and `retries` are for deployments that have none of their own. `aliases` are further names of
    deployments and of models.
    """

    model: str | None = None
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    api_key: Secret | None = None
    api_key_file: Path | None = None
    base_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    local_model: Path | None = None
    timeout: float | None = None
    retries: int | None = None
    capabilities_sources: tuple[str, str] | None = None
    cache_dir: Path = Path()
    state_dir: Path = Path()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def openai_key(self) -> Secret | None:
        """The key for OpenAI's endpoint: the environment's, then the file's. Raises `AuthenticationError`."""
        if self.api_key or self.api_key_file is None:
            return self.api_key
        return _key_from_file(self.api_key_file)

    def host_key(self, variable: str) -> Secret | None:
        """The key in a host's own variable; OpenAI's may be in a file. Raises `AuthenticationError`."""
        if variable == OPENAI_KEY_VARIABLE:
            return self.openai_key()
        value = self.environ.get(variable, "").strip()
        return _checked_key(value, variable) if value else None

    def names_key(self, variable: str) -> bool:
        """Whether there is something to read a host's key from; it may not be one."""
        in_file = variable == OPENAI_KEY_VARIABLE and (self.api_key or self.api_key_file)
        return bool(in_file or self.environ.get(variable))

    def server_key(self, url: str) -> Secret | None:
        """The key for the server at `url`, if the environment or a deployment names that server."""
        if self.base_url is not None and same_origin(url, self.base_url):
            return self.openai_key()
        own = (each for each in self.deployments.values() if each.base_url is not None)
        deployment = next((each for each in own if self._is_at(each.base_url or "", url)), None)
        return self.deployment_key(deployment) if deployment else None

    def _is_at(self, base_url: str, url: str) -> bool:
        place = self.environ.get(base_url.removeprefix(VARIABLE), base_url)
        return same_origin(url, place)

    def deployment_key(self, deployment: Deployment) -> Secret | None:
        """The key that a deployment names. Raises `AuthenticationError` where that is not set."""
        if deployment.api_key_file is not None:
            return _key_from_file(_path(self.looked_up(str(deployment.api_key_file))) or Path())
        reference = deployment.api_key
        if reference is None or not reference.startswith(VARIABLE):
            return _checked_key(reference, "the config's api_key") if reference else None
        name = reference.removeprefix(VARIABLE)
        if not (value := self.environ.get(name)):
            raise AuthenticationError(f"{name} is not set", hint=f"set it to the key for {deployment.model}")
        return _checked_key(value, name)

    def looked_up(self, text: str) -> str:
        """`text`, or what the variable holds that it names. Raises `ConfigError` where that is not set."""
        if not text.startswith(VARIABLE):
            return text
        name = text.removeprefix(VARIABLE)
        if not (value := self.environ.get(name)):
            raise ConfigError(f"{name} is not set", hint="set it, or change the config, which names it")
        return value


def load(environ: Mapping[str, str], path: Path | None = None) -> Config:
    """The configuration. `path`, then `AUDIOCLI_CONFIG`, name a file that must exist; else the usual place is
    looked at. Raises `ConfigError`, and `AuthenticationError` for a key that cannot be one.
    """
    named = path or _path(environ.get("AUDIOCLI_CONFIG"))
    document = _read(named) if named else _read_if_there(_directory(environ, "XDG_CONFIG_HOME", ".config"))
    environ = with_variables(document, environ)
    key = environ.get(OPENAI_KEY_VARIABLE, "").strip()
    local = environ.get("AUDIOCLI_LOCAL_MODEL") or _text(document, "local_model")
    return Config(
        model=environ.get("AUDIOCLI_MODEL") or _text(document, "model"),
        deployments=_deployments(document, environ),
        aliases=read_aliases(Choices(document, ROUTING_SECTIONS, environ)),
        api_key=_checked_key(key, OPENAI_KEY_VARIABLE) if key else None,
        api_key_file=_path(_text(document, "api_key_file")),
        base_url=environ.get("OPENAI_BASE_URL") or None,
        headers=_headers(environ),
        local_model=_path(local),
        timeout=_seconds(document, environ),
        retries=_count(document, environ),
        capabilities_sources=_sources(document),
        cache_dir=_directory(environ, "XDG_CACHE_HOME", ".cache"),
        state_dir=_directory(environ, "XDG_STATE_HOME", os.path.join(".local", "state")),
        environ=environ,
    )


def same_origin(url: str, other: str) -> bool:
    """Whether two addresses are of one server, as far as their text tells: what is of one has its key."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> str:
    scheme, _, rest = url.lower().partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    names = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
    return {header: environ[name] for name, header in names.items() if environ.get(name)}


def _path(text: str | None) -> Path | None:
    return Path(os.path.expanduser(text)) if text else None


def _directory(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    """Our folder of one kind: where the XDG specification has it, which has a relative path ignored."""
    base = environ.get(variable, "")
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(base if os.path.isabs(base) else os.path.join(home, fallback)) / "audiocli"


# The file


def _read_if_there(directory: Path) -> Section:
    path = directory / "config.yaml"
    return _read(path) if path.is_file() else Section()


def _read(path: Path) -> Section:
    from audiocli.config.document import read_documents  # 10 ms, and only where there is a file

    document, _ = read_documents(path, may_be_empty=True)
    check_sections(document)
    return document


def check_sections(document: Section, note: Note = refuse) -> None:
    """A section that nobody knows is a `ConfigError`, with its line, for `note`."""
    known = OWN_SECTIONS | _SERVER_SECTIONS
    for name in document:
        if name not in known | OTHER_SECTIONS:
            from audiocli.wire.litellm import nearest

            close = nearest(name, known | OTHER_SECTIONS)
            hint = f"did you mean {close}?" if close else f"it may have {', '.join(sorted(known))}"
            unknown = f"unknown key {quoted(one_line(name, 60))} in the config"
            note(ConfigError(f"{document.where(name)}: {unknown}", hint=hint))


def with_variables(document: Section, environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, and what the config's `environment_variables` adds to it."""
    section = document.section("environment_variables")
    added = {
        name: looked_up(str(value), environ, section.where(name))
        for name, value in section.items()
        if value is not None
    }
    return {**environ, **added} if added else environ


def _text(document: Section, name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"{document.where(name)}: {name} must be text, not {type(value).__name__}")


def _deployments(document: Section, environ: Mapping[str, str]) -> dict[str, Deployment]:
    if "model_list" not in document:
        return {}
    from audiocli.config.deployments import read_deployments  # Not for a config of other settings.

    return read_deployments(document, environ)


def _count(document: Section, environ: Mapping[str, str]) -> int | None:
    routing = Choices(document, ROUTING_SECTIONS, environ)
    return None if routing.get("num_retries") is None else routing.count("num_retries", 0)


def _seconds(document: Section, environ: Mapping[str, str]) -> float | None:
    routing = Choices(document, ROUTING_SECTIONS, environ)
    return routing.number("timeout", 0) or routing.number("request_timeout", 0) or None


def _sources(document: Section) -> tuple[str, str] | None:
    match document.get("capabilities_sources"):
        case None:
            return None
        case [str(litellm), str(models_dev)]:
            return litellm, models_dev
    raise ConfigError(
        f"{document.where('capabilities_sources')}: capabilities_sources must be two addresses",
        hint="LiteLLM's map, models.dev's",
    )


# Keys


def _key_from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(4 * MAX_KEY_CHARACTERS).decode("ascii")
    except (OSError, ValueError) as error:
        raise AuthenticationError(
            f"the key file {quoted(str(path))} cannot be read", hint="check api_key_file in the config"
        ) from error
    return _checked_key(text.strip(), quoted(str(path)))


def _checked_key(value: str, name: str) -> Secret:
    """A key that can stand in a header; what is wrong with another is said without showing it."""
    if not value:
        raise AuthenticationError(f"{name} is empty", hint="put a key there")
    if len(value) > MAX_KEY_CHARACTERS or not value.isascii() or not value.isprintable() or " " in value:
        raise AuthenticationError(f"{name} does not hold a key", hint="copy it again, on one line")
    return Secret(value)
