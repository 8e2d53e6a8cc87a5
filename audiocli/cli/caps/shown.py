"""How what is known of a model reads: in words, in lines for a pipe, in JSON."""

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from audiocli.catalog import Capabilities
from audiocli.catalog.facts import as_document
from audiocli.printable import escaped, one_line

LONGEST_NAME = 200
LONGEST_VALUE = 2000
_TEXT_UNITS = {
    "text_in": "tokens of text in",
    "text_out": "tokens of text out",
    "cached_text_in": "cached tokens of text in",
    "cached_audio_in": "cached tokens of audio in",
    "character_in": "characters in",
}
_TOLD = {
    "word_times": "times of words",
    "segment_times": "times of segments",
    "speakers": "speakers",
}
_NEEDED = {
    "needs_audio": "audio in or out: text alone is refused",
    "needs_stream": "a stream: otherwise it does not speak",
}
COLUMNS = ("MODEL", "MODE", "IN", "OUT", "MINUTE IN", "MINUTE OUT", "ENDS", "READY")


@dataclass(frozen=True)
class Fact:
    """Words, and the name of the fact that they tell; without one they need no source."""

    words: str
    of: str | None = None


@dataclass
class Notes:
    """The sources that have been referred to, numbered in the order in which they came."""

    numbers: dict[str, int] = field(default_factory=dict)

    def refer(self, source: str | None) -> str:
        """`[1]`; nothing where there is no source."""
        return f" [{self.numbers.setdefault(source, len(self.numbers) + 1)}]" if source else ""

    def lines(self) -> list[str]:
        return [f"[{number}] {one_line(source)}" for source, number in self.numbers.items()]


