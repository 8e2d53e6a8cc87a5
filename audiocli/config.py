"""Environment and config.yaml, read once into a frozen `Config`. Nothing else reads the environment.

The file is LiteLLM's: its `model_list` gives names to deployments, which are the aliases that `--model`
takes. Of our own are `model` (the default), `api_key_file`, `local_model` and `capabilities_sources`.
Sections that only a server needs are passed over here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audiocli.errors import AuthenticationError, ConfigError
from audiocli.printable import one_line, quoted
from audiocli.secret import Secret

MAX_CONFIG_BYTES = 1024 * 1024
MAX_KEY_CHARACTERS = 4096
OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"

_OWN_SECTIONS = frozenset({"model", "model_list", "api_key_file", "local_model", "capabilities_sources"})
_SERVER_SECTIONS = frozenset(
    {
        *("audiocli_settings", "credential_list", "environment_variables", "general_settings", "include"),
        *("litellm_settings", "router_settings"),
    }
)

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

VARIABLE = "os.environ/"
"""What a text of the config begins with that names a variable."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A model that the config gives a name: which one, where, and where its key is to be found.

    Texts may be `os.environ/NAME`, which is looked up when this deployment is used: its key stays where it is
    until then, and goes to no other. `api_version` is Azure's.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_file: Path | None = None
    api_version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    model_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that is set outside the command line."""

    model: str | None = None
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    api_key: Secret | None = None
    api_key_file: Path | None = None
    base_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    local_model: Path | None = None
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
            return _key_from_file(deployment.api_key_file)
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
    key = environ.get(OPENAI_KEY_VARIABLE, "").strip()
    local = environ.get("AUDIOCLI_LOCAL_MODEL") or _text(document, "local_model")
    return Config(
        model=environ.get("AUDIOCLI_MODEL") or _text(document, "model"),
        deployments=_deployments(document),
        api_key=_checked_key(key, OPENAI_KEY_VARIABLE) if key else None,
        api_key_file=_path(_text(document, "api_key_file")),
        base_url=environ.get("OPENAI_BASE_URL") or None,
        headers=_headers(environ),
        local_model=_path(local),
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


def _read_if_there(directory: Path) -> dict[str, Any]:
    path = directory / "config.yaml"
    return _read(path) if path.is_file() else {}


def _read(path: Path) -> dict[str, Any]:
    import yaml  # 10 ms, and only where there is a file

    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the config {quoted(str(path))} cannot be read ({error.strerror})") from error
    if len(text) > MAX_CONFIG_BYTES:
        raise ConfigError(f"the config {quoted(str(path))} is larger than 1 MB")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = one_line(str(error)) or "it is nested too deeply"
        raise ConfigError(f"the config {quoted(str(path))} is not valid YAML ({problem})") from error
    return _checked(document if document is not None else {}, path)


def _checked(document: Any, path: Path) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ConfigError(f"the config {quoted(str(path))} is not a mapping")
    passed_over = _SERVER_SECTIONS | OTHER_SECTIONS
    unknown = [name for name in document if name not in _OWN_SECTIONS | passed_over]
    if unknown:
        known = ", ".join(sorted(_OWN_SECTIONS | _SERVER_SECTIONS))
        raise ConfigError(
            f"the config has an unknown key {quoted(str(unknown[0]))}", hint=f"it may have {known}"
        )
    return document


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"the config's {name} must be text, not {type(value).__name__}")


def _deployments(document: Mapping[str, Any]) -> dict[str, Deployment]:
    rows = document.get("model_list", [])
    if not isinstance(rows, list):
        raise ConfigError("the config's model_list must be a list")
    deployments: dict[str, Deployment] = {}
    for row in rows:
        match row:
            case {"model_name": str(name), "litellm_params": {"model": str(model), **params}, **rest}:
                # Of several deployments behind one name, a client without a router uses the first.
                deployments.setdefault(name, _deployment(model, params, rest.get("model_info")))
            case _:
                raise ConfigError(
                    "each row of the config's model_list needs model_name and litellm_params.model"
                )
    return deployments


def _deployment(model: str, params: Mapping[Any, Any], model_info: object) -> Deployment:
    if not isinstance(model_info, Mapping | None):
        raise ConfigError(f"the config's model_info of {quoted(model)} must be a mapping")
    return Deployment(
        model=model,
        base_url=_text(params, "api_base") or _text(params, "base_url"),
        api_key=_text(params, "api_key"),
        api_key_file=_path(_text(params, "api_key_file")),
        api_version=_version(params.get("api_version")),
        headers=_own_headers(params),
        model_info=model_info or {},
    )


def _own_headers(params: Mapping[Any, Any]) -> dict[str, str]:
    headers = params.get("extra_headers") or {}
    if not isinstance(headers, Mapping):
        raise ConfigError("the config's extra_headers must be a mapping")
    organization = _text(params, "organization")
    named = {"OpenAI-Organization": organization} if organization else {}
    return {**named, **{str(name): str(value) for name, value in headers.items()}}


def _version(value: object) -> str | None:
    return None if value is None else str(value)  # YAML makes a date of 2025-01-01.


def _sources(document: Mapping[str, Any]) -> tuple[str, str] | None:
    match document.get("capabilities_sources"):
        case None:
            return None
        case [str(litellm), str(models_dev)]:
            return litellm, models_dev
    raise ConfigError(
        "the config's capabilities_sources must be two addresses", hint="LiteLLM's map, models.dev's"
    )


# Keys


def _key_from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(4 * MAX_KEY_CHARACTERS).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
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
