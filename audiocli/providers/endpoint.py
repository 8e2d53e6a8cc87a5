"""A server that speaks one of OpenAI's protocols: where it is, and what of its words is shown."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from audiocli.errors import ProviderError
from audiocli.printable import printable
from audiocli.secret import Secret, redact_key_shapes, without_secrets
from audiocli.transcript import TranscriptionRequest

if TYPE_CHECKING:
    from audiocli.wire.openai.transcription import (
        Form,  # A question has no use for it, and would wait for it.
    )

E = TypeVar("E", bound=ProviderError)


@dataclass(frozen=True)
class Dialect:
    """How a service's requests for transcriptions, and for speech, differ from OpenAI's.

    `names` are its names for fields, "" for one that it does not have, and `speech` those for the members of
    a request for speech, whose `pcm` is of 32-bit floats with `float_pcm`. `speakers` are the fields that ask
    who speaks, where no response format does.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    speakers: tuple[tuple[str, str], ...] = ()
    speech: Mapping[str, str] = field(default_factory=dict)
    float_pcm: bool = False

    @property
    def one_format(self) -> bool:
        """Whether it always answers in the same form, and times are asked for apart from that."""
        return self.names.get("response_format") == ""

    @property
    def speech_names(self) -> Mapping[str, str]:
        """The names for members of a request for speech that it has under names of its own."""
        return {name: theirs for name, theirs in self.speech.items() if theirs}

    def sound(self, received: bytes, format: str | None) -> bytes:
        """What was `received` in a `format` as OpenAI has that: its `pcm` is of 16-bit samples."""
        if not (self.float_pcm and format == "pcm"):
            return received
        from audiocli.audio.writing.encode import to_pcm16

        return to_pcm16(received[: len(received) // 4 * 4], "float", 4)

    def spoken(self, form: "Form", request: TranscriptionRequest) -> "Form":
        """`form`, which encodes `request`, as the service wants it."""
        fields = ((self.names.get(name, name), value) for name, value in form.fields)
        asked = self.speakers if request.speakers else ()
        return replace(form, fields=(*(each for each in fields if each[0]), *asked))


OPENAI_DIALECT = Dialect()

_SAME = frozenset({"max_tokens", "max_completion_tokens"})  # two names of one limit


@dataclass(frozen=True)
class Endpoint:
    """A server: where it is, the key it wants, and how it differs from OpenAI's own.

    `key_header` is the header that holds the key, after "Bearer" where it is `Authorization`; `key_variable`
    is where a shell has it. `added` are members for a request that has none of that name, and `left_out`
    those that it must not have. `proxy` leads there, if it is not what the environment names. `login` is the
    user and the password of its address, which are sent if there is no key.
    """

    base_url: str
    api_key: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    max_tokens_field: str = "max_completion_tokens"
    dialect: Dialect = OPENAI_DIALECT
    key_variable: str = "OPENAI_API_KEY"
    key_header: str = "Authorization"
    proxy: Secret | None = None
    login: Secret | None = None
    added: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    def completed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The members of a request, with those that are added, and without those that are left out."""
        taken = {*document, *(_SAME if document.keys() & _SAME else ())}
        added = {name: value for name, value in self.added.items() if name not in taken}
        return {name: value for name, value in {**document, **added}.items() if name not in self.left_out}

    def at(self, path: str) -> str:
        """The address of `path` below the base URL, whose query it keeps."""
        place, mark, query = self.base_url.partition("?")
        return f"{place.rstrip('/')}/{path}{mark}{query}"

    @property
    def url(self) -> str:
        """Where chat completions are asked for."""
        return self.at("chat/completions")

    @property
    def own_proxy(self) -> str | None:
        return self.proxy.value if self.proxy else None

    @property
    def credentials(self) -> dict[str, str]:
        """The header with the key, or with user and password."""
        if self.api_key:
            return self.credentials_of(self.api_key.value)
        return {"Authorization": f"Basic {self.secret.value}"} if self.secret else {}

    @property
    def secret(self) -> Secret | None:
        """What is sent, and must not be shown: the key, or user and password as HTTP encodes them."""
        if self.api_key or self.login is None:
            return self.api_key
        return Secret(b64encode(self.login.value.encode()).decode())

    def credentials_of(self, key: str) -> dict[str, str]:
        """The header with `key`, which may also be what stands for one."""
        scheme = "Bearer " if self.key_header == "Authorization" else ""
        return {self.key_header: f"{scheme}{key}"}

    @property
    def shown_url(self) -> str:
        """`url` as it may be shown."""
        return without_secrets(self.url)


def at_login(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, with the user and the password of its address taken out of that."""
    try:
        place = urlsplit(endpoint.base_url)
    except ValueError:
        return endpoint  # Whoever posts to it says what is wrong with it.
    if place.username is None:
        return endpoint
    login = f"{unquote(place.username)}:{unquote(place.password or '')}"
    base_url = urlunsplit(place._replace(netloc=place.netloc.rpartition("@")[2]))
    return replace(endpoint, base_url=base_url, login=Secret(login))


def common_headers(endpoint: Endpoint, accept: str, idempotency_key: str | None) -> dict[str, str]:
    """The headers of a request, the key among them; what the body is, they do not say."""
    headers = {
        "Accept": accept,
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "audiocli",
        **endpoint.headers,
        **endpoint.credentials,
    }
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    return headers


def masked(text: str, key: Secret | None) -> str:
    """`text` without the key, and without the control characters that could hide it."""
    return key.redact(printable(text)) if key else printable(text)


def without_key(error: E, key: Secret | None) -> E:
    """`error`, with the key, and everything that looks like one, masked in all that it says."""
    for name, text in texts(error):
        setattr(error, name, redact_key_shapes(masked(text, key)))
    error.args = (error.message,)
    return error


def texts(value: object) -> list[tuple[str, str]]:
    """The members of `value` that are text, by their names."""
    return [(name, member) for name, member in vars(value).items() if isinstance(member, str)]
