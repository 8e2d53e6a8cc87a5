"""What is wrong with a config, gathered: whoever mends one fault is told of the others as well."""

from collections.abc import Callable
from typing import TypeVar

from audiocli.errors import ConfigError

T = TypeVar("T")

Note = Callable[[ConfigError], None]
"""What becomes of a fault: it is raised, or noted, and the reading goes on."""


def refuse(error: ConfigError) -> None:
    raise error


def overlook(_error: ConfigError) -> None:
    """It has been noted elsewhere."""


class Problems:
    """The faults that were found, each once."""

    def __init__(self) -> None:
        self.found: list[ConfigError] = []

    def note(self, error: ConfigError) -> None:
        if str(error) not in map(str, self.found):
            self.found.append(error)

    def tried(self, read: Callable[[], T], otherwise: T) -> T:
        """What `read` returns; `otherwise`, if it finds a fault."""
        return tried(read, otherwise, self.note)

    def end(self) -> None:
        """Raise the first, which has the others in `further`."""
        if self.found:
            first, *others = self.found
            first.further = tuple(others)
            raise first


def tried(read: Callable[[], T], otherwise: T, note: Note) -> T:
    try:
        return read()
    except ConfigError as error:
        note(error)
        return otherwise
