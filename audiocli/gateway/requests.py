"""What the gateway knows of a request that it passes on, whatever its body is."""

from collections.abc import Mapping
from typing import Protocol

from audiocli.audio.passing_by import Length
from audiocli.errors import InputError
from audiocli.gateway.config.dropping import dropped
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.incoming import Scope
from audiocli.router import Deployment
from audiocli.wire.splicing.request_splice import (
    Changes,
    FormRequestScanner,
    RequestScanner,
    form_room,
    json_room,
    spliced_form,
    spliced_json,
)
from audiocli.wire.splicing.splice import Splice

SPEECH = "audio/speech"


class UnsupportedMediaError(InputError):
    """The body is of a kind that is not taken."""

    http_status = 415


class Request(Protocol):
    """One request on its way.

    `path` is where it goes below a deployment's base URL. `see` is shown each block of the body, and `close`
    is called after the last; both raise `InputError`. `model` is `None` until it is known. `choices` are how
    many answers a chat asks for. `characters` and `seconds` are what has come so far of text to be spoken,
    and of sound to be written down; `sound_format` is the one that a client wants speech in.
    """

    path: str
    content_type: str
    chats: bool

    @property
    def model(self) -> str | None: ...

    @property
    def streams(self) -> bool: ...

    @property
    def asks_usage(self) -> bool: ...

    @property
    def choices(self) -> int: ...

    @property
    def characters(self) -> int: ...

    @property
    def sound_format(self) -> str | None: ...

    @property
    def seconds(self) -> float: ...

    def see(self, block: bytes) -> None: ...

    def close(self) -> None: ...

    def changes(self, deployment: Deployment, *, usage: bool) -> Changes:
        """What `deployment` gets in another way. With `usage` the stream of a chat is asked what it used."""
        ...

    def room(self, changes: Changes) -> int | None:
        """By how many bytes `changes` make the body longer, if that is known yet."""
        ...

    def spliced(self, changes: Changes, room: int | None = None) -> Splice:
        """The body with `changes`; `room` longer, where that has been promised."""
        ...


class JsonRequest:
    """A request in JSON, whose model the path may name."""

    content_type = "application/json"
    seconds = 0.0

    def __init__(self, scope: Scope, path: str, settings: Settings) -> None:
        self.path = path
        self._named = scope.get("path_params", {}).get("model")
        self.chats = path == "chat/completions"
        depth = settings.bounds.max_json_depth
        self._scanner = RequestScanner(settings.droppable, speech=path == SPEECH, max_depth=depth)
        self.see, self.close = self._scanner.feed, self._scanner.close

    @property
    def model(self) -> str | None:
        return self._scanner.model or self._named

    @property
    def streams(self) -> bool:
        return self.chats and self._scanner.stream

    @property
    def asks_usage(self) -> bool:
        return self._scanner.asks_usage

    @property
    def choices(self) -> int:
        return self._scanner.choices

    @property
    def characters(self) -> int:
        return self._scanner.characters

    @property
    def sound_format(self) -> str | None:
        return self._scanner.sound_format

    def changes(self, deployment: Deployment, *, usage: bool) -> Changes:
        return Changes(
            deployment.target.model,
            deployment.extra_body,
            usage=usage and self.chats,
            dropped=dropped(deployment) | self._scanner.ignored,
            renamed=self._renamed(deployment),
        )

    def _renamed(self, deployment: Deployment) -> Mapping[str, str]:
        return deployment.target.endpoint.dialect.speech_names if self.path == SPEECH else {}

    def room(self, changes: Changes) -> int | None:
        return json_room(self._scanner, changes)

    def spliced(self, changes: Changes, room: int | None = None) -> Splice:
        return spliced_json(self._scanner, changes, room)


class _MeasuringScanner(FormRequestScanner):
    """Measures the recording in a form as well, for services that do not say how long it was."""

    def __init__(self, content_type: str, removable: frozenset[str]) -> None:
        super().__init__(content_type, removable)
        self.length = Length()

    def _pass_by(self, window: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self.length.count(window, start, end)


class FormRequest:
    """A request that carries a file."""

    asks_usage = False
    chats = False
    choices = 1
    characters = 0
    sound_format = None

    def __init__(self, scope: Scope, path: str, settings: Settings) -> None:
        self.path = path
        self.content_type = header(scope, b"content-type")
        self._scanner = _MeasuringScanner(self.content_type, settings.droppable)
        self._named = scope.get("path_params", {}).get("model")
        self.see, self.close = self._scanner.feed, self._scanner.close

    @property
    def model(self) -> str | None:
        return self._scanner.model or self._named

    @property
    def streams(self) -> bool:
        return self._scanner.stream

    @property
    def seconds(self) -> float:
        return self._scanner.length.seconds

    def changes(self, deployment: Deployment, *, usage: bool) -> Changes:  # noqa: ARG002 - a form always says
        left_out = dropped(deployment) | self._scanner.ignored
        return Changes(deployment.target.model, deployment.extra_body, dropped=left_out)

    def room(self, changes: Changes) -> int | None:
        return form_room(self._scanner, changes)

    def spliced(self, changes: Changes, room: int | None = None) -> Splice:  # noqa: ARG002 - a form's is exact
        return spliced_form(self._scanner, changes)


def header(scope: Scope, name: bytes) -> str:
    """The header that `name` (in lower case) stands for; empty where there is none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
