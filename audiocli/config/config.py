"""What is set outside the command line, as frozen values, and the keys that they lead to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audiocli.config.values import VARIABLE
from audiocli.errors import AuthenticationError, ConfigError
from audiocli.printable import quoted
from audiocli.secret import Secret

MAX_KEY_CHARACTERS = 4096
OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"


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
        return checked_key(value, variable) if value else None

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
            return _key_from_file(Path(os.path.expanduser(self.looked_up(str(deployment.api_key_file)))))
        reference = deployment.api_key
        if reference is None or not reference.startswith(VARIABLE):
            return checked_key(reference, "the config's api_key") if reference else None
        name = reference.removeprefix(VARIABLE)
        if not (value := self.environ.get(name)):
            raise AuthenticationError(f"{name} is not set", hint=f"set it to the key for {deployment.model}")
        return checked_key(value, name)

    def looked_up(self, text: str) -> str:
        """`text`, or what the variable holds that it names. Raises `ConfigError` where that is not set."""
        if not text.startswith(VARIABLE):
            return text
        name = text.removeprefix(VARIABLE)
        if not (value := self.environ.get(name)):
            raise ConfigError(f"{name} is not set", hint="set it, or change the config, which names it")
        return value


def same_origin(url: str, other: str) -> bool:
    """Whether two addresses are of one server, as far as their text tells: what is of one has its key."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> str:
    scheme, _, rest = url.lower().partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _key_from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(4 * MAX_KEY_CHARACTERS).decode("ascii")
    except (OSError, ValueError) as error:
        raise AuthenticationError(
            f"the key file {quoted(str(path))} cannot be read", hint="check api_key_file in the config"
        ) from error
    return checked_key(text.strip(), quoted(str(path)))


def checked_key(value: str, name: str) -> Secret:
    """A key that can stand in a header; what is wrong with another is said without showing it."""
    if not value:
        raise AuthenticationError(f"{name} is empty", hint="put a key there")
    if len(value) > MAX_KEY_CHARACTERS or not value.isascii() or not value.isprintable() or " " in value:
        raise AuthenticationError(f"{name} does not hold a key", hint="copy it again, on one line")
    return Secret(value)
