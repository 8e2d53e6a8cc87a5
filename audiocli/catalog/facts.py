"""The facts that are kept of a model. Unknown is `None`, or nothing in a tuple; it is never "no"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

Row = dict[str, Any]
"""A model's known facts, by the names of `Capabilities` and `Prices`, flat, as they stand in JSON."""

TOKENS = 1e6
_SOON_DAYS = 30


@dataclass(frozen=True)
class Prices:
    """US dollars: for a million tokens, for a second of sound, for a million characters.

    `None` if no price is known; 0 is free. The `cached` prices are for input tokens that come from the
    service's cache. A request is billed for at least `min_seconds` of sound. `tiers` are the prices of long
    requests.
    """

    text_in: float | None = None
    text_out: float | None = None
    audio_in: float | None = None
    audio_out: float | None = None
    cached_text_in: float | None = None
    cached_audio_in: float | None = None
    second_in: float | None = None
    second_out: float | None = None
    character_in: float | None = None
    min_seconds: float | None = None
    tiers: tuple["Tier", ...] = ()

    def billed_seconds(self, seconds: float) -> float:
        """How much of so much sound is billed."""
        return max(seconds, self.min_seconds or 0) if seconds else 0

    def for_request(self, input_tokens: int) -> "Prices":
        """The prices of a request of that many input tokens."""
        reached = [tier for tier in self.tiers if input_tokens > tier.above]
        return max(reached, key=lambda tier: tier.above).prices if reached else self


@dataclass(frozen=True)
class Tier:
    """The prices of requests of more than `above` input tokens."""

    above: int
    prices: Prices


