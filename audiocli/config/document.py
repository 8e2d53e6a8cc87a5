"""YAML files, read within bounds: size, depth, number and length of values, and what aliases stand for.

They are read as LiteLLM reads them, but for what is a trap in a config: `1:30` and `2025-01-01` are text, and
a number that is not finite, a key that is written twice and a tag beyond YAML's plain ones are errors. Each
error names its line.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from audiocli.config.section import Section
from audiocli.errors import ConfigError
from audiocli.printable import one_line, quoted

Stamp = tuple[int, int, int]

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000  # what aliases stand for is counted too
MAX_DEPTH = 50
MAX_ALIASES = 1_000
MAX_CHARACTERS = 100_000  # of one text
MAX_DIGITS = 300
MAX_FILES = 50

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
_WHOLE = {
    10: re.compile(r"[-+]?(?:0|[1-9][0-9_]*)"),
    2: re.compile(r"[-+]?0b[01][01_]*"),
    8: re.compile(r"[-+]?0o?[0-7][0-7_]*"),
    16: re.compile(r"[-+]?0x[0-9a-fA-F][0-9a-fA-F_]*"),
}
_EXPONENT = r"[eE][-+]?[0-9]+"
_REAL = re.compile(
    rf"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:{_EXPONENT})?|[0-9][0-9_]*{_EXPONENT})"
)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Source:
    """A file that has been read, and what it was then: `stamp_of` says whether it still is."""

    path: Path
    stamp: Stamp | None


def stamp_of(path: Path) -> Stamp | None:
    """When the file at `path` was changed, its size and its number; `None` if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_documents(path: Path, *, may_be_empty: bool = False) -> tuple[Section, tuple[Source, ...]]:
    """The file at `path` with what it includes, and all the files.

    Lists of models are joined, and of two values the including file's holds.
    """
    files: list[Source] = []
    return _read_all(path, files, may_be_empty), tuple(files)


def _read_all(path: Path, files: list[Source], may_be_empty: bool) -> Section:
    if any(each.path == path for each in files):
        raise ConfigError(f"the config {quoted(str(path))} is included twice", hint="once is enough")
    if len(files) == MAX_FILES:
        raise ConfigError(f"the config includes more than {MAX_FILES} files")
    files.append(Source(path, stamp_of(path)))  # Before it is read: a change that comes later is noticed.
    document = read_document(path, may_be_empty=may_be_empty)
    for name in document.items_of("include"):
        document = _joined(document, _read_all(path.parent / str(name), files, may_be_empty))
    return document


def _joined(document: Section, more: Section) -> Section:
    joined = document.over(more)
    if "model_list" in document or "model_list" in more:
        joined["model_list"] = [*document.items_of("model_list"), *more.items_of("model_list")]
    for name, section in document.items():
        if isinstance(section, Section) and isinstance(included := more.get(name), Section):
            joined[name] = _joined(section, included)
    return joined


def read_document(path: Path, *, may_be_empty: bool = False) -> Section:
    """The file at `path`. Raises `ConfigError`, with the line, for what is not a mapping in plain YAML."""
    name = quoted(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise ConfigError(f"the config {name} cannot be read ({reason})") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"the config {name} is larger than 1 MB")
    document = parse(content, str(path))
    if document is None and may_be_empty:
        return Section(file=str(path))
    if not isinstance(document, Section):
        # An empty file may be one that is just being written.
        what = "is empty" if document is None else "is not a mapping"
        raise ConfigError(f"the config {name} {what}", hint="it needs a model_list")
    return document


# The parser in C is ten times as fast, and comes with every wheel of PyYAML.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(content: bytes, file: str, loader: Any = LOADER) -> Any:
    """The value that a YAML file has; `None` for an empty one. Raises `ConfigError` with the line."""
    try:
        return _Reader(yaml.parse(_text(content), Loader=loader), file).read()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = one_line(error.problem or "")
    except yaml.YAMLError as error:
        line, problem = 1, one_line(str(error))
    except _ProblemError as error:
        line, problem = error.line, error.problem
    raise ConfigError(f"the config {quoted(file)} is not valid YAML (line {line}: {problem})")


class _ProblemError(Exception):
    """What is wrong with a file, and the line from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def _text(content: bytes) -> str:
    """Text of UTF-8, or of UTF-16 if it begins with that mark, as YAML has it."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _ProblemError(line, f"it is not {encoding[:6].upper().rstrip('-')}") from None
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _ProblemError(line, f"it has the control character U+{ord(found[0]):04X}")
    return text


@dataclass
class _Anchored:
    """What an alias stands for, and how many values are in that. `size` is 0 until it has been read."""

    value: Any = None
    size: int = 0


