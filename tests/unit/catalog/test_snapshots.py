"""Every model of both public maps: our answer is the map's, or a correction says why it is not."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from audiocli.catalog import Capabilities, corrections, lookup
from audiocli.catalog.building import CORRECTIONS, build
from audiocli.catalog.corrections import Correction, Curation
from audiocli.catalog.pricing import MAKERS_PRICE, ONE_PRICE
from audiocli.catalog.table import BUILT_IN

SNAPSHOTS = Path(__file__).resolve().parents[4] / "shared" / "reference" / "capabilities"

pytestmark = pytest.mark.skipif(not SNAPSHOTS.is_dir(), reason="the snapshots are not part of the repository")

Row = Mapping[str, Any]
Question = tuple[str, str, Any]
"""A model, a fact, and what a map says of it; `None` where it says nothing."""


@cache
def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SNAPSHOTS / name).read_bytes())
    return document


@pytest.fixture(scope="module")
def curation() -> Curation:
    return corrections.read(tomllib.loads(Path(CORRECTIONS).read_text("utf-8")))


def litellm_says() -> Iterator[Question]:
    for name, row in read("litellm_audio.json")["models"].items():
        yield name, "audio_input", flagged(row, "supports_audio_input", "supported_modalities")
        yield name, "audio_output", flagged(row, "supports_audio_output", "supported_output_modalities")
        yield name, "mode", row["mode"].removeprefix("audio_").removesuffix("_generation")
        yield name, "shutdown", row.get("deprecation_date")
        yield name, "successor", row.get("successor_model")
        yield name, "cached_text_in", per_million(row.get("cache_read_input_token_cost"))
        yield name, "cached_audio_in", per_million(row.get("cache_read_input_audio_token_cost"))
        for limit in ("max_input_tokens", "max_output_tokens"):
            yield name, limit, row.get(limit)
        for fact, key in (("text", "token"), ("audio", "audio_token")):
            for ours, theirs in (("in", "input"), ("out", "output")):
                yield name, f"{fact}_{ours}", per_million(row.get(f"{theirs}_cost_per_{key}"))
        yield name, "character_in", per_million(row.get("input_cost_per_character"))
        if row["mode"] != "video_generation":
            yield name, "second_out", row.get("output_cost_per_second")
            if "input_cost_per_audio_per_second" not in row:
                yield name, "second_in", row.get("input_cost_per_second")


def flagged(row: Row, flag: str, modalities: str) -> bool | None:
    stated = row.get(flag)
    if isinstance(stated, bool):
        return stated
    return "audio" in row[modalities] if modalities in row else None


def models_dev_says() -> Iterator[Question]:
    for name, row in read("models_dev_audio.json").items():
        cost = row["cost"] or {}
        yield name, "audio_input", "audio" in row["modalities"]["input"]
        yield name, "audio_output", "audio" in row["modalities"]["output"]
        yield name, "text_in", cost.get("input")
        yield name, "text_out", cost.get("output")
        yield name, "audio_in", cost.get("input_audio")
        yield name, "audio_out", cost.get("output_audio")
        yield name, "cached_text_in", cost.get("cache_read")
        yield name, "max_input_tokens", row["limit"]["context"] or None
        yield name, "max_output_tokens", row["limit"]["output"] or None


def per_million(price: float | None) -> float | None:
    return None if price is None else price * 1e6


def answer(known: Capabilities, fact: str) -> Any:
    return {**asdict(known), **asdict(known.prices)}[fact]


def explains(correction: Correction, question: Question, known: Capabilities) -> bool:
    """Whether `correction` is why we say something else; a fill is that only where a map is silent."""
    name, fact, said = question
    return (
        correction.matches(name, {"provider": known.provider, "mode": known.mode})
        and fact in correction.facts
        and correction.facts[fact] == answer(known, fact)
        and (said is None or not correction.fills)
    )


def outvoted(question: Question, known: Capabilities) -> bool:
    """Whether the other map knows this too: LiteLLM's facts stand, and models.dev's are added to them."""
    name, fact, said = question
    both = name in read("litellm_audio.json")["models"] and name in read("models_dev_audio.json")
    ours = known.source_of(fact) or ""
    return both and (ours == "models.dev" if said is None else ours.startswith("LiteLLM"))


@pytest.mark.parametrize(
    ("questions", "models", "corrected", "filled"),
    [(litellm_says, 415, 41, 144), (models_dev_says, 353, 22, 0)],
)
def test_our_answer_is_the_maps_or_is_explained(
    questions: Callable[[], Iterator[Question]], models: int, corrected: int, filled: int, curation: Curation
) -> None:
    """The numbers are of models: all, those that a map has wrong, those that it says too little of."""
    asked: set[str] = set()
    wrong: set[str] = set()
    silent: set[str] = set()
    for question in questions():
        name, fact, said = question
        asked.add(name)
        known = lookup(name)
        assert known is not None, name
        if answer(known, fact) == pytest.approx(said) or outvoted(question, known):
            continue
        if said is None and known.source_of(fact) in (ONE_PRICE, MAKERS_PRICE):
            continue
        assert any(explains(correction, question, known) for correction in curation.corrections), question
        (silent if said is None else wrong).add(name)
    assert (len(asked), len(wrong), len(silent)) == (models, corrected, filled)


FAULTS: Mapping[str, Callable[[Row], bool]] = {
    "transcription without a flag": lambda row: (
        row["mode"] == "audio_transcription" and "supports_audio_input" not in row
    ),
    "speech without a flag": lambda row: row["mode"] == "audio_speech" and "supports_audio_output" not in row,
    "realtime without both flags": lambda row: (
        row["mode"] == "realtime" and not {"supports_audio_input", "supports_audio_output"} <= row.keys()
    ),
    "audio listed, without a flag": lambda row: (
        "audio" in row.get("supported_modalities", ()) and "supports_audio_input" not in row
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_litellm_leaves_out_is_known(fault: str) -> None:
    rows = read("litellm_audio.json")["models"]
    answers = [lookup(name) for name, row in rows.items() if FAULTS[fault](row)]
    assert answers
    assert [known.id for known in answers if known and known.audio_input is None] == []
    assert None not in answers


def test_a_model_that_hears_has_a_price_or_none_can_be_told() -> None:
    """Of those without one, sound is priced apart by somebody, or not even text has a price."""
    rows = {
        name: row for name, row in json.loads(Path(BUILT_IN).read_bytes()).items() if isinstance(row, dict)
    }
    hears = {
        name: row
        for name, row in rows.items()
        if row.get("mode") == "chat" and row.get("audio_input") is True
    }
    unpriced = {name for name, row in hears.items() if not row.keys() & {"audio_in", "second_in"}}
    apart = {
        name.rpartition("/")[2] for name, row in rows.items() if row.get("audio_in") != row.get("text_in")
    }
    assert (len(hears), len(unpriced)) == (420, 52)
    assert {
        name for name in unpriced if "text_in" in rows[name] and name.rpartition("/")[2] not in apart
    } == set()


def test_every_correction_has_a_model_to_correct(curation: Curation) -> None:
    rows = json.loads(Path(BUILT_IN).read_bytes())
    for correction in curation.corrections:
        assert any(correction.matches(name, row) for name, row in rows.items() if isinstance(row, dict)), (
            correction.models
        )


def test_every_correction_has_a_reason(curation: Curation) -> None:
    assert all(correction.reason and correction.source for correction in curation.corrections)


def test_the_table_is_what_is_built_of_the_snapshots() -> None:
    built = build(read("litellm_audio.json"), read("models_dev_audio.json"))
    assert built == Path(BUILT_IN).read_text("utf-8"), "run make caps-data"