def details(known: Capabilities, today: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The lines that tell of a model, each a label and a value; then where their facts are from."""
    notes = Notes()
    lines = [
        (label, ", ".join(_with_source(fact, known, notes) for fact in facts))
        for label, facts in _lines(known, today)
        if facts
    ]
    return lines, notes.lines()


def _with_source(fact: Fact, known: Capabilities, notes: Notes) -> str:
    reference = notes.refer(known.source_of(fact.of)) if fact.of else ""
    return one_line(fact.words, LONGEST_VALUE) + reference


def _lines(known: Capabilities, today: str) -> Iterable[tuple[str, list[Fact]]]:
    yield "provider", [Fact(known.provider, "provider")] if known.provider else []
    yield "mode", [Fact(known.mode, "mode")] if known.mode else [Fact("unknown")]
    yield "audio in", [*_said(known, "audio_input"), *_listed(known, "input_formats"), *_file_limits(known)]
    sounds = _listed(known, "output_formats") if known.audio_output is not False else []
    yield "audio out", [*_said(known, "audio_output"), *sounds]
    yield "text out", _listed(known, "output_formats") if known.mode == "transcription" else []
    yield "tells", _told(known)
    yield "languages", _listed(known, "languages")
    yield "streaming", [*_said(known, "streaming"), *_listed(known, "stream_formats")]
    yield "needs", [Fact(words, fact) for fact, words in _NEEDED.items() if getattr(known, fact)]
    yield "voices", _listed(known, "voices") if known.audio_output is not False else []
    yield "limits", _token_limits(known)
    yield "prices", _prices(known.as_of(today))
    for change in known.price_changes:
        if change.start > today:
            yield f"from {change.start}", _prices(replace(known, prices=change.prices))
    yield "ends", [Fact(known.end(today) or "unknown", "shutdown" if known.shutdown else None)]


def _said(known: Capabilities, fact: str) -> list[Fact]:
    value = getattr(known, fact)
    return [Fact(yes_or_no(value), fact if value is not None else None)]


def _listed(known: Capabilities, fact: str) -> list[Fact]:
    return [Fact(" ".join(getattr(known, fact)), fact)] if getattr(known, fact) else []


def _told(known: Capabilities) -> list[Fact]:
    """What a transcript has beside its text, as far as somebody knows."""
    return [
        Fact(words if value else f"no {words}", fact)
        for fact, words in _TOLD.items()
        if (value := getattr(known, fact)) is not None
    ]


def _file_limits(known: Capabilities) -> list[Fact]:
    limits = []
    if known.max_file_bytes is not None:
        limits.append(Fact(f"at most {_size(known.max_file_bytes)}", "max_file_bytes"))
    if known.max_seconds is not None:
        limits.append(Fact(f"at most {_duration(known.max_seconds)}", "max_seconds"))
    return limits


def _token_limits(known: Capabilities) -> list[Fact]:
    return [
        Fact(f"{limit:,} tokens {way}", fact)
        for way, fact in (("in", "max_input_tokens"), ("out", "max_output_tokens"))
        if (limit := getattr(known, fact)) is not None
    ]


def _size(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count % 2**20 else f"{count >> 20} MiB"


def _duration(seconds: int) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 7200 else f"{seconds / 60:.3g} min"


def _prices(known: Capabilities) -> list[Fact]:
    stated = {price for price in vars(known.prices).values() if price not in (None, ())}
    if stated == {0}:
        return [Fact("free", "text_in")]
    return [*_audio_prices(known), *_text_prices(known), *_conditions(known)] or [Fact("unknown")]


def _conditions(known: Capabilities) -> Iterator[Fact]:
    prices = known.prices
    if prices.min_seconds:
        yield Fact(f"at least {prices.min_seconds:g} s a request", "min_seconds")
    for tier in prices.tiers:
        above = ", ".join(fact.words for fact in _text_prices(replace(known, prices=tier.prices)))
        yield Fact(f"above {tier.above:,} tokens in: {above}", "tiers")


def _audio_prices(known: Capabilities) -> list[Fact]:
    """By the minute; by the million tokens where nobody knows how many a minute has."""
    prices = known.prices
    incoming = _audio_price("in", known.input_per_minute, prices.second_in, prices.audio_in)
    outgoing = _audio_price("out", known.output_per_minute, prices.second_out, prices.audio_out)
    return [
        *(incoming if known.audio_input is not False else ()),
        *(outgoing if known.audio_output is not False else ()),
    ]


def _audio_price(way: str, minute: float | None, second: float | None, tokens: float | None) -> list[Fact]:
    if minute is not None:
        fact = f"audio_{way}" if second is None else f"second_{way}"
        return [Fact(f"{dollars(minute)} a minute of audio {way}", fact)]
    return (
        [] if tokens is None else [Fact(f"{dollars(tokens)} a million tokens of audio {way}", f"audio_{way}")]
    )


def _text_prices(known: Capabilities) -> list[Fact]:
    return [
        Fact(f"{dollars(price)} a million {unit}", name)
        for name, unit in _TEXT_UNITS.items()
        if (price := getattr(known.prices, name)) is not None
    ]


def yes_or_no(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]


def dollars(price: float) -> str:
    return f"${price:.2f}" if price >= 0.1 and round(price, 2) == price else f"${price:.3g}"


def row(known: Capabilities, today: str, ready: Container[str]) -> tuple[str, ...]:
    """A model on one line: the cells under `COLUMNS`."""
    priced = known.as_of(today)
    minutes = (priced.input_per_minute, priced.output_per_minute)
    audible = (known.audio_input, known.audio_output)
    return (
        one_line(known.id, LONGEST_NAME),
        one_line(known.mode or "unknown"),
        *map(yes_or_no, audible),
        *(
            dollars(price) if price is not None and able else ""
            for price, able in zip(minutes, audible, strict=True)
        ),
        "retired" if known.is_retired(today) else known.shutdown or "",
        "yes" if known.id in ready else "",
    )


def as_details(models: Sequence[Capabilities], today: str) -> str:
    """For a pipe: a paragraph for each model."""
    return "\n".join(_paragraph(known, today) for known in models)


def _paragraph(known: Capabilities, today: str) -> str:
    lines, notes = details(known, today)
    width = max(len(label) for label, _ in lines)
    told = [f"  {label:<{width}}  {value}" for label, value in lines]
    return "\n".join((one_line(known.id, LONGEST_NAME), *told, *(f"  {note}" for note in notes), ""))


def as_list(models: Sequence[Capabilities], today: str, ready: Container[str] = ()) -> str:
    """For a pipe: a line for each model, below a line of headings."""
    rows = [COLUMNS, *(row(known, today, ready) for known in models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) for cells in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_json(
    models: Sequence[Capabilities],
    today: str,
    notes: Sequence[str] = (),
    ready: Container[str] | None = None,
) -> str:
    """One document; what nobody knows is null, and what nobody lists is empty.

    `ready` has the names of those that can be asked as things are; `None` if that was not looked into.
    """
    rows = [
        _document(known, today) | {"ready": None if ready is None else known.id in ready} for known in models
    ]
    document = {"schema": 1, "models": rows, "notes": [*notes]}
    return escaped(json.dumps(document, ensure_ascii=False)) + "\n"


def _document(known: Capabilities, today: str) -> dict[str, object]:
    known = known.as_of(today)
    return vars(known) | {
        "prices": as_document(known.prices),
        "price_changes": [
            {"start": change.start, **as_document(change.prices)}
            for change in known.price_changes
            if change.start > today
        ],
        "input_per_minute": known.input_per_minute,
        "output_per_minute": known.output_per_minute,
        "retired": known.is_retired(today),
    }
