"""The table of facts, and how a name finds its row.

The file is one JSON object with a row to a line, sorted. Only the line of a name is parsed: reading all of
them would cost 20 ms and more, for a look-up that every question makes. A row is an object of facts, or the
name that it is another name of, or a list: the mode and the source of a model known to have no audio.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from audiocli import __version__
from audiocli.catalog.facts import (
    FACTS,
    Capabilities,
    Row,
    fitting,
    from_row,
    with_facts,
    without_prices,
)

BUILT_IN = os.path.join(os.path.dirname(__file__), "data", "models.json")

_BEGINNING, _END = b"{\n", b"\n}\n"
_NAME = re.compile(rb'^("(?:[^"\\*]|\\.)*"): \{', re.MULTILINE)

ROUTERS = frozenset(
    {
        *("aihubmix", "cloudflare-ai-gateway", "fastrouter", "github", "github-models", "helicone", "kilo"),
        *("litellm_proxy", "merge-gateway", "openrouter", "orcarouter", "poe", "qiniu-ai", "replicate"),
        *("requesty", "vercel", "vercel_ai_gateway", "zenmux"),
    }
)
"""Services that pass requests on: of `ROUTER/MAKER/MODEL` they say no more than that they have it."""

_OTHER_NAMES = {
    "bedrock": "amazon-bedrock",
    "dashscope": "alibaba",
    "fireworks_ai": "fireworks-ai",
    "gemini": "google",
    "github": "github-models",
    "moonshot": "moonshotai",
    "nvidia_nim": "nvidia",
    "together_ai": "togetherai",
    "vercel_ai_gateway": "vercel",
    "vertex_ai": "google-vertex",
}
"""What models.dev calls a provider, by LiteLLM's name for it."""
_OTHER_NAMES |= {theirs: ours for ours, theirs in _OTHER_NAMES.items()}

_DATE = re.compile(r"[-@](?:20\d\d-\d\d-\d\d|20\d{6})$")
_FINE_TUNED = re.compile(r"(?P<provider>(?:openai|azure)/)?ft:(?P<base>[^:]+):.+", re.DOTALL)


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


_OPENAIS = re.compile(r"(?:gpt-|chatgpt-|o\d|ft:|tts-|whisper-|text-embedding-)[^/]*\Z")


def is_openais_name(model: str) -> bool:
    """Whether a name without a provider is of the form that OpenAI's models have, known or not."""
    return _OPENAIS.match(model) is not None


