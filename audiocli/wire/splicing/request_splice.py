"""What a gateway has to know of a request that it passes on, and what becomes another in it.

A client's own members win over what the configuration adds, so that additions come at the end, when all names
are known.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Any

from audiocli.wire.litellm import IGNORED, MEMBERS, OWN, refused
from audiocli.wire.splicing.form_scan import PREAMBLE, FormScanner, boundary
from audiocli.wire.splicing.json_scan import MAX_DEPTH, MAX_TOKEN_BYTES, Comma, JsonScanner
from audiocli.wire.splicing.splice import COMMA, END, KEY, Found, Scanner, Splice, growth

MAX_SPOKEN_BYTES = 256 * 1024
"""Of a text that shall be spoken, as JSON has it."""

_ALWAYS: Mapping[str, type | UnionType] = {"model": str, "stream": bool | None, "stream_options": dict | None}
_CHAT: Mapping[str, type | UnionType] = {**_ALWAYS, "n": object}
_SPEECH: Mapping[str, type | UnionType] = {**_ALWAYS, "input": str, "response_format": object}

_RENAMABLE = frozenset({"voice"})
"""What services call otherwise in a request for speech."""

_PLAIN = MEMBERS - OWN.keys()
"""What most requests have, so that no more need be known of it."""

_TOLD_APART = frozenset(_SPEECH) | frozenset(_CHAT)

INCLUDE_USAGE = {"include_usage": True}
_USAGE_MEMBER = {"stream_options": INCLUDE_USAGE}


@dataclass(frozen=True)
class Changes:
    """What becomes another in a request: its model, and the members of `extra` that it does not have itself.

    With `usage` a stream is asked to say what it used. Members of `dropped` are left out, and those of
    `renamed` have other names.
    """

    model: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    usage: bool = False
    dropped: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def kept(self, scanner: Scanner) -> set[str]:
        """The names of the request's own members that stay."""
        stay = scanner.names - self.dropped if self.dropped else scanner.names
        return {self.renamed.get(name, name) for name in stay} if self.renamed else stay

    @property
    def added(self) -> Mapping[str, Any]:
        """What is added to a request that does not have it, by the names that it has then."""
        if not self.renamed:
            return self.extra
        return {self.renamed.get(name, name): value for name, value in self.extra.items()}


