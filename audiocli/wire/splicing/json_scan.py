"""The members of a JSON object that arrives in blocks, found without reading what lies between them.

Of 10 MB of base64 every byte is looked at by `memchr` only, and none is kept. What is promised: where a JSON
parser finds an object, it finds the same members in it, under the same names. What is not: that it finds one.
Of nested values only the depth of brackets and the ends of strings are checked, the rest is left for the
service to judge.
"""

import codecs
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any

from audiocli.errors import InputError
from audiocli.printable import quoted
from audiocli.wire.splicing.splice import COMMA, END, KEY, Found, Scanner

MAX_DEPTH = 128
"""Of brackets within brackets. `_FLAT_DEPTH` more may be within, around what holds little."""

MAX_BRACKETS = 100_000
"""Of those that are looked at one by one: around what is long, or more than `_FLAT_DEPTH` deep. 2 µs each."""

MAX_MEMBERS = 256
MAX_TOKEN_BYTES = 4096
"""Of a name, of a number, and of all that is in a member that is looked for."""
MAX_REMOVABLE_BYTES = 1_000_000
"""Of a member that may be left out: none of it goes on before it is whole."""

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?>[^"\\\x00-\x1f]++|\\.)*+"'
_SCALAR = rb"(?>-?(?>0|[1-9][0-9]*+)(?>\.[0-9]++)?(?>[eE][+-]?[0-9]++)?|true|false|null)(?=[ \t\n\r,}])"

_FLAT_DEPTH = 4
# Values that hold little are passed over at once, so deep; long strings are left for `memchr`.
_SHORT = rb'"[^"\\]{0,1000}+(?>\\.[^"\\]{0,200}+){0,50}+"'
_FLAT = _ATOM = rb"[ \t\n\r,:0-9+\-.eEtrufalsn]++|" + _SHORT
for _ in range(_FLAT_DEPTH):
    _FLAT = _ATOM + rb"|[\[{](?>" + _FLAT + rb")*+[\]}]"

_NAME = re.compile(_SPACE + rb"(" + _STRING + rb")" + _SPACE + rb":" + _SPACE)
_VALUE = re.compile(rb"(?:" + _STRING + rb"|" + _SCALAR + rb"|(?=[\[{])(?>" + _FLAT + rb"))")
_MEMBER = re.compile(_NAME.pattern + rb"(" + _VALUE.pattern + rb")" + _SPACE + rb"([,}])")
_PLAIN = re.compile(rb"(?>" + _FLAT + rb")*+")
_REST_OF_STRING = re.compile(rb'(?>[^"\\]++|\\.)*+', re.DOTALL)
_AFTER = re.compile(_SPACE + rb"([,}])")

_UTF8 = codecs.getincrementaldecoder("utf-8")
_WHITE = b" \t\n\r"
_QUOTE = ord('"')
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


@dataclass(frozen=True)
class Comma:
    """Between the member `after` and those `before`; `None` where one of these always stays."""

    before: frozenset[str] | None
    after: str


class JsonScanner(Scanner):
    """Finds the members of `wanted`, whose values are of these types, at the top of an object.

    Of those that are `removable` it finds all, from the name to the value, and the commas beside them, each
    with a `Comma` for its value. Of those that are `renamable` it finds the names, as `KEY` and the name.

    `feed` and `close` raise `InputError` for what is no object, names a member twice, has one that is in
    `refused`, or goes beyond the limits. Its `param` is the member's name.
    """

    def __init__(
        self,
        wanted: Mapping[str, type | UnionType],
        refused: Callable[[str], bool] = lambda name: False,
        *,
        removable: frozenset[str] = frozenset(),
        renamable: frozenset[str] = frozenset(),
        max_token_bytes: int = MAX_TOKEN_BYTES,
        max_depth: float = MAX_DEPTH,
    ) -> None:
        super().__init__()
        self._wanted = wanted
        self._refused = refused
        self._removable = removable - wanted.keys()
        self._renamable = renamable - self._removable
        self._max_token_bytes = max_token_bytes
        self._max_depth = max_depth
        self._stays = False  # a member that has been read can not be left out
        self._comma: int | None = None  # where the comma is after which no name has come yet
        self._leaving: int | None = None  # where the member begins that is read, and may be left out
        self._seen = 0
        self._rest = b""  # what has come of a token that is not whole
        self._utf8 = _UTF8()
        self._ascii = True  # no character waits for its last bytes
        self._step: Callable[[bytes, int], int | None] = self._opening
        self._name = ""
        self._depth = 0  # brackets that are open within a value
        self._brackets = 0  # that have been opened
        self._in_string = False

    def feed(self, block: bytes) -> None:
        """Look at the next bytes."""
        if not (self._ascii and block.isascii()):
            self._check_text(block)
        window = self._rest + block if self._rest else block
        self._rest = b""
        self._seen += len(block)
        position: int | None = 0
        while position is not None:
            position = self._step(window, position)
        self.settled = self._seen - len(self._rest)
        if self._removable:
            self._hold_back()

    def close(self) -> None:
        """Say that the whole has come."""
        if not (self.complete and self._ascii):
            raise InputError("the body is not JSON, or ends too early")

    def _check_text(self, block: bytes) -> None:
        try:
            self._utf8.decode(block)
        except UnicodeDecodeError:
            raise InputError("the body is not JSON: it is not UTF-8") from None
        self._ascii = not self._utf8.getstate()[0]

    # Each step reads one token at `position`, and returns where the next begins: None where more has to come.

    def _opening(self, window: bytes, position: int) -> int | None:
        opening = window[position:].lstrip(_WHITE)[:1]
        if not opening:
            return None
        if opening != b"{":
            raise InputError("the body is not a JSON object")
        self._step = self._first
        return window.index(b"{", position) + 1

    def _first(self, window: bytes, position: int) -> int | None:
        end = _AFTER.match(window, position)
        if end is None or end[1] == b",":
            return self._member(window, position)
        return self._ending(window, end.end())

    def _member(self, window: bytes, position: int) -> int | None:
        while member := _MEMBER.match(window, position):  # the whole of one, as most are
            self._begin(window, *member.span(1))
            if self._name in self._wanted or self._leaving is not None:
                self._end(window, *member.span(2))
            position = member.end()
            if member[3] == b"}":
                return self._ending(window, position)
            self._separate(window, position)
        name = _NAME.match(window, position)
        if name is None or name.end() == len(window):
            self._wait(window, position)
            if self._rest and not self._rest.startswith(b'"'):
                raise InputError("the body is not JSON")
            return None
        self._begin(window, *name.span(1))
        value = _VALUE.match(window, name.end())
        if value is None:
            self._step = self._wanted_value if self._name in self._wanted else self._value
            return name.end()
        self._step = self._after
        return self._end(window, *value.span())

    def _wanted_value(self, window: bytes, position: int) -> int | None:
        value = _VALUE.match(window, position)
        if value is None:
            return self._wait(window, position)
        self._step = self._after
        return self._end(window, *value.span())

    def _value(self, window: bytes, position: int) -> int | None:
        if window[position] in b'"[{':
            self._step = self._inside
            self._mark(window[position])
            return position + 1
        return self._wanted_value(window, position)

    def _inside(self, window: bytes, position: int) -> int | None:
        while True:
            if self._in_string:
                position = self._string(window, position)
                if self._in_string:
                    self._rest = window[position:]
                    return None
            else:
                position = _PLAIN.match(window, position).end()  # type: ignore[union-attr] # always matches
                if position == len(window):
                    return None
                self._mark(window[position])
                position += 1
            if not (self._depth or self._in_string):
                self._step = self._after
                return self._pass(window, position)

    def _string(self, window: bytes, position: int) -> int:
        """Where a string goes on after `window`, or the byte after its end."""
        quote = window.find(b'"', position)
        escape = window.find(b"\\", position, quote if quote >= 0 else len(window))
        if escape >= 0:
            quote = _REST_OF_STRING.match(window, escape).end()  # type: ignore[union-attr] # always matches
        elif quote < 0:
            return len(window)
        self._in_string = window[quote : quote + 1] != b'"'
        return quote if self._in_string else quote + 1

    def _mark(self, byte: int) -> None:
        if byte == _QUOTE:
            self._in_string = True
        elif byte in _OPENING:
            self._depth += 1
            self._brackets += 1
            if self._brackets > MAX_BRACKETS:
                raise InputError(f"the request has more than {MAX_BRACKETS} nested values", param=self._name)
            if self._depth >= self._max_depth:  # the object itself is one more
                raise InputError(
                    f"the request is nested more than {self._max_depth:g} deep", param=self._name
                )
        elif byte in _CLOSING:
            self._depth -= 1
        else:
            raise InputError("the body is not JSON", param=self._name)

    def _after(self, window: bytes, position: int) -> int | None:
        after = _AFTER.match(window, position)
        if after is None:
            return self._wait_for_mark(window, position)
        if after[1] == b"}":
            return self._ending(window, after.end())
        return self._separate(window, after.end())

    def _trailing(self, window: bytes, position: int) -> None:
        self._wait_for_mark(window, position)

    # What has been read

    def _begin(self, window: bytes, start: int, end: int) -> None:
        self._name = name = _decode(window[start:end])
        if name in self.names:
            raise InputError(f"the request has {quoted(name)} twice", param=name)
        if self._refused(name):
            raise InputError(f"a request cannot set {quoted(name)} here", param=name)
        if len(self.names) == MAX_MEMBERS:
            raise InputError(f"the request has more than {MAX_MEMBERS} members")
        if self._removable:
            self._begin_removable(name, self._seen - len(window) + start)
        if name in self._renamable:
            self._find(KEY + name, window, start, end, None)
        self.names.add(name)

    def _begin_removable(self, name: str, start: int) -> None:
        goes = name in self._removable
        if self._comma is not None and (goes or not self._stays):
            comma = Comma(None if self._stays else frozenset(self.names), name)
            self._add(Found(COMMA, self._comma, self._comma + 1, comma))
        self._comma = None
        self._leaving = start if goes else None
        self._stays = self._stays or not goes

    def _end(self, window: bytes, start: int, end: int) -> int:
        if self._name in self._wanted:
            value = _decode(window[start:end])
            if not isinstance(value, self._wanted[self._name]):
                raise InputError(f"{quoted(self._name)} is of the wrong type", param=self._name)
            self._find(self._name, window, start, end, value)
        return self._pass(window, end)

    def _pass(self, window: bytes, end: int) -> int:
        """A member ends here."""
        if self._leaving is not None:
            self._add(Found(self._name, self._leaving, self._seen - len(window) + end, None))
            self._leaving = None
        return end

    def _separate(self, window: bytes, end: int) -> int:
        """A comma ends here, and another member has to follow."""
        self._step = self._member
        if self._removable:
            self._comma = self._seen - len(window) + end - 1
        return end

    def _hold_back(self) -> None:
        """Let nothing go on that may have to be left out, before that is known."""
        start = self._comma if self._leaving is None else self._leaving
        if start is None:
            return
        if self._seen - start > MAX_REMOVABLE_BYTES:
            raise InputError("the request has a member that is too long", param=self._name)
        self.settled = min(self.settled, start)

    def _ending(self, window: bytes, end: int) -> int:
        self._find(END, window, end - 1, end - 1, None)
        self.complete = True
        self._step = self._trailing
        return end

    def _find(self, name: str, window: bytes, start: int, end: int, value: Any) -> None:
        before = self._seen - len(window)
        self._add(Found(name, before + start, before + end, value))

    def _wait(self, window: bytes, position: int) -> int | None:
        self._rest = window[position:].lstrip(_WHITE)
        if len(self._rest) > self._max_token_bytes:
            raise InputError("the request has a member that is too long", param=self._name)
        return None

    def _wait_for_mark(self, window: bytes, position: int) -> int | None:
        if window[position:].lstrip(_WHITE):
            raise InputError("the body is not JSON", param=self._name)
        return None


_parse = json.JSONDecoder().decode


def _decode(written: bytes) -> Any:
    text = written.decode()
    if text[0] == '"' and "\\" not in text:
        return text[1:-1]
    try:
        return _parse(text)
    except ValueError:
        raise InputError("the body is not JSON") from None
