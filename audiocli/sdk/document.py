"""A JSON object as Python code likes to read it."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from audiocli.errors import UsageError

_OPTIONAL = frozenset(
    {"service_tier", "system_fingerprint", "usage"}  # of an answer
    | {"finish_reason", "logprobs"}  # of a choice
    | {"annotations", "audio", "content", "function_call", "refusal", "role", "tool_calls"}  # of a message
    | {"data", "expires_at", "id", "transcript"}  # of its audio
    | {"prompt_tokens_details", "completion_tokens_details"}  # of its usage
    | {"audio_tokens", "cached_tokens", "reasoning_tokens", "text_tokens"}  # of the details of that
)
"""What a chat completion, or a chunk of one, may leave out: it reads as `None`."""

MOST_SHOWN = 1000  # characters of one text: a minute of speech is written with fewer


class Document(Mapping[str, Any]):
    """A JSON object whose members are read as attributes, `document.id`, or as items, `document["id"]`.

    Objects within it are documents too. A member that OpenAI's answers may lack reads as `None`; iteration,
    `in` and `model_dump` have what is there.
    """

    __slots__ = ("_hidden_params", "_members")

    def __init__(self, members: Mapping[str, Any], hidden: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._members = {name: _wrapped(value) for name, value in members.items()}
        self._hidden_params = dict(hidden)
        """LiteLLM's name for what is known beside the answer, such as its `response_cost`."""

    def __getitem__(self, name: str) -> Any:
        if name in _OPTIONAL:
            return self._members.get(name)
        return self._members[name]

    def __getattr__(self, name: str) -> Any:
        # Python's own names are asked for before there is a `_members`, as when a document is copied.
        if name.startswith("_") or not (name in self._members or name in _OPTIONAL):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self._members.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        members = ", ".join(f"{name!r}: {_shown(value)}" for name, value in self._members.items())
        return f"{type(self).__name__}({{{members}}})"

    def model_dump(
        self,
        *,
        mode: str = "python",  # noqa: ARG002 - JSON is the same in every mode
        exclude_unset: bool = True,  # noqa: ARG002 - nothing is there but what the service has set
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The object as plain dictionaries and lists, on request without members that are `None`."""
        dumped: dict[str, Any] = plain(self._members)
        return _without_none(dumped) if exclude_none else dumped

    def model_dump_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """The object as JSON."""
        return json.dumps(self.model_dump(exclude_none=exclude_none), indent=indent)

    json = to_dict = model_dump
    """LiteLLM's and OpenAI's other names for it: there, too, `json` gives a dictionary."""


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """`value` as JSON has it, where it is made of documents, or of other packages' answers.

    Raises `UsageError` for what JSON does not have.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return value.model_dump()
    raise UsageError(f"{type(value).__name__} cannot be sent", hint="a request is made of what JSON has")


def _shown(value: Any) -> str:
    """`value` as `repr` has it, but of sound and the like only the beginning."""
    if isinstance(value, str) and len(value) > MOST_SHOWN:
        return f"{value[:40]!r}… ({len(value)} characters)"
    return repr(value)


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Document(value)
    return [_wrapped(item) for item in value] if isinstance(value, list) else value
