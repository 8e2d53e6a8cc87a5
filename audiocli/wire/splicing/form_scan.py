"""The fields of a multipart form that arrives in blocks (RFC 7578), found without keeping its files.

Forms are read in more ways than one: libraries unescape a name, or do not; they skip what stands before the
first part and after the last, or read parts in it. What all of them take for the same is taken, however it
is written; what they could read differently is refused, so that what is passed on has one meaning.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from audiocli.errors import InputError
from audiocli.printable import quoted
from audiocli.wire.splicing.splice import END, Found, Scanner

PREAMBLE = "--"
"""The name under which a scanner reports what stands before the first part: not all servers pass it by."""

MAX_PARTS = 100
MAX_PREAMBLE_BYTES = 8192
MAX_HEADER_BYTES = 8192
MAX_VALUE_BYTES = 4096
MAX_REMOVABLE_BYTES = 1_000_000
"""Of a part that may be left out: none of it goes on before it is whole."""

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = rf'[ \t]*;[ \t]*({_WORD})=(?:({_WORD})|"((?:[^"\\]|\\.)*)")'
_PARAMETERS = re.compile(_PARAMETER)
_MULTIPART = re.compile(
    rf"[ \t]*multipart/form-data((?:{_PARAMETER})+)[ \t]*;?[ \t]*", re.IGNORECASE | re.ASCII
)
_DISPOSITION = re.compile(rf"[ \t]*form-data((?:{_PARAMETER})+)[ \t]*", re.IGNORECASE | re.ASCII)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_HEADER = re.compile(rf"({_WORD}):([^\x00-\x08\x0a-\x1f\x7f]*)")
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})
_LINE_REST = re.compile(rb"[ \t]{0,256}\r\n")  # behind a delimiter, with the padding that is allowed there
_LINE_BEGUN = re.compile(rb"-|[ \t]{0,256}\r?")
_AFTER_END = re.compile(rb"[ \t]{0,256}(?:\r(?:\n.*)?)?", re.DOTALL)
_ESCAPE = re.compile(r"""\\([ "\\(),/:;<=>?@\[\]{}])""")  # of what can be in no word
_NAME = re.compile(rf"(?:[^\\]|{_ESCAPE.pattern})+")
_SEEMING_NAME = re.compile(r"name\*?[ \t]*=", re.IGNORECASE)
_ENCODED = re.compile(r"(UTF-8|ISO-8859-1)'[^']*'(.*)", re.IGNORECASE)
_BROWSERS = {"%22": '"', "%0D": "\r", "%0A": "\n"}


def boundary(content_type: str) -> bytes:
    """The boundary that a `Content-Type` names. Raises `InputError` for any but `multipart/form-data`."""
    match = _MULTIPART.fullmatch(content_type)
    text = _parameters(match[1]).get("boundary") if match else None
    if text is None or not _BOUNDARY.fullmatch(text):
        raise InputError(f"the body is no form: its type is {quoted(content_type)}")
    return text.encode("ascii")


class FormScanner(Scanner):
    """Finds the fields that are `wanted`, each of which comes once at most, and the names of all.

    Of those that are `removable` it finds the whole parts, from one boundary to the next.

    `feed` and `close` raise `InputError` for what is no form, may be read in two ways, has a field that is
    `refused`, or goes beyond the limits. Its `param` is the field's name.
    """

    def __init__(
        self,
        boundary: bytes,
        wanted: frozenset[str],
        refused: Callable[[str], bool] = lambda name: False,
        *,
        removable: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._delimiter = b"\r\n--" + boundary
        self._wanted = wanted
        self._refused = refused
        self._removable = removable - wanted
        self._part: int | None = None  # where the part begins that is read, while it may be left out
        # The first delimiter has no line before it that it could end.
        self._rest = b"\r\n"
        self._offset = -2  # of `_rest` in the body
        self._epilogue = b""  # what still tells of it
        self._step: Callable[[bytes, int], int | None] = self._opening
        self._parts = 0
        self._name = ""
        self._parameters: dict[str, str] = {}  # of the part's `Content-Disposition`

    @property
    def is_leaving(self) -> bool:
        """Whether what is read now may have to be left out, and its end has not come."""
        return self._part is not None

    def feed(self, block: bytes) -> None:
        """Look at the next bytes."""
        window = self._rest + block if self._rest else block
        self._rest = b""
        position = 0
        while (next_position := self._step(window, position)) is not None:
            position = next_position
        self._offset += len(window) - len(self._rest)
        self.settled = max(self._offset if self._part is None else min(self._part, self._offset), 0)
        if self._offset - self.settled > MAX_REMOVABLE_BYTES:
            raise InputError(f"{quoted(self._name)} in the form is too long", param=self._name)

    def close(self) -> None:
        """Say that the whole has come."""
        if not self.complete:
            raise InputError("the form ends too early" if self._parts else "the form has no part")

    # Each step reads one token at `position`, and returns where the next begins: None where more has to come.

    def _opening(self, window: bytes, position: int) -> int | None:
        """What comes before the first delimiter, and is no part."""
        most = MAX_PREAMBLE_BYTES + len(self._delimiter)
        begin = window.find(self._delimiter[2:], 0, most) - 2
        if begin < 0 and len(window) >= most:
            raise InputError("the form does not begin with its boundary")
        if begin < 0:
            return self._wait(window, position)
        if not window.startswith(self._delimiter, begin):
            raise InputError("the form has its boundary within a line, before the first part")
        if begin:
            self._add(Found(PREAMBLE, 0, self._offset + begin + 2, None))
        self._step = self._delimited
        return begin

    def _delimited(self, window: bytes, position: int) -> int | None:
        """What a delimiter is followed by: another part, or the end."""
        after = position + len(self._delimiter)
        if window.startswith(b"--", after):
            self._leave(position + 2)
            self._place(END, position + 2, position + 2, "")
            self.complete = True
            self._step = self._trailing
            return after + 2
        if line := _LINE_REST.match(window, after):
            self._leave(position + 2)
            self._part = self._offset + position + 2 if self._removable else None
            self._step = self._headers
            return line.end() - 2
        if _LINE_BEGUN.fullmatch(window, after):
            return self._wait(window, position)
        raise InputError("the form has its boundary where no part ends")

    def _headers(self, window: bytes, position: int) -> int | None:
        end = window.find(b"\r\n\r\n", position, position + MAX_HEADER_BYTES)
        if end < 0 and len(window) - position >= MAX_HEADER_BYTES:
            raise InputError(f"the form has a part with headers of more than {MAX_HEADER_BYTES} bytes")
        if end < 0:
            return self._wait(window, position)
        self._begin(window[position + 2 : end])
        self._step = self._blank
        return end + 2

    def _blank(self, window: bytes, position: int) -> int | None:
        """The empty line before what is in a part."""
        rest = window[position : position + len(self._delimiter)]
        if rest == self._delimiter:
            raise InputError(
                f"the form has nothing in {quoted(self._name)}, not even its end", param=self._name
            )
        if self._delimiter.startswith(rest):
            return self._wait(window, position)
        self._step = self._value if self._name in self._wanted else self._data
        return position + 2

    def _value(self, window: bytes, position: int) -> int | None:
        end = window.find(self._delimiter, position, position + MAX_VALUE_BYTES + len(self._delimiter))
        if end < 0 and len(window) - position >= MAX_VALUE_BYTES + len(self._delimiter):
            raise InputError(f"{quoted(self._name)} in the form is too long", param=self._name)
        if end < 0:
            return self._wait(window, position)
        self._place(self._name, position, end, _text(window[position:end]))
        self._step = self._delimited
        return end

    def _data(self, window: bytes, position: int) -> int | None:
        end = window.find(self._delimiter, position)
        if end >= 0:
            self._pass_by(window, position, end)
            self._step = self._delimited
            return end
        begun = window.find(b"\r", max(position, len(window) - len(self._delimiter) + 1))
        while begun >= 0 and not self._delimiter.startswith(window[begun:]):
            begun = window.find(b"\r", begun + 1)
        end = begun if begun >= 0 else len(window)
        self._pass_by(window, position, end)
        return self._wait(window, end)

    def _pass_by(self, window: bytes, start: int, end: int) -> None:
        """More of a part that is not wanted, which one who wants all of them can take here."""

    def _trailing(self, window: bytes, position: int) -> None:
        """What comes after the last part, which some read parts in if there is a boundary."""
        seen = self._epilogue + window[position:]
        if not _AFTER_END.fullmatch(seen) or self._delimiter[2:] in seen:
            raise InputError("the form goes on after its end")
        line = seen.find(b"\r\n")
        self._epilogue = seen if line < 0 else b"\r\n" + seen[line + 2 :][-len(self._delimiter) :]

    # What has been read

    def _wait(self, window: bytes, position: int) -> int | None:
        self._rest = window[position:]
        return None

    def _leave(self, end: int) -> None:
        """A part ends here."""
        if self._part is not None:
            self._add(Found(self._name, self._part, self._offset + end, None))
            self._part = None

    def _place(self, name: str, start: int, end: int, value: str) -> None:
        self._add(Found(name, self._offset + start, self._offset + end, value))

    def _begin(self, written: bytes) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InputError(f"the form has more than {MAX_PARTS} parts")
        self._parameters = parameters = _disposition(_text(written))
        self._name = name = _name(parameters)
        if name in self._wanted and (name in self.names or len(parameters) > 1):
            fault = "twice" if name in self.names else "as a file"
            raise InputError(f"the form has {quoted(name)} {fault}", param=name)
        if self._refused(name):
            raise InputError(f"a request cannot set {quoted(name)} here", param=name)
        self.names.add(name)
        if name not in self._removable:
            self._part = None


def _disposition(headers: str) -> dict[str, str]:
    """The parameters of a part's `Content-Disposition`."""
    fields: dict[str, str] = {}
    for line in headers.split("\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in fields:
            raise InputError("the form has a part whose headers cannot be read")
        fields[header[1].lower()] = header[2]
    if fields.get("content-transfer-encoding", "binary").strip(" \t").lower() not in _AS_IT_IS:
        raise InputError("the form has a part that is encoded: send it as it is")
    match = _DISPOSITION.fullmatch(fields.get("content-disposition", ""))
    if match is None:
        raise InputError("the form has a part whose name cannot be read")
    return _parameters(match[1])


def _name(parameters: Mapping[str, str]) -> str:
    """The name of a part, which is none that matters if it can be read in two ways."""
    written = parameters.get("name", "")
    # A letter with a backslash before it is that letter for some servers.
    if "name*" in parameters or not _NAME.fullmatch(written):
        raise InputError("the form has a part whose name cannot be read")
    return _unescaped(written)


def file_name(parameters: Mapping[str, str]) -> str:
    """The name of a part's file, "" for one without; `filename*` (RFC 8187) is the better one."""
    if match := _ENCODED.fullmatch(parameters.get("filename*", "")):
        return unquote_to_bytes(match[2]).decode(match[1], errors="replace")
    return _unescaped(parameters.get("filename", ""))


def _unescaped(written: str) -> str:
    """What was meant, by the rules of e-mail (RFC 5322) or by those of browsers (WHATWG).

    Browsers, which leave backslashes as they are, write what they cannot leave as %22, %0D and %0A.
    """
    return re.sub("%22|%0D|%0A", lambda found: _BROWSERS[found[0]], _ESCAPE.sub(r"\1", written))


def _parameters(written: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for match in _PARAMETERS.finditer(written):
        name, token, text = match.groups()
        if name.lower() in parameters:
            raise InputError(f"{quoted(name)} is there twice in a header")
        if text and '\\"' in text and _SEEMING_NAME.search(text):
            raise InputError("the form has a part whose name can be read in two ways")
        parameters[name.lower()] = text if token is None else token
    return parameters


def _text(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError:
        raise InputError("the form has text that is not UTF-8") from None
