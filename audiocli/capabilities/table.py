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

_NAME = re.compile(rb'^("(?:[^"\\]|\\.)*"): \{', re.MULTILINE)


def refreshed_path(cache_dir: os.PathLike[str]) -> str:
    """Where a table that is newer than the built-in one is kept.

    A new version of the program brings a newer one itself, and no longer looks at this.
    """
    return os.path.join(cache_dir, f"models-{__version__}.json")


def current_table(cache_dir: os.PathLike[str]) -> "Table":
    """The table that has been refreshed for this version, else the one that came with it."""
    path = refreshed_path(cache_dir)
    return Table(path) if os.path.isfile(path) else Table()


class Table:
    """The models in one file, which is read when the first name is looked up."""

    def __init__(self, path: str = BUILT_IN) -> None:
        self._path = path

    def lookup(self, model: str, provider: str | None = None) -> Capabilities | None:
        """What is known of `model`, by its name or as `provider/model`; `None` for one not in the table.

        A model behind a router, as in `openrouter/openai/gpt-audio`, is the maker's, at a price not known.
        """
        name = f"{provider}/{model}" if provider else model
        if (known := self._named(name)) is not None:
            return known
        router, _, rest = name.partition("/")
        if "/" in rest and (known := self._named(rest)) is not None:
            return replace(known, id=name, provider=router, prices=Prices())
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
        return known if known is not None and known.provider == provider else None

    def _exactly(self, name: str) -> Capabilities | None:
        row = self._row(name)
        if isinstance(row, str):
            name, row = row, self._row(row)
        return from_row(name, row) if isinstance(row, dict) else None

    def _row(self, name: str) -> Row | str | None:
        """The row of `name`, or the name that it is another name of."""
        # Every line feed in the file ends a row, since JSON escapes those in text: nothing else can match.
        key = f"\n{json.dumps(name)}: ".encode()
        start = self._content.find(key) + len(key)
        if start < len(key):
            return None
        end = self._content.find(b"\n", start)
        row: Row | str = json.loads(self._content[start:end].rstrip(b","))
        return row

    @cached_property
    def _content(self) -> bytes:
        with open(self._path, "rb") as file:
            return file.read()


def as_file(rows: Mapping[str, Row], aliases: Mapping[str, str]) -> str:
    """The table's file: `rows`, and other names of theirs, in their order and form."""
    written = {name: _in_order(row) for name, row in rows.items()} | dict(aliases)
    lines = (f"{json.dumps(name)}: {json.dumps(written[name])}" for name in sorted(written))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _in_order(row: Row) -> Row:
    return {name: row[name] for name in (*FACTS, "source", "sources") if row.get(name) not in (None, {})}
