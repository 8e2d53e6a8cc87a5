"""The table of facts, and how a name finds its row.

The file is one JSON object with a row to a line, sorted. Only the line of a name is parsed: reading all of
them would cost 5 ms and more, for a look-up that every question makes.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from audiocli import __version__
from audiocli.capabilities.facts import FACTS, Capabilities, Prices, Row, from_row

BUILT_IN = os.path.join(os.path.dirname(__file__), "data", "models.json")

_BEGINNING, _END = b"{\n", b"\n}\n"
_NAME = re.compile(rb'^("(?:[^"\\]|\\.)*"): \{', re.MULTILINE)


def refreshed_path(cache_dir: os.PathLike[str]) -> str:
    """Where a table that is newer than the built-in one is kept.

    A new version of the program brings a newer one itself, and no longer looks at this.
    """
    return os.path.join(cache_dir, f"models-{__version__}.json")


def current_table(cache_dir: os.PathLike[str]) -> "Table":
    """The table that has been refreshed for this version, if it is whole; else the one that came with it."""
    path = refreshed_path(cache_dir)
    return Table(path) if _is_whole(path) else Table()


def _is_whole(path: str) -> bool:
    """Whether a table's file has its beginning and its end: what a cache holds may be damaged."""
    try:
        with open(path, "rb") as file:
            begins = file.read(len(_BEGINNING)) == _BEGINNING
            file.seek(-len(_END), os.SEEK_END)
            return begins and file.read() == _END
    except OSError:  # It is not there, or is shorter than that.
        return False


class Table:
    """The models in one file, which is read when the first name is looked up."""

    def __init__(self, path: str = BUILT_IN) -> None:
        self._path = path

    def lookup(self, model: str, provider: str | None = None) -> Capabilities | None:
        """What is known of `model`, by its name or as `provider/model`; `None` for one not in the table.

        Upper and lower case are the same: nobody has two models that differ only in that. A model behind a
        router, as in `openrouter/openai/gpt-audio`, is the maker's, at a price not known.
        """
        prefix = f"{provider}/" if provider else ""
        name = prefix + model.removeprefix(prefix)
        if (known := self._named(name)) is not None:
            return known
        router, _, rest = name.partition("/")
        if "/" in rest and (known := self._named(rest)) is not None:
            return replace(known, id=name, provider=router.lower(), prices=Prices())
        return None

    def names(self) -> list[str]:
        """The name of every model, with its provider in front where that is not OpenAI."""
        return [json.loads(name) for name in _NAME.findall(self._content)]

    def models(self) -> Iterator[Capabilities]:
        """Every model, in the order of their names."""
        for name, row in json.loads(self._content).items():
            if isinstance(row, dict):
                yield from_row(name, row)

    def _named(self, name: str) -> Capabilities | None:
        if (known := self._exactly(name)) is not None:
            return known
        provider, _, bare = name.partition("/")
        known = self._exactly(bare)
        return known if known is not None and known.provider == provider.lower() else None

    def _exactly(self, name: str) -> Capabilities | None:
        """The model of that name, or that it is another name of."""
        entry = self._entry(name)
        if entry is not None and isinstance(entry[1], str):
            entry = self._entry(entry[1])
        match entry:
            case (own, dict(row)):
                return from_row(own, row)
        return None

    def _entry(self, name: str) -> tuple[str, Row | str] | None:
        """The name as the table spells it, and its row, or the name that it is another name of."""
        # Every line feed in the file ends a row, since JSON escapes those in text: nothing else can match.
        key = f"\n{json.dumps(name)}: ".encode()
        start = self._content.find(key)
        if start < 0:
            start = self._lowered.find(key.lower())
        if start < 0:
            return None
        line = self._content[start + 1 : self._content.find(b"\n", start + 1)]
        ((spelt, row),) = json.loads(b"{%b}" % line.rstrip(b",")).items()
        return spelt, row

    @cached_property
    def _content(self) -> bytes:
        with open(self._path, "rb") as file:
            return file.read()

    @cached_property
    def _lowered(self) -> bytes:
        return self._content.lower()  # only ASCII, which is all that JSON leaves unescaped: no byte moves


def as_file(rows: Mapping[str, Row], aliases: Mapping[str, str]) -> str:
    """The table's file: `rows`, and other names of theirs, in their order and form."""
    written = {name: _in_order(row) for name, row in rows.items()} | dict(aliases)
    lines = (f"{json.dumps(name)}: {json.dumps(written[name])}" for name in sorted(written))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _in_order(row: Row) -> Row:
    return {name: row[name] for name in (*FACTS, "source", "sources") if row.get(name) not in (None, {})}
