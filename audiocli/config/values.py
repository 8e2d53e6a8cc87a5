"""Values of a config, each of its right type. What is not raises `ConfigError` with its line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from audiocli.config.problems import Note, refuse, tried
from audiocli.config.section import Section
from audiocli.errors import ConfigError
from audiocli.printable import quoted

T = TypeVar("T")

VARIABLE = "os.environ/"
"""What a text of the config begins with that names a variable."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")


def looked_up(text: str, environ: Mapping[str, str], where: str) -> str:
    """`text`, or what the variable holds that it names as `os.environ/NAME`."""
    if not text.startswith(VARIABLE):
        return text
    name = text.removeprefix(VARIABLE)
    if not (value := environ.get(name)):
        raise ConfigError(f"{where}: {quoted(name)} is not set", hint="set it, or take the line out")
    return value


def number_of(value: Any, key: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < 1e12:
        raise ConfigError(f"{where}: {key} must be a number, 0 or more")
    return number


def count_of(value: Any, key: str, where: str) -> int:
    number = number_of(value, key, where)
    if number != int(number):
        raise ConfigError(f"{where}: {key} must be a whole number")
    return int(number)


def text_of(value: Any, key: str, where: str) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(f"{where}: {key} must be text")


def flag_of(value: Any, key: str, where: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ConfigError(f"{where}: {key} must be true or false")


@dataclass(frozen=True)
class Choices:
    """Settings that may stand in several sections, of which the first that has one decides.

    `os.environ/NAME` is looked up. What is wrong with one is for `note`; if that returns, it has its default.
    """

    document: Section
    sections: tuple[str, ...]
    environ: Mapping[str, str]
    note: Note = refuse

    def get(self, key: str) -> Any:
        return self._tried(lambda: self._value(key), None)

    def where(self, key: str) -> str:
        return self._holder(key).where(key)

    def number(self, key: str, default: float) -> float:
        return self._as(number_of, key, default)

    def count(self, key: str, default: int) -> int:
        return self._as(count_of, key, default)

    def text(self, key: str, default: str) -> str:
        return self._as(text_of, key, default)

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key)
        flag = self._tried(lambda: flag_of(value, key, self.where(key)), None)
        return default if flag is None else flag

    def items(self, key: str) -> list[Any]:
        return self._tried(lambda: self._holder(key).items_of(key), [])

    def names(self, key: str) -> tuple[str, ...]:
        """A list of names; one alone may stand without brackets."""
        value = self.get(key)
        rows = [value] if isinstance(value, str) else self.items(key)
        return self._tried(lambda: tuple(text_of(each, key, self.where(key)) for each in rows), ())

    def _as(self, read: Callable[[Any, str, str], T], key: str, default: T) -> T:
        value = self.get(key)
        return default if value is None else self._tried(lambda: read(value, key, self.where(key)), default)

    def _value(self, key: str) -> Any:
        value = self._holder(key).get(key)
        return looked_up(value, self.environ, self.where(key)) if isinstance(value, str) else value

    def _holder(self, key: str) -> Section:
        sections = (self._tried(partial(self.document.section, name), Section()) for name in self.sections)
        return next((each for each in sections if each.get(key) is not None), Section())

    def _tried(self, read: Callable[[], T], otherwise: T) -> T:
        return tried(read, otherwise, self.note)


@dataclass(frozen=True)
class Params:
    """The members of a row's `litellm_params`, with `os.environ/NAME` looked up.

    What is wrong with one is for `note`; if that returns, the member counts as absent.
    """

    section: Section
    environ: Mapping[str, str]
    note: Note = refuse

    def text(self, key: str) -> str | None:
        text = self.raw(key)
        if text is None:
            return None
        return self._tried(lambda: looked_up(text, self.environ, self.section.where(key)), None)

    def raw(self, key: str) -> str | None:
        """The text at `key`; a variable that it names is not looked up."""
        value = self.section.get(key)
        return None if value is None else self._tried(lambda: self._as(text_of, key, value), None)

    def number(self, *keys: str) -> float | None:
        """The number that the first of `keys` that is there holds."""
        return self._first(number_of, keys)

    def count(self, *keys: str) -> int | None:
        """The whole number that the first of `keys` that is there holds."""
        return self._first(count_of, keys)

    def flag(self, key: str) -> bool | None:
        return self._tried(lambda: self._as(flag_of, key, self.section.get(key)), None)

    def url(self, *keys: str) -> str | None:
        """The address that the first of `keys` that is there holds."""
        for key in keys:
            if text := self.text(key):
                return self._tried(partial(_checked_url, text, key, self.section.where(key)), None)
        return None

    def names(self, key: str) -> list[str]:
        return self._tried(lambda: [self._as(text_of, key, each) for each in self.section.items_of(key)], [])

    def any(self, key: str) -> Any:
        value = self.section[key]
        return self.text(key) if isinstance(value, str) else value

    def headers(self) -> dict[str, str]:
        """The headers that the row adds."""
        return self._tried(self._headers, {})

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for row in (self.section.section(name) for name in ("headers", "extra_headers")):
            for name in row:
                found[name] = _checked_header(name, Params(row, self.environ).text(name), row.where(name))
        organization = self.text("organization")
        return {**found, **({"OpenAI-Organization": organization} if organization else {})}

    def _first(self, read: Callable[[Any, str, str], T], keys: tuple[str, ...]) -> T | None:
        for key in keys:
            if (text := self.text(key)) is not None:
                return self._tried(partial(self._as, read, key, text), None)
        return None

    def _as(self, read: Callable[[Any, str, str], T], key: str, value: Any) -> T:
        return read(value, key, self.section.where(key))

    def _tried(self, read: Callable[[], T], otherwise: T) -> T:
        return tried(read, otherwise, self.note)


def _checked_url(text: str, key: str, where: str) -> str:
    from urllib.parse import urlsplit

    try:
        place = urlsplit(text)
        port = place.port
    except ValueError:
        place, port = urlsplit(""), None
    if place.scheme in ("http", "https") and place.hostname and port != 0 and _is_plain(text):
        return text
    raise ConfigError(f"{where}: {key} is no address", hint="it begins with https:// or http://")


def _checked_header(name: str, value: str | None, where: str) -> str:
    if value is None or not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
        raise ConfigError(f"{where}: {quoted(name)} is no header", hint="it is plain text on one line")
    return value


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set(' \\"<>')
