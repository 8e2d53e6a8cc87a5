"""A YAML file in which every key knows its line."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from audiocli.errors import ConfigError
from audiocli.printable import one_line, quoted

Stamp = tuple[int, int, int]

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000  # what aliases stand for is counted too
MAX_DEPTH = 50
MAX_FILES = 50


class Section(dict[str, Any]):
    """A mapping of the file; `lines` has where each of its keys stands: the file, and the line from 1."""

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
        """The mapping at `key`; an empty one where there is none. Raises `ConfigError` for anything else."""
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

    def items_of(self, key: str) -> list[Any]:
        """The list at `key`, likewise."""
        value = self.get(key)
        if value is None or isinstance(value, list):
            return value or []
        raise ConfigError(f"{self.where(key)}: {key} must be a list")


@dataclass(frozen=True)
class Source:
    """A file that has been read, and what it was then: `stamp_of` tells whether it still is."""

    path: Path
    stamp: Stamp | None


def stamp_of(path: Path) -> Stamp | None:
    """When the file at `path` was changed, its size and its number; `None` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_documents(path: Path) -> tuple[Section, tuple[Source, ...]]:
    """The file at `path` with what it includes, and all the files.

    Lists of models are joined, and of two values the including file's holds.
    """
    files: list[Source] = []
    return _read_all(path, files), tuple(files)


def _read_all(path: Path, files: list[Source]) -> Section:
    if any(each.path == path for each in files):
        raise ConfigError(f"the config {quoted(str(path))} is included twice", hint="once is enough")
    if len(files) == MAX_FILES:
        raise ConfigError(f"the config includes more than {MAX_FILES} files")
    files.append(Source(path, stamp_of(path)))  # Before it is read: a change that comes later is noticed.
    document = read_document(path)
    for name in document.items_of("include"):
        document = _joined(document, _read_all(path.parent / str(name), files))
    return document


def _joined(document: Section, more: Section) -> Section:
    joined = document.over(more)
    if "model_list" in document or "model_list" in more:
        joined["model_list"] = [*document.items_of("model_list"), *more.items_of("model_list")]
    for name, section in document.items():
        if isinstance(section, Section) and isinstance(included := more.get(name), Section):
            joined[name] = _joined(section, included)
    return joined


def read_document(path: Path) -> Section:
    """The file at `path`. Raises `ConfigError`, with the line, for what is not a mapping in plain YAML."""
    name = quoted(str(path))
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConfigError(f"the config {name} cannot be read ({reason})", hint="check its name") from error
    if len(text) > MAX_BYTES:
        raise ConfigError(f"the config {name} is larger than 1 MB")
    try:
        document = _Loader(text, str(path)).get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"the config {name} is not valid YAML ({_problem(error)})") from error
    if not isinstance(document, Section):
        # An empty file may be one that is just being written.
        what = "is empty" if document is None else "is not a mapping"
        raise ConfigError(f"the config {name} {what}", hint="it needs a model_list")
    return document


def _problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {one_line(error.problem or '')}"
    return one_line(str(error))


class _Loader(yaml.SafeLoader):
    """Plain YAML: no Python objects, no key twice, no more nodes and no deeper ones than a person writes."""

    def __init__(self, text: bytes, file: str) -> None:
        super().__init__(text)
        self._file = file
        self._nodes = 0
        self._depth = 0
        self._sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # so it is in PyYAML's stubs
            raise yaml.composer.ComposerError(None, None, "it is nested too deeply", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ARG002 - what the loader passes
        before = self._nodes
        self._nodes += self._sizes.get(node, 1)
        if self._nodes > MAX_NODES:
            raise yaml.constructor.ConstructorError(None, None, "it has too many values", node.start_mark)
        # Deep: an alias of what is not finished yet would be a mapping within itself.
        constructed = super().construct_object(node, deep=True)
        self._sizes[node] = self._nodes - before
        return constructed

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002 - what the loader passes
        _check_keys(node)
        self.flatten_mapping(node)
        section = Section(file=self._file)
        for key_node, value_node in node.value:
            key = str(self.construct_object(key_node))
            section[key] = self.construct_object(value_node)
            section.lines[key] = (self._file, key_node.start_mark.line + 1)
        return section  # type: ignore[return-value] # keys are text here

    def construct_yaml_map(self, node: yaml.MappingNode) -> Any:
        yield self.construct_mapping(node)


def _check_keys(node: yaml.MappingNode) -> None:
    """Of a key that stands there twice YAML takes the last, which is seldom what is meant."""
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            problem = f"the key {one_line(str(key.value), 60)!r} stands there twice"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
