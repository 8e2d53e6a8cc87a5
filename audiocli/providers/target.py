"""The model that a request goes to: its name, what is known of it, and how it is spoken to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from audiocli.catalog import Capabilities, Prices
from audiocli.providers.endpoint import OPENAI_DIALECT, Dialect, Endpoint
from audiocli.secret import Secret, without_secrets

DEFAULT_TIMEOUT = 600.0
DEFAULT_RETRIES = 2

Ability = Literal["chat", "transcription", "speech"]

OPENAI_WIRE = "openai"
LOCAL_WIRE = "local"
ECHO_WIRE = "echo"
MOCK_WIRE = "mock"


@dataclass(frozen=True)
class Target:
    """The model that a request goes to: its name at the provider, what is known of it, and where it is.

    `wire` is how it is spoken to: `registry` has what each wire can do. `server` is where, for those that
    lead out of this process. `key_variable` is what has to be set before it can be asked. `chosen` says that
    nobody named the model. `timeout` (seconds) and `retries` are the config's, for a call that has none of
    its own. `answer` is given in place of the model's. `ready` are the providers that could be asked as well.
    """

    provider: str
    model: str
    capabilities: Capabilities | None
    server: Endpoint | None = None
    key_variable: str | None = None
    chosen: bool = False
    timeout: float | None = None
    retries: int | None = None
    answer: str | None = None
    ready: tuple[str, ...] = ()
    wire: str = OPENAI_WIRE

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    @property
    def ability(self) -> Ability:
        """What it is asked for first."""
        match self.capabilities.mode if self.capabilities else None:
            case "transcription" | "speech" as mode:
                return mode
        return "chat"

    @property
    def endpoint(self) -> Endpoint:
        """The server of a wire that leads to one."""
        if self.server is None:
            raise ValueError(f"{self.name} is at no server")
        return self.server

    @property
    def base_url(self) -> str | None:
        """Where its server is, as it may be shown."""
        return without_secrets(self.server.base_url) if self.server else None

    @property
    def identity(self) -> str:
        """Its name, and where it is asked for, if that is at a server."""
        return f"{self.name} at {self.server.base_url}" if self.server else self.name

    @property
    def secret(self) -> Secret | None:
        """What is sent to its server, and must not be shown."""
        return self.server.secret if self.server else None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that its server gets beside the key."""
        return self.server.headers if self.server else {}

    @property
    def dialect(self) -> Dialect:
        """How its service differs from OpenAI's."""
        return self.server.dialect if self.server else OPENAI_DIALECT

    @property
    def untaken(self) -> frozenset[str]:
        """Members of OpenAI's requests that its service has no field for."""
        names = {**self.dialect.names, **self.dialect.speech}
        return frozenset(name for name, theirs in names.items() if not theirs)

    def seconds(self, wanted: float | None) -> float:
        """How long a call may take: what the call itself wants, then what the config has."""
        return next((each for each in (wanted, self.timeout) if each), DEFAULT_TIMEOUT)

    def tries(self, wanted: int | None) -> int:
        """How often a call is tried again, likewise."""
        return next((each for each in (wanted, self.retries) if each is not None), DEFAULT_RETRIES)

    def prices_on(self, today: str) -> Prices:
        """Its prices on that ISO date; none of them known for a model that nobody knows."""
        return self.capabilities.prices_on(today) if self.capabilities else Prices()

    def answering(self, text: str) -> "Target":
        """The same model, in whose place `text` answers."""
        return replace(self, answer=text, server=None, key_variable=None, wire=MOCK_WIRE)

    def asked_as(self, key: Secret | None, headers: Mapping[str, str]) -> "Target":
        """The same model, asked with `key`, if there is one, and with `headers` beside its own.

        Nothing changes for what runs in this process.
        """
        if self.server is None:
            return self
        changed = {**self.server.headers, **headers}
        return replace(self, server=replace(self.server, api_key=key or self.server.api_key, headers=changed))
