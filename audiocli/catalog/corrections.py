"""What is known better than the public maps have it: `data/corrections.toml`, laid over their rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from audiocli.catalog.facts import FACTS, Row, fitting

UNKNOWN = "unknown"  # TOML has no null


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Facts for the models that it matches, with where they are from and why they are needed.

    `models` are patterns of names; `providers` and `modes` narrow them. One that only `fills` leaves alone
    what a map has said. One that is `fitting` gives only facts about what the model can do. A value of `None`
    makes a fact unknown.
    """

    facts: Mapping[str, Any]
    source: str
    reason: str
    models: tuple[str, ...] = ("*",)
    providers: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    fills: bool = False
    fitting: bool = False

    def matches(self, name: str, row: Mapping[str, Any]) -> bool:
        return (
            any(fnmatchcase(name, pattern) for pattern in self.models)
            and (not self.providers or row.get("provider") in self.providers)
            and (not self.modes or row.get("mode") in self.modes)
        )

    def apply(self, row: Row) -> Row:
        """`row` with these facts."""
        facts = {
            name: value for name, value in self._fitting(row).items() if not (self.fills and name in row)
        }
        sources = row.get("sources", {}) | {
            name: self.source for name in facts if self.source != row.get("source")
        }
        changed = {name: value for name, value in (row | facts).items() if value is not None}
        return changed | {"sources": {name: sources[name] for name in sources if name in changed}}

    def _fitting(self, row: Row) -> Row:
        if not self.fitting:
            return dict(self.facts)
        hears, speaks = row.get("audio_input") is True, row.get("audio_output") is True
        return fitting(dict(self.facts), hears=hears, speaks=speaks)


@dataclass(frozen=True)
class Curation:
    """The whole file: models that no map has, and corrections, in the order in which they apply.

    `rules` are what services say of all models whose names match a pattern; the table's file has them too.
    """

    models: Mapping[str, Row]
    corrections: tuple[Correction, ...]
    rules: Mapping[str, Row] = field(default_factory=dict)

    def apply(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """`rows`, with the models that they lack, corrected."""
        curated = {name: dict(row) for name, row in {**self.models, **rows}.items()}
        for correction in self.corrections:
            for name, row in curated.items():
                if correction.matches(name, row):
                    curated[name] = correction.apply(row)
        return curated


def read(document: Mapping[str, Any]) -> Curation:
    """The file's content. Raises `ValueError` for a fact that there is not, and `KeyError` for one without
    its source or its reason.
    """
    models: dict[str, Row] = {}
    for entry in document.get("model", []):
        row = {**_facts(entry["facts"]), "source": entry["source"]}
        models |= dict.fromkeys(entry["names"], row)
    fills = [_correction(entry, fills=True) for entry in document.get("fill", [])]
    corrections = [_correction(entry, fills=False) for entry in document.get("correction", [])]
    rules = [_correction(entry, fills=True, fitting=True) for entry in document.get("rule", [])]
    # Corrections come first: what a model is for decides what its mode tells of it.
    return Curation(models, (*corrections, *fills, *rules), dict(_rows(rules)))


def _rows(rules: Iterable[Correction]) -> Iterator[tuple[str, Row]]:
    for rule in rules:
        for pattern in rule.models:
            yield pattern, {**rule.facts, "source": rule.source}


def _correction(entry: Mapping[str, Any], *, fills: bool, fitting: bool = False) -> Correction:
    selectors: dict[str, Any] = {
        name: tuple(entry[name]) for name in ("models", "providers", "modes") if name in entry
    }
    return Correction(
        facts=_facts(entry["facts"]),
        source=entry["source"],
        reason=entry["reason"],
        fills=fills,
        fitting=fitting,
        **selectors,
    )


def _facts(table: Mapping[str, Any]) -> Row:
    _refuse_unknown(table)
    return {name: None if value == UNKNOWN else value for name, value in table.items()}


def _refuse_unknown(names: Iterable[str]) -> None:
    if strange := sorted(set(names) - set(FACTS)):
        raise ValueError(f"corrections.toml has a fact {strange[0]!r}; there are {', '.join(FACTS)}")
