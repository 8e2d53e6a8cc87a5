"""A request goes on as it came, but for the few places where it has to be another.

A scanner looks at the body as it arrives and finds those places; `Splice` gives out the blocks to send, each
as soon as nothing in it can change any more. What the scanner has found holds for as many splices as there
are tries, each of which begins with the body's first block.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

END = ""
"""The name under which a scanner reports where more members can be added."""

KEY = '"'
"""What the name begins with under which a scanner reports where the name of a member is."""

COMMA = ","
"""The name under which a scanner reports a comma that goes where the member beside it goes."""


@dataclass(frozen=True)
class Found:
    """A member's value: its bytes are those from `start` to `end`, counted from the body's first."""

    name: str
    start: int
    end: int
    value: Any


class Scanner:
    """What is known of a body so far. Nothing more will be found before byte `settled`.

    `names` are those of all members, `found` the places of the few that were looked for, in their order; the
    last is `END`, which says that the scanner is `complete`.
    """

    def __init__(self) -> None:
        self.settled = 0
        self.complete = False
        self.names: set[str] = set()
        self.found: list[Found] = []
        self._by_name: dict[str, Found] = {}  # the first of each

    def find(self, name: str) -> Found | None:
        """Where the member `name` is, None where it has not been found."""
        return self._by_name.get(name)

    def value(self, name: str) -> Any:
        """What the member `name` is, None where it has not been found."""
        found = self._by_name.get(name)
        return None if found is None else found.value

    def _add(self, place: Found) -> None:
        self.found.append(place)
        self._by_name.setdefault(place.name, place)


Edit = Callable[[Found], bytes | None]
"""What shall stand in a place, where that is not what stands there."""


class Splice:
    """The body that `scanner` looks at, with its edits, block by block.

    `room` is how many bytes longer it shall become; what the edits leave of it is filled with spaces at the
    end. None leaves its length open.
    """

    def __init__(self, scanner: Scanner, edit: Edit, room: int | None = None) -> None:
        self._scanner = scanner
        self._edit = edit
        self._room = room
        self._held = b""
        self._position = 0  # of the first byte that has not been given out
        self._edited = 0  # of what is found

    def feed(self, block: bytes) -> list[bytes]:
        """The next bytes to send, none of them copied where nothing changes. `block` has been scanned."""
        window = self._held + block if self._held else block
        end = self._end(self._position + len(window))
        pieces = [piece for piece in self._pieces(window, self._position, end) if piece]
        self._held = window[end - self._position :]
        self._position = end
        return pieces

    def _end(self, end: int) -> int:
        """How far before `end` bytes can be given out: no part of a place is without the rest."""
        end = min(end, self._scanner.settled)
        places = self._scanner.found[self._edited :]
        return next((place.start for place in places if place.start < end < place.end), end)

    def _pieces(self, window: bytes, first: int, end: int) -> Iterator[bytes]:
        start = first
        while self._edited < len(self._scanner.found):
            place = self._scanner.found[self._edited]
            if place.end > end:
                break
            self._edited += 1
            edited = self._resized(place, self._edit(place))
            if edited is not None:
                yield window[start - first : place.start - first]
                yield edited
                start = place.end
        if start < end:
            yield window[start - first : end - first]

    def _resized(self, place: Found, edited: bytes | None) -> bytes | None:
        if self._room is None:
            return edited
        if edited is not None:
            self._room -= len(edited) - (place.end - place.start)
        if place.name == END:
            return (edited or b"") + b" " * self._room
        return edited


def growth(scanner: Scanner, edit: Edit) -> int:
    """How many bytes longer a body becomes by what is edited in the places that have been found."""
    edits = ((place, edit(place)) for place in scanner.found)
    return sum(len(edited) - (place.end - place.start) for place, edited in edits if edited is not None)
