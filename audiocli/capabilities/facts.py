"""The facts that are kept of a model. Unknown is `None`, or nothing in a tuple; it is never "no"."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Row = dict[str, Any]
"""A model's known facts, by the names of `Capabilities` and `Prices`, flat, as they stand in JSON."""

TOKENS = 1e6


@dataclass(frozen=True)
class Prices:
    """US dollars: for a million tokens, for a second of sound, for a million characters.

    `None` where no price is known; 0 is free.
    """

    text_in: float | None = None
    text_out: float | None = None
    audio_in: float | None = None
    audio_out: float | None = None
    second_in: float | None = None
    second_out: float | None = None
    character_in: float | None = None


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
    `shutdown` is an ISO date. `sources` says where a fact is from, where that is not `source`.
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
    shutdown: str | None = None
    successor: str | None = None
    source: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def input_per_minute(self) -> float | None:
        """US dollars for a minute of sound sent; `None` where that is not known, or none is taken."""
        if self.audio_input is False:
            return None
        return _per_minute(self.prices.second_in, self.prices.audio_in, self.input_tokens_per_second)

    @property
    def output_per_minute(self) -> float | None:
        """US dollars for a minute of sound received; `None` where that is not known, or none is made."""
        if self.audio_output is False:
            return None
        return _per_minute(self.prices.second_out, self.prices.audio_out, self.output_tokens_per_second)

    def is_retired(self, today: str) -> bool:
        """Whether it has been shut down by `today`, an ISO date."""
        return self.shutdown is not None and self.shutdown <= today  # ISO dates compare as text.

    def end(self, today: str) -> str | None:
        """`retires 2027-01-20, use gpt-audio-1.5`, or that it has; `None` where no end is known."""
        if self.shutdown is None:
            return None
        verb = "retired" if self.is_retired(today) else "retires"
        return f"{verb} {self.shutdown}" + (f", use {self.successor}" if self.successor else "")

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
    prices = Prices(**{name: known.pop(name) for name in PRICES if name in known})
    return Capabilities(id=id, prices=prices, **known)


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