@dataclass(frozen=True)
class PriceChange:
    """The prices that hold from `start`, an ISO date."""

    start: str
    prices: Prices


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What is known of one model.

    `id` is its name in the table: the provider's own, with the provider in front where that is not OpenAI.
    `mode` is what it is for: chat, transcription, speech, realtime, or what else takes or makes sound.
    `audio_input`, `audio_output` and `streaming` are `None` where nobody knows. `needs_audio` says that the
    model refuses a conversation without any: audio must go in or come out; `needs_stream` that it answers
    aloud only in a stream. `stream_formats` are those that it
    can stream. `languages` are codes such as `en`, of the speech that it understands. `word_times`,
    `segment_times`, `speakers` and `prompt` are of transcription: what it tells of beside the text, and
    whether it reads a prompt; `None` where nobody knows. Limits are in tokens, bytes and seconds, of one
    request; the tokens per second are what sound counts as.
    `shutdown` is an ISO date; from then on a model that `redirects` is answered, and billed, by its
    `successor`. `prices` hold until the first of `price_changes`. `sources` has the source of each fact that
    is not from `source`.
    """

    id: str
    provider: str | None = None
    mode: str | None = None
    audio_input: bool | None = None
    audio_output: bool | None = None
    needs_audio: bool = False
    needs_stream: bool = False
    streaming: bool | None = None
    input_formats: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    stream_formats: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    word_times: bool | None = None
    segment_times: bool | None = None
    speakers: bool | None = None
    prompt: bool | None = None
    voices: tuple[str, ...] = ()
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    max_file_bytes: int | None = None
    max_seconds: int | None = None
    input_tokens_per_second: int | None = None
    output_tokens_per_second: int | None = None
    prices: Prices = Prices()
    price_changes: tuple[PriceChange, ...] = ()
    shutdown: str | None = None
    successor: str | None = None
    redirects: bool = False
    source: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def input_per_minute(self) -> float | None:
        """US dollars for a minute of sound sent; `None` where that is not known, or none is taken."""
        if self.audio_input is False:
            return None
        return _per_minute(self.prices.second_in, self.prices.audio_in, self.input_tokens_per_second)

    def heard_for(self, seconds: float) -> float | None:
        """US dollars for so much sound sent in one request; `None` if that is not known."""
        if not seconds:
            return 0
        minute = self.input_per_minute
        return None if minute is None else minute * self.prices.billed_seconds(seconds) / 60

    @property
    def output_per_minute(self) -> float | None:
        """US dollars for a minute of sound received; `None` where that is not known, or none is made."""
        if self.audio_output is False:
            return None
        return _per_minute(self.prices.second_out, self.prices.audio_out, self.output_tokens_per_second)

    def prices_on(self, today: str) -> Prices:
        """The prices that hold on `today`, an ISO date."""
        begun = [change for change in self.price_changes if change.start <= today]
        return max(begun, key=lambda change: change.start).prices if begun else self.prices

    def as_of(self, today: str) -> "Capabilities":
        """The same, with the prices that hold on `today`."""
        return replace(self, prices=self.prices_on(today)) if self.price_changes else self

    def is_retired(self, today: str) -> bool:
        """Whether nothing answers to its name any more on `today`, an ISO date."""
        return self._has_ended(today) and not self.redirects

    def _has_ended(self, today: str) -> bool:
        return self.shutdown is not None and self.shutdown <= today  # ISO dates compare as text.

    def ends_soon(self, today: str) -> bool:
        """Whether it is shut down within 30 days of `today`, or has been; never without a date."""
        return self.ends_within(_SOON_DAYS, today)

    def ends_within(self, days: int, today: str) -> bool:
        """The same for another number of days."""
        if self.shutdown is None or not today:
            return False
        from datetime import date, timedelta  # 2 ms, and only for a model that ends

        return self.shutdown <= (date.fromisoformat(today) + timedelta(days=days)).isoformat()

    def end(self, today: str) -> str | None:
        """`retires 2027-01-20, use gpt-audio-1.5`, or that it has; `None` if no end is known."""
        if self.shutdown is None:
            return None
        verb = "retired" if self._has_ended(today) else "retires"
        return f"{verb} {self.shutdown}" + self._afterwards

    @property
    def _afterwards(self) -> str:
        if self.successor is None:
            return ""
        return f", then answered by {self.successor}" if self.redirects else f", use {self.successor}"

    def source_of(self, fact: str) -> str | None:
        """Where `fact` is from, by its name here or in `Prices`."""
        return self.sources.get(fact, self.source)


PRICES = tuple(field.name for field in fields(Prices))
FACTS = tuple(
    name
    for field in fields(Capabilities)
    if field.name not in ("id", "source", "sources")
    for name in (PRICES if field.name == "prices" else (field.name,))
)
"""The names of what a row may hold, in the order in which it is written."""


def from_row(id: str, row: Mapping[str, Any]) -> Capabilities:
    """The facts in `row`, as values."""
    known: Row = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    prices = _prices({name: known.pop(name) for name in PRICES if name in known})
    changes = tuple(_price_change(change) for change in known.pop("price_changes", ()))
    return Capabilities(id=id, prices=prices, price_changes=changes, **known)


def _prices(row: Row) -> Prices:
    tiers = tuple(_tier(tier) for tier in row.pop("tiers", ()))
    return Prices(**row, tiers=tiers)


def _tier(row: Row) -> Tier:
    return Tier(row["above"], _prices({name: price for name, price in row.items() if name != "above"}))


def _price_change(row: Row) -> PriceChange:
    return PriceChange(row["start"], _prices({name: price for name, price in row.items() if name != "start"}))


def without_prices(known: Capabilities) -> Capabilities:
    """`known`, of a model that somebody else sells."""
    return replace(known, prices=Prices(), price_changes=())


def as_document(value: Prices) -> Row:
    """`value` as plain JSON."""
    return {name: _listed(found) if name == "tiers" else found for name, found in vars(value).items()}


def with_facts(known: Capabilities, facts: Row, source: str) -> Capabilities:
    """`known` with each of `facts` that is not `None`, and `source` noted for it."""
    said = {name: value for name, value in facts.items() if value is not None}
    read = from_row(known.id, said)
    prices = {name: getattr(read.prices, name) for name in PRICES if name in said}
    changed = {name: getattr(read, name) for name in said if name not in PRICES}
    if prices:  # Tiers and changes belong to the prices that these replace.
        changed = {"price_changes": (), **changed}
        prices = {"tiers": (), **prices}
    return replace(
        known,
        prices=replace(known.prices, **prices),
        sources={**known.sources, **dict.fromkeys(said, source)},
        **changed,
    )


def fitting(facts: Row, *, hears: bool, speaks: bool) -> Row:
    """Of `facts`, those that concern what a model can do: take sound, or make it."""
    return {name: value for name, value in facts.items() if (hears if name.startswith("input_") else speaks)}


def _listed(tiers: Iterable[Tier]) -> list[Row]:
    return [{"above": tier.above, **as_document(tier.prices)} for tier in tiers]


def _per_minute(second: float | None, token: float | None, tokens_per_second: int | None) -> float | None:
    # Where a service states both, the price of a second is the plainer: it holds for every length.
    if second is not None:
        return _rounded(second * 60)
    if token == 0:
        return 0  # however many there are
    if token is None or tokens_per_second is None:
        return None
    return _rounded(token * tokens_per_second * 60 / TOKENS)


def _rounded(price: float) -> float:
    """To six digits: a third of a cent a minute is stated with no more of them by the second."""
    return float(f"{price:.6g}")