class _Reader:
    """Makes values of the parser's events as they come, so that nothing is built beyond the bounds."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self._events = events
        self._file = file
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0
        self._aliases = 0
        self._makers: Mapping[type, Callable[[Any, int], Any]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.SequenceStartEvent: self._list,
            yaml.MappingStartEvent: self._mapping,
        }

    def read(self) -> Any:
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _refuse(event, "a second document begins")
                value = self._value(next(self._events), 0)
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        self._count(1, event)
        if depth > MAX_DEPTH:
            _refuse(event, "it is nested too deeply")
        before = self._values - 1
        anchored = _Anchored()
        if event.anchor is not None:
            self._anchors[event.anchor] = anchored
        anchored.value = self._makers[type(event)](event, depth)
        anchored.size = self._values - before
        return anchored.value

    def _aliased(self, event: yaml.AliasEvent) -> Any:
        name = event.anchor or ""
        anchored = self._anchors.get(name)
        if anchored is None:
            _refuse(event, f"undefined alias {_short(name)}")
        if not anchored.size:
            _refuse(event, f"the alias {_short(name)} is recursive")
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            _refuse(event, "it has too many aliases")
        self._count(anchored.size, event)
        return anchored.value

    def _count(self, values: int, event: Any) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            _refuse(event, "it has too many values")

    def _list(self, event: yaml.SequenceStartEvent, depth: int) -> list[Any]:
        _check_tag(event, "seq")
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, event: yaml.MappingStartEvent, depth: int) -> Section:
        _check_tag(event, "map")
        section, merged = Section(file=self._file), Section(file=self._file)
        seen: set[str] = set()
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key = self._key(key_event)
            if key in seen:
                _refuse(key_event, f"duplicate key {_short(key)}")
            seen.add(key)
            value = self._value(next(self._events), depth + 1)
            if key == _MERGE and _is_plain(key_event):
                merged = self._merged(value, key_event)
            else:
                section[key] = value
                section.lines[key] = (self._file, key_event.start_mark.line + 1)
        return section.over(merged) if merged else section

    def _key(self, event: Any) -> str:
        """A key as it is written, whatever it would be as a value."""
        if isinstance(event, yaml.AliasEvent):
            key = self._aliased(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._count(1, event)
            key = event.value
            _check_text(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchored(key, 1)
        else:
            key = None
        if not isinstance(key, str):
            _refuse(event, "a key must be text")
        return key

    def _merged(self, value: Any, event: Any) -> Section:
        """What `<<` adds: a mapping, or several, of which the first that has a key decides."""
        merged = Section(file=self._file)
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, Section):
                _refuse(event, "<< must name a mapping")
            self._count(len(each), event)
            merged = merged.over(each)
        return merged

    def _scalar(self, event: yaml.ScalarEvent, _depth: int) -> Any:
        _check_text(event)
        if event.tag in (None, "!") or event.tag == f"{_TAG}str":
            is_text = event.tag is not None or not _is_plain(event)
            return event.value if is_text else _plain(event)
        kind = event.tag.removeprefix(_TAG)
        if kind not in _TYPES:
            _refuse_tag(event)
        value: Any = _plain(event)
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
            _refuse(event, f"{_short(event.value)} is not {kind}")
        return float(event.value.replace("_", "")) if kind == "float" else value


def _is_plain(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.style


def _plain(event: yaml.ScalarEvent) -> Any:
    """What text without quotes is."""
    text = event.value
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if text[0] not in "+-.0123456789":
        return text
    return _number(event)


def _number(event: yaml.ScalarEvent) -> Any:
    text = event.value
    base = _base_of(text)
    if base is None and not _REAL.fullmatch(text) and not _NOT_FINITE.fullmatch(text):
        return text
    if len(text) > MAX_DIGITS:
        _refuse(event, f"a number has more than {MAX_DIGITS} digits")
    digits = text.replace("_", "")
    if base is not None:
        return int(digits, base)
    number = math.nan if _NOT_FINITE.fullmatch(text) else float(digits)
    if not math.isfinite(number):
        _refuse(event, f"{_short(text)} is not a finite number")
    return number


def _base_of(text: str) -> int | None:
    return next((base for base, pattern in _WHOLE.items() if pattern.fullmatch(text)), None)


def _check_text(event: yaml.ScalarEvent) -> None:
    if len(event.value) > MAX_CHARACTERS:
        _refuse(event, f"a text has more than {MAX_CHARACTERS} characters")
    if found := _UNPRINTABLE.search(event.value):
        _refuse(event, f"it has the control character U+{ord(found[0]):04X}")


def _check_tag(event: Any, kind: str) -> None:
    if event.tag not in (None, "!", f"{_TAG}{kind}"):
        _refuse_tag(event)


def _refuse_tag(event: Any) -> NoReturn:
    tag = event.tag.replace(_TAG, "!!", 1)
    _refuse(event, f"unsupported tag {_short(tag)}")


def _short(text: str) -> str:
    return quoted(one_line(text, 60))


def _refuse(event: Any, problem: str) -> NoReturn:
    raise _ProblemError(event.start_mark.line + 1, problem)