class Table:
    """The models in one file, which is read when the first name is looked up."""

    def __init__(self, path: str = BUILT_IN) -> None:
        self._path = path

    def lookup(self, model: str, provider: str | None = None) -> Capabilities | None:
        """What is known of `model`, by its name or as `provider/model`; `None` for one not in the table.

        Upper and lower case are the same: nobody has two models that differ only in that. A name that is not
        there may be a known one with something added: see `_readings`.
        """
        prefix = f"{provider}/" if provider else ""
        name = prefix + model.removeprefix(prefix)
        return self._read(name) or (self._of_any_provider(name) if "/" not in name else None)

    def _read(self, name: str) -> Capabilities | None:
        if (known := self._named(name)) is not None:
            return known
        return next((known for reading in self._readings if (known := reading(name)) is not None), None)

    @property
    def _readings(self) -> tuple[Callable[[str], Capabilities | None], ...]:
        return (self._in_its_folder, self._fine_tuned, self._dated, self._by_another_name, self._routed)

    def _in_its_folder(self, name: str) -> Capabilities | None:
        """Google's own form: `gemini/models/gemini-3.8-flash`."""
        provider, folder, rest = name.partition("/models/")
        return self._read(f"{provider}/{rest}") if folder and "/" not in provider else None

    def _fine_tuned(self, name: str) -> Capabilities | None:
        """`ft:gpt-4o-2024-08-06:acme::abc` does what its base model does, at other prices."""
        found = _FINE_TUNED.fullmatch(name)
        base = self._read((found["provider"] or "") + found["base"]) if found else None
        return without_prices(replace(base, id=name)) if base else None

    def _dated(self, name: str) -> Capabilities | None:
        """A snapshot of a known model; when that one ends, no other snapshot has to."""
        known = self._read(_DATE.sub("", name)) if _DATE.search(name) else None
        return replace(known, id=name, shutdown=None, successor=None, redirects=False) if known else None

    def _by_another_name(self, name: str) -> Capabilities | None:
        provider, _, model = name.partition("/")
        other = _OTHER_NAMES.get(provider.lower())
        known = self._named(f"{other}/{model}") if other and model else None
        return replace(known, id=name, provider=provider.lower()) if known else None

    def _routed(self, name: str) -> Capabilities | None:
        """A model behind a router is its maker's, as the router serves them, at a price not known."""
        router, _, rest = name.partition("/")
        if router.lower() not in ROUTERS or "/" not in rest:
            return None
        if (known := self._read(rest)) is None:
            return None
        routed = without_prices(replace(known, id=name, provider=router.lower()))
        for pattern in (f"{router}/*", f"{router}/{rest.partition('/')[0]}/*"):
            routed = self._with_rule(routed, pattern)
        return routed

    def _with_rule(self, known: Capabilities, pattern: str) -> Capabilities:
        """`known`, with what a service says of all its models."""
        match self._entry(pattern):
            case (_, dict(rule)):
                hears, speaks = bool(known.audio_input), bool(known.audio_output)
                facts = fitting(
                    {name: rule[name] for name in rule if name != "source"}, hears=hears, speaks=speaks
                )
                return with_facts(known, facts, rule["source"])
        return known

    def _of_any_provider(self, name: str) -> Capabilities | None:
        """The model of that name, if one provider alone has it; that it has no audio, if all say so."""
        found = list(self._providing(name))
        if len(found) == 1:
            return found[0]
        if found and all(known.audio_input is False and known.audio_output is False for known in found):
            return replace(found[0], id=name, provider=None)
        return None

    def _providing(self, name: str) -> Iterator[Capabilities]:
        """Each model that has this name at some provider."""
        ending = re.compile(rb'\n"[^"/*]+/%b": ' % re.escape(json.dumps(name)[1:-1].lower().encode()))
        for match in ending.finditer(self._lowered):
            known = _known(self._row_at(match.start() + 1))
            if known is not None:
                yield known

    def names(self) -> list[str]:
        """The name of every model, with its provider in front where that is not OpenAI."""
        return [json.loads(name) for name in _NAME.findall(self._content)]

    def models_of(self, provider: str) -> list[Capabilities]:
        """The models of one provider."""
        return [each for each in self.models() if each.provider == provider]

    def models(self) -> Iterator[Capabilities]:
        """Every model, in the order of their names."""
        for name, row in json.loads(self._content).items():
            if isinstance(row, dict) and "*" not in name:
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
        return _known(entry) if entry else None

    def _entry(self, name: str) -> tuple[str, Any] | None:
        """The name as the table spells it, and its row."""
        # Every line feed in the file ends a row, since JSON escapes those in text: nothing else can match.
        key = f"\n{json.dumps(name)}: ".encode()
        start = self._content.find(key)
        if start < 0:
            start = self._lowered.find(key.lower())
        if start < 0:
            return None
        return self._row_at(start + 1)

    def _row_at(self, start: int) -> tuple[str, Any]:
        line = self._content[start : self._content.find(b"\n", start)]
        ((spelt, row),) = json.loads(b"{%b}" % line.rstrip(b",")).items()
        return spelt, row

    @cached_property
    def _content(self) -> bytes:
        with open(self._path, "rb") as file:
            return file.read()

    @cached_property
    def _lowered(self) -> bytes:
        return self._content.lower()  # only ASCII, which is all that JSON leaves unescaped: no byte moves


def _known(entry: tuple[str, Any]) -> Capabilities | None:
    match entry:
        case (name, dict(row)) if "*" not in name:
            return from_row(name, row)
        case (name, [mode, str(source)]):
            return _without_audio(name, mode, source)
    return None


def _without_audio(name: str, mode: str | None, source: str) -> Capabilities:
    provider, slash, _ = name.partition("/")
    return Capabilities(
        id=name,
        provider=provider if slash else "openai",
        mode=mode,
        audio_input=False,
        audio_output=False,
        source=source,
    )


def as_file(
    rows: Mapping[str, Row],
    aliases: Mapping[str, str],
    text_only: Mapping[str, list[str | None]] = MappingProxyType({}),
) -> str:
    """The table's file: `rows`, other names of theirs, and models without audio, in their order and form."""
    written = {**text_only, **{name: _in_order(row) for name, row in rows.items()}, **aliases}
    lines = (f"{json.dumps(name)}: {json.dumps(written[name])}" for name in sorted(written))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def text_only_rows(path: str = BUILT_IN) -> dict[str, list[str | None]]:
    """The models without audio in a table's file."""
    with open(path, "rb") as file:
        return {name: row for name, row in json.loads(file.read()).items() if isinstance(row, list)}


def _in_order(row: Row) -> Row:
    return {name: row[name] for name in (*FACTS, "source", "sources") if row.get(name) not in (None, {})}