@cache  # There are few of these: a gateway's own, and its former ones.
def _names(wanted: frozenset[str], removable: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Names of which no other case is taken, and those of members that may have to be left out."""
    return wanted | removable | IGNORED, removable | IGNORED


def _is_variant(name: str, told_apart: Collection[str]) -> bool:
    """Whether a service that ignores case would take `name` for a member that is looked for here."""
    folded = name.casefold()
    return folded != name and folded in told_apart


# JSON


class RequestScanner(JsonScanner):
    """Finds the model that a JSON request names, whether it asks for a stream, and, where it is for speech,
    how much shall be said.
    """

    def __init__(
        self, removable: frozenset[str] = frozenset(), *, speech: bool = False, max_depth: float = MAX_DEPTH
    ) -> None:
        chat = _ALWAYS if "n" in removable else _CHAT
        self._told_apart, leaves = _names(_TOLD_APART, removable)
        super().__init__(
            _SPEECH if speech else chat,
            self._is_refused,
            removable=leaves,
            renamable=_RENAMABLE if speech else frozenset(),
            max_token_bytes=MAX_SPOKEN_BYTES if speech else MAX_TOKEN_BYTES,
            max_depth=max_depth,
        )

    @property
    def model(self) -> str | None:
        """None where it has not come yet; it may have none, since a path can name it, too."""
        value: str | None = self.value("model")
        return value

    @property
    def ignored(self) -> frozenset[str]:
        """LiteLLM's own members: those that have come, or that may come still."""
        return IGNORED & self.names if self.complete else IGNORED

    def _is_refused(self, name: str) -> bool:
        return name not in _PLAIN and (refused(name) or _is_variant(name, self._told_apart))

    @property
    def stream(self) -> bool:
        return self.value("stream") is True

    @property
    def choices(self) -> int:
        """How many answers a chat asks for."""
        count = self.value("n")
        return count if type(count) is int and count > 0 else 1

    @property
    def characters(self) -> int:
        """Of the text that shall be spoken."""
        return len(self.value("input") or "")

    @property
    def sound_format(self) -> str | None:
        """In which that is wanted, if the request itself says so."""
        format = self.value("response_format")
        return format if isinstance(format, str) else None

    @property
    def asks_usage(self) -> bool:
        """Whether the client itself wants to be told what a stream used."""
        return (self.value("stream_options") or {}).get("include_usage") is True


def spliced_json(scanner: RequestScanner, changes: Changes, room: int | None = None) -> Splice:
    """The request with `changes`; `room` is what `json_room` says, or None for a length that is left open."""
    return Splice(scanner, lambda place: _edit_json(scanner, changes, place), room)


def json_room(scanner: RequestScanner, changes: Changes) -> int:
    """How many bytes longer `changes` make a request, so that its length is known before its end.

    Exact once the whole has been scanned; before that it is the most that can be, and filled with spaces.
    """
    if scanner.complete:
        return growth(scanner, lambda place: _edit_json(scanner, changes, place))
    model = scanner.find("model")
    extra = {name: value for name, value in changes.added.items() if name not in changes.kept(scanner)}
    most = len(_encode_members(extra | _USAGE_MEMBER)) + sum(map(len, changes.renamed.values()))
    if model is None:
        return most + len(_encode_members({"model": changes.model}))
    return most + len(_encode(changes.model)) - (model.end - model.start)


def _edit_json(scanner: RequestScanner, changes: Changes, place: Found) -> bytes | None:
    match place.name:
        case "model":
            return None if place.value == changes.model else _encode(changes.model)
        case "stream_options" if changes.usage:
            return _with_usage(scanner, place)
        case _ if place.name == END:
            return _encode_added(scanner, changes)
        case _ if place.name == COMMA:
            return None if _separates(place.value, changes.dropped) else b""
        case name if name in changes.dropped:
            return b""
        case name if name.startswith(KEY) and (theirs := changes.renamed.get(name.removeprefix(KEY))):
            return _encode(theirs)
    return None


def _separates(comma: Comma, dropped: frozenset[str]) -> bool:
    """Whether there are members on both sides of `comma` still."""
    return comma.after not in dropped and (comma.before is None or not comma.before <= dropped)


def _with_usage(scanner: RequestScanner, place: Found) -> bytes | None:
    # Options without a stream are for the service to judge; null is no wish for one.
    streams = scanner.stream or (scanner.find("stream") is None and place.value is not None)
    if scanner.asks_usage or not streams:
        return None
    edited = _encode((place.value or {}) | INCLUDE_USAGE)
    fits = len(edited) <= place.end - place.start + len(_encode_members(_USAGE_MEMBER))
    return edited if fits else None


def _encode_added(scanner: RequestScanner, changes: Changes) -> bytes | None:
    members: dict[str, Any] = {"model": changes.model, **changes.added}
    if changes.usage and scanner.stream:
        members = {**members, **_USAGE_MEMBER}
    kept = changes.kept(scanner)
    added = _encode_members({name: value for name, value in members.items() if name not in kept})
    return (added if kept else added[1:]) or None


def _encode_members(members: Mapping[str, Any]) -> bytes:
    return b"".join(b"," + _encode(name) + b":" + _encode(value) for name, value in members.items())


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


# Forms

_FORM = frozenset({"model", "stream", "response_format"})


class FormRequestScanner(FormScanner):
    """Finds the model that a form names, whether it asks for a stream, and for which kind of answer."""

    def __init__(self, content_type: str, removable: frozenset[str] = frozenset()) -> None:
        self.boundary = boundary(content_type)
        self.length_is_promised = False
        self._told_apart, leaves = _names(_FORM, removable)
        super().__init__(self.boundary, _FORM, self._is_refused, removable=leaves)

    @property
    def model(self) -> str | None:
        value: str | None = self.value("model")
        return value

    @property
    def stream(self) -> bool:
        return (self.value("stream") or "").lower() in ("true", "1")

    @property
    def ignored(self) -> frozenset[str]:
        """LiteLLM's own fields that have come."""
        return IGNORED & self.names

    def _is_refused(self, name: str) -> bool:
        """Nothing can be left out any more of a form whose length the service has been told."""
        if name in _PLAIN:
            return False
        promised = self.length_is_promised and name in IGNORED
        return promised or refused(name) or _is_variant(name, self._told_apart)


def spliced_form(scanner: FormRequestScanner, changes: Changes) -> Splice:
    """The form with `changes`; a value of `changes.extra` that is no text is written as JSON."""
    return Splice(scanner, lambda place: _edit_form(scanner, changes, place))


def form_room(scanner: FormRequestScanner, changes: Changes) -> int | None:
    """How many bytes longer `changes` make a form; None where that depends on what is still to come."""
    open_ended = scanner.model is None or changes.extra or changes.dropped - scanner.ignored
    if not scanner.complete and (open_ended or scanner.is_leaving):
        return None
    scanner.length_is_promised = True
    return growth(scanner, lambda place: _edit_form(scanner, changes, place))


def _edit_form(scanner: FormRequestScanner, changes: Changes, place: Found) -> bytes | None:
    match place.name:
        case "model" if place.value != changes.model:
            return changes.model.encode()
        case _ if place.name == END:
            fields: dict[str, Any] = {"model": changes.model, **changes.extra}
            added = ((name, value) for name, value in fields.items() if name not in changes.kept(scanner))
            return b"".join(_encode_field(scanner.boundary, name, value) for name, value in added) or None
        case name if name == PREAMBLE or name in changes.dropped:
            return b""
    return None


def _encode_field(boundary: bytes, name: str, value: Any) -> bytes:
    content = value.encode() if isinstance(value, str) else _encode(value)
    head = f'Content-Disposition: form-data; name="{name}"'.encode()
    return b"\r\n".join([b"--" + boundary, head, b"", content, b""])
