"""A mapping of a config, in which every key knows its line."""

from collections.abc import Mapping
from typing import Any

from audiocli.errors import ConfigError
from audiocli.printable import quoted


class Section(dict[str, Any]):
    """A mapping of the file; `lines` has the file and the line, from 1, of each of its keys."""

    def __init__(self, members: Mapping[str, Any] | None = None, file: str = "") -> None:
        super().__init__(members or {})
        self.file = file
        self.lines: dict[str, tuple[str, int]] = {}

    def where(self, key: str) -> str:
        """`'config.yaml', line 7`."""
        if key not in self.lines:
            return quoted(self.file)
        file, line = self.lines[key]
        return f"{quoted(file)}, line {line}"

    def section(self, key: str) -> "Section":
        """The mapping at `key`; an empty one if there is none. Raises `ConfigError` for anything else."""
        value = self.get(key)
        if value is None:
            return Section(file=self.file)
        if isinstance(value, Section):
            return value
        raise ConfigError(f"{self.where(key)}: {key} must be a mapping")

    def over(self, more: "Section") -> "Section":
        """This, with what only `more` has."""
        joined = Section({**more, **self}, self.file)
        joined.lines = {**more.lines, **self.lines}
        return joined

    def having(self, key: str, value: Any) -> "Section":
        """This, with another value at `key`, in the same line."""
        changed = Section({**self, key: value}, self.file)
        changed.lines = self.lines
        return changed

    def items_of(self, key: str) -> list[Any]:
        """The list at `key`; an empty one if there is none. Raises `ConfigError` for anything else."""
        value = self.get(key)
        if value is None or isinstance(value, list):
            return value or []
        raise ConfigError(f"{self.where(key)}: {key} must be a list")
