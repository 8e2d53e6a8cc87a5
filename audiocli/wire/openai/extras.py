"""What a service says beyond the vocabulary is kept as it came, and put back where it was."""

from collections.abc import Iterable, Mapping
from typing import Any

from audiocli.chat import Extra

MAX_DEPTH = 32

# What the other events tell, or what is said anew of every document.
_ANSWER = frozenset({"object", "choices", "error", "modality", "obfuscation"})
_CHOICE = frozenset({"index", "message", "delta"})
_MESSAGE = frozenset({"role", "content", "refusal", "audio"})
_AUDIO = frozenset({"id", "data", "transcript", "expires_at"})
_TYPES: Mapping[str, type] = {"id": str, "model": str, "created": int, "usage": dict}

_WHOLE = frozenset({"id", "index", "name", "role", "type", "finish_reason"})
"""Text that is never sent in pieces: where it comes again, it is said again."""


def answer_members(document: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an answer, or of a chunk of one, that are of the answer as a whole."""
    return {
        name: value
        for name, value in document.items()
        if name not in _ANSWER and isinstance(value, _TYPES.get(name, object)) and _tells(value)
    }


def choice_members(choice: Mapping[str, Any], member: str) -> Extra | None:
    """What a choice holds that the other events do not tell, if there is anything.

    Its message is `member`: `delta` in a stream, where empty values tell nothing.
    """
    index, message = choice.get("index") or 0, choice.get(member)
    if not isinstance(index, int) or index < 0:
        return None
    known = _MESSAGE if index == 0 else frozenset[str]()
    of_message = _members(message, known, member)
    if index == 0 and isinstance(message, dict) and (audio := _members(message.get("audio"), _AUDIO, member)):
        of_message["audio"] = audio
    of_choice = _members(choice, _CHOICE | {"finish_reason"} if index == 0 else _CHOICE, member)
    return Extra(index=index, choice=of_choice, message=of_message) if of_choice or of_message else None


def _members(document: Any, known: frozenset[str], member: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    empty: tuple[Any, ...] = ("", [], {}) if member == "delta" else ()
    return {
        name: value
        for name, value in document.items()
        if name not in known and value not in empty and _tells(value)
    }


def _tells(value: Any) -> bool:
    """Whether `value` is something, and nested so little that it can be walked through and written again."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _within(each)]
        if not level:
            return value is not None
    return False


def _within(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def joined(earlier: Any, later: Any, name: str = "") -> Any:
    """Two pieces of the member `name` as one: objects and texts are put together, else the later stays.

    The items of lists that have an `index`, as the calls of tools do, are put together by that.
    """
    match earlier, later:
        case dict(), dict():
            both = {key: joined(earlier[key], later[key], key) for key in earlier.keys() & later.keys()}
            return {**earlier, **later, **both}
        case list(), list():
            return _joined_lists(earlier, later)
        case str(), str() if name not in _WHOLE:
            return earlier + later
    return later


def _joined_lists(earlier: list[Any], later: list[Any]) -> list[Any]:
    items = list(earlier)
    for item in later:
        index = _index(item)
        place = next((n for n, each in enumerate(items) if index is not None and _index(each) == index), None)
        if place is None:
            items.append(item)
        else:
            items[place] = joined(items[place], item)
    return items


def _index(item: Any) -> Any:
    return item.get("index") if isinstance(item, dict) else None
